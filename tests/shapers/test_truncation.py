"""The newer shapers do what their sources say: compared with transformers where it has them, and with plain loops."""

import math

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from transformers.generation import logits_process as peer

from gen_engine.errors import GenError
from gen_engine.shapers import penalties as shapers
from gen_engine.shapers import truncation
from gen_engine.shapers.dry import dry
from gen_engine.text import Vocabulary
from gen_engine.types import Step

INF = math.inf
quick = settings(deadline=None, max_examples=40, derandomize=True, database=None)
TEXTS = ("", "a", "b", "c", "\n", "ab", "a:", ":", "?", "a")
VOCABULARY = Vocabulary(tuple(text.encode() for text in TEXTS), TEXTS, specials=frozenset({0}), unk=8, end=0)

some_logits = st.lists(st.floats(-8, 8).map(lambda x: round(x, 1)) | st.just(-INF), min_size=1, max_size=9).filter(
    lambda row: max(row) > -INF
)


def shape(shaper, logits, history=(), *, uniform=0.0, state=None):
    step = Step([list(history)], [0], VOCABULARY, lambda name: torch.tensor([uniform], dtype=torch.float64), [state])
    return shaper(step, torch.tensor([logits]))[0].tolist()


def kept(shaped):
    return {i for i, value in enumerate(shaped) if value > -INF}


def softmax(logits):
    odds = np.exp(np.array(logits, dtype=np.float64) - max(logits))
    return odds / odds.sum()


def entropy(probabilities):
    some = probabilities[probabilities > 0]
    return float(-(some * np.log(some)).sum())


def near(value, edge):
    """Whether the last bits decide."""
    return abs(value - edge) < 1e-5


# ---------------------------------------------------------------------------------------------------- truncating

HAN = ("", "春", "夏", "秋", "，", "春夏", "a")
WRITTEN = Vocabulary(tuple(text.encode() for text in HAN), HAN, end=0)


@quick
@given(
    st.lists(st.sampled_from([-INF, 0.0, 1.0]), min_size=7, max_size=7).filter(lambda row: max(row) > -INF),
    st.lists(st.integers(0, 6), max_size=8),
    st.integers(0, 6),
)
@example([-INF, 0.0, -INF, -INF, -INF, 1.0, -INF], [1, 6], 2)
def test_avoid_repeat_removes_recent_characters_unless_nothing_else_is_left(logits, history, n):
    recent = "".join(HAN[token] for token in history[len(history) - min(n, len(history)) :])
    recent = recent[len(recent) - min(n, len(recent)) :]
    free = {i for i in kept(logits) if not any(char in recent and char in "春夏秋" for char in HAN[i])}
    shaped = truncation.avoid_repeat(n)(Step([history], [0], WRITTEN), torch.tensor([logits]))[0].tolist()
    assert kept(shaped) == (free or kept(logits))
    assert all(shaped[i] == logits[i] for i in kept(shaped))


@quick
@given(some_logits, st.floats(0.001, 0.9))
def test_epsilon_is_that_of_transformers(logits, p):
    expected = peer.EpsilonLogitsWarper(p)(None, torch.tensor([logits]))[0].tolist()
    assert shape(truncation.epsilon(p), logits) == expected


@quick
@given(some_logits, st.floats(0.001, 0.9))
def test_eta_is_that_of_transformers(logits, p):
    expected = peer.EtaLogitsWarper(p)(None, torch.tensor([logits]))[0].tolist()
    actual = shape(truncation.eta(p), logits)
    bound = min(p, math.sqrt(p) * math.exp(-entropy(softmax(logits))))
    assert actual == expected or any(near(share, bound) for share in softmax(logits))


