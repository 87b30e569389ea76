"""The one rule that decides whether two labels are equal, in all files and for all purposes."""

from __future__ import annotations

import math
import re
from typing import Any

NUMBER = re.compile(r"([+-]?)(\d*)(?:\.(\d*))?", re.ASCII)
BLANK = "\ufeff\u200b\u2060"
"""Characters without width, which are invisible beside a label."""


def label_text(value: Any) -> str:
    """A label in its normal form: without blanks around it, and numbers in their shortest spelling.

    So 1, 1.0, "1.0", " 1" and "+1" are "1", and "0.50" is "0.5"; but "01" and "3E1" are names. True, in JSON or as a
    word of any case, is "true". A missing label (None or NaN) is "".
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        if not math.isfinite(value):
            return ""
        value = int(value) if value.is_integer() and abs(value) < 2**53 else repr(value)
    text = "" if value is None else str(value).strip().strip(BLANK).strip()
    if text.lower() in ("true", "false"):
        return text.lower()
    found = NUMBER.fullmatch(text)
    if found is None or not (found[2] or found[3]) or re.match(r"0\d", found[2]):
        return text
    fraction = (found[3] or "").rstrip("0")
    number = (found[2] or "0") + (f".{fraction}" if fraction else "")
    return f"-{number}" if found[1] == "-" and number != "0" else number
