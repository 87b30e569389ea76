"""`python -m gen_engine` is `gen`."""

from .cli import main

main()
