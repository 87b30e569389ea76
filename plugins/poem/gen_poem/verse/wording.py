"""Say in words what a verse wants next, and why it takes no other character."""

from __future__ import annotations

from collections.abc import Iterable

from gen_engine.text import is_han

from .books import LEVEL, OBLIQUE
from .sounds import Sounds
from .state import Config, VerseState
from .suffixes import Suffixes

TONES = {frozenset(LEVEL): "a level tone", frozenset(OBLIQUE): "an oblique tone"}


def wanted_at(state: VerseState, suffixes: Suffixes, sounds: Sounds) -> str:
    """What may follow, and where: an oblique tone at line 3, place 1."""
    return _either(f"{_wanted(config, sounds)}{_where(config, suffixes)}" for config in state.configs)


def wanted_instead(char: str, state: VerseState, suffixes: Suffixes, sounds: Sounds) -> str:
    """What may follow instead of `char`: 日 at line 1, place 2: a level tone is wanted there (日 is 入 → 仄 (质))."""
    each = _either(f"{_wanted(config, sounds)}\t{_where(config, suffixes)}" for config in state.configs)
    wanted, _, where = each.partition("\t")
    return f"{char}{where}: {wanted} is wanted there ({_found(char, sounds)})"


def _wanted(config: Config, sounds: Sounds) -> str:
    suffix, options, masks = config
    if suffix.mark or suffix.after is None:
        return suffix.mark or "the end"
    signs = frozenset(option[0] for option in options)
    tone = TONES.get(signs, "a Chinese character")
    if suffix.letter is None or len(options[0]) > 1:
        return tone
    groups = [group for group, readings in sounds.groups.items() if readings & masks[suffix.letter]]
    if len(groups) <= 3:
        rhyme = f"{'in a rhyme next to' if suffix.near else 'in rhyme with'} {'、'.join(groups)}"
    else:
        rhyme = f"that rhymes{' in a neighbouring group' * suffix.near}"
    return f"{TONES.get(signs, 'a character')} {rhyme}"


def _where(config: Config, suffixes: Suffixes) -> str:
    suffix, options, _ = config
    if suffix.after is None:
        return ""
    places = suffixes.places[suffix, len(options[0])]
    if suffix.mark:
        return f" after line {_either(str(line) for line, _ in places)}"
    return " at " + _either(f"line {line}, place {place}" for line, place in places)


def _either(words: Iterable[str]) -> str:
    return " or ".join(sorted(set(words)))


def _found(char: str, sounds: Sounds) -> str:
    if not is_han(char):
        return f"{char} is no Chinese character"
    return sounds.describe(char) if sounds.book.groups else f"{char} is a Chinese character"
