"""Explains a word out of rhyme: it rhymes by another rhyme book, or by parts that poets joined."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from .books import BOOKS, EITHER, TITLES, Book, book

JOINED: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "cilin": (
        ("第三部", "第五部"),
        ("第六部", "第十一部", "第十三部"),
        ("第七部", "第十四部"),
        ("第十七部", "第十八部", "第十九部"),
    ),
}
"""Groups that ci of the Song often join (通押), after 王力《汉语诗律学》. These are the two halves of 灰, which is one
rhyme in verse; -n with -ng and -m; and the entering tones in -t, -k and -p."""

MOST = 2 / 3
"""The share of the other words that must rhyme by the same group."""


def rhyme_of_verse(words: Iterable[tuple[str, str]]) -> str:
    """The group of 平水韵 by which all words rhyme, each in the tone that it must have; "" if there is none."""
    rules = book("pingshui")
    groups = [_groups(char, wanted, rules) for char, wanted in words]
    return next((group for group in groups[0] if all(group in each for each in groups)), "") if groups else ""


def elsewhere(char: str, wanted: str, fellows: Sequence[tuple[str, str]], rules: Book) -> str:
    """In words: the other books by which a word rhymes with most of its fellows, and whether poets join its group to
    theirs. "" if neither.

    `wanted` is the tone that the pattern wants of the word (平, 仄, or 中 for either). `fellows` are the words that do
    rhyme by `rules`, each with its tone.
    """
    others = {TITLES[name]: _shared(char, wanted, fellows, book(name)) for name in BOOKS if name != rules.name}
    found = [f"{title} ({'、'.join(groups)})" for title, groups in others.items() if groups]
    told = [f"it does in {' and '.join(found)}"] if found else []
    if joined := _joined(char, wanted, fellows, rules):
        told.append(f"poets often join {joined[0]} to {joined[1]} (通押)")
    return "; ".join(told)


def _groups(char: str, wanted: str, rules: Book) -> dict[str, None]:
    return {each.group: None for each in rules.readings(char) if wanted in (EITHER, "", each.tone)}


def _most(fellows: Iterable[tuple[str, str]], rules: Book) -> list[str]:
    """The groups to which most of the words can belong."""
    words = [_groups(char, wanted, rules) for char, wanted in fellows]
    groups = dict.fromkeys(group for each in words for group in each)
    return [group for group in groups if sum(group in each for each in words) >= MOST * len(words)]


def _shared(char: str, wanted: str, fellows: Iterable[tuple[str, str]], rules: Book) -> list[str]:
    own = _groups(char, wanted, rules)
    return [group for group in _most(fellows, rules) if group in own]


def _joined(char: str, wanted: str, fellows: Iterable[tuple[str, str]], rules: Book) -> tuple[str, str] | None:
    """A group of the word and a group of its fellows that poets join."""
    theirs = _most(fellows, rules)
    for parts in JOINED.get(rules.name, ()):
        for own in _groups(char, wanted, rules):
            other = next((group for group in theirs if group in parts), "")
            if own in parts and other and own != other:
                return own, other
    return None
