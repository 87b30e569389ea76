"""Float32 arithmetic in one order: near the exact functions, and the same wherever a number stands."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from gen_engine.compiled import arithmetic
from gen_engine.compiled.arithmetic import exponential, folded_sum, nearest, normalise, quantise

NUMBERS = st.floats(-80, 80, width=32)
ROWS = arrays.arrays(np.float32, st.tuples(st.integers(1, 4), st.integers(1, 70)), elements=NUMBERS)


@given(ROWS)
def test_the_exponential_is_near_the_exact_one(rows):
    exact = np.exp(rows.astype(np.float64))
    assert np.allclose(exponential(rows), exact, rtol=3e-7, atol=0)


def test_the_exponential_ends_where_float32_does():
    found = exponential(np.array([-math.inf, -88, 0, 100, math.nan], np.float32))
    assert found[:3].tolist() == [0, 0, 1]
    assert found[3] == exponential(np.float32([88]))[0]
    assert math.isnan(found[4])


ERF = [(x, math.erf(x)) for x in (-3.0, -1.0, -0.1, 0.0, 0.3, 2.0)]


@pytest.mark.parametrize(("x", "erf"), ERF)
def test_activations_are_near_the_exact_ones(x, erf):
    one = np.array([x], np.float32)
    assert arithmetic.hyperbolic_tangent(one)[0] == pytest.approx(math.tanh(x), abs=3e-7)
    assert arithmetic.sigmoid(one)[0] == pytest.approx(1 / (1 + math.exp(-x)), abs=2e-7)
    assert arithmetic.gelu_erf(one)[0] == pytest.approx(x / 2 * (1 + math.erf(x / math.sqrt(2))), abs=1e-6)
    tanh = math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))
    assert arithmetic.gelu_tanh(one)[0] == pytest.approx(x / 2 * (1 + tanh), abs=1e-6)


@given(ROWS, st.integers(0, 40))
def test_zeros_behind_a_row_change_no_bit_of_its_sum(rows, more):
    longer = np.concatenate([rows, np.zeros((len(rows), more), np.float32)], 1)
    assert folded_sum(rows).tobytes() == folded_sum(longer).tobytes()


@given(ROWS)
def test_a_row_does_not_depend_on_its_neighbours(rows):
    for function in (folded_sum, lambda x: normalise(x, 1e-5), lambda x: quantise(x)[0], exponential):
        whole = function(rows)
        assert all(function(rows[i : i + 1]).tobytes() == whole[i : i + 1].tobytes() for i in range(len(rows)))


@given(st.floats(-(2**21), 2**21, width=32))
def test_nearest_rounds_ties_to_even(value):
    assert nearest(np.float32([value]))[0] == np.rint(np.float32(value))


@given(ROWS)
def test_bytes_are_within_half_a_step(rows):
    found, scales = quantise(rows)
    assert found.min() >= -127
    assert np.abs(found * scales[:, None] - rows).max() <= scales.max() * 0.5001 + 1e-30  # less counts as 0
    assert all(np.abs(row).max() in (0, 127) for row in found.astype(int))


@given(ROWS)
def test_a_normalised_row_has_mean_0_and_variance_1(rows):
    exact = rows.astype(np.float64)
    exact = (exact - exact.mean(-1, keepdims=True)) / np.sqrt(exact.var(-1, keepdims=True) + 1e-5)
    assert np.allclose(normalise(rows, 1e-5), exact, atol=2e-3)
