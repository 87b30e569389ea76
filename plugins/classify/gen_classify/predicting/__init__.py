"""Predicting labels: with a trained classifier, or zero-shot, by asking a language model."""
