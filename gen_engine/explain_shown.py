"""Explanations as people and programs read them: tables and JSON."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from math import exp, isfinite
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table
    from rich.text import Text

    from .explain import Candidate, Explanation, Place

WISHES = 4
"""How many of the model's wishes the table has room for."""

FREE = 0.005
"""A cost of fewer nats is not worth a row of its own."""


def explanation_record(explained: Explanation) -> dict[str, Any]:
    """An explanation as JSON knows it; costs are in nats, and those without limit are null."""
    return {
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
    """A text that has no lines of its own, a sentence on each, as far as it has Chinese full stops."""
    return text.splitlines() if "\n" in text else re.findall(r"[^。！？；]*[。！？；]+|[^。！？；]+$", text) or [text]


# ----------------------------------------------------------------------------------------------- the terminal


def print_explanation(file: TextIO, explained: Explanation) -> None:
    """Print an explanation as two tables: place by place, and what each constraint cost in all."""
    from rich.console import Console

    width = None if file.isatty() else 200
    console = Console(file=file, width=width, highlight=False)
    for part in (_places_table(explained), _totals_table(explained)):
        console.print()
        _print(console, part)


def _print(console: Console, part: RenderableType) -> None:
    with console.capture() as capture:
        console.print(part)
    written = capture.get()
    console.file.write("\n".join(line.rstrip() for line in written.splitlines()) + "\n")


def _places_table(explained: Explanation) -> Table:
    from rich.table import Table
    from rich.text import Text

    names = short_names([*explained.constraints, *explained.shapers])
    grid = Table(title="Place by place", title_justify="left", box=None, pad_edge=False, header_style="bold cyan")
    for column in ("", "", "the model gives it", "cost", "rules", "the model wanted", "removed by"):
        grid.add_column(column, overflow="fold", justify="right" if column in ("cost", "rules") else "left")
    for number, place in enumerate(explained.places, 1):
        mark = "forced" if place.forced else _percent(exp(-place.nats))
        grid.add_row(
            str(number),
            Text("(end)" if place.end else place.text.replace("\n", "⏎") or "…", style="bold"),
            f"{place.nats:.2f} nats, {mark}",
            Text(f"{place.cost:.2f}", style=_heat(place.cost)),
            Text(f"{place.together:.2f}", style=_heat(place.together)),
            _wishes(place),
            _removed(place, names),
        )
    return grid


def _percent(probability: float) -> str:
    return f"{100 * probability:.0f}%" if probability >= 0.1 else f"{100 * probability:.1f}%"


def _heat(cost: float) -> str:
    return "red" if cost >= 4 else "yellow" if cost >= 1 else "green"


def _wishes(place: Place) -> Text:
    """The likeliest tokens, those that were removed struck out."""
    from rich.text import Text

    found = Text()
    for each in place.candidates[:WISHES]:
        found.append("  " if found else "")
        style = "bold green" if each.chosen else "red strike" if each.removed else ""
        found.append(each.text.replace("\n", "⏎"), style=style)
        found.append(f" {_percent(each.probability)}", style="dim")
    return found


def _removed(place: Place, names: dict[str, str]) -> str:
    """Who removed what: the wishes grouped by those who took them away, with the reason in words if there is one."""
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
    """Each processor by its name alone where that tells it from the others, else as it was written."""
    plain = {label: label.partition("=")[0].partition(",")[0] for label in labels}
    times = Counter(plain.values())
    return {label: name if times[name] == 1 else label for label, name in plain.items()}


def _totals_table(explained: Explanation) -> Table:
    from rich.table import Table

    places = max(1, len(explained.places))
    grid = Table(title="What it cost", title_justify="left", box=None, pad_edge=False, header_style="bold cyan")
    for column in ("what", "nats", "a place", ""):
        grid.add_column(column, overflow="fold", justify="right" if column in ("nats", "a place") else "left")
    rows = totals(explained)
    most = max([nats for _, nats in rows if isfinite(nats)], default=0.0) or 1.0
    for label, nats in rows:
        bar = "" if not isfinite(nats) else "█" * round(30 * nats / most)
        grid.add_row(label, f"{nats:.2f}", f"{nats / places:.3f}", bar)
    grid.add_row("the text under the model", f"{explained.nats:.2f}", f"{explained.nats / places:.3f}", "")
    return grid


def totals(explained: Explanation) -> list[tuple[str, float]]:
    """What each constraint cost alone and all together, what shapers cut off of the rest, and what the choice cost."""
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
