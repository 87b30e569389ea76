"""Shapers that are drawn in one pass mean what they mean in torch."""

import numpy as np
import tiny
import torch
from drawn_rows import rows_of_logits
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from gen_engine.compiled.drawing import draw
from gen_engine.shapers import penalties, truncation
from gen_engine.types import Step

quick = settings(deadline=None, max_examples=150, derandomize=True, database=None)
SIZES = [1, 7, 60, 700]
HAN = "".join(map(chr, range(0x4E00, 0x4E00 + 699)))


def penalty(name):
    """A penalty with any options."""
    return st.builds(
        getattr(penalties, name), st.sampled_from([0.5, 1.5]), window=st.integers(0, 5), prompt=st.booleans()
    )


SHAPERS = (
    st.builds(penalties.temperature, st.sampled_from([0.3, 0.9, 2.5])),
    st.builds(truncation.top_k, st.sampled_from([1, 5, 50, 1000])),
    st.builds(truncation.top_p, st.sampled_from([0.2, 0.7, 0.95, 1])),
    st.builds(truncation.min_p, st.sampled_from([0.001, 0.3, 1])),
    st.builds(truncation.avoid_repeat, st.integers(0, 4)),
    penalty("repetition_penalty"),
    penalty("frequency_penalty"),
    penalty("presence_penalty"),
)


@st.composite
def scenes(draw):
    """Logits, some shapers and a step of as many rows."""
    logits = draw(rows_of_logits(special=[-np.inf, 0.0], scales=[0.0, 1.0, 3.0, 30.0], sizes=SIZES))
    rows, size = logits.shape
    vocabulary = tiny.chars(HAN[: max(1, size - 1)])
    tokens = st.lists(st.integers(0, size - 1), max_size=9)
    histories = draw(st.lists(tokens, min_size=rows, max_size=rows))
    step = Step(histories, [draw(st.integers(0, len(own))) for own in histories], vocabulary)
    return logits, draw(st.lists(st.one_of(*SHAPERS), min_size=1, max_size=4)), step


def by_torch(logits, shapers, step):
    """What the shapers give, one after the other."""
    shaped = torch.from_numpy(logits.copy())
    for shaper in shapers:
        shaped = shaper(step, shaped)
    return shaped.numpy()


def are_alike(own, other, shapers):
    """Whether two shaped rows keep the same tokens, with the same shares."""
    differing = int(((own > -np.inf) != (other > -np.inf)).sum())
    shares = [torch.from_numpy(row).double().softmax(-1).numpy() for row in (own, other)]
    if differing:  # where shares add up to just what top_p wants, rounding decides about one token
        return differing <= sum(shaper.name.startswith("top_p") for shaper in shapers)
    return np.abs(shares[0] - shares[1]).max() < 1e-6


@quick
@given(scenes())
def test_what_one_pass_draws_is_what_torch_shapes(scene):
    logits, shapers, step = scene
    assume(len(step.vocabulary) >= logits.shape[1])
    expected = by_torch(logits, shapers, step)
    sound = np.isfinite(expected.max(1))
    found = draw(logits, [shaper.fused(step) for shaper in shapers], [None] * len(logits), shaped=True)
    assert (found.tokens >= 0).tolist() == sound.tolist()
    for own, other in zip(found.shaped[sound], expected[sound], strict=True):
        assert are_alike(own, other, shapers)


def test_a_bias_is_added_to_the_same_tokens():
    vocabulary = tiny.chars("春花秋月")
    shaper = penalties.logit_bias(vocabulary, ("春:2", "月:-1.5"))
    logits, step = (
        np.linspace(-1, 1, 2 * len(vocabulary), dtype=np.float32).reshape(2, -1),
        Step([[]] * 2, [0] * 2, vocabulary),
    )
    found = draw(logits, [shaper.fused(step)], [None] * 2, shaped=True).shaped
    np.testing.assert_array_equal(found, shaper(step, torch.from_numpy(logits)).numpy())