def test_eta_lets_more_pass_where_the_model_is_unsure():
    unsure, sure = np.log([0.4, 0.3, 0.2, 0.1]).tolist(), np.log([0.94, 0.04, 0.01, 0.01]).tolist()
    assert kept(shape(truncation.eta(0.5), unsure)) == {0, 1, 2}  # sqrt(0.5) * exp(-1.28) is 0.197
    assert kept(shape(truncation.epsilon(0.5), unsure)) == kept(shape(truncation.eta(0.5), sure)) == {0}
    assert kept(shape(truncation.eta(1), [0.0] * 9)) == set(range(9))


@quick
@given(some_logits, st.floats(0, 4))
def test_top_n_sigma_keeps_all_within_n_deviations_of_best(logits, n):
    some = np.array([value for value in logits if value > -INF], dtype=np.float32).astype(np.float64)
    edge = some.max() - n * some.std()
    expected = {i for i, value in enumerate(logits) if value >= edge}
    assert kept(shape(truncation.top_n_sigma(n), logits)) == expected or any(near(value, edge) for value in some)


@pytest.mark.parametrize("t", [0.2, 3.0])
def test_top_n_sigma_does_not_mind_the_temperature(t):
    logits = [3.0, 2.5, 1.0, -2.0, -INF]
    cooled = [value / t for value in logits]
    assert (
        kept(shape(truncation.top_n_sigma(0.7), logits)) == kept(shape(truncation.top_n_sigma(0.7), cooled)) == {0, 1}
    )


@quick
@given(some_logits, st.floats(0.05, 0.95))
def test_top_h_keeps_the_most_tokens_within_its_entropy_share(logits, share):
    probabilities = softmax(logits)
    order = sorted(range(len(logits)), key=lambda i: (-logits[i], i))
    bound = share * entropy(probabilities)
    spreads = [entropy(softmax([logits[i] for i in order[:k]])) for k in range(1, len(order) + 1)]
    count = max([1, *(k for k, spread in enumerate(spreads, 1) if spread <= bound)])
    actual = kept(shape(truncation.top_h(share), logits))
    finite = {i for i in order[:count] if logits[i] > -INF}
    assert actual == finite or any(near(spread, bound) for spread in spreads)


def test_top_h_looks_beyond_its_shortlist():
    logits = [0.0] * 3000
    assert kept(shape(truncation.top_h(0.95), logits)) == set(range(math.floor(3000**0.95)))


@pytest.mark.parametrize("uniform, expected", [(0.49, {2, 3, 4}), (0.5, {0, 1, 2, 3, 4})])
def test_xtc_excludes_likely_tokens_but_one_at_its_share(uniform, expected):
    logits = np.log([0.4, 0.25, 0.2, 0.1, 0.05]).tolist()
    assert kept(shape(truncation.xtc(0.15, probability=0.5), logits, uniform=uniform)) == expected


@quick
@given(some_logits, st.floats(0.01, 0.9))
def test_xtc_removes_all_likelier_than_the_least_likely_choice(logits, threshold):
    probabilities = softmax(logits)
    likely = [value for value, share in zip(logits, probabilities, strict=True) if share >= threshold]
    expected = {i for i, value in enumerate(logits) if value > -INF and not (likely and value > min(likely))}
    assert kept(shape(truncation.xtc(threshold), logits)) == expected or any(near(p, threshold) for p in probabilities)


# ------------------------------------------------------------------------------------------------------ mirostat


@quick
@given(some_logits, st.floats(0, 12))
def test_mirostat_keeps_what_surprises_no_more_than_its_state(logits, state):
    surprise = [-math.log2(share) if share else INF for share in softmax(logits)]
    expected = {i for i, bits in enumerate(surprise) if bits <= state or logits[i] == max(logits)}
    actual = kept(shape(truncation.mirostat(3), logits, state=state))
    assert actual == expected or any(near(bits, state) for bits in surprise)


def test_mirostat_learns_from_the_surprise_of_each_choice():
    shaper = truncation.mirostat(3, eta=0.5)
    assert shaper.start() == 6
    assert shaper.next(6.0, 1, 5 * math.log(0.5)) == pytest.approx(6 - 0.5 * (5 - 3))
    assert shaper.next(6.0, 1, 0.0) == 6 + 0.5 * 3


