"""Makes the support modules of these tests importable: `forked`, `nextchar_models`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
