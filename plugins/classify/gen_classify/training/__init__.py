"""Training a classifier from an encoder or from scratch."""
