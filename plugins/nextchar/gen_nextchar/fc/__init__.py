"""BERT with one or two linear layers on it."""
