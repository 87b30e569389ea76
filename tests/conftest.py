"""Makes the support modules of the tests importable: `oracle`, `customs`, `strategies`, `tiny`, `walks`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
