"""Linear layers one after the other: the same bits from every kernel, near what float32 gives."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from int8_layers import bits, by_kernels, noise, stage

from gen_engine.compiled.arithmetic import ACTIVATIONS, normalise
from gen_engine.compiled.stages import Int8Stages

CHAINS = [
    Int8Stages((stage(128, 1024, "gelu"), stage(1024, 128, normalised=True), stage(128, 300))),
    Int8Stages((stage(20, 33, "tanh"), stage(33, 7, normalised=True))),
    Int8Stages((stage(40, 12, "relu"),)),
    Int8Stages((stage(17, 70, "gelu_new", normalised=True), stage(70, 1))),
]


def inputs(chain, rows, seed=0):
    return noise(rows, chain.stages[0].linear.inputs, seed=seed)


@pytest.mark.parametrize("chain", CHAINS)
@pytest.mark.parametrize("rows", [1, 2, 7, 65])
def test_every_kernel_gives_the_same_bits(chain, rows, monkeypatch):
    assert len(by_kernels(monkeypatch, lambda: [chain(inputs(chain, rows))])) == 1


@given(rows=st.lists(st.integers(0, 99), min_size=1, max_size=20))
def test_a_row_is_the_same_among_others(rows):
    chain = CHAINS[1]
    together = chain(np.stack([inputs(chain, 1, seed=row)[0] for row in rows]))
    assert bits(together) == bits(*(chain(inputs(chain, 1, seed=row)) for row in rows))


@pytest.mark.parametrize("chain", CHAINS)
def test_it_is_near_float32(chain):
    rows = exact = inputs(chain, 5)
    for each in chain.stages:
        exact = exact @ (each.linear._weights * each.linear.scales[: each.linear.outputs])
        exact = ACTIVATIONS[each.activation][1](exact + each.linear.biases[: each.linear.outputs])
        exact = exact if each.norm is None else normalise(exact, each.epsilon, *each.norm)
    assert np.abs(chain(rows) - exact).max() < 0.03 * np.abs(exact).max()


def test_no_rows_give_no_results():
    assert CHAINS[0](noise(0, 128)).shape == (0, 300)
