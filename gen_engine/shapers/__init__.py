"""Soft processors of the core: how likely each token is, among those that the constraints left.

`penalties` reweight tokens, `truncation` removes some, `dry` penalises repeats; `shaping` is what they share.
"""
