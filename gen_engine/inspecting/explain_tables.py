"""Explanations for people and programs: tables and JSON."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from math import exp, isfinite
from typing import TYPE_CHECKING, Any, TextIO

from ..system.screen import HARD_BLANK, Span, Words, cells, say, width_of
from ..system.tables import table

if TYPE_CHECKING:
    from .explain import Candidate, Explanation, Place

WISHES = 4
"""How many of the model's preferred tokens the table has room for."""

FREE = 0.005
"""A cost of fewer nats gets no row of its own."""

CHEAP, DEAR = 1.0, 4.0
"""Costs in nats that are shown as cheap and as expensive."""

LONGEST_BAR = 30
BESIDE_BAR = 22
"""The columns taken by the figures beside a bar."""

WHOLE_TEXT = "the text under the model"
PLACE_LEGEND = (
    "cost: by how much the token is less likely than the first wish, in nats (0.7: half as likely, 2.3: a tenth)",
    "rules: -log of the probability mass that all constraints leave; forced: they leave this token alone",
)


def explanation_record(explained: Explanation) -> dict[str, Any]:
    """An explanation as JSON. Costs are in nats; infinite ones are null."""
    return {
        "context": explained.context,
        "prompt": explained.prompt,
        "new": explained.new,
        "model": explained.model,
        "decoder": explained.decoder,
        "seed": explained.seed,
        "sample": explained.sample,
        "nats": _finite(explained.nats),
        "together": _finite(explained.together),
        "drawn": _finite(explained.drawn),
        "constraints": [{"name": name, "nats": _finite(nats)} for name, nats in explained.by_constraint],
        "shapers": [{"name": name, "nats": _finite(nats)} for name, nats in explained.by_shaper],
        "places": [_place_record(place) for place in explained.places],
    }


def _place_record(place: Place) -> dict[str, Any]:
    costs = ("nats", "cost", "constrained", "drawn", "together")
    return {
        "text": place.text,
        "end": place.end,
        "forced": place.forced,
        **{name: _finite(getattr(place, name)) for name in costs},
        "constraints": [_finite(nats) for nats in place.masses],
        "shapers": [_finite(nats) for nats in place.shaped],
        "wanted": [
            {
                "text": each.text,
                "probability": each.probability,
                "chosen": each.chosen,
                "removed": [{"by": who.by, "kind": who.kind, "why": who.why} for who in each.removed],
            }
            for each in place.candidates
        ],
        "broken": list(place.broken),
    }


def _finite(nats: float) -> float | None:
    return nats if isfinite(nats) else None


def sentences(text: str) -> list[str]:
    """A text without lines of its own, one sentence per line, as far as it has Chinese full stops."""
    return text.splitlines() if "\n" in text else re.findall(r"[^。！？；]*[。！？；]+|[^。！？；]+$", text) or [text]


# ----------------------------------------------------------------------------------------------- the terminal


def print_explanation(file: TextIO, explained: Explanation) -> None:
    """Print an explanation as two tables: position by position, and the total cost of each constraint."""
    file.write("\n")
    if explained.context:
        say([("The model read first: ", ""), (explained.context.replace("\n", "⏎"), "name")], file=file)
        file.write("\n")
    table(
        "Place by place",
        ["#", "text", "the model gives it", "cost", "rules", "the model wanted", "removed by"],
        _place_rows(explained),
        right=["#", "cost", "rules"],
        legend=PLACE_LEGEND,
        file=file,
    )
    file.write("\n")
    width = width_of(file)
    columns = ["what", "nats", "a place", *([""] if width else [])]
    table("What it cost", columns, _total_rows(explained, width), right=["nats", "a place"], file=file)


def _place_rows(explained: Explanation) -> Iterator[list[Words]]:
    names = short_names([*explained.constraints, *explained.shapers])
    for number, place in enumerate(explained.places, 1):
        mark = [("forced", "note")] if place.forced else [(_percent(exp(-place.nats)), "")]
        yield [
            str(number),
            [("(end)" if place.end else place.text.replace("\n", "⏎") or "…", "name")],
            [(f"{place.nats:.2f} nats, ", ""), *mark],
            [(f"{place.cost:.2f}", _heat(place.cost))],
            [(f"{place.together:.2f}", _heat(place.together))],
            _wishes(place),
            _removed(place, names),
        ]


