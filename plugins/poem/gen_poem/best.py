"""The earlier import path of `gen_poem.writing.scoring`: works for one more version, with a warning."""

from __future__ import annotations

import warnings

from .writing.scoring import best_of

warnings.warn("gen_poem.best is gen_poem.writing.scoring now; import that.", DeprecationWarning, stacklevel=2)

__all__ = ["best_of"]
