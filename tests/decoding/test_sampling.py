"""Each fast step of drawing is bit-equal to its plain version, for whatever logits."""

from itertools import product
from math import inf, nan

import numpy as np
import plain_drawing as plain
import pytest
import tiny
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from watching import watching

from gen_engine.compiled.drawing import log_softmax, tempered
from gen_engine.decoding import choosing
from gen_engine.decoding import sampling as scores
from gen_engine.shapers import shaping, truncation
from gen_engine.text.token_sets import Blocked, Intern, TokenSet
from gen_engine.types import Step

quick = settings(deadline=None, max_examples=100, derandomize=True, database=None)
SPECIAL = (-inf, inf, nan, 0.0, -0.0, -3.2e38, 3.2e38)
SIZES = (1, 2, 40, 700, 4099, 20_001)
STEP = Step([[]], [0], None)


def same(one, other):
    """Equal bit by bit; what is no number equals what is none."""
    one, other = one.nan_to_num(nan=7e37, posinf=inf, neginf=-inf), other.nan_to_num(nan=7e37, posinf=inf, neginf=-inf)
    return torch.equal(one.view(torch.int32), other.view(torch.int32))


@st.composite
def rows_of_logits(draw, special=SPECIAL):
    """Rows with ties, with few allowed tokens, with a stretch of some special number, flat or peaked."""
    rows, size = draw(st.integers(1, 9)), draw(st.sampled_from(SIZES))
    noise = torch.Generator().manual_seed(draw(st.integers(0, 2**32)))
    logits = torch.randn(rows, size, generator=noise) * draw(st.sampled_from([0.0, 0.01, 3.0, 60.0]))
    logits = logits.round(decimals=draw(st.sampled_from([0, 1, 9])))
    for row in draw(st.lists(st.integers(0, rows - 1), max_size=3)):
        share = draw(st.sampled_from([0.0, 0.5, 0.99, 1.0]))
        logits[row, torch.rand(size, generator=noise) < share] = draw(st.sampled_from(special))
    return logits


@st.composite
def token_sets(draw, rows, size):
    """A set of tokens for each row, of shared masks, less some and some more."""
    noise = torch.Generator().manual_seed(draw(st.integers(0, 2**32)))
    shares = draw(st.lists(st.sampled_from([0.0, 0.01, 0.5, 1.0]), min_size=1, max_size=3))
    masks = [Intern().mask((torch.rand(size, generator=noise) < share).numpy()) for share in shares]
    found = []
    for _ in range(rows):
        mask = draw(st.sampled_from(masks))
        odd = draw(st.sets(st.integers(0, size - 1), max_size=5))
        minus = tuple(token for token in odd if mask.array[token])
        found.append(TokenSet(mask, minus, tuple(odd.difference(minus))))
    return found


@quick
@given(rows_of_logits(), st.data())
def test_what_is_not_allowed_is_barred(logits, data):
    blocked = Blocked(data.draw(token_sets(*logits.shape)), logits.shape[-1])
    before = logits.clone()
    assert torch.equal(blocked.tensor, plain.blocked(blocked))
    assert same(blocked.bar(logits), plain.bar(blocked, logits))
    assert same(before, logits)


@quick
@given(rows_of_logits(), st.sampled_from([0.0, 0.01, 0.5, 1.0]))
def test_what_is_kept_keeps_its_bits(logits, share):
    kept = torch.rand(logits.shape) < share
    assert same(shaping.keep(logits, kept), plain.keep(logits, kept))


@quick
@given(rows_of_logits(), st.integers(1, 2000))
def test_the_largest_are_kept_with_their_ties(logits, k):
    k = min(k, logits.shape[-1])
    assert same(shaping.keep_largest(logits, k), plain.keep_largest(logits, k))


@quick
@given(rows_of_logits([-inf, 0.0, -3.2e38, inf]), st.integers(1, 2000))
def test_the_largest_come_in_order_equal_ones_by_id(logits, k):
    k = min(k, logits.shape[-1])
    best, columns = shaping.largest(logits, k)
    assert torch.equal(best, plain.largest(logits, k)[0])
    assert same(logits.gather(1, columns)[best > -inf] + 0.0, best[best > -inf] + 0.0)
    if shaping.shortlist(logits, k) is not None and not (logits == 0).any():
        tied = (best[:, 1:] == best[:, :-1]) & (best[:, 1:] > -inf)
        assert (columns[:, 1:] > columns[:, :-1])[tied].all()