@pytest.mark.parametrize("tau", [1.5, 3, 4.5])
def test_mirostat_holds_the_surprise_near_what_was_asked(tau):
    noise = torch.Generator().manual_seed(0)
    shaper, logits = truncation.mirostat(tau, eta=0.3), torch.randn(1, 500, generator=noise)
    state, surprises = shaper.start(), []
    for _ in range(300):
        shaped = shaper(Step([[]], [0], VOCABULARY, None, [state]), logits).log_softmax(-1)[0]
        token = int(torch.multinomial(shaped.exp(), 1, generator=noise))
        state = shaper.next(state, token, float(shaped[token]))
        surprises.append(-float(shaped[token]) / math.log(2))
    assert np.mean(surprises[100:]) == pytest.approx(tau, abs=0.2)


def test_mirostat_is_not_wound_up_by_places_without_a_choice():
    shaper = truncation.mirostat(5, eta=1)
    state = shaper.start()
    for _ in range(100):
        state = shaper.next(state, 1, 0.0)
    assert state == 25
    assert shaper.next(0.0, 1, -100.0) == 0


# ---------------------------------------------------------------------------------------------- dynamic temperature


@quick
@given(some_logits, st.floats(0.1, 2), st.floats(0, 2), st.floats(0.2, 3))
def test_dynatemp_divides_by_a_temperature_that_grows_with_the_entropy(logits, low, more, exponent):
    count = sum(value > -INF for value in logits)
    unsure = entropy(softmax(logits)) / math.log(count) if count > 1 else 0
    t = low + more * min(unsure, 1) ** exponent
    actual = shape(shapers.dynatemp(low, high=low + more, exponent=exponent), logits)
    assert actual == pytest.approx([value / t for value in logits], rel=1e-3, abs=1e-3)


# ----------------------------------------------------------------------------------------------------------- dry


def slow_dry(history, multiplier, base, allowed, breaking):
    """The penalty of each token, by trying every earlier place."""
    found = {}
    for place in range(1, len(history)):
        run = 0
        while run < place and history[place - 1 - run] == history[-1 - run] and history[-1 - run] not in breaking:
            run += 1
        if run >= allowed and history[place] not in breaking:
            found[history[place]] = max(found.get(history[place], 0), run)
    return {token: min(multiplier * base ** (run - allowed), 1e6) for token, run in found.items()}


@quick
@given(st.lists(st.integers(1, 4) | st.just(1), max_size=16), st.integers(1, 3), st.integers(0, 9))
def test_dry_grows_with_the_length_of_the_run(history, allowed, window):
    shaper = dry(0.5, base=2, allowed_length=allowed, window=window)
    penalties = slow_dry(history[-window:] if window else history, 0.5, 2, allowed, {4})
    assert shape(shaper, [0.0] * 10, history) == [-penalties.get(token, 0) for token in range(10)]


def test_dry_counts_no_further_than_it_makes_a_difference():
    shaped = shape(dry(0.8), [0.0] * 10, [1] * 500)
    assert shaped == [0.0, -1e6] + [0.0] * 8


@pytest.mark.parametrize(
    "breakers, history, spared",
    [
        (("\n",), [1, 2, 3, 4, 1, 2], False),
        (("\n",), [1, 2, 3, 1, 4, 2], True),  # the run is one token long
        ((":",), [1, 6, 3, 1, 6], True),  # a token that prints more than the breaker
        (("bc",), [1, 2, 3, 1, 1, 2, 3], True),  # a breaker of two tokens
        (("cb",), [1, 2, 3, 1, 1, 2], False),
        ((), [4, 7, 3, 4, 7], False),
        ((), [1, 8, 3, 1, 8], True),  # unknown characters may differ
    ],
)
def test_dry_does_not_look_across_breakers(breakers, history, spared):
    shaped = shape(dry(1, breakers=breakers), [0.0] * 10, history)
    assert (shaped == [0.0] * 10) is spared