def _percent(probability: float) -> str:
    return f"{100 * probability:.0f}%" if probability >= 0.1 else f"{100 * probability:.1f}%"


def _heat(cost: float) -> str:
    return "wrong" if cost >= DEAR else "right" if cost < CHEAP else ""


def _wishes(place: Place) -> list[Span]:
    """The likeliest tokens, each with its probability on one line. Removed ones are struck out."""
    found: list[Span] = []
    for number, each in enumerate(place.candidates[:WISHES]):
        style = "chosen" if each.chosen else "removed" if each.removed else ""
        found += [("  " * bool(number), ""), (each.text.replace("\n", "⏎").replace(" ", "␣"), style)]
        found.append((f"{HARD_BLANK}{_percent(each.probability)}", "quiet"))
    return found


def _removed(place: Place, names: dict[str, str]) -> str:
    """Who removed what: the preferred tokens grouped by who removed them, with the reason in words if there is one."""
    groups: dict[tuple[str, ...], list[Candidate]] = {}
    whys: dict[str, str] = {}
    for each in place.candidates[:WISHES]:
        if each.removed:
            groups.setdefault(tuple(who.by for who in each.removed), []).append(each)
            whys |= {who.by: who.why for who in each.removed if who.kind in ("constraint", "proof")}
    parts = [f"{'the text breaks ' + ', '.join(place.broken)}"] if place.broken else []
    for group, wishes in groups.items():
        told = [names.get(by, by) + (f" (wants {whys[by]})" if _is_wish(by, whys) else "") for by in group]
        parts.append(f"{' '.join(each.text for each in wishes)}: {', '.join(told)}".replace("\n", "⏎"))
    return "; ".join(parts)


def _is_wish(by: str, whys: dict[str, str]) -> bool:
    from .explain import PROOF

    return bool(whys.get(by)) and by != PROOF


def short_names(labels: Sequence[str]) -> dict[str, str]:
    """Each processor by its name if that is unique, else as it was written."""
    plain = {label: label.partition("=")[0].partition(",")[0] for label in labels}
    times = Counter(plain.values())
    return {label: name if times[name] == 1 else label for label, name in plain.items()}


def _total_rows(explained: Explanation, width: int | None) -> Iterator[list[Words]]:
    """The cost of each constraint, in all and per position. A terminal of `width` columns also shows a bar, if it has
    room.
    """
    places = max(1, len(explained.places))
    rows = totals(explained)
    most = max([nats for _, nats in rows if isfinite(nats)], default=0.0) or 1.0
    longest = max(cells(label) for label, _ in [*rows, (WHOLE_TEXT, 0.0)]) + BESIDE_BAR
    room = 0 if width is None else max(0, min(LONGEST_BAR, width - longest))
    for label, nats in [*rows, (WHOLE_TEXT, None)]:
        told = explained.nats if nats is None else nats
        bar = "" if nats is None or not isfinite(nats) else "█" * round(room * nats / most)
        yield [label, f"{told:.2f}", f"{told / places:.3f}", *([] if width is None else [bar])]


def totals(explained: Explanation) -> list[tuple[str, float]]:
    """What each constraint cost alone, what all cost together, what shapers cut off of the rest, and what the choice
    cost.
    """
    from .explain import PROOF, VOCABULARY

    alone = [(name, nats) for name, nats in explained.by_constraint if name not in (PROOF, VOCABULARY) or nats > FREE]
    cut = [(f"{name} cuts off", nats) for name, nats in explained.by_shaper if nats > FREE]
    choice = f"choice ({explained.decoder}): less likely than the best allowed"
    return [
        *alone,
        ("all constraints together", explained.together),
        *cut,
        (choice, explained.drawn),
    ]
