"""The guarantee: no token is chosen without a witness for the rest of the text within the budget.

It stands only here. `Viable.first` takes proposals in order. It returns the first that has a rest behind it, or the
witness's own token. Code that weighs many proposals at once calls `look` for each and falls back on `trusted`. For the
first proposals of all rows, `Rows.go_on` gives the quick "yes" of `look`, and no other answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..chain import Plan
from ..memory import Memory, remembered
from ..proving.histories import History
from ..proving.product import Joint
from ..proving.prover import Answer, Prover
from ..text.token_sets import Ids

ATTEMPTS = 256
"""How many tokens are struck at one position before the witness decides."""

DOUBTS = 4
"""How many searches at one position may reach their limit before the witness decides; each costs its full price."""

SWEEP = 16
"""After this many strikes at one position, all tokens are checked, those that behave alike at once."""

STATES = 4096
"""For how many states the visibly dead tokens are remembered."""

NEAR, TRIES = 3, 2000
"""This many tokens before the end, all rests of a token are tried before it is drawn, with at most so many tokens."""


class Seen(NamedTuple):
    """A token that was looked at.

    It says whether there is a rest behind it, the state it leads to, and the rest as far as it is written out.
    """

    answer: Answer
    joint: Joint
    rest: Ids = ()


class Choice(NamedTuple):
    """The token to write (None: none is left, not even the end) and the state it leads to (None: the text ends).

    `rest` is a legal rest behind it, as far as it is written out. `struck` are the tokens refused before it. `exact` is
    False if a bound, not a proof, refused one of them; `doubts` counts these.
    """

    token: int | None
    joint: Joint | None
    rest: Ids = ()
    struck: Ids = ()
    exact: bool = True
    doubts: int = 0


Propose = Callable[[Ids, int], int | None]
"""`(struck, attempt) -> token`: the next proposal, none of the struck tokens; None if none is left."""


@dataclass(frozen=True, eq=False)
class Viable:
    """Finds which tokens have a text behind them, for one plan. Every answer is a function of the state, the tokens
    left and the known rest. `rest` is always legal where the text stands.
    """

    plan: Plan
    _seen: Memory[tuple[Joint, int, str, int], bool] = remembered(STATES)

    def first(
        self,
        joint: Joint,
        left: int,
        propose: Propose,
        *,
        rest: Ids = (),
        history: History | None = None,
        among: Callable[[], Iterable[int]] = tuple,
        struck: Ids = (),
        doubts: int = 0,
    ) -> Choice:
        """The first proposal behind which there is a text of at most `left` tokens, the proposal included.

        The end of the text needs no proof.

        What the text used (`history`) makes most answers quick. The witness's own token is taken after `ATTEMPTS`
        proposals without a rest, or after `DOUBTS` undecided ones. `among` gives all allowed tokens; it is called after
        many strikes. Tokens `struck` at this position before, and their `doubts`, count too.
        """
        exact = True
        attempts = len(struck)
        while True:
            token = propose(struck, attempts)
            if token is None or token == self.plan.end:
                return Choice(token, None, (), struck, exact, doubts)
            seen = self.look(joint, left, token, rest, history)
            if seen.answer == "yes":
                return Choice(token, seen.joint, seen.rest, struck, exact, doubts)
            exact = exact and seen.answer == "no"
            struck = (*struck, token)
            doubts += seen.answer == "undecided"
            attempts += 1
            if attempts == SWEEP and not doubts:
                struck = (*struck, *self.seen_dead(joint, left, [each for each in among() if each != self.plan.end]))
            if doubts >= DOUBTS or attempts >= ATTEMPTS:
                return self.trusted(joint, left, rest, struck, doubts)

    def look(self, joint: Joint, left: int, token: int, rest: Ids = (), history: History | None = None) -> Seen:
        """Whether there is a text of at most `left` tokens that begins with this permitted token."""
        after = self.plan.product.next(joint, token)
        if rest and rest[0] == token:
            return Seen("yes", after, rest[1:])
        prover = self.plan.prover
        if history is not None:
            asked = [after.others[place] for place in prover.sufficient.row_by_row]
            if prover.sufficient.is_sure(after.node, asked, left - 1, history, self._texts[token]):
                return Seen("yes", after)
        found = self.plan.find(after, left - 1, rest[1:])
        return Seen(found.answer, after, found.rest)

    @property
    def _texts(self) -> Sequence[str | None]:
        return self.plan.chain.vocabulary.texts

    def trusted(self, joint: Joint, left: int, rest: Ids = (), struck: Ids = (), doubts: int = 0) -> Choice:
        """The next token of a known legal rest, or the end where nothing is missing. Not exact, since other tokens may
        have been as good.
        """
        if not rest and self.plan.product.accepts(joint):
            return Choice(self.plan.end, None, (), struck, False, doubts)
        rest = rest or self.plan.step(joint, left)
        return Choice(rest[0], self.plan.product.next(joint, rest[0]), rest[1:], struck, False, doubts)

    def dead(self, joint: Joint, left: int, tokens: Sequence[int] | np.ndarray, rest: Ids = ()) -> tuple[set[int], int]:
        """Those of the tokens that have no text behind them, and how many of them are only undecided.

        Tokens that behave alike share one proof.
        """
        known: dict[tuple[str, int], Answer] = {}
        found: set[int] = set()
        undecided = 0
        for token, key in self._doubtful(joint, left, tokens):
            if token in rest[:1]:
                continue
            if key not in known:
                known[key] = self.look(joint, left, token, rest).answer
            if known[key] != "yes":
                found.add(token)
                undecided += known[key] == "undecided"
        return found, undecided

    def seen_dead(self, joint: Joint, left: int, tokens: Sequence[int]) -> set[int]:
        """Those of these tokens that are visibly dead, without a search beyond `NEAR` tokens.

        `Plan.tokens` must allow all of the tokens.
        """
        found: set[int] = set()
        if left - 1 > NEAR:
            ids = np.fromiter(tokens, dtype=np.int64, count=len(tokens))
            with self.plan.searching():
                lost = self.plan.prover.automaton.dead_among(joint.node, left - 1, ids)
            found.update(lost.tolist())
            left_over = np.setdiff1d(ids, lost, assume_unique=True) if len(lost) else ids
            tokens = self.plan.prover.needs.suspects(joint, left_over).tolist()
        for token, (how, number) in self._doubtful(joint, left, tokens):
            key = (joint, left, how, number)
            seen = self._seen.get(key)
            if seen is None:
                after = self.plan.product.next(joint, token)
                with self.plan.searching():
                    seen = self._seen.put(key, is_dead(self.plan.prover, after, left - 1, iter(range(TRIES))))
            if seen:
                found.add(token)
        return found

    def _doubtful(
        self, joint: Joint, left: int, tokens: Sequence[int] | np.ndarray
    ) -> list[tuple[int, tuple[str, int]]]:
        """The tokens that may be dead, each with a key that is equal for tokens that behave alike."""
        prover = self.plan.prover
        ids = np.asarray(tokens, dtype=np.int64)
        if not len(ids):
            return []
        with self.plan.searching():
            sure = prover.unfailing(joint, ids, left - 1)
        if sure.all():
            return []
        mentioned, group_of = prover.alike.mentioned(joint), prover.alike.group_of
        asked = ids[~sure].tolist()
        return [(token, ("itself", token) if token in mentioned else ("alike", group_of[token])) for token in asked]


def is_dead(prover: Prover, joint: Joint, budget: int, tries: Iterator[int]) -> bool:
    """Whether a state visibly has no rest of at most `budget` tokens.

    It shows by what follows at once. Near the end all rests are tried, as long as there are `tries`.
    """
    known = prover.at_once(joint, budget)
    if known is not None or budget > NEAR:
        return known == "no"
    for token in prover.alike.of(joint):
        if next(tries, None) is None:
            return False
        permitted = prover.product.permits(joint, token)
        if permitted and not is_dead(prover, prover.product.next(joint, token), budget - 1, tries):
            return False
    return True
