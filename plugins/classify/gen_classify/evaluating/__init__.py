"""Evaluation: metrics of predicted labels, compared with a baseline, as tables and pictures."""
