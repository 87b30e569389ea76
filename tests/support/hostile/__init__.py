"""Hostile command lines for `gen`, as tables by kind, and what each of them must keep."""
