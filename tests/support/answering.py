"""Rules of one's own, one of whose methods answers something else than it may."""

import numpy as np

ALPHABET = "abcdefgh"


class Recent:
    """Forbid the last three characters."""

    def start(self, text):
        return tuple(text[-3:])

    def step(self, state, char):
        return None if char in state else (*state, char)[-3:]

    def accepts(self, state):
        return True


class Told(Recent):
    """The same, which tells what it forbids of many rows at once."""

    def only_forbids_repeats_of(self, state):
        return frozenset(state)

    def removes_at_most(self, horizon):
        return 3

    def mentions(self, state):
        return state

    def kind(self, char):
        return 0

    def banned(self, history, lengths):
        last = [(row, code) for row, n in enumerate(lengths) for code in history[row, :n][-3:]]
        rows, codes = np.array(last, dtype=np.int64).reshape(-1, 2).T
        return rows, codes


class Tokens:
    """A rule over tokens that allows all and counts to four."""

    def start(self, prompt):
        return 0

    def allowed(self, state):
        return np.ones(len(ALPHABET) + 1, dtype=bool)

    def next(self, state, token):
        return min(state + 1, 4)

    def accepts(self, state):
        return state >= 2


def wrong(rule, **methods):
    """A rule like this one with other methods."""
    return type("Wrong", (rule,), methods)()


def gives(found):
    """A method that gives this, whatever it is asked."""
    return lambda *asked: found


class Incomparable:
    """A state that cannot be compared."""

    def __eq__(self, other):
        raise RuntimeError("eq")

    def __hash__(self):
        return 1


def pair(rows, codes):
    """Two arrays."""
    return gives((np.array(rows), np.array(codes)))


BANNED = {
    "none": gives(None),
    "three": gives((np.array([0]), np.array([97]), 1)),
    "lists": gives(([0], [97])),
    "uneven": pair([0], [97, 98]),
    "row beyond": pair([5], [97]),
    "row before": pair([-1], [97]),
    "code below": pair([0], [-7]),
    "code beyond": pair([0], [2**40]),
    "floats": pair([0.0], [97.0]),
    "strings": pair([0], ["a"]),
    "shape": pair([[0]], [[97]]),
    "mask": lambda self, history, lengths: history == 97,
    "generator": lambda self, history, lengths: (each for each in ([0], [97])),
    "bools": pair([True], [True]),
}
HOLDS = np.ones(len(ALPHABET) + 1, dtype=bool)
ANSWERS = {
    "kind": [(Recent, gives([1]))],
    "kinds": [(Tokens, gives([0] * 3)), (Tokens, gives([[0]] * 9)), (Tokens, gives(5))],
    "transitions": [
        (Recent, gives([1, 2])), (Recent, gives("ab")), (Tokens, gives([(1, 2)])),
        (Tokens, gives([(HOLDS[:3], 1)])), (Tokens, gives([(HOLDS, 1, 2)])),
    ],
    "cut": [(Tokens, gives(-1)), (Tokens, gives("a")), (Tokens, gives(0.5))],
    "parts": [(Recent, ()), (Recent, None), (Recent, (1, 2)), (Recent, [Recent])],
}  # fmt: skip
CASES = [(name, rule, found) for name, cases in ANSWERS.items() for rule, found in cases]
UNASKED = [
    *[(name, Recent, gives(found)) for name in ("needs", "gathers") for found in (3, [3], ["ab"])],
    *[("mentions", Told, gives(found)) for found in (3, [1, 2])],
    ("enders", Tokens, gives(["a"])),
    ("held", Tokens, gives("a")),
]
"""What is asked only where something is searched for, or a text ends."""
