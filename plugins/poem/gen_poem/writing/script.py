"""Show what the user typed as it was typed: 髮 where the user wrote 髮, though the model writes 发."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from gen_engine.system.screen import note
from gen_engine.text import is_han

from ..verse.marks import BLANKS, LINE_ENDS, PASSED
from ..verse.traditional import to_simplified, to_traditional

if TYPE_CHECKING:
    from gen_engine.text import Vocabulary
    from gen_engine.types import Tokenizer

Script = Literal["simp", "trad"]
At = Literal["head", "tail", "diagonal"]


@dataclass(frozen=True)
class TypedText:
    """The characters that a user typed, and where they stand in a poem: at its beginning, by an acrostic and by a
    template. `script` is the one in which the whole poem is shown; None keeps what was typed, and the model's script
    elsewhere."""

    start: str = ""
    acrostic: str = ""
    at: At = "head"
    template: str = ""
    script: Script | None = None

    @property
    def is_plain(self) -> bool:
        """Whether poems are shown unchanged."""
        return self.script is None and not self.acrostic and not self.template

    @property
    def by_line(self) -> bool:
        """Whether a character may depend on what follows in its line."""
        return self.script is not None or (bool(self.acrostic) and self.at == "tail")

    def shown(self, text: str) -> str:
        """A poem, or its beginning, in the script asked for and with the characters that were typed."""
        if self.script == "simp":
            return to_simplified(text)
        found = list(to_traditional(text) if self.script == "trad" else text)
        is_traditional = to_simplified(self._all) != self._all
        for position, char in self._places(text):
            kept = self.script is None or (is_traditional and is_in_traditional(char))
            if kept and position < len(text) and to_simplified(char) == to_simplified(text[position]):
                found[position] = char
        return "".join(found)

    @property
    def _all(self) -> str:
        return self.start + self.acrostic + self.template

    def _places(self, text: str) -> Iterator[tuple[int, str]]:
        yield from enumerate(self.start)
        yield from ((position, char) for position, char in enumerate(self.template) if char not in BLANKS)
        for (first, last), (number, char) in zip(_lines(text), enumerate("".join(self.acrostic.split())), strict=False):
            if self.at != "tail":
                yield first + (number if self.at == "diagonal" else 0), char
            elif text[last + 1 : last + 2]:
                yield last, char


def _lines(text: str) -> Iterator[tuple[int, int]]:
    """The places of the first and the last character of each line."""
    own: list[int] = []
    for position, char in enumerate(text):
        if char in LINE_ENDS and own:
            yield own[0], own[-1]
            own = []
        elif char not in LINE_ENDS and char not in PASSED:
            own.append(position)
    if own:
        yield own[0], own[-1]


def is_in_traditional(char: str) -> bool:
    """Whether the character occurs in traditional texts; it may occur in simplified ones, too (后, 干)."""
    try:
        return not is_han(char) or bool(char.encode("big5")) or to_simplified(char) != char
    except UnicodeEncodeError:
        return to_simplified(char) != char


def in_model_script(text: str, script: Script | None, vocabulary: Vocabulary) -> str:
    """What a model reads where traditional characters are shown: simplified ones, even if it knows both.

    A character that it lacks is left alone; the engine finds its spelling.
    """
    if script != "trad":
        return text
    known = vocabulary.carriers
    pairs = zip(text, to_simplified(text), strict=True)
    return "".join(simple if char in known and simple in known else char for char, simple in pairs)


def mention_scripts(typed: Sequence[str], script: Script | None, tokenizer: Tokenizer) -> None:
    """Say on standard error that the poem will be of two scripts, and how to have it in one."""
    text = "".join(typed)
    other = tokenizer.encode(text).spelt if script is None else None
    if other is None:
        return
    own = "".join(dict.fromkeys(char for char, read in zip(text, other, strict=True) if char != read))
    wanted = "trad" if to_simplified(own) != own else "simp"
    comes = "comes" if len(own) == 1 else "come"
    rest = "and the rest as the model writes it"
    note(f"{own[:20]} {comes} back as typed, {rest}; --script {wanted} prints all in one script.")
