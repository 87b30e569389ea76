"""Soft processors of the core: how likely each token is to be, among those that the constraints left.

`penalties` weigh, `truncation` removes, `dry` punishes repeats; `shaping` is what they are made of.
"""
