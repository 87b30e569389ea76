"""What texts are legal, found by trying them all. Written from the README's words, not from the machines.

A `Wish` is one constraint in two plain questions about the new tokens so far: is it broken for good, and might the
text end here? Nothing in this file may use gen_engine beyond `Vocabulary` and its table of surfaces.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any


@dataclass(frozen=True)
class Wish:
    """`broken` and `complete` take the case and the new tokens; `refuses` takes the prompt's text."""

    spec: Any
    broken: Callable[[Case, tuple], bool] = lambda case, tokens: False
    complete: Callable[[Case, tuple], bool] = lambda case, tokens: True
    refuses: Callable[[str], bool] = lambda text: False
    stops: tuple[str, ...] = ()

    def __repr__(self):
        return repr(self.spec)


@dataclass(frozen=True)
class Case:
    """A vocabulary, a prompt, a budget and some wishes."""

    vocabulary: Any
    prompt: str
    budget: int
    wishes: tuple[Wish, ...] = field(default=())

    def data(self, tokens):
        return b"".join(self.vocabulary.surfaces[token] for token in tokens)

    def new(self, tokens):
        """The whole characters printed so far."""
        return self.data(tokens).decode("utf-8", errors="ignore")

    def whole(self, tokens):
        return self.prompt + self.new(tokens)

    @property
    def usable(self):
        count = len(self.vocabulary.surfaces)
        return [t for t in range(count) if t != self.vocabulary.end and t not in self.vocabulary.unused]

    def without(self, wish):
        return Case(self.vocabulary, self.prompt, self.budget, tuple(w for w in self.wishes if w is not wish))

    def only(self, wishes):
        return Case(self.vocabulary, self.prompt, self.budget, tuple(wishes))

    def refuses(self):
        return any(wish.refuses(self.prompt) for wish in self.wishes)

    def broken(self, tokens):
        """Whether no continuation is legal, by what stands there already; a stop string has not ended the text."""
        return begins_no_utf8(self.data(tokens)) or any(wish.broken(self, tokens) for wish in self.wishes)

    def is_legal(self, tokens):
        """Whether the text may end after these tokens."""
        if self.broken(tokens) or any(stop in self.new(tokens) for wish in self.wishes for stop in wish.stops):
            return False
        return is_utf8(self.data(tokens)) and all(wish.complete(self, tokens) for wish in self.wishes)

    def stopped(self, tokens):
        """None if no stop string is complete, else how many tokens the text keeps (-1: it may not be completed)."""
        data, strings = self.data(tokens), [s.encode() for wish in self.wishes for s in wish.stops]
        begins = {begin for s in strings for begin in range(len(data)) if data.startswith(s, begin)}
        if not begins:
            return None
        edges = [len(self.data(tokens[:i])) for i in range(len(tokens))]
        if any(begin not in edges for begin in begins if begin < edges[-1]) or not begins & set(edges):
            return -1
        return max(
            i for i, edge in enumerate(edges) if edge == min(begins & set(edges)) and self.data(tokens[i : i + 1])
        )

    @cached_property
    def world(self):
        return World(self)


class World:
    """Every legal text of a case, the beginnings that lead to one, and the tokens that end a text as a stop string."""

    def __init__(self, case):
        self.case = case
        self.legal = set()
        self.alive = {}  # beginning -> the fewest tokens still needed
        if not case.refuses():
            self._explore(())

    def _explore(self, tokens):
        case = self.case
        if case.broken(tokens):
            return None
        kept = case.stopped(tokens)
        if kept is not None:
            return 0 if kept >= 0 and case.is_legal(tokens[:kept]) else None
        needs = []
        if case.is_legal(tokens):
            self.legal.add(tokens)
            needs.append(0)
        if len(tokens) < case.budget:
            rests = [self._explore((*tokens, token)) for token in case.usable]
            needs += [1 + rest for rest in rests if rest is not None]
        if needs:
            self.alive[tokens] = min(needs)
        return self.alive.get(tokens)

    def choices(self, tokens):
        """The tokens that may follow: those that leave a legal text within the budget, and the end."""
        case = self.case
        found = []
        for token in case.usable if len(tokens) < case.budget else ():
            longer = (*tokens, token)
            kept = case.stopped(longer)
            if kept is None:
                found += [token] if longer in self.alive else []
            elif kept >= 0 and not case.broken(longer) and case.is_legal(longer[:kept]):
                found.append(token)
        if tokens in self.legal and case.vocabulary.end is not None:
            found.append(case.vocabulary.end)
        return found


