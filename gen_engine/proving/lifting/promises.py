"""What a rule may say beyond its four functions: one record, made once, read by everything that proves.

Four functions are enough (`start`, `allowed` or `step`, `next`, `accepts`). A promise makes a proof faster or
possible, and the kit holds a rule to it. A rule gives a promise as a method of the name that stands here; one that is
not given is taken for the weakest there is. `Promises` speaks of tokens; a character machine gives the same in
characters, and `promised_by_machine` lifts it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import ceil, inf
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from ...text.vocabulary import Vocabulary
    from ...types import CharMachine
    from .partitions import Keys


def offered(rule: Any, name: str) -> Callable[..., Any] | None:
    """An optional method of a rule; None if it has none. A field of that name, such as `most`, is no method."""
    found = getattr(rule, name, None)
    return found if callable(found) else None


def _nothing_missing(state: Any) -> float:
    return 0


def _no_bound(state: Any) -> float:
    return inf


def _no_promise(*asked: Any) -> None:
    return None


def _never(token: int) -> bool:
    return False


def _no_words(state: Any) -> str:
    return ""


@dataclass(frozen=True, eq=False)
class Promises:
    """What one rule says of itself, in tokens. None for a whole promise: the rule never says.

    *Which tokens are alike.* `kinds()` gives a key for each token (a machine: `kind(char)`): tokens of one key that the
    state does not mention are judged alike ever after. So the prover tries one of each; rules of few states need not
    say it, since it is found out (`learn.py`). `mentions(state)` are the tokens that the state singles out. What
    singles out depends on history, is kept out of the automaton, and what is mentioned is tried one by one.

    *What follows.* `moves(state)` gives (tokens, next state) for each state that may follow: disjoint sets (masks or
    bool arrays [vocab]; a machine: `CharSet`) which together are what is permitted. Rules that say so, or give kinds
    and mention nothing, make up the automaton, which is searched by A* as far as needed. `permits(state, token)` is
    the same answer as `allowed`, for one token.

    *How far the end is.* `least(state)`: at least so many tokens (characters) are missing before the rule accepts; it
    steers the search. `most(state)`: at most so many characters may follow. An exact `least` can harm: where it tells
    a right last character from a wrong one (acrostics at the ends of lines), the search is drawn to put the right one
    everywhere; tell it one too low there. (`least_singly` is the same bound for tokens of single characters, which the
    lift works out.)

    *Rules of history, counted.* `removes_at_most(horizon)`: a bound on the tokens (characters) forbidden at any one
    place of a text of at most `horizon` characters, and the promise to accept everywhere; None is no promise. A way on
    which each step has more choices than the others can remove is safe. `spares(token)` promises never to forbid it.
    `spent(state)`: nothing is forbidden, and the rule accepts, as long as each further character is spared, or neither
    among these nor written twice; so a character of its own for each place ahead is a text. None is no promise.
    `banned(history, lengths)`: the rule accepts everywhere, and forbids nothing but characters that it tells of many
    rows at once. `history` [rows, T], not to be changed, are code points, of which the first `lengths[i]` are the text
    of row i so far, prompt included, and the rest -1; it gives two arrays of one length, rows and code points. So it is
    not asked row by row. What it gives as `spent` is then part of the text. Machines alone say this, and it is used
    where tokens print one character at most.
    `bars(state)` gives (character, places): the same texts may follow as behind an empty text, but those with such a
    character among their first so many places; so tokens of several characters are not tried one by one. For machines.
    `used_up(state, room)`: in a text of at most `room` characters none of these is ever permitted again, nor any that
    is not spared once it is written; so it is seen that characters are lacking.

    *What must come.* `needs(state)`: each of these characters must still come, as often as it stands here.
    `gathers(state)`: the rule never forbids anything, and accepts exactly when each of these has come, in any order; so
    they are matched to the places ahead instead of making each subset of them a state.

    *For people.* `wants(state)` says what the rule wants next, in words and with the place.

    *Stop strings.* `cut(state)`: how many trailing tokens are no part of the text, which then has ended. What cuts may
    also have `strings` (the longest tells how far back it cuts), `enders(state)`, tokens that would complete a cut, and
    `held(state)`, how many trailing bytes may still be cut, which a stream withholds.

    Of a machine alone: `parts` are machines which together say the same and which a chain takes one by one, so that
    some of them are known exactly. `parted()` are machines each of which forbids less, among which a contradiction is
    looked for where all is too much. `as_typed` is true where a prompt is judged as it was typed (tones), not in the
    spelling that the model reads.
    """

    kinds: Callable[[], Keys | None] | None = None
    mentions: Callable[[Any], Iterable[int]] | None = None
    moves: Callable[[Any], Iterable[tuple[Any, Any]]] | None = None
    permits: Callable[[Any, int], bool] | None = None
    least: Callable[[Any], float] = _nothing_missing
    least_singly: Callable[[Any], float] | None = None
    most: Callable[[Any], float] = _no_bound
    removes_at_most: Callable[[int], int | None] = _no_promise
    spares: Callable[[int], bool] = _never
    spent: Callable[[Any], frozenset[str] | None] = _no_promise
    banned: Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]] | None = None
    used_up: Callable[[Any, int], frozenset[str] | None] | None = None
    needs: Callable[[Any], Sequence[str]] | None = None
    gathers: Callable[[Any], Sequence[str]] | None = None
    wants: Callable[[Any], str] = _no_words
    cut: Callable[[Any], int] | None = None
    enders: Callable[[Any], Iterable[int]] | None = None
    held: Callable[[Any], int] | None = None

    @property
    def tells_alike(self) -> bool:
        """Whether the rule itself says what makes tokens alike, or what follows."""
        return self.kinds is not None or self.moves is not None


def promised_by_constraint(rule: Any) -> Promises:
    """What a rule over tokens says."""
    own = {name: offered(rule, name) for name in Promises.__dataclass_fields__}
    return Promises(**{name: method for name, method in own.items() if method is not None})


def promised_by_machine(machine: CharMachine, vocabulary: Vocabulary, **lifted: Any) -> Promises:
    """What a rule over characters says, of the tokens of a vocabulary; its states are pairs of the machine's state and
    the bytes of an unfinished character. `lifted` are the promises that the lift itself works out.
    """

    def of_state(name: str) -> Callable[[Any], Any] | None:
        own = offered(machine, name)
        return None if own is None else lambda state: own(state[0])

    made: dict[str, Any] = dict(lifted)
    made |= {name: of_state(name) for name in ("most", "gathers")}
    if (wants := offered(machine, "wants")) is not None:
        made["wants"] = lambda state: str(wants(state[0]))
    if (least := offered(machine, "least")) is not None:
        made["least"] = lambda state: ceil(least(state[0]) / vocabulary.longest)
        made["least_singly"] = lambda state: float(least(state[0]))
    if (spent := offered(machine, "spent")) is not None:
        made["spent"] = lambda state: None if state[1] else spent(state[0])
    if (used_up := offered(machine, "used_up")) is not None:
        made["used_up"] = lambda state, room: used_up(state[0], room)
    if (needs := offered(machine, "needs")) is not None:
        made["needs"] = lambda state: () if state[1] else needs(state[0])
    if (bound := offered(machine, "removes_at_most")) is not None:
        made["removes_at_most"] = lambda horizon: _times(bound(horizon), vocabulary.widest)
    made["banned"] = offered(machine, "banned")
    made["spares"] = _spared(machine, vocabulary)
    return Promises(**{name: method for name, method in made.items() if method is not None})


def _times(bound: int | None, twins: int) -> int | None:
    return None if bound is None else int(bound) * twins


def _spared(machine: CharMachine, vocabulary: Vocabulary) -> Callable[[int], bool]:
    """Whether a token is never forbidden: it prints nothing, or characters that the machine spares."""
    spares = offered(machine, "spares")

    def is_spared(token: int) -> bool:
        text = vocabulary.text_at(token)
        return text is not None and (not text or (spares is not None and all(spares(char) for char in text)))

    return is_spared
