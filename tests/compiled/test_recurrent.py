"""The int8 LSTM: the same bits from every kernel, however its tokens come, and near what torch computes."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from int8_layers import bits, by_kernels, lstm_weights, noise

from gen_engine.compiled.recurrent import interleaved, quantise_lstm

SIZES = [(20, 24, 2), (16, 12, 3), (70, 40, 1), (33, 96, 2)]
MADE = {sizes: quantise_lstm(lstm_weights(*sizes)) for sizes in SIZES}
each_size = pytest.mark.parametrize("sizes", SIZES)
counts = st.lists(st.integers(1, 9), min_size=1, max_size=8)


def read(sizes, counts, states=None):
    states = MADE[sizes].fresh(len(counts)) if states is None else states
    return MADE[sizes].read(noise(sum(counts), sizes[0]), counts, states), states


@each_size
@pytest.mark.parametrize("counts", [[1], [33], [9, 2, 9, 1], [1] * 20])
def test_every_kernel_gives_the_same_bits(sizes, counts, monkeypatch):
    assert len(by_kernels(monkeypatch, lambda: read(sizes, counts))) == 1


@each_size
@given(counts=counts)
def test_ragged_rows_equal_rows_alone(sizes, counts):
    lstm, rows = MADE[sizes], [noise(count, sizes[0], seed=i) for i, count in enumerate(counts)]
    states = lstm.fresh(len(rows))
    together = lstm.read(np.concatenate(rows), counts, states)
    alone = [lstm.fresh(1) for _ in rows]
    found = [lstm.read(row, [len(row)], state) for row, state in zip(rows, alone, strict=True)]
    assert bits(together, states) == bits(*found, *alone)


@each_size
@given(counts=counts)
def test_one_token_at_a_time_equals_all_at_once(sizes, counts):
    lstm, tokens = MADE[sizes], noise(sum(counts), sizes[0])
    once, parts = lstm.fresh(1), lstm.fresh(1)
    whole = lstm.read(tokens, [len(tokens)], once)
    found = [lstm.read(part, [len(part)], parts) for part in np.split(tokens, np.cumsum(counts)[:-1])]
    assert bits(whole, once) == bits(*found, parts)


@each_size
def test_it_is_near_torch(sizes):
    size, hidden, layers = sizes
    lstm = torch.nn.LSTM(size, hidden, layers, batch_first=True).requires_grad_(False)
    for layer, arrays in enumerate(lstm_weights(*sizes)):
        for name, array in zip(("weight_ih", "weight_hh", "bias_ih", "bias_hh"), arrays, strict=True):
            getattr(lstm, f"{name}_l{layer}").copy_(torch.from_numpy(array))
    expected = lstm(torch.from_numpy(noise(12, size))[None])[0][0].numpy()
    assert np.abs(read(sizes, [12])[0] - expected).max() < 0.02


def test_gates_stand_together_by_sixteen_units():
    rows = interleaved(np.arange(4 * 20, dtype=np.float32))
    assert rows[:64].tolist() == [gate * 20 + unit for gate in range(4) for unit in range(16)]
    assert rows[64:68].tolist() == [16, 17, 18, 19]
    assert not rows[68:80].any()


def test_no_tokens_give_no_outputs():
    assert MADE[SIZES[0]].read(noise(0, 20), [], MADE[SIZES[0]].fresh(0)).shape == (0, 24)
