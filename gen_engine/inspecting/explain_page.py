"""Explanations as a self-contained HTML page, in English and in Chinese."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib.resources import files
from io import StringIO
from itertools import accumulate, islice
from typing import TYPE_CHECKING, Any, TextIO

from .explain_tables import explanation_record

if TYPE_CHECKING:
    from .explain import Explanation


def page(
    explanations: Iterable[Explanation], *, lines: Callable[[str], Sequence[str]] = str.splitlines, command: str = ""
) -> str:
    """A complete HTML page with these texts, self-contained; see `paged`."""
    text = StringIO()
    with paged(text, lines=lines, command=command) as add:
        for each in explanations:
            add(each)
    return text.getvalue()


@contextmanager
def paged(
    file: TextIO, *, lines: Callable[[str], Sequence[str]] = str.splitlines, command: str = ""
) -> Iterator[Callable[[Explanation], None]]:
    """Write the page as its texts come. Each goes to the function that is yielded; the page is complete even if they
    end early.

    `lines` breaks a text into lines for display. `command` is the command that made the texts, as typed.
    """
    template, words = (
        files(__package__).joinpath(name).read_text(encoding="utf-8")
        for name in ("explain_page.html", "explain_words.json")
    )
    before, between, after = template.replace("__WORDS__", "__DATA__").split("__DATA__")
    head = before + _harmless(json.dumps(json.loads(words), ensure_ascii=False)) + between
    begin = f'{head}{{"command": {_harmless(json.dumps(command, ensure_ascii=False))}, "texts": ['
    texts = 0

    def add(explained: Explanation) -> None:
        nonlocal texts
        data = _harmless(json.dumps(_shown(explained, lines), ensure_ascii=False))
        file.write((",\n" if texts else begin) + data)
        texts += 1

    try:
        yield add
    finally:
        if texts:
            file.write(f"]}}{after}")
    if not texts:
        file.write(f"{begin}]}}{after}")


def _harmless(data: str) -> str:
    """JSON that cannot end its script element, break its line or reverse the source: dangerous characters are
    escaped.
    """
    return "".join(char if char.isprintable() and char != "<" else _escaped(char) for char in data)


def _escaped(char: str) -> str:
    return "\\u003c" if char == "<" else json.dumps(char)[1:-1]


def _shown(explained: Explanation, lines: Callable[[str], Sequence[str]]) -> dict[str, Any]:
    """The record with the prompt and each position as shown, broken into lines if that changes no length."""
    text = explained.prompt + explained.new
    laid = lines(text)
    if len("".join(laid)) == len(text):
        ends = set(accumulate(map(len, laid[:-1])))
        shown = [char + "\n" * (number in ends) for number, char in enumerate("".join(laid), 1)]
    else:
        shown = list(text)
    chars = iter(shown)
    record = explanation_record(explained)
    prompt = "".join(islice(chars, len(explained.prompt)))
    places = [{**place, "shown": "".join(islice(chars, len(place["text"])))} for place in record["places"]]
    return {**record, "prompt": prompt, "places": places}
