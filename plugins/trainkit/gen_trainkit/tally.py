"""Reports what happened to the rows that were read: counts, and the first of those left out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from gen_engine.system.underway import counted
from gen_trainkit.tables import Row

SHOWN = 3


@dataclass(frozen=True)
class Bad:
    """A row that cannot be used: where it stands and why."""

    where: str
    why: str


@dataclass
class Tally:
    """Counts of rows, and remarks on them; grows while files are read."""

    read: int = 0
    used: int = 0
    empty: int = 0
    bad: list[Bad] = field(default_factory=list)
    long: list[str] = field(default_factory=list)  # rows that take several lines
    mended: list[str] = field(default_factory=list)  # rows whose quotes were taken for characters
    remarks: dict[str, None] = field(default_factory=dict)

    def seen(self, rows: Iterable[Row]) -> Iterator[Row]:
        """The same rows, counted as they pass."""
        for row in counted(rows, "reading rows"):
            self.read += 1
            if row.lines > 1:
                self.long.append(f"{row.place} to {int(row.place.rpartition(':')[2]) + row.lines - 1}")
            if row.mended:
                self.mended.append(row.place)
            yield row

    def remark(self, words: str) -> None:
        """Add a sentence, which is reported once however often it is added."""
        self.remarks[words] = None

    def __add__(self, other: Tally) -> Tally:
        """Both together."""
        both = {name: value + getattr(other, name) for name, value in vars(self).items() if name != "remarks"}
        return Tally(**both, remarks=self.remarks | other.remarks)

    def told(self, what: str = "rows") -> list[str]:
        """All of it as sentences."""
        left = self.read - self.used - self.empty
        counts = [f"{self.read:,} {what} read", f"{self.used:,} used"]
        counts += [f"{self.empty:,} without text"] if self.empty else []
        counts += [f"{left:,} left out"] if left else []
        lines = [", ".join(counts) + (f" ({tell_bad(self.bad)})" if self.bad else "") + "."]
        for places, words in (
            (self.long, ("take several lines", "takes several lines")),
            (self.mended, ("had a quote mended",) * 2),
        ):
            if places:
                one = len(places) == 1
                told = f"{len(places):,} {what.removesuffix('s') if one else what}"
                lines.append(f"{told} {words[one]} ({'' if one else 'the first: '}{places[0]}).")
        return [*lines, *self.remarks]


def tell_bad(bad: Sequence[Bad]) -> str:
    """The first few rows that cannot be used, and how many more there are."""
    first = "; ".join(f"{each.where}: {each.why}" for each in bad[:SHOWN])
    return first + (f"; {len(bad) - SHOWN:,} more" if len(bad) > SHOWN else "")
