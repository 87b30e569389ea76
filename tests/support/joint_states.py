"""The chain of a case, and the joint states that its tokens lead to."""

from __future__ import annotations

from contextlib import contextmanager

import pytest
import strategies as some
from tiny import TinyTokenizer

from gen_engine.chain import make_chain
from gen_engine.hooks.registry import registry
from gen_engine.hooks.specs import build
from gen_engine.memory import Memory


def chain_of(case, nodes=20_000, shapers=()):
    named = [build(item, registry(), case.vocabulary) for item in some.processors(case, shapers)]
    return make_chain(case.vocabulary, named, nodes)


def prompt_of(case):
    return TinyTokenizer(case.vocabulary).encode(case.prompt)


def whole_rest(prover, joint, budget):
    """A legal rest of at most `budget` tokens, written out to its end."""
    rest = ()
    while not prover.product.accepts(joint):
        left = budget - len(rest)
        more = prover.find(joint, left).rest or prover.step(joint, left)
        for token in more:
            assert prover.product.permits(joint, token)
            joint = prover.product.next(joint, token)
        rest += more
    return rest


@contextmanager
def memories_of(size):
    """Let what is made from now on remember at most `size` things of each kind."""
    with pytest.MonkeyPatch.context() as patch:
        ordinary = Memory.__init__
        patch.setattr(Memory, "__init__", lambda self, wanted: ordinary(self, min(wanted, size)))
        yield


def states(case, product):
    """Every joint state that permitted tokens lead to, by the tokens."""
    found = {(): product.start(prompt_of(case))}
    waiting = [()]
    while waiting:
        tokens = waiting.pop()
        for token in case.usable if len(tokens) < case.budget else ():
            if product.permits(found[tokens], token):
                found[(*tokens, token)] = product.next(found[tokens], token)
                waiting.append((*tokens, token))
    return found
