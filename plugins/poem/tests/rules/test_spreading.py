"""Required characters come all over a text: where they are due, exactly so where the guess is right, in beams too."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gen_engine import Engine
from gen_engine.errors import GenError
from gen_engine.testing import check_shaper
from gen_engine.testing.models import table_model, tiny_vocabulary
from gen_engine.types import Step
from gen_poem.rules.spreading import MOST, RATE, due, spread

quick = settings(deadline=None, max_examples=60, derandomize=True, database=None)
LETTERS = "春夏秋冬花月，"
VOCABULARY = tiny_vocabulary("", *LETTERS, end=0)
counts = st.integers(1, 6)


def tokens(text):
    return [1 + LETTERS.index(char) for char in text]


def chance(shaper, text, char, begun=0):
    """How likely the shaper makes a character that comes by itself with the rate it takes for granted."""
    odds = torch.full((1, len(VOCABULARY)), math.log((1 - RATE) / (len(VOCABULARY) - 1)))
    odds[0, tokens(char)] = math.log(RATE)
    return float(shaper(Step([tokens(text)], [begun], VOCABULARY), odds).softmax(-1)[0, tokens(char)].sum())


@pytest.mark.parametrize("spec", ["spread=春,over=1", "spread=春|夏|秋,over=6", "spread=雪|月,over=56"])
def test_spread_keeps_the_laws_of_shapers(spec):
    check_shaper(spec, examples=25)


@pytest.mark.parametrize("over", [2, 3, 20, 56])
def test_one_character_comes_at_each_place_equally_often(over):
    """A geometric distribution, given that it does not exceed the text; the last place is for what requires it."""
    shaper, missing = spread(VOCABULARY, ("春",), over=over), 1.0
    whole = 1 - (1 - RATE) ** over
    for place in range(over - 1):
        here = missing * chance(shaper, "夏" * place, "春")
        assert here == pytest.approx(RATE * (1 - RATE) ** place / whole, rel=1e-4)
        missing -= here


@quick
@given(counts, st.integers(0, 5), st.integers(1, 60), st.integers(0, 60))
def test_a_character_gains_what_the_text_no_longer_owes(wanted, missing, room, here):
    boosts = due(wanted, missing := min(missing, wanted), room, here)
    assert len(boosts) == missing
    assert all(0 <= boost <= MOST for boost in boosts)
    assert boosts[1:] == due(wanted, max(missing - 1, 0), room, here)


@quick
@given(st.text("春夏秋冬花月，", max_size=12), st.integers(0, 12), st.sampled_from(["春", "春秋", "春花月"]))
def test_only_what_is_missing_is_raised_and_by_the_same(text, begun, chars):
    shaper = spread(VOCABULARY, tuple(chars), over=9)
    shaped = shaper(Step([tokens(text)], [min(begun, len(text))], VOCABULARY), torch.zeros(1, len(VOCABULARY)))[0]
    stands, gains = shaper.leans(tokens(text), min(begun, len(text)))
    assert set(shaped.nonzero().flatten().tolist()) <= set(tokens([char for char in chars if char not in text]))
    assert {token: pytest.approx(float(shaped[token])) for token in gains} == gains
    assert stands <= 0


@pytest.mark.parametrize(
    "text, begun, chances",
    [("", 0, 4), ("，夏，", 0, 2), ("夏夏", 0, 0), ("春", 0, 4), ("春", 1, 4), ("夏春", 1, 3), ("夏" * 9, 0, 0)],
)
def test_marks_do_not_count_and_the_prompt_does(text, begun, chances):
    """`chances`: later places in time, times what is missing. Two characters in six places are due by the third and by
    the sixth."""
    [gain] = set(spread(VOCABULARY, ("春", "秋"), over=6).leans(tokens(text), begun)[1].values())
    assert gain == pytest.approx(-math.log(1 - (1 - RATE) ** chances) if chances else MOST)


def even(decoder, spreading, num=1):
    """Where two required characters stand in texts of ten, of a model that writes them unwillingly."""
    letters = "春秋甲乙丙丁戊己庚辛壬癸"
    model = table_model("", *letters, table={(): [-9.0, -4.0, -4.0, *[0.0] * 10]}, order=0, end=0)
    rules = ["length=10", "require=春|秋", *[spreading] * bool(spreading), "only=" + "|".join(letters)]
    found = Engine(model).generate("", processors=rules, num=num, seed=1, max_new=10, decoder=decoder)
    return [sorted(each.text.index(char) for char in "春秋") for each in found]


@pytest.mark.parametrize("decoder, num", [("sample", 40), ("beam=6", 3), ("smc,particles=16", 10)])
def test_what_is_required_is_spread_by_every_decoder(decoder, num):
    late = [places[0] for places in even(decoder, "", num)]
    spread_out = [places[0] for places in even(decoder, "spread=春|秋,over=10", num)]
    assert sum(spread_out) / num < sum(late) / num - 1


def test_what_is_no_wish_is_refused():
    with pytest.raises(GenError, match="needs characters"):
        spread(VOCABULARY, ("",), over=4)
    with pytest.raises(GenError, match="leaves no place"):
        spread(VOCABULARY, ("春",), over=0)
