"""Int8 layers: exact sums, scales, and normalisations that become part of a layer."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gen_engine.compiled.arithmetic import normalise, quantise
from gen_engine.compiled.linear import MOST_INPUTS, quantise_linear
from gen_engine.errors import GenError


def test_more_inputs_than_int32_can_sum_are_refused():
    with pytest.raises(GenError, match="131,073 inputs"):
        quantise_linear(np.ones((1, MOST_INPUTS + 1), np.float32))
    layer = quantise_linear(np.ones((1, MOST_INPUTS), np.float32))
    assert layer.reference(*quantise(np.ones((1, MOST_INPUTS), np.float32)))[0, 0] == pytest.approx(MOST_INPUTS)


SIZES = st.tuples(st.integers(1, 40), st.integers(1, 2100), st.integers(0, 9999))


def drawn(outputs, inputs, seed):
    noise = np.random.default_rng(seed)
    return noise.standard_normal((outputs, inputs), dtype=np.float32), noise.standard_normal(outputs, dtype=np.float32)


@given(SIZES)
def test_sums_are_exact(sizes):
    layer = quantise_linear(*drawn(*sizes))
    rows = np.full((2, layer.inputs), 127, np.int8)
    rows[1] = -127  # the largest sums there are
    weights = layer.tiles.transpose(0, 3, 1, 2, 4).reshape(len(layer.tiles) * 16, -1)[: layer.outputs, : layer.inputs]
    sums = rows.astype(np.int64) @ weights.astype(np.int64).T
    expected = sums.astype(np.float32) * layer.scales[: layer.outputs] + layer.biases[: layer.outputs]
    assert np.array_equal(layer.reference(rows, np.ones(2, np.float32)), expected)


@given(SIZES)
def test_a_layer_is_near_its_float_one(sizes):
    weight, bias = drawn(*sizes)
    row = np.random.default_rng(1).standard_normal((1, weight.shape[1]), dtype=np.float32)
    found = quantise_linear(weight, bias).reference(*quantise(row))
    assert np.allclose(found, row @ weight.T + bias, atol=0.06 * np.sqrt(weight.shape[1]))


@pytest.mark.parametrize("size", [16, 200])
def test_gains_and_shifts_become_part_of_the_layer(size):
    noise = np.random.default_rng(2)
    weight, bias = drawn(24, size, 3)
    gains, shifts = 1 + noise.standard_normal(size, dtype=np.float32) / 3, noise.standard_normal(size, dtype=np.float32)
    row = normalise(noise.standard_normal((1, size), dtype=np.float32), 1e-5)
    found = quantise_linear(weight, bias, gains, shifts).reference(*quantise(row))
    assert np.allclose(found, (row * gains + shifts) @ weight.T + bias, atol=0.06 * np.sqrt(size))


def test_a_layer_of_zeros_gives_its_bias():
    layer = quantise_linear(np.zeros((3, 5), np.float32), np.float32([1, 2, 3]))
    assert layer.reference(*quantise(np.ones((1, 5), np.float32))).tolist() == [[1, 2, 3]]


def test_corrections_are_128_times_the_sums():
    layer = quantise_linear(*drawn(20, 70, 5))
    assert np.array_equal(layer.corrections, layer.tiles.sum((1, 2, 4), dtype=np.int64).reshape(-1) * 128)
