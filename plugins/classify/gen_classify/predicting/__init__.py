"""A trained classifier put to use, and a question put to a language model."""
