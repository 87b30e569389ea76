"""What is seen at once from what a text used is what the prover sees at once from the states of all rules."""

import pytest
from custom_rules import OnlyTheLast
from hypothesis import given
from hypothesis import strategies as st
from tiny import TinyTokenizer, chars

from gen_engine.chain import make_chain
from gen_engine.hooks.registry import registry
from gen_engine.hooks.specs import build
from gen_engine.types import Named

WIDE = "".join(map(chr, range(0x4E00, 0x4E00 + 60)))
COUNTED = st.lists(
    st.sampled_from(["no_repeat=30", "no_repeat_ngram=1", "no_repeat_ngram=2,within=6"]), max_size=3, unique=True
)
FORMS = [("length=24",), ("length=..24",), (f"force=22:{WIDE[0]}|23:{WIDE[1]}", "length=24"), ("require=" + WIDE[:4],)]


def plan_of(rules, text=WIDE, budget=24):
    vocab = chars(text)
    named = [Named("own", rule) if not isinstance(rule, str) else build(rule, registry(), vocab) for rule in rules]
    return make_chain(vocab, named).plan(TinyTokenizer(vocab).encode(""), budget)


def sees(plan, joint, left, token, history):
    """Whether a rest behind a token is seen from what was used, and by the prover."""
    after, sufficient = plan.product.next(joint, token), plan.prover.sufficient
    asked = [after.others[place] for place in sufficient.row_by_row]
    by_prover = plan.prover.at_once(after, left - 1) == "yes"
    return sufficient.is_sure(after.node, asked, left - 1, history, plan.chain.vocabulary.texts[token]), by_prover


@pytest.mark.parametrize("form", FORMS[:3])
@given(more=COUNTED, tokens=st.permutations(range(1, 61)), less=st.sampled_from([0, 0, 1]))
def test_what_is_seen_is_what_the_prover_sees(form, more, tokens, less):
    plan = plan_of([*form, "no_repeat=24", *more])
    joint, [history] = plan.start, plan.prover.histories.begin(plan.prompt)
    for written, token in enumerate(tokens[:23]):
        if not plan.product.permits(joint, token):
            break
        seen, by_prover = sees(plan, joint, 24 - written - less, token, history)
        assert seen == by_prover
        joint = plan.product.next(joint, token)
        history.append(ord(WIDE[token - 1]))


@given(st.permutations(range(1, 61)), st.integers(1, 6))
def test_nothing_is_seen_of_what_must_come_in_any_order(tokens, left):
    plan = plan_of([*FORMS[3], "no_repeat=24"])
    joint, [history] = plan.start, plan.prover.histories.begin(plan.prompt)
    for token in tokens[:8]:
        plan.prover.automaton.robust(plan.product.next(joint, token).node, 20)  # which is known from now on
        seen, by_prover = sees(plan, joint, left, token, history)
        assert by_prover or not seen
        joint = plan.product.next(joint, token)
        history.append(ord(WIDE[token - 1]))


@pytest.mark.parametrize("rules", [(), ("no_repeat=24",)])
@pytest.mark.parametrize("left", [1, 2])
def test_no_text_ends_where_a_rule_asked_alone_refuses(rules, left):
    plan = plan_of([OnlyTheLast(101), *rules], "".join(map(chr, range(0x4E00, 0x4E00 + 100))), 2)
    [history] = plan.prover.histories.begin(plan.prompt) or [None]
    assert [sees(plan, plan.start, left, token, history)[0] for token in (1, 100)] == [False, True]


def test_what_the_automaton_knows_to_be_safe_is_seen():
    plan = plan_of(["length=3"], "abc", 3)
    joint = plan.start
    for left in (3, 2, 1):
        assert sees(plan, joint, left, 1, None) == (True, True)
        assert left == 1 or sees(plan, joint, left - 1, 1, None) == (False, False)
        joint = plan.product.next(joint, 1)
