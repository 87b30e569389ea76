"""The old name of `gen_nextchar.lstm`, kept for one version."""
