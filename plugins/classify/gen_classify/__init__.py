"""Classifiers of texts: `gen train classifier`, `gen classify`, `gen eval classifier`, and the shaper `guide`."""
