"""The lift by arrays is the lift token by token: whatever a machine offers, and whatever tokens print."""

from collections import defaultdict
from types import SimpleNamespace

import custom_rules
import numpy as np
import plain_lift
import pytest
import strategies as some
from hypothesis import given
from hypothesis import strategies as st
from tiny import TinyTokenizer, engine_of, vocabulary

from gen_engine.constraints.bans import only
from gen_engine.constraints.lengths import length
from gen_engine.constraints.repeats import no_repeat
from gen_engine.proving.lifting.lift import Lifted
from gen_engine.proving.lifting.partitions import groups, partition, twins
from gen_engine.proving.lifting.walks import kind_trie
from gen_engine.proving.rule import as_rule
from gen_engine.text.token_sets import Intern, token_set

OPTIONAL = ("allowed", "kind", "mentions", "transitions", "never_forbids", "only_forbids_repeats_of", "bars")


@st.composite
def machines(draw):
    """A machine that offers all it can, or less."""
    full = draw(st.sampled_from(custom_rules.MACHINES))
    kept = draw(st.sets(st.sampled_from(OPTIONAL))) | draw(st.sampled_from([set(), set(OPTIONAL)]))
    if "kind" in kept and hasattr(full, "mentions"):
        kept.add("mentions")  # without these, kinds would promise too much
    names = [name for name in OPTIONAL if name in kept and hasattr(full, name)]
    return SimpleNamespace(
        start=full.start, step=full.step, accepts=full.accepts, **{n: getattr(full, n) for n in names}
    )


@st.composite
def lifted_states(draw):
    """A lifted machine, and a state that some tokens lead to."""
    vocab = draw(some.vocabularies_of_pieces())
    lifted = Lifted(draw(machines()), vocab)
    state = lifted.start(TinyTokenizer(vocabulary("b", "c")).encode(draw(st.text("bc", max_size=3))))
    for _ in range(draw(st.integers(0, 4))):
        if found := sorted(plain_lift.permitted(lifted, state)):
            state = lifted.after(state, draw(st.sampled_from(found)))
    return lifted, state


def members(array):
    return set(np.asarray(array).nonzero()[0].tolist())


@given(lifted_states(), st.randoms())
@some.examples(160)
def test_the_tokens_that_may_follow_are_those_of_single_steps(case, chance):
    lifted, state = case
    expected = plain_lift.permitted(lifted, state)
    assert members(lifted.allowed(state).to_array()) & set(lifted.vocabulary.usable) == expected
    if lifted.narrows:
        among = np.array([token in expected or chance.random() < 0.5 for token in range(len(lifted.vocabulary))])
        among &= lifted.vocabulary.is_usable
        assert members(lifted.narrowed(state, token_set(among)).to_array()) == expected & members(among)


@given(lifted_states())
@some.examples(160)
def test_the_moves_are_the_tokens_by_their_next_states(case):
    lifted, state = case
    if not lifted.has_moves:
        return
    for longest, single in ((1000, False), (1, True)):
        together = defaultdict(set)
        for mask, after in lifted.transitions(state, single=single):
            assert not members(mask.array) & together[after]
            together[after] |= members(mask.array)
        expected = plain_lift.transitions(lifted, state, longest).items()
        silent = set(lifted.vocabulary.silent) if single else set()  # these may lack
        assert {a: t - silent for a, t in together.items() if t} == {a: t - silent for a, t in expected if t - silent}


@given(lifted_states(), st.data())
@some.examples(200)
def test_moves_come_in_the_same_order_whatever_was_asked_before(case, data):
    lifted, state = case
    used, fresh = (Lifted(lifted.machine, lifted.vocabulary) for _ in range(2))
    tokens = sorted(plain_lift.permitted(lifted, state))
    for token in data.draw(st.permutations(tokens))[:4]:
        used.transitions(lifted.after(state, token))
    for single in (False, True):
        mine, its = (
            [(members(m.array), s) for m, s in each.transitions(state, single=single)] for each in (used, fresh)
        )
        assert mine == its


