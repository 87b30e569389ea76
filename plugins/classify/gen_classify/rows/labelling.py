"""Labels as the data write them, as the model numbers them, and as people read them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from gen_classify.rows.reading import Table
from gen_engine.errors import GenError, quoted
from gen_trainkit import tally
from gen_trainkit.tally import Bad


@dataclass(frozen=True)
class Labels:
    """The labels in the order of the model's outputs: `data` as in the files, `names` as shown."""

    data: tuple[str, ...]
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.data)


def make_labels(found: Sequence[str], *, given: Sequence[str] = (), names: Sequence[str] = ()) -> Labels:
    """The labels `given`, or all that were `found`: in numerical order if all are numbers, else in alphabetical order.

    `names` are shown to people, in the same order. Raises GenError for too many, too few or equal names, for a repeated
    label, for a label that no row has, and for fewer than two labels.
    """
    data = tuple(given) or tuple(sorted(set(found), key=_order))
    if len(data) < 2:
        raise GenError(f"There is one label only, {quoted(data[0])}, which teaches nothing. Give rows of two at least.")
    missing = [label for label in data if label not in set(found)]
    if missing:
        there = ", ".join(sorted(set(found), key=_order)[:20])
        raise GenError(f"No row is labelled {quoted(missing[0])} (there are {there}). Mend --labels.")
    for option, values in (("--labels", data), ("--label-names", tuple(names))):
        [(value, count), *_] = Counter(values).most_common(1) or [("", 0)]
        if count > 1:
            raise GenError(f"{option} has {quoted(value)} {count} times. Give each once.")
    if "" in names:
        raise GenError("One of --label-names is empty. Give each label a name that can be seen.")
    if names and len(names) != len(data):
        raise GenError(f"There are {len(data)} labels ({', '.join(data[:20])}) and {len(names)} names for them."
                       " Give --label-names as many, in that order.")  # fmt: skip
    return Labels(data, tuple(names) or data)


def _order(label: str) -> tuple[bool, int, str]:
    is_number = label.removeprefix("-").isdecimal() and len(label) < 1000  # longer ones Python refuses to count with
    return (not is_number, int(label) if is_number else 0, label)


def keep_labelled(table: Table, labels: Sequence[str]) -> Table:
    """The rows labelled with one of `labels` (none: all of them); the others are bad."""
    if not labels:
        return table
    known = set(labels)
    for place, label in zip(table.places, table.labels, strict=True):
        if label not in known:
            table.bad.append(Bad(place, f"its label {label!r} is unknown"))
    kept = table.chosen([index for index, label in enumerate(table.labels) if label in known])
    if not kept.texts:
        raise GenError(f"No row is labelled {' or '.join(labels[:20])}. Mend --labels.")
    return kept


def tell_bad(bad: Sequence[Bad]) -> str:
    """How many rows cannot be used, and the first few of them, as one line; nothing for none."""
    return f"{len(bad):,} rows cannot be used ({tally.tell_bad(bad)})" if bad else ""
