"""What a hostile command line is: its words, the files it finds, and how it may end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

Made = bytes | Callable[[Path], object]
"""What makes a file: its bytes, or a function of its path."""

MODEL, JUDGE = "@model", "@judge"
"""A tiny GPT-2 and a tiny classifier, each in a folder of its own that is made once."""


@dataclass(frozen=True)
class Case:
    """`gen WORDS`, run in a folder with `files`.

    `codes` are the exit codes that it may have, `makes` the files that it may leave besides. `out` is where standard
    output goes (a file's name, "closed", or "head": a reader that takes ten bytes), `into` what is read as standard
    input (None is closed), and `stop` after how many seconds Ctrl-C comes. `says` is looked for in what is said.
    """

    name: str
    words: tuple[str | bytes, ...]
    files: Mapping[str, Made] = field(default_factory=dict)
    codes: frozenset[int] = frozenset({0, 2})
    makes: tuple[str, ...] = ()
    env: Mapping[str, str | None] = field(default_factory=dict)
    out: str = ""
    into: bytes | str | None = b""
    stop: float | None = None
    says: str = ""


REFUSED = frozenset({2})


def case(name: str, *words: str | bytes | int | float, **more: object) -> Case:
    """A case that ends well, or is refused."""
    told = tuple(word if isinstance(word, bytes) else str(word) for word in words)
    return Case(name, told, **more)  # type: ignore[arg-type]


def refused(name: str, *words: str | bytes | int | float, **more: object) -> Case:
    """A case that must be refused."""
    return replace(case(name, *words, **more), codes=REFUSED)


def each(kind: str, cases: Iterable[Case]) -> list[Case]:
    """The cases of one kind, named after it."""
    return [replace(one, name=f"{kind}: {one.name}") for one in cases]


# ----------------------------------------------------------------------------------------------- what files are made by


def fifo(path: Path) -> None:
    """A named pipe that nobody writes into."""
    import os

    os.mkfifo(path)


def folder(path: Path) -> None:
    path.mkdir()


def link(target: str) -> Callable[[Path], None]:
    """A symbolic link."""
    return lambda path: path.symlink_to(target)


def big(count: int, what: bytes = b"\xe6\x9c\x88") -> Callable[[Path], None]:
    """A file of so many copies, written in pieces."""

    def make(path: Path) -> None:
        block = what * max(1, 2**20 // len(what))
        whole, rest = divmod(count, len(block) // len(what))
        with path.open("wb") as file:
            for _ in range(whole):
                file.write(block)
            file.write(what * rest)

    return make
