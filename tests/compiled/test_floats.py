"""Layers of floats: each output is one chain of fused products, with the same bits at any number of rows."""

import platform

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from int8_layers import THREADS, bits, noise

from gen_engine.compiled.floats import computes_floats, is_bfloat16, pack_floats
from gen_engine.compiled.library import NUMPY, VARIABLE, kernels

WITH_FLOATS = [name for name in kernels() if name not in (NUMPY, "generic")]
SHAPES = [(1, 1), (7, 5), (16, 64), (33, 77), (100, 1030), (260, 40)]

needs_floats = pytest.mark.skipif(not computes_floats(), reason="no kernel of this processor has fused products")


def halved(values):
    """The float32 numbers with the lower halves of their bits cut off."""
    return (np.ascontiguousarray(values).view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32)


def product(layer, rows, threads=2):
    rows, out = np.ascontiguousarray(rows), np.full((len(rows), layer.outputs), np.nan, np.float32)
    layer.multiply(len(rows), rows.ctypes.data, out.ctypes.data, threads)
    return out


def chain(weight, bias, rows):
    """The same in numpy: sums of 64 bits or more of mantissa, rounded after every product."""
    sums = np.broadcast_to(np.float32(0) if bias is None else bias, (len(rows), len(weight)))
    for column, inputs in zip(weight.T.astype(np.longdouble), rows.T.astype(np.longdouble), strict=True):
        sums = (inputs[:, None] * column + sums).astype(np.float32)
    return sums


@needs_floats
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("cut", [halved, lambda values: values], ids=["bfloat16", "float32"])
def test_a_row_has_the_same_bits_among_others(shape, cut):
    layer = pack_floats(cut(noise(*shape)), noise(shape[0], seed=1), 2)
    rows = noise(64, shape[1], seed=2)
    whole = product(layer, rows)
    for count in (1, 2, 3, 4, 5, 8, 16, 33, 64):
        assert np.array_equal(product(layer, rows[-count:], threads=count % 3 + 1), whole[-count:])


@needs_floats
@pytest.mark.skipif(np.finfo(np.longdouble).nmant < 63, reason="numpy has no wider numbers here")
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("bias", [True, False])
def test_an_output_is_a_chain_of_fused_products(shape, bias, monkeypatch):
    weight, added, rows = noise(*shape), noise(shape[0], seed=1) if bias else None, noise(130, shape[1], seed=2)
    found = set()
    for kernel, threads, cut in [(kernel, int(threads), cut) for kernel in WITH_FLOATS for threads in THREADS
                                 for cut in (halved, np.array)]:  # fmt: skip
        monkeypatch.setenv(VARIABLE, kernel)
        found.add((cut, bits(product(pack_floats(cut(weight), added, threads), rows, threads))))
    assert found == {(cut, bits(chain(cut(weight), added, rows))) for cut in (halved, np.array)}


@needs_floats
@given(st.tuples(st.integers(1, 200), st.integers(1, 1200), st.integers(1, 20)))
def test_a_layer_is_near_float64(sizes):
    outputs, inputs, count = sizes
    weight, bias, rows = noise(outputs, inputs), noise(outputs), noise(count, inputs, seed=3)
    found = product(pack_floats(weight, bias, 1), rows)
    exact = rows.astype(np.float64) @ weight.T.astype(np.float64) + bias
    assert np.abs(found - exact).max() < 1e-6 * inputs


def test_bfloat16_is_told_by_the_bits():
    weight = halved(noise(3, 5))
    assert is_bfloat16(weight)
    weight[2, 4] = np.nextafter(weight[2, 4], np.float32(9))
    assert not is_bfloat16(weight)


@needs_floats
def test_only_bfloat16_takes_half_the_memory():
    layers = [pack_floats(weight, None, 1) for weight in (halved(noise(32, 6)), noise(32, 6))]
    assert [layer.halved for layer in layers] == [True, False]
    assert [layer.weights.nbytes for layer in layers] == [32 * 6 * 2, 32 * 6 * 4]


@needs_floats
@pytest.mark.parametrize("value", [np.inf, np.nan])
def test_numbers_that_are_none_stay_so(value):
    weight = np.full((3, 2), value, np.float32)
    assert not np.isfinite(product(pack_floats(weight, None, 1), np.ones((2, 2), np.float32))).any()


@pytest.mark.parametrize("kernel", [NUMPY] if platform.machine() == "aarch64" else [NUMPY, "generic"])
def test_kernels_without_fused_products_pack_nothing(kernel, monkeypatch):
    if kernel not in kernels():
        pytest.skip("the compiled library was not built here")
    monkeypatch.setenv(VARIABLE, kernel)
    assert not computes_floats()
    assert pack_floats(noise(2, 3), None, 1) is None
