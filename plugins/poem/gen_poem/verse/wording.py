"""What a verse wants next and why it refuses a character, in words."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from gen_engine.errors import GenError, quoted
from gen_engine.text import is_han

from .books import LEVEL, OBLIQUE

if TYPE_CHECKING:
    from .verse import Config, Spot, Verse

TONES = {frozenset(LEVEL): "a level tone", frozenset(OBLIQUE): "an oblique tone"}


def wanted_at(verse: Verse, spot: Spot) -> str:
    """What may follow, and where: an oblique tone at line 3, place 1."""
    return _either(f"{_wanted(verse, config)}{_where(verse, config)}" for config in spot.configs)


def _wanted(verse: Verse, config: Config) -> str:
    rest, boxes, masks = config
    if rest.mark or rest.after is None:
        return rest.mark or "the end"
    signs = frozenset(box[0] for box in boxes)
    tone = TONES.get(signs, "a Chinese character")
    if rest.letter is None or len(boxes[0]) > 1:
        return tone
    groups = [group for group, readings in verse.sounds.groups.items() if readings & masks[rest.letter]]
    how = "in a rhyme next to" if rest.near else "in rhyme with"
    rhyme = f"{how} {'、'.join(groups)}" if len(groups) <= 3 else f"that rhymes{' in a neighbouring group' * rest.near}"
    return f"{TONES.get(signs, 'a character')} {rhyme}"


def _where(verse: Verse, config: Config) -> str:
    rest, boxes, _ = config
    if rest.after is None:
        return ""
    places = verse.rests.places[rest, len(boxes[0])]
    if rest.mark:
        return f" after line {_either(str(line) for line, _ in places)}"
    return " at " + _either(f"line {line}, place {place}" for line, place in places)


def _either(words: Iterable[str]) -> str:
    return " or ".join(sorted(set(words)))


def refusal(verse: Verse, spot: Spot, text: str, place: int) -> GenError:
    """The error for a text of which the character at `place`, counted from 0, may not follow `spot`."""
    char = text[place]
    if verse.accepts(spot):
        return GenError(
            f"The prompt {quoted(text)} goes on after the end of the form; leave out {quoted(text[place:])}."
        )
    wanted, _, where = _either(f"{_wanted(verse, c)}\t{_where(verse, c)}" for c in spot.configs).partition("\t")
    return GenError(f"{char}{where}: {wanted} is wanted there ({_found(verse, char)}); change the prompt.")


def _found(verse: Verse, char: str) -> str:
    if not is_han(char):
        return f"{char} is no Chinese character"
    return verse.sounds.describe(char) if verse.book.groups else f"{char} is a Chinese character"
