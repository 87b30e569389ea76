"""The old name of `gen_nextchar.fc`, kept for one version."""
