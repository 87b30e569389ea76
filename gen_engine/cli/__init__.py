"""The command line.

`main` builds `gen` from what plugins mount. Commands share `options` and `output`. `commands` are those of the core.
"""
