"""The command line: `main` builds `gen` from what plugins mount, `options` and `output` are what commands share,
`commands` are the core's own.
"""