@given(some.vocabularies_of_pieces(), st.sampled_from([str.isalpha, lambda char: char, lambda char: None]))
@some.examples(80)
def test_tokens_share_a_node_iff_their_kinds_are_the_same(vocab, kind):
    nodes = kind_trie(vocab.arrays, kind).nodes.tolist()
    strings = plain_lift.kind_strings(vocab, kind)
    pairs = {(nodes[token], string) for token, string in strings.items()}
    assert len(pairs) == len({node for node, _ in pairs}) == len({string for _, string in pairs})
    assert all(token in strings or nodes[token] == len(kind_trie(vocab.arrays, kind)) for token in range(len(vocab)))


@given(
    some.vocabularies_of_pieces(),
    st.lists(st.lists(st.integers(0, 2), min_size=14, max_size=14), max_size=3),
    st.booleans(),
)
@some.examples(80)
def test_tokens_behave_alike_as_they_do_one_by_one(vocab, keys, as_arrays):
    keys = [each[: len(vocab)] for each in keys]
    given_as = [np.array(each) if as_arrays else each for each in keys]
    assert groups(vocab, given_as) == plain_lift.groups(vocab, keys)
    assert twins(vocab) == plain_lift.twins(vocab)
    if len(keys) == 1:
        assert partition(given_as, len(vocab)).tolist() == plain_lift.partition(keys, len(vocab))


@pytest.mark.parametrize("pending", [b"\xc3", b"\xe6", b"\xe6\x98", b"\xf0\xa0"])
@pytest.mark.parametrize("offers", [(), ("kind",), ("transitions",), ("allowed",)], ids=str)
def test_whether_bytes_may_begin_a_character_needs_no_set(pending, offers):
    full = only(("é", "春"))
    machine = SimpleNamespace(start=full.start, step=full.step, accepts=full.accepts)
    for name in offers:
        setattr(machine, name, getattr(full, name))
    vocab = vocabulary("a", pending)
    may = {b"\xc3": True, b"\xe6": True, b"\xe6\x98": True, b"\xf0\xa0": False}
    assert Lifted(machine, vocab).permits((0, b""), 1) is may[pending]


def test_the_plain_lift_and_the_prover_see_one_rule():
    vocab = vocabulary("a", "ab", b"\xc3", b"\xa9")
    rule = as_rule("length=2", length("2"), vocab, Intern())
    assert rule.is_structural
    assert [
        len(list(rule.transitions(rule.start(TinyTokenizer(vocab).encode("")), single=one))) for one in (True, False)
    ] == [1, 2]


def test_chains_with_the_same_constraints_share_their_prover():
    engine = engine_of(vocabulary("", "a", "b", "ab", end=0, specials=(0,)))
    plans = [
        engine.chain(each).plan(engine.tokenizer.encode(""), 4)
        for each in (("length=3", "top_k=2"), ("temperature=2", "length=3"), ("length=3",))
    ]
    assert plans[0].prover is plans[1].prover is plans[2].prover
    assert [len(plan.chain.shapers) for plan in plans] == [1, 1, 0]


def test_chains_with_other_constraints_or_another_order_share_nothing():
    engine = engine_of(vocabulary("", "a", "b", "ab", end=0, specials=(0,)))
    chains = [engine.chain(each) for each in (("length=3", "ban=a"), ("ban=a", "length=3"), ("length=3",))]
    assert len({id(chain.product) for chain in chains}) == 3


@pytest.mark.parametrize("window", [1, 2, 3, 5])
def test_characters_that_many_tokens_carry_are_barred_like_others(monkeypatch, window):
    monkeypatch.setattr("gen_engine.proving.lifting.narrowing.COMMON", 0)
    vocab = vocabulary("a", "b", "ab", "ca", "cba", "abc", "", "ddda", b"\xc3", b"\xa9")
    lifted = Lifted(no_repeat(window), vocab)
    for text in ("", "a", "ab", "bca", "abd"):
        state = lifted.machine.start(text), b""
        assert members(lifted.allowed(state).to_array()) == plain_lift.permitted(lifted, state)
