"""Where results go: standard output, or a file that gets its name when it is complete."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import click

from ..errors import GenError
from ..system.interrupts import at_last, shielded
from ..system.screen import note, results
from ..system.streams import Sink, check_standard_output

LONGEST = 40
"""How many characters of a file's name are used in its temporary name."""


@contextmanager
def opened(out: Path | None, *, lines: bool = False, option: str = "--out") -> Iterator[TextIO]:
    """Standard output (inside `results_kept`, what is kept), or a file that gets its name only when it is complete.

    After Ctrl-C it keeps the lines written so far. With `lines`, where each line counts by itself, it also does after a
    failure. If there are none, the old file stays. A file that cannot be written, or that the command also reads, is an
    error at once, before anything is generated. `option` is the option that names it.
    """
    if out is None or str(out) == "-":
        check_standard_output()
        yield results()
        return
    place = _place(out, option)
    with at_last(place.keep if lines else place.drop), place.file:
        try:
            yield place.file
            place.file.close()
        except BaseException as problem:
            _end_early(place, problem, keep=lines or isinstance(problem, (KeyboardInterrupt, SystemExit)))
            raise
        place.put()


def check_out(out: Path | None, option: str = "--out") -> None:
    """Raise GenError now if `opened` would refuse the file later."""
    if out is not None and str(out) != "-":
        place = _place(out, option)
        place.file.close()
        place.drop()


def _end_early(place: _Place, problem: BaseException, *, keep: bool) -> None:
    with suppress(GenError):  # perhaps the disk is full: what it took before is there
        place.file.close()
    if not keep:
        place.drop()
    elif place.keep():
        if isinstance(problem, KeyboardInterrupt):
            problem.add_note(f"{place.out} keeps what was written")
        else:
            note(f"{place.out} keeps what was written before.")


@dataclass(frozen=True)
class _Place:
    """A file being written: its name as typed, its final path, its temporary path (None: written in place)."""

    out: Path
    path: Path
    aside: Path | None
    file: TextIO

    def put(self) -> None:
        """Give the file its name."""
        if self.aside is not None:
            self.aside.replace(self.path)

    def drop(self) -> None:
        """Delete it."""
        if self.aside is not None:
            self.aside.unlink(missing_ok=True)

    def keep(self) -> bool:
        """Give its complete lines the name. Returns whether there are any. Does nothing for a file written in place."""
        if self.aside is None or not self.aside.exists():
            return False
        length = _whole_lines(self.aside)
        os.truncate(self.aside, length)
        if length:
            self.put()
        else:
            self.drop()
        return length > 0


def _place(out: Path, option: str) -> _Place:
    _refuse_other_use(out, option)
    try:
        old = _status(out)
        if old is not None and not out.is_file():  # /dev/null, a pipe, perhaps without a name: nothing to rename onto
            return _Place(out, out, None, _text_file(out, out, option))
        path = Path(os.path.realpath(out))  # pathlib's own raises RuntimeError for a loop of links
        if old is not None and not os.access(path, os.W_OK):
            raise PermissionError(13, "Permission denied")
        aside = path.with_name(f".{path.name[:LONGEST]}.{os.urandom(4).hex()}.tmp")
        place = _Place(out, path, aside, _text_file(aside, out, option))
        if old is not None:
            aside.chmod(old.st_mode & 0o7777)
    except OSError as problem:
        raise GenError(f"{out} cannot be written ({problem.strerror}); choose another {option}.") from problem
    return place


def _status(path: Path) -> os.stat_result | None:
    """The status of the file of that name, if there is one."""
    try:
        return path.stat()
    except FileNotFoundError:
        return None


def _text_file(path: Path, out: Path, option: str) -> TextIO:
    remedy = f"make room for it, or choose another {option}"
    return io.TextIOWrapper(io.BufferedWriter(Sink(str(path), str(out), remedy)), encoding="utf-8")


def _whole_lines(path: Path, step: int = 1 << 16) -> int:
    """How many bytes of a file are complete lines."""
    with path.open("rb") as file:
        end = file.seek(0, os.SEEK_END)
        while end > 0:
            first = max(0, end - step)
            file.seek(first)
            found = file.read(end - first).rfind(b"\n")
            if found >= 0:
                return first + found + 1
            end = first
    return 0


def _refuse_other_use(out: Path, option: str) -> None:
    """Raise GenError if more than one parameter of the running command names the file, for reading or writing."""
    names: list[str] = []
    context = click.get_current_context(silent=True)
    while context is not None:
        given = [each for each in context.command.params if any(_is_same(out, file) for file in _files(each, context))]
        names += [
            each.opts[0] if isinstance(each, click.Option) else each.human_readable_name.strip("[].") for each in given
        ]
        context = context.parent
    if len(names) > 1:
        other = next((name for name in names if name != option), names[0])
        raise GenError(f"{out} is what {other} names, too; choose another {option}.")


def _files(parameter: click.Parameter, context: click.Context) -> Iterator[str]:
    """The files that a parameter names, if any."""
    shown = parameter.metavar or parameter.human_readable_name
    names_files = isinstance(parameter.type, click.Path) or "FILE" in shown.upper()
    kept: Any = [values for values in context.meta.values() if isinstance(values, dict)]
    for values in (context.params, *kept) if names_files else ():
        found = values.get(parameter.name)
        named = map(str, found if isinstance(found, (list, tuple)) else [found] if found else [])
        yield from (each[1:] for each in named if each[:1] == "@") if "@FILE" in shown else named


def _is_same(out: Path, other: str) -> bool:
    try:
        if out.exists() and not out.is_file():
            return False  # no file (/dev/null, a terminal): may be used several times; folders are refused anyway
        return os.path.realpath(out) == os.path.realpath(other) or (out.exists() and os.path.samefile(out, other))
    except (OSError, ValueError):
        return False


@dataclass
class Count:
    """How many texts, or other things, were written completely."""

    number: int = 0

    @contextmanager
    def one(self) -> Iterator[None]:
        """Write one more inside; Ctrl-C waits for its end."""
        with shielded():
            yield
            self.number += 1


@contextmanager
def counting(one: str = "text was written", more: str = "texts were written") -> Iterator[Count]:
    """A count of what is written inside, reported if the program is stopped."""
    count = Count()
    try:
        yield count
    except KeyboardInterrupt as problem:
        problem.add_note(f"{count.number:,} {one if count.number == 1 else more}")
        raise
