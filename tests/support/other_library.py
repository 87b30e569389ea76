"""A plugin of pytest (`-p other_library`) that loads the compiled library from the file GEN_OTHER_LIBRARY.

With GEN_ASSUMED_KERNEL that kernel is used though this processor lacks it, since the file emulates it.
"""

import os
from pathlib import Path

from gen_engine.compiled import library

library.library_file = lambda: Path(os.environ["GEN_OTHER_LIBRARY"])

if assumed := os.environ.get("GEN_ASSUMED_KERNEL"):
    functions, names = library._loaded()
    library._loaded = lambda: (functions, (assumed, *names[1:]))
