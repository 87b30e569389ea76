"""Evaluation: metrics of predicted labels beside a baseline, as tables and pictures."""
