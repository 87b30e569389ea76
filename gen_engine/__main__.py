"""`python -m gen_engine` is `gen`."""

import sys

from .cli import main

sys.exit(main())
