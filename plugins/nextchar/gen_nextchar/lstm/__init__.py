"""BERT with an LSTM on top."""
