"""A session as a pure state machine: what stands on the table, what was before it, what is kept.

A change is made in two steps. A function says what is to be written (`Ask`). Once it is written, `took` gives the
session that follows; if it cannot be written, the session stays as it is. Nothing here knows models and terminals.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from gen_engine.errors import GenError
from gen_engine.text import is_han

from .grid import BLANK, couplets_of, lines_of, nth, pattern_of, place_of, position_of

SEEDS = 2**32

Wishes = tuple[tuple[str, tuple[str, ...] | None], ...]
"""What is asked for: options with their values, () for a flag, None for one that was taken back."""


@dataclass(frozen=True)
class Draft:
    """A text: as the model wrote it, as it is shown, its seed, and the fixed characters by position; how it had to
    begin, and by which wishes it was written.
    """

    written: str
    shown: str
    seed: int = 0
    fixed: Mapping[int, str] = field(default_factory=dict)
    start: str = ""
    wishes: Wishes = ()


@dataclass(frozen=True)
class Ask:
    """A text to be written: by this seed, to a pattern with blanks ("": free), with these characters fixed, other than
    `unlike`, by these wishes. `words` tell what was done.
    """

    seed: int
    pattern: str = ""
    fixed: Mapping[int, str] = field(default_factory=dict)
    unlike: str = ""
    words: str = ""
    wishes: Wishes = ()


@dataclass(frozen=True)
class Session:
    """The state: the first seed and wishes, how many texts were asked for, and what can be undone and done again.

    `kept` never loses a text. `saved` says how many of them are in a file.
    """

    seed: int
    first: Wishes = ()
    asked: int = 0
    past: tuple[Draft, ...] = ()
    now: Draft | None = None
    future: tuple[Draft, ...] = ()
    kept: tuple[Draft, ...] = ()
    saved: int = 0

    @property
    def draft(self) -> Draft:
        """What stands on the table. GenError if nothing does."""
        if self.now is None:
            raise GenError("There is no text yet; n writes one.")
        return self.now

    @property
    def wishes(self) -> Wishes:
        """What is asked for now."""
        return self.first if self.now is None else self.now.wishes

    @property
    def next_seed(self) -> int:
        """The seed of the next text: undoing never brings one back."""
        return (self.seed + self.asked) % SEEDS

    @property
    def unsaved(self) -> tuple[Draft, ...]:
        """The kept texts that are in no file."""
        return self.kept[self.saved :]


# ------------------------------------------------------------------------------------------- what is to be written


def another(session: Session) -> Ask:
    """Another text, in which the fixed characters stay."""
    fixed = session.now.fixed if session.now else {}
    pattern = pattern_of(session.draft.written, _free(session), fixed) if fixed else ""
    return Ask(session.next_seed, pattern, fixed, words="another one", wishes=session.wishes)


def by_wishes(session: Session, wishes: Wishes) -> Ask:
    """A text by other wishes, in which the fixed characters stay."""
    draft = session.draft
    opened = (position for position, char in enumerate(draft.written) if is_han(char))
    pattern = pattern_of(draft.written, opened, draft.fixed) if draft.fixed else ""
    return Ask(session.next_seed, pattern, draft.fixed, wishes=wishes)


def without_fixed(ask: Ask) -> Ask:
    """The same with nothing fixed, for which characters only have to stand where they do."""
    pattern = "".join(BLANK if is_han(sign) else sign for sign in ask.pattern)
    return replace(ask, pattern=pattern, fixed={})


def line_anew(session: Session, line: int) -> Ask:
    """One line anew, and all others kept."""
    return _anew(session, nth(lines_of(session.draft.written), line, "line"), f"line {line} anew")


def couplet_anew(session: Session, couplet: int) -> Ask:
    """One couplet anew (of a ci, one sentence), and all others kept."""
    return _anew(session, nth(couplets_of(session.draft.written), couplet, "couplet"), f"couplet {couplet} anew")


def place_anew(session: Session, line: int, place: int) -> Ask:
    """Another character at one place, and all others kept."""
    return _anew(session, [position_of(session.draft.written, line, place)], f"{line}.{place} anew")


def _anew(session: Session, positions: Iterable[int], words: str) -> Ask:
    draft = session.draft
    opened = [each for each in positions if each in _free(session)]
    if not opened:
        raise GenError("All of that is fixed, or given by --prompt; d frees what is fixed.")
    pattern = pattern_of(draft.written, opened, draft.fixed)
    return Ask(session.next_seed, pattern, draft.fixed, draft.written, words, session.wishes)


def fixing(session: Session, line: int, place: int, chars: str = "") -> list[Ask]:
    """Ways to fix `chars` from a place on (none: those that stand there), the least change first.

    They keep all else, write the line anew, or write all anew.
    """
    draft = session.draft
    first = position_of(draft.written, line, place)
    row = nth(lines_of(draft.written), line, "line")
    chars = chars or draft.shown[first]
    if not all(map(is_han, chars)):
        raise GenError("Chinese characters can be fixed; write f 2.3 月.")
    if place - 1 + len(chars) > len(row):
        raise GenError(f"Line {line} has {len(row)} places; {chars} goes beyond them.")
    told = dict(zip(row[place - 1 :], chars, strict=False))
    for position, char in told.items():
        if position < len(draft.start) and char != draft.shown[position]:
            at = place_of(draft.written, position)
            raise GenError(f"{draft.shown[position]} at {at} is given by --prompt; prompt TEXT asks for another.")
    fixed = {**draft.fixed, **told}
    where = f"{chars} at {line}.{place}"
    ways = {(): "all else kept", tuple(row): f"line {line} anew for it", tuple(_free(session)): "all anew for it"}
    patterns = {pattern_of(draft.written, _but(opened, session), fixed): how for opened, how in ways.items()}
    seed, wishes = session.next_seed, session.wishes
    return [Ask(seed, each, fixed, words=f"{where}, {how}", wishes=wishes) for each, how in patterns.items()]


def _free(session: Session) -> list[int]:
    """The positions that may change: behind the prompt, and not fixed."""
    draft = session.draft
    behind = (position for position, char in enumerate(draft.written) if is_han(char))
    return [position for position in behind if position >= len(draft.start) and position not in draft.fixed]


def _but(opened: Iterable[int], session: Session) -> list[int]:
    free = set(_free(session))
    return [position for position in opened if position in free]


# ----------------------------------------------------------------------------------------------------- what follows


def took(session: Session, ask: Ask, *, written: str, shown: str, start: str = "") -> Session:
    """The session in which what was asked for, and had to begin with `start`, stands on the table."""
    found = _on_table(session, Draft(written, shown, ask.seed, dict(ask.fixed), start, ask.wishes))
    return replace(found, asked=session.asked + 1)


def _on_table(session: Session, draft: Draft) -> Session:
    past = session.past if session.now is None else (*session.past, session.now)
    return replace(session, past=past, now=draft, future=())


def free(session: Session, line: int = 0, place: int = 0) -> Session:
    """The session in which a fixed character, those of a line, or all of them may change again."""
    draft = session.draft
    row = nth(lines_of(draft.written), line, "line") if line else list(draft.fixed)
    let_go = {position_of(draft.written, line, place)} if place else set(row)
    rest = {position: char for position, char in draft.fixed.items() if position not in let_go}
    if rest == draft.fixed:
        raise GenError("Nothing is fixed there; f fixes a character.")
    return _on_table(session, replace(draft, fixed=rest))


def undone(session: Session) -> Session:
    """The session before the last change."""
    if not session.past or session.now is None:
        raise GenError("There is nothing to undo.")
    return replace(session, past=session.past[:-1], now=session.past[-1], future=(session.now, *session.future))


def redone(session: Session) -> Session:
    """The session before the last undo."""
    if not session.future or session.now is None:
        raise GenError("There is nothing to do again.")
    return replace(session, past=(*session.past, session.now), now=session.future[0], future=session.future[1:])


def keep(session: Session) -> Session:
    """The session in which the text on the table is kept."""
    shown = [each.shown for each in session.kept]
    if session.draft.shown in shown:
        raise GenError(f"It is kept already, as number {shown.index(session.draft.shown) + 1}.")
    return replace(session, kept=(*session.kept, session.draft))


def brought_back(session: Session, number: int) -> Session:
    """The session in which a kept text, counted from 1, stands on the table again."""
    if not 1 <= number <= len(session.kept):
        raise GenError(f"{len(session.kept)} are kept, and none of them is number {number}.")
    return _on_table(session, session.kept[number - 1])


def saved(session: Session) -> Session:
    """The session in which all kept texts are in a file."""
    return replace(session, saved=len(session.kept))


def is_open(ask: Ask) -> bool:
    """Whether anything is to be chosen."""
    return not ask.pattern or BLANK in ask.pattern