def begins_no_utf8(data):
    """Whether no bytes after `data` make it UTF-8; the longest missing rest is three bytes."""
    return not any(is_utf8(data + rest) for rest in RESTS)


RESTS = (b"", b"\x80", b"\xa5", b"\x80\x80", b"\xa5\x80", b"\x80\x80\x80", b"\xa5\x80\x80")


def is_utf8(data):
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def is_mark(char):
    return unicodedata.category(char)[0] in "PS"


# --------------------------------------------------------------------------------- the built-in constraints


def written(items):
    """A list as the command line takes it."""
    return "|".join(items).replace(",", "\\,")


def ban(*items):
    singles = {item for item in items if len(item) == 1}
    strings = {item for item in items if len(item) > 1 and item != "punctuation"}
    marks = "punctuation" in items

    def broken(case, tokens):
        new = case.new(tokens)
        return any(c in singles or (marks and is_mark(c)) for c in new) or any(s in new for s in strings)

    return Wish("ban=" + written(items), broken)


def only(*items):
    marks = "punctuation" in items
    singles = {char for item in items if item != "punctuation" for char in item}
    return Wish(
        "only=" + written(items),
        lambda case, tokens: any(c not in singles and not (marks and is_mark(c)) for c in case.new(tokens)),
    )


def no_unk():
    return Wish("no_unk", lambda case, tokens: case.vocabulary.unk in tokens)


def no_special():
    return Wish(
        "no_special",
        lambda case, tokens: any(t in case.vocabulary.specials or not case.vocabulary.surfaces[t] for t in tokens),
    )


def no_repeat(n, exempt=""):
    def broken(case, tokens):
        whole = case.whole(tokens)
        places = range(len(case.prompt), len(whole))
        return any(whole[i] in whole[max(0, i - n) : i] and whole[i] not in exempt for i in places)

    return Wish(f"no_repeat={n}" + (",exempt=" + written(exempt) if exempt else ""), broken)


def no_repeat_ngram(n, within=None, exempt=""):
    def broken(case, tokens):
        counted = [(place, char) for place, char in enumerate(case.whole(tokens)) if char not in exempt]
        runs = [tuple(char for _, char in counted[i : i + n]) for i in range(len(counted) - n + 1)]
        first = 0 if within is None else n - 1 - within  # a run that begins `within` before the last is forgotten
        new = [i for i in range(len(runs)) if counted[i + n - 1][0] >= len(case.prompt)]
        return any(runs[i] in runs[max(0, i + first) if within else 0 : i] for i in new)

    more = "" if within is None else f",within={within}"
    return Wish(f"no_repeat_ngram={n}{more}" + (",exempt=" + written(exempt) if exempt else ""), broken)


def length(low, high, of="new"):
    count = len if of == "new" else None
    span = str(low) if low == high else f"{low}..{'' if high is None else high}"
    most = float("inf") if high is None else high

    def size(case, tokens):
        return count(case.new(tokens)) if count else len(case.whole(tokens))

    return Wish(
        f"length={span},of={of}",
        lambda case, tokens: size(case, tokens) > most,
        lambda case, tokens: size(case, tokens) >= low,
        lambda prompt: of == "whole" and len(prompt) > most,
    )


def stop(*strings):
    return Wish("stop=" + written(strings), stops=tuple(strings))


def force(places, of="new"):
    def differs(text):
        return any(len(text) >= place and text[place - 1] != char for place, char in places.items())

    def text(case, tokens):
        return case.new(tokens) if of == "new" else case.whole(tokens)

    return Wish(
        "force=" + written(f"{place}:{char}" for place, char in sorted(places.items())) + f",of={of}",
        lambda case, tokens: differs(text(case, tokens)),
        lambda case, tokens: len(text(case, tokens)) >= max(places),
        lambda prompt: of == "whole" and differs(prompt),
    )


def no_double_punctuation():
    def broken(case, tokens):
        whole = case.whole(tokens)
        return any(is_mark(whole[i - 1]) and is_mark(whole[i]) for i in range(max(1, len(case.prompt)), len(whole)))

    return Wish("no_double_punctuation", broken)
