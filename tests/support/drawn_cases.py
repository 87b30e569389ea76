"""Cases whose texts are few enough to know how often each of them must be drawn, and how often that is."""

from collections import Counter
from math import log

import custom_rules
import oracle
import strategies as some
import torch
from completions import logits_after
from oracle import Case, Wish
from tiny import chars, vocabulary

from gen_engine.types import Named, Step

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


def exact(engine, case, shapers=(), tokens=(), memory=None):
    """The probability of each text if every token is drawn from what the shapers make of those that lead to a text."""
    choices, chain = case.world.choices(tokens), engine.chain(some.processors(case, shapers))
    memory = chain.first_memory if memory is None else memory
    if len(tokens) == case.budget or not choices or case.stopped(tokens) is not None:
        return Counter({tokens[: case.stopped(tokens)]: 1.0})
    shares = shaped_among_the_living(engine, case, shapers, tokens, memory)[choices].double().softmax(-1).tolist()
    found = Counter()
    for token, share in zip(choices, shares, strict=True):
        if token == case.vocabulary.end or not share:
            found[tokens] += share
            continue
        after = chain.remember(memory, token, log(share)) if memory else memory
        for text, probability in exact(engine, case, shapers, (*tokens, token), after).items():
            found[text] += share * probability
    return found


def shaped_among_the_living(engine, case, shapers, tokens, memory=()):
    """What the shapers make of the model's logits after these tokens, with what they keep and is dead taken away until
    they keep nothing dead."""
    plan = engine.chain(some.processors(case, shapers)).plan(engine.tokenizer.encode(case.prompt), case.budget)
    joint, live, history = plan.start, case.world.choices(tokens), (*plan.prompt.tokens, *tokens)
    for token in tokens:
        joint = plan.product.next(joint, token)
    step = Step([history], [len(plan.prompt.tokens)], case.vocabulary, memories=[memory] if memory else ())
    blocked = torch.from_numpy(~plan.tokens(joint, case.budget - len(tokens)).to_array())[None].clone()
    blocked[0, live] = False
    while True:
        shaped = plan.chain.shape_warily(step, logits_after(engine, case, tokens)[None], blocked)[0][0]
        dead = set((shaped > -torch.inf).nonzero().flatten().tolist()).difference(live)
        if not dead or not plan.chain.truncates:
            return shaped
        blocked[0, list(dead)] = True
