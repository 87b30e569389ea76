"""A draw is the same to the last bit whichever kernel makes it, and means what the shapers in torch mean."""

import numpy as np
import pytest
import torch
from drawn_rows import asked, by_each_kernel, inf, nan, rows_of_logits, told
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from gen_engine.compiled import drawing
from gen_engine.compiled.drawing import Allowed, Operation, draw, log_softmax, log_sums
from gen_engine.compiled.library import VARIABLE, kernels

quick = settings(
    deadline=None,
    max_examples=100,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
ALL = {"own": True, "kept": True, "shaped": True}


@quick
@given(ask=asked())
def test_every_kernel_draws_the_same_bits(ask, monkeypatch):
    found = by_each_kernel(monkeypatch, ask, **ALL)
    expected = told(found["numpy"])
    for name, drawn in found.items():
        assert told(drawn) == expected, name


@quick
@given(ask=asked(), data=st.data())
def test_a_row_does_not_depend_on_its_neighbours(ask, data):
    logits, operations, places, allowed = ask
    row = data.draw(st.integers(0, len(logits) - 1))
    whole = draw(*ask, **ALL)
    own = [Operation(o.kind, o.value, o.count, o.mass, o.edits and [o.edits[row]]) for o in operations]
    alone = draw(logits[row : row + 1], own, [places[row]], row_of(allowed, row, logits.shape[1]), **ALL)
    assert alone.tokens[0] == whole.tokens[row]
    assert alone.counts[0] == whole.counts[row]
    assert alone.sums.tobytes() == whole.sums[row].tobytes() or np.isnan(alone.sums[0])


def row_of(allowed, row, size):
    """What is allowed in one row, alone."""
    if allowed is None:
        return None
    minus, plus = (places[places // size == row] % size for places in (allowed.minus, allowed.plus))
    return Allowed(allowed.masks[row : row + 1], allowed.addresses[row : row + 1], minus, plus)


@quick
@given(ask=asked())
def test_the_rows_made_are_those_drawn_from(ask):
    first = draw(*ask, **ALL)
    again = draw(first.shaped, (), ask[2], kept=True)
    sound = first.tokens >= 0
    assert again.tokens[sound].tolist() == first.tokens[sound].tolist()
    assert again.counts[sound].tolist() == first.counts[sound].tolist()
    assert (first.shaped[sound, first.tokens[sound]] > -inf).all()


@quick
@given(ask=asked())
def test_nothing_is_drawn_that_may_not_follow(ask):
    logits, operations, places, allowed = ask
    assume(allowed is not None)
    may = np.stack(allowed.masks).reshape(-1)
    may[allowed.minus], may[allowed.plus] = False, True
    may = may.reshape(logits.shape)
    for row, token in enumerate(draw(*ask).tokens.tolist()):
        assert token < 0 or may[row, token]


@quick
@given(logits=rows_of_logits(special=[-inf, 0.0], scales=[0.0, 1.0, 5.0]), u=st.floats(0, 1, exclude_max=True))
def test_the_draw_inverts_the_distribution(logits, u):
    for row, token in enumerate(draw(logits, (), [u] * len(logits)).tokens.tolist()):
        shares = torch.from_numpy(logits[row]).double().softmax(-1)
        if token >= 0:
            before = float(shares[:token].sum())
            assert before - 1e-6 <= u <= before + float(shares[token]) + 1e-6
        assert (token < 0) == bool(shares.isnan().any())


@quick
@given(logits=rows_of_logits(special=[-inf, 0.0, -0.0]))
def test_without_a_place_the_lowest_likeliest_is_taken(logits):
    tokens = draw(logits, (), [None] * len(logits)).tokens
    finite = np.isfinite(logits.max(1))
    assert tokens.tolist() == np.where(finite, logits.argmax(1), -1).tolist()


@quick
@given(logits=rows_of_logits())
def test_log_probabilities_are_those_of_torch(logits):
    expected = torch.from_numpy(logits).double().log_softmax(-1).numpy()
    np.testing.assert_allclose(log_softmax(logits), expected, rtol=1e-6, atol=1e-6)


@quick
@given(logits=rows_of_logits(special=[-inf, nan]))
def test_few_norms_have_the_bits_of_many(
    logits,
):
    one, many = log_sums(logits), log_sums(np.tile(logits, (20, 1)))
    assert many[:, : len(logits)].tobytes() == one.tobytes()


KEPT = Operation("largest", count=3)


NONE = np.empty(0, np.int64)
TWO = np.zeros((2, 5), np.float32)


def beside(mask, minus=NONE):
    return Allowed([mask] * 2, [mask.ctypes.data] * 2, minus, NONE)


@pytest.mark.parametrize("kernel", kernels())
def test_tokens_beyond_the_vocabulary_are_refused(kernel, monkeypatch):
    monkeypatch.setenv(VARIABLE, kernel)
    for places in (np.array([10]), np.array([-1])):
        with pytest.raises(IndexError):
            draw(TWO, (), [None] * 2, beside(np.ones(5, bool), places))
    with pytest.raises(IndexError):
        draw(TWO, [Operation("add", edits=[{5: 1.0}, {}])], [None] * 2)


@pytest.mark.parametrize("kernel", kernels())
def test_what_is_not_of_the_rows_is_refused(kernel, monkeypatch):
    monkeypatch.setenv(VARIABLE, kernel)
    with pytest.raises(ValueError, match="edits of 1 rows"):
        draw(TWO, [Operation("add", edits=[{}])], [None] * 2)
    with pytest.raises(ValueError, match="a mask"):
        draw(TWO, (), [None] * 2, beside(np.ones(4, bool)))
    with pytest.raises(ValueError, match="1 masks for 2 rows"):
        draw(TWO, (), [None] * 2, row_of(beside(np.ones(5, bool)), 0, 5))
    with pytest.raises(ValueError, match="1 places for 2 rows"):
        draw(TWO, (), [None])


@pytest.mark.parametrize("odd", [{"kind": "largest"}, {"kind": "add"}, {"kind": "scale"}, {"kind": "remove"}], ids=str)
def test_operations_that_lack_something_are_refused(odd):
    with pytest.raises(ValueError, match="no token|there are none"):
        Operation(**odd)


@pytest.mark.parametrize("kernel", kernels())
def test_no_rows_and_no_tokens_are_no_trouble(kernel, monkeypatch):
    monkeypatch.setenv(VARIABLE, kernel)
    assert draw(np.zeros((0, 5), np.float32), [KEPT], []).tokens.tolist() == []
    assert log_sums(np.zeros((0, 5), np.float32)).shape == (2, 0)


def test_threads_change_nothing(monkeypatch):
    logits = np.random.default_rng(1).normal(0, 3, (23, 5000)).astype(np.float32)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    one = draw(logits, [KEPT], [0.3] * 23, **ALL)
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.setattr(drawing, "EACH", 1)
    assert told(draw(logits, [KEPT], [0.3] * 23, **ALL)) == told(one)
