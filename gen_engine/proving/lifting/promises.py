"""What a rule may say beyond its four functions: one record, made once, read by everything that proves.

Four functions are enough (`start`, `allowed` or `step`, `next`, `accepts`). A promise makes a proof faster or possible,
and the conformance kit checks that the rule keeps it. A rule gives a promise as a method of the name listed here. For
each method that is missing, the weakest promise is assumed. `Promises` is about tokens; a character machine gives the
same in characters, and `promised_by_machine` lifts it.
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
    """An optional method of a rule; None if it has none. A field of that name, such as `max_remaining`, does not count."""
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
    """What one rule says of itself, in tokens. A promise that is None is never given.

    *Which tokens are alike.*
    `kinds()`: a key for each token (a machine: `kind(char)`). Tokens with equal keys that the state does not mention
    are judged alike from then on, so the prover tries one of each. Rules of few states may omit it, since the engine
    finds it out (`token_classes.py`).
    `mentions(state)`: the tokens that the state singles out. A rule that singles out tokens depends on history and
    stays out of the automaton. Mentioned tokens are tried one by one.

    *What follows.*
    `transitions(state)`: pairs (tokens, next state), one for each possible next state. The sets are disjoint, and together
    they are what is permitted (masks or bool arrays [vocab]; a machine: `CharSet`). The automaton consists of rules
    that offer it, or offer kinds and mention nothing. A* searches the automaton as far as needed.
    `permits(state, token)`: the same answer as `allowed`, for one token.

    *How far the end is.*
    `min_remaining(state)`: at least this many tokens (characters) are missing before the rule accepts. It steers the search.
    An exact value can harm. Suppose it distinguishes a right last character from a wrong one (acrostics at the ends
    of lines). Then the search is drawn to put the right one everywhere; return one less there.
    `min_remaining_singly(state)`: the same bound for tokens of single characters, computed by the lift.
    `max_remaining(state)`: at most this many characters may follow.

    *History rules, counted.*
    `removes_at_most(horizon)`: a bound on the tokens (characters) forbidden at any one place of a text of at most
    `horizon` characters. It is also a promise to accept everywhere. None is no promise. A path is safe if each step
    has more choices than the rules outside the automaton can remove.
    `never_forbids(token)`: a promise never to forbid the token.
    `only_forbids_repeats_of(state)`: a set of characters. The rule accepts and forbids nothing as long as each further character is
    spared, or is neither in this set nor written twice. So a text exists if each place ahead can have a character of
    its own. None is no promise.
    `banned(history, lengths)`: the rule accepts everywhere, and forbids only characters that it returns for many rows
    at once. So it is not called row by row. `history` [rows, T] holds code points and must not be changed. The first
    `lengths[i]` of row i are its text so far, prompt included; the rest are -1. The result is two arrays of the same
    length, rows and code points. The characters in `only_forbids_repeats_of` must then occur in the text. Machines only; used where
    tokens print at most one character.
    `bars(state)`: pairs (character, places). The same texts may follow as after an empty text, except those with such
    a character among their first `places` places. So tokens of several characters are not tried one by one.
    Machines only.
    `never_again(state, room)`: characters that are never permitted again in a text of at most `room` characters. Any
    character written later is not permitted again either, unless it is spared. So a lack of characters can be proven.

    *What must come.*
    `needs(state)`: each of these characters must still come, as often as it is listed.
    `gathers(state)`: the rule never forbids anything, and accepts exactly when each of these characters has come, in
    any order. So they are matched to the places ahead, and no state is needed for each subset.

    *For people.*
    `describe_next(state)`: what the rule wants next, in words and with the place.

    *Stop strings.*
    `cut(state)`: how many trailing tokens are not part of the text; if there are any, the text has ended. A rule that
    cuts may also have `strings`; the longest of them tells how far back it cuts.
    `enders(state)`: the tokens that would complete a cut.
    `held(state)`: how many trailing bytes may still be cut; a stream withholds them.

    *Machines only.*
    `parts`: machines that together say the same. A chain takes them one by one, so that some can be known exactly.
    `parted()`: machines that each forbid less. If the whole is too much to search, a contradiction is sought in each.
    `as_typed`: true if a prompt is judged as it was typed (tones), not in the spelling that the model reads.
    """

    kinds: Callable[[], Keys | None] | None = None
    mentions: Callable[[Any], Iterable[int]] | None = None
    transitions: Callable[[Any], Iterable[tuple[Any, Any]]] | None = None
    permits: Callable[[Any, int], bool] | None = None
    min_remaining: Callable[[Any], float] = _nothing_missing
    min_remaining_singly: Callable[[Any], float] | None = None
    max_remaining: Callable[[Any], float] = _no_bound
    removes_at_most: Callable[[int], int | None] = _no_promise
    never_forbids: Callable[[int], bool] = _never
    only_forbids_repeats_of: Callable[[Any], frozenset[str] | None] = _no_promise
    banned: Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]] | None = None
    never_again: Callable[[Any, int], frozenset[str] | None] | None = None
    needs: Callable[[Any], Sequence[str]] | None = None
    gathers: Callable[[Any], Sequence[str]] | None = None
    describe_next: Callable[[Any], str] = _no_words
    cut: Callable[[Any], int] | None = None
    enders: Callable[[Any], Iterable[int]] | None = None
    held: Callable[[Any], int] | None = None

    @property
    def tells_alike(self) -> bool:
        """Whether the rule itself says which tokens are alike, or what follows."""
        return self.kinds is not None or self.transitions is not None


def promised_by_constraint(rule: Any) -> Promises:
    """What a rule over tokens promises."""
    own = {name: offered(rule, name) for name in Promises.__dataclass_fields__}
    return Promises(**{name: method for name, method in own.items() if method is not None})


def promised_by_machine(machine: CharMachine, vocabulary: Vocabulary, **lifted: Any) -> Promises:
    """What a rule over characters promises about the tokens of a vocabulary.

    Its states are pairs: the machine's state and the bytes of an unfinished character. `lifted` are the promises that
    the lift itself computes.
    """

    def of_state(name: str) -> Callable[[Any], Any] | None:
        own = offered(machine, name)
        return None if own is None else lambda state: own(state[0])

    made: dict[str, Any] = dict(lifted)
    made |= {name: of_state(name) for name in ("max_remaining", "gathers")}
    if (wants := offered(machine, "describe_next")) is not None:
        made["describe_next"] = lambda state: str(wants(state[0]))
    if (least := offered(machine, "min_remaining")) is not None:
        made["min_remaining"] = lambda state: ceil(least(state[0]) / vocabulary.longest)
        made["min_remaining_singly"] = lambda state: float(least(state[0]))
    if (spent := offered(machine, "only_forbids_repeats_of")) is not None:
        made["only_forbids_repeats_of"] = lambda state: None if state[1] else spent(state[0])
    if (used_up := offered(machine, "never_again")) is not None:
        made["never_again"] = lambda state, room: used_up(state[0], room)
    if (needs := offered(machine, "needs")) is not None:
        made["needs"] = lambda state: () if state[1] else needs(state[0])
    if (bound := offered(machine, "removes_at_most")) is not None:
        made["removes_at_most"] = lambda horizon: _times(bound(horizon), vocabulary.widest)
    made["banned"] = offered(machine, "banned")
    made["never_forbids"] = _spared(machine, vocabulary)
    return Promises(**{name: method for name, method in made.items() if method is not None})


def _times(bound: int | None, twins: int) -> int | None:
    return None if bound is None else int(bound) * twins


def _spared(machine: CharMachine, vocabulary: Vocabulary) -> Callable[[int], bool]:
    """A test whether a token is never forbidden: it prints nothing, or only characters that the machine spares."""
    spares = offered(machine, "never_forbids")

    def is_spared(token: int) -> bool:
        text = vocabulary.text_at(token)
        return text is not None and (not text or (spares is not None and all(spares(char) for char in text)))

    return is_spared
