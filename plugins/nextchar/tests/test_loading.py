"""Which runner computes a model."""

import pytest
from nextchar_models import LSTM, write

from gen_engine.models import int8
from gen_nextchar import load_bert_lstm


@pytest.fixture
def folder(tmp_path):
    return write(tmp_path, LSTM[3])


def test_auto_takes_int8_where_that_costs_little(folder, monkeypatch):
    model = load_bert_lstm(folder, name="x")
    assert (model.dtype, "its own texts" in model.dtype_reason) == ("int8", True)
    monkeypatch.setattr(int8, "MOST_LOSS", model.loss / 2)
    model = load_bert_lstm(folder, name="x")
    assert (model.dtype != "int8", "more than 0.5%" in model.dtype_reason) == (True, True)
    assert load_bert_lstm(folder, name="x", dtype="int8").dtype == "int8"


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_other_dtypes_stay_as_they_are(folder, dtype):
    assert load_bert_lstm(folder, name="x", dtype=dtype).dtype == dtype


def test_a_packed_model_is_the_one_that_was_made(folder):
    first, second = (load_bert_lstm(folder, name="x", dtype="int8") for _ in range(2))
    rows = [[2, *range(10, 20)]]
    found = [model.feed(model.open(1), [-1], [0], rows).tobytes() for model in (first, second)]
    assert (found[0], first.loss) == (found[1], second.loss)
