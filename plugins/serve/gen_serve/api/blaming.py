"""Which field of a request is to blame where the engine, which knows none, speaks of rules and options."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from gen_engine.errors import brief, escaped, quoted

LABEL = re.compile(r"([a-z]\w*)=", re.ASCII)
"""The name of a rule, or of an option, before its value."""

FIRST = re.compile(r"([a-z]\w*)[= ]", re.ASCII)
"""What a message begins with, if it may be the name of a field."""

RECOGNISED = 12
"""By how many characters a rule is found in a message, which may leave out its end."""

PATIENCE = "allow more (--patience SECONDS)"
"""An advice of the engine to whoever starts it."""


def blamed(message: str, given: Mapping[str, Any]) -> str | None:
    """The field that a message is about: it begins with the name of one, as in `top_k=0`, or repeats what one says."""
    first = FIRST.match(message)
    if first is not None and first[1] in given:
        return first[1]
    said = ((name, each) for name, value in given.items() for each in (value if isinstance(value, list) else [value]))
    return next((name for name, each in said if isinstance(each, str) and each and _repeats(message, each)), None)


def _repeats(message: str, given: str) -> bool:
    """Whether a message quotes this, or a rule's name before `=`, or begins with it."""
    label = LABEL.match(given)
    told = [quoted(given), *([quoted(label[1]), f"{label[1]}="] if label is not None else [])]
    return any(each in message for each in told) or message.startswith(brief(given))


def with_field(message: str, rule: str, field: str) -> str:
    """A message that names a field in place of the rule that was made of it."""
    shown = escaped(rule)
    begin = message.find(shown[:RECOGNISED])
    if begin < 0:
        return message
    rest = message[begin:]
    alike = next((place for place, pair in enumerate(zip(rest, shown, strict=False)) if len({*pair}) > 1), len(shown))
    return message[:begin] + field + rest[alike:].removeprefix("…")


def without_option(message: str, *, field: str | None = None) -> str:
    """Advice about the patience for who has no such option: to allow more by `field`, or to ask for less."""
    return message.replace(PATIENCE, "ask for less" if field is None else f"allow more ({field})")