@pytest.mark.parametrize("name", ["top_p", "typical", "top_h"])
@quick
@given(logits=rows_of_logits([-inf, 0.0, nan]), share=st.floats(0.05, 0.99))
def test_a_nucleus_is_that_of_a_full_sort(name, logits, share):
    shaper = getattr(truncation, name)(share)
    found = shaper(STEP, logits)
    with pytest.MonkeyPatch.context() as patch:
        plain.make_plain(patch)
        patch.setattr(truncation, "SHORTLIST", 10**9)
        assert same(found, shaper(STEP, logits))


@quick
@given(rows_of_logits(), st.data(), st.sampled_from([1.0, 0.7, 3]))
def test_a_log_probability_is_that_of_a_whole_log_softmax(logits, data, temperature):
    logits = logits.numpy()
    rows = data.draw(st.lists(st.integers(0, len(logits) - 1), min_size=1, max_size=30))
    tokens = [data.draw(st.integers(0, logits.shape[1] - 1)) for _ in rows]
    whole = log_softmax(tempered(logits, temperature))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(choosing, "BLOCK", data.draw(st.sampled_from([1, 5000, 10**6])))
        found = scores.logprobs_of(logits, rows, tokens, temperature)
    assert np.array(found).tobytes() == whole[rows, tokens].tobytes() or np.isnan(found).any()
    np.testing.assert_array_equal(found, whole[rows, tokens])


def told_to_decoders(told):
    return told.logits, told.logprobs, told.shaped, told.choice(0), told.shaped_row(0), told.drawn[0]


@pytest.mark.parametrize("shapers", [("top_k=2",), ("top_k=2", "typical=0.9"), ("temperature=2",)])
def test_a_decoder_sees_tensors_of_what_was_drawn(shapers):
    seen = []
    engine = tiny.engine_of(tiny.chars("abcdef"))
    engine.generate("", processors=["length=3", *shapers], seed=1, decoder=watching(seen, told_to_decoders))
    for logits, logprobs, shaped, choice, row, token in seen:
        torch.testing.assert_close(logprobs, logits.log_softmax(-1))
        assert torch.equal(choice, row)
        assert torch.equal(shaped, choice)
        assert choice[0, token] > -inf


HAN = [chr(code) for code in range(0x4E00, 0x4E00 + 3000)]
CHAINS = (
    ("length=6", "top_k=50", "temperature=0.8"),
    ("length=6", "temperature=1.3", "top_p=0.9", "repetition_penalty=1.2"),
    ("no_repeat=3", "min_p=0.1", "typical=0.5", "frequency_penalty=0.5"),
    ("form=五绝", "top_h=0.4", "mirostat=3"),
    ("length=6", "epsilon=0.001", "avoid_repeat=4", "xtc=0.1"),
)


DECODERS, SHAPES = ("sample", "greedy", "beam=9", "smc=4"), ("normal", "ties", "holes")


def whole_texts():
    """Every chain with every decoder and shape; in the fast suite each two of these meet, but not all three."""
    for (i, chain), (j, decoder), (k, shape) in product(*map(enumerate, (CHAINS, DECODERS, SHAPES))):
        meets = (i + j) % len(SHAPES) == k
        name = f"{' '.join(chain)}-{decoder}-{shape}"
        yield pytest.param(chain, decoder, shape, marks=() if meets else pytest.mark.slow, id=name)


@pytest.mark.parametrize("chain, decoder, shape", [*whole_texts()])
def test_whole_texts_are_those_of_the_plain_way(chain, decoder, shape, monkeypatch):
    def write():
        engine = tiny.engine_of(tiny.chars((*HAN, "，", "。")), shape)
        return engine.generate("", processors=chain, num=9, seed=5, max_new=24, decoder=decoder)

    found = write()
    plain.make_plain(monkeypatch)
    assert found == write()