def test_dry_leaves_breakers_alone():
    assert shape(dry(1), [0.0] * 10, [1, 2, 4, 3, 1, 2]) == [0.0] * 10


# ---------------------------------------------------------------------------------------------------- logit bias


@pytest.mark.parametrize(
    "items, expected",
    [
        (("a:2", "c:-1.5"), [0, 2, 0, -1.5, 0, 0, 0, 0, 0, 2]),
        (("#1:2", "#0:1"), [1, 2, 0, 0, 0, 0, 0, 0, 0, 0]),
        (("ab:3",), [0, 0, 0, 0, 0, 3, 0, 0, 0, 0]),
        (("a::1", "::2"), [0, 0, 0, 0, 0, 0, 1, 2, 0, 0]),
    ],
)
def test_a_bias_is_added_to_every_token_printing_the_string(items, expected):
    assert shape(shapers.logit_bias(VOCABULARY, items), [0.0] * 10) == expected


@pytest.mark.parametrize(
    "items, remedy",
    [
        ((), "write it as logit_bias=春:2."),
        (("a",), "as in 春:2."),
        (("a:x",), "as in 春:2."),
        ((":1",), "as in 春:2."),
        (("a:101",), "a number from -100 to 100, as in 春:2."),
        (("a:nan",), "as in 春:2."),
        (("春:1",), "logit_bias=春 is not a single token of this model; bias its parts, or name tokens by #ID."),
        (("#10:1",), "logit_bias=#10 is no token of this model; give an id up to #9."),
        (("a:1", "#1:2"), "logit_bias gives #1 both 1 and 2; keep one of them."),
    ],
)
def test_biases_that_mean_nothing_are_refused(items, remedy):
    with pytest.raises(GenError) as error:
        shapers.logit_bias(VOCABULARY, items)
    assert str(error.value).endswith(remedy)


# ---------------------------------------------------------------------------------------------------- parameters


@pytest.mark.parametrize(
    "make, remedy",
    [
        (lambda: truncation.epsilon(0), "give a number above 0, up to 1."),
        (lambda: truncation.eta(1.5), "give a number above 0, up to 1."),
        (lambda: truncation.top_n_sigma(-1), "give a number from 0 to 100."),
        (lambda: truncation.top_h("x"), "give a number above 0, up to 1."),
        (lambda: truncation.xtc(0.1, probability=2), "probability=2 is out of range; give a number from 0 to 1."),
        (lambda: truncation.mirostat(-1), "give a number from 0 to 20.0."),
        (lambda: shapers.dynatemp(1, high=0.5), "lies above high=0.5; write the lower temperature first."),
        (lambda: dry(-1), "give a number from 0 to 100."),
        (lambda: dry(1, base=0.5), "give a number from 1 to 100."),
        (lambda: dry(1, allowed_length=0), "would punish what repeats nothing; give an integer from 1."),
    ],
)
def test_absurd_parameters_are_refused_with_a_remedy(make, remedy):
    with pytest.raises(GenError) as error:
        make()
    assert str(error.value).endswith(remedy)


def test_the_newer_shapers_print_as_they_are_spelled():
    assert repr(truncation.mirostat(5.0)) == "mirostat=5"
    assert repr(shapers.dynatemp(0.5, high=2)) == "dynatemp=0.5,high=2"
    assert repr(truncation.xtc(0.1, probability=1)) == "xtc=0.1,probability=1"
    assert repr(dry(0.8, breakers=("\n", ","))) == r"dry=0.8,breakers='\n'|','"
    assert repr(dry(0.8, breakers=(), window=64)) == "dry=0.8,breakers=,window=64"
    assert repr(shapers.logit_bias(VOCABULARY, ("a:2", "#3:1"))) == "logit_bias=a:2|#3:1"
