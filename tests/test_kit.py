"""The conformance kit: what is right passes, and what is wrong is caught by the law it breaks and by no other."""

import customs
import pytest
import wrong

from gen_engine.constraints import NoRepeat
from gen_engine.testing import check_constraint
from gen_engine.testing.conformance import judge_constraint

EXAMPLES = 12
OWN = [
    "ban=春|ab", "only=han|，", "no_unk", "no_special", "no_repeat=2,exempt=，", "no_repeat_ngram=2",
    "no_double_punctuation", "length=1..3", "stop=春|a，", "force=1:春|3:a",
]  # fmt: skip


def sized(make):
    return lambda vocabulary: make(len(vocabulary))


CUSTOM = {
    "even": customs.EvenChars(),
    "echo": customs.Echo(),
    "pairs": customs.Pairs(),
    "readings": customs.Readings("春a"),
    "sum": sized(customs.TokenSum),
    "once": sized(customs.TokensOnce),
    "once sharp": sized(customs.TokensOnceSharp),
    "not the last": sized(customs.NotTheLast),
    "odd even": sized(customs.OddEven),
}


def broken(found):
    return {verdict.law: verdict.message for verdict in found if verdict.state in ("broken", "unjudged")}


@pytest.mark.parametrize("spec", OWN)
def test_constraints_of_the_core_keep_every_law(spec):
    check_constraint(spec, examples=EXAMPLES)


@pytest.mark.parametrize("given", CUSTOM.values(), ids=CUSTOM)
def test_constraints_as_authors_write_them_keep_every_law(given):
    check_constraint(given, examples=EXAMPLES)


@pytest.mark.parametrize("name", wrong.CONSTRAINTS)
def test_a_wrong_constraint_breaks_the_law_it_breaks_and_no_other(name):
    made, law = wrong.CONSTRAINTS[name]
    found = judge_constraint(made, examples=30, **wrong.OPTIONS.get(name, {}))
    assert [verdict.law for verdict in found if verdict.state == "broken"] == [law]


def test_a_broken_law_is_named_in_words_with_the_smallest_example():
    with pytest.raises(AssertionError) as caught:
        check_constraint(wrong.Boasting(), examples=EXAMPLES)
    assert "breaks the law 'answers agree': `allowed`, `permits` and `next` (or `step`) say" in str(caught.value)
    assert "and `allowed` says otherwise (prompt '', then '')" in str(caught.value)


def test_a_processor_its_spec_and_what_makes_it_are_all_understood():
    for given in ("no_repeat=2", NoRepeat(2, wrong.no_mark), lambda: NoRepeat(2, wrong.no_mark)):
        check_constraint(given, examples=3)
    with pytest.raises(TypeError, match="NoRepeat needs window, is_exempt; give it as lambda"):
        check_constraint(NoRepeat)
    with pytest.raises(TypeError, match="5 is no processor"):
        check_constraint(5)
