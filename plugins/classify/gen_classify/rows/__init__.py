"""Labelled texts: read from tables, split, balanced, tokenised."""
