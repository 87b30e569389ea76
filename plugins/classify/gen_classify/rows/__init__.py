"""Labelled texts: read out of tables, split, balanced, tokenised."""
