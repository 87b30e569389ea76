"""Masked-LM pretraining of a BERT from scratch: `gen train mlm`."""
