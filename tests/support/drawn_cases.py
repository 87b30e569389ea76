"""Cases whose texts are few enough to know how often each of them must be drawn."""

import custom_rules
import oracle
from oracle import Case, Wish
from tiny import chars, vocabulary

from gen_engine.types import Named

ESTRANGED = Wish(
    Named("estranged", custom_rules.Estranged()), complete=lambda case, tokens: not custom_rules.echoes(case, tokens)
)
DRAWN = [
    Case(chars("春夏秋"), "冬", 4, (oracle.length(2, 4), oracle.no_repeat(2))),
    Case(chars("abc"), "b", 5, (oracle.no_repeat_ngram(2), oracle.stop("ca"), oracle.length(1, None))),
    Case(
        vocabulary("a", "b", "ab", "é".encode()[:1], "é".encode()[1:]), "", 3, (oracle.length(3, 3), oracle.ban("bb"))
    ),
    Case(chars("aab"), "", 4, (oracle.force({4: "b"}), oracle.no_repeat(3, "b"))),
    # Nobody foresees the character with which the text may not end: it is struck, and the choice redrawn.
    Case(chars("abcd"), "", 2, (ESTRANGED, oracle.length(2, 2))),
    # The beginning of a character stands above two of the three that live, and there is no room for its rest.
    Case(vocabulary("风", "é".encode()[1:], "花", "月", "é".encode()[:1]), "", 1, (oracle.length(1, 1),)),
    Case(vocabulary("ab", b"\xa5", "a", b"\x98", b"\xe6", "b"), "", 3, (oracle.length(2, 2), oracle.no_repeat(1))),
]
