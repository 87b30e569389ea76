"""BERT with one or two linear layers on top."""
