"""BERT with an LSTM on it."""
