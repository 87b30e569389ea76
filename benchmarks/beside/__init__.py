"""Ours beside all peers in one run: the same work in turn, and what the memory of the machine would permit."""
