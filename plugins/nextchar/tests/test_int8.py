"""Next-character models in int8: near float32, and the same bits whatever way a window came to be read."""

import json
import subprocess
import sys
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from int8_layers import bits, by_kernels
from nextchar_int8 import KINDS, LEFT, TWO_WAYS, load_int8, read, records, used_pages
from nextchar_models import ALL, CLS, LSTM, MASK, SEP, SIZE, WINDOW, examples, label, write
from safetensors.numpy import load_file, save_file

from gen_engine.engine import load
from gen_engine.errors import GenError
from gen_nextchar.lstm.int8 import make_head

EACH = pytest.mark.parametrize("options", KINDS, ids=label)
texts = st.lists(st.integers(5, SIZE - 1), max_size=2 * WINDOW)
rows_of_texts = st.lists(texts, min_size=1, max_size=5)


@pytest.mark.parametrize("options", [*ALL, *LEFT], ids=label)
def test_logits_are_near_those_of_float32(options, tmp_path):
    exact, int8 = load(write(tmp_path, options), dtype="float32").model, load_int8(options)
    rows = [[CLS, *range(10, 10 + count)] for count in (0, 1, 5, 20)]
    expected = exact.feed(exact.open(4), [-1] * 4, [0] * 4, rows).numpy()
    assert np.linalg.norm(read(int8, *rows) - expected) < 0.1 * np.linalg.norm(expected)


@EACH
def test_every_kernel_gives_the_same_bits(options, monkeypatch):
    rows = [[CLS, *range(10, 10 + count)] for count in (0, 1, 5, 20)]
    assert len(by_kernels(monkeypatch, lambda: [read(load_int8(options), *rows)])) == 1


@EACH
@examples(8)
@given(rows=rows_of_texts)
def test_a_row_is_the_same_among_others(options, rows):
    model = load_int8(options)
    rows = [[CLS, *row] for row in rows]
    assert bits(read(model, *rows)) == bits(*(read(model, row) for row in rows))


@EACH
@examples(8)
@given(row=texts, cuts=st.sets(st.integers(1, 2 * WINDOW)))
def test_one_token_at_a_time_equals_all_at_once(options, row, cuts):
    model, row = load_int8(options), [CLS, *row]
    edges = [0, *sorted(cut for cut in cuts if cut < len(row)), len(row)]
    cache = model.open(1)
    whole = model.feed(model.open(1), [-1], [0], [row], [len(row)])
    parts = [model.feed(cache, [0 if a else -1], [a], [row[a:b]], [b - a]) for a, b in pairwise(edges)]
    assert bits(whole) == bits(*parts)
    assert used_pages(cache) == used_pages(cache, kept=True)


@st.composite
def schedules(draw):
    """Calls of rows (parent, kept, new tokens), and the texts that they make."""
    calls, texts = [], []
    for _ in range(draw(st.integers(2, 5))):
        rows, made = [], []
        for _ in range(draw(st.integers(1, 4))):
            parent = draw(st.integers(-1, len(texts) - 1))
            keep = draw(st.integers(1, len(texts[parent]))) if parent >= 0 else 0
            new = draw(st.lists(st.sampled_from([7, 8, SEP, MASK]), min_size=1, max_size=3))
            rows.append((parent, keep, new))
            made.append([*(texts[parent][:keep] if parent >= 0 else []), *new])
        calls.append((rows, made))
        texts = made
    return calls


@EACH
@examples(12)
@given(calls=schedules())
def test_rows_go_where_they_are_sent(options, calls):
    model = load_int8(options)
    cache = model.open(1)
    for rows, made in calls:
        found = model.feed(cache, *map(list, zip(*rows, strict=True)))
        assert bits(found) == bits(read(model, *made))
        assert used_pages(cache) == used_pages(cache, kept=True)


@pytest.mark.parametrize("options", LEFT, ids=label)
def test_while_a_text_grows_a_character_costs_one_token(options, monkeypatch):
    model, counts = load_int8(options), records(monkeypatch)
    cache = model.open(2)
    model.feed(cache, [-1, -1], [0, 0], [[CLS, 9], [CLS, 9]])
    for length in range(2, WINDOW + 2):
        model.feed(cache, [0, 0], [length, length], [[length + 5], [length + 6]])
    assert counts == [2, *[2] * (WINDOW - 1), 2 * (WINDOW + 1)]


@EACH
def test_equal_windows_are_read_once(options, monkeypatch):
    model, counts = load_int8(options), records(monkeypatch)
    row = [CLS, *range(10, 10 + 2 * WINDOW)]
    read(model, row)
    found = read(model, row, [CLS, 7, *row[1:]], row)
    assert counts[0] == counts[1]
    assert bits(found[0]) == bits(found[1]) == bits(found[2])


@pytest.mark.parametrize("options", TWO_WAYS, ids=label)
def test_what_looks_both_ways_keeps_nothing(options):
    model = load_int8(options)
    cache = model.open(1)
    model.feed(cache, [-1], [0], [[CLS, 9]])
    assert cache.windows == [None]


def test_loading_imports_no_torch(tmp_path):
    write(tmp_path, LSTM[3])
    code = "import sys; from pathlib import Path; import gen_nextchar\n"
    code += f"model = gen_nextchar.load_bert_lstm(Path({str(tmp_path)!r}), name='x', dtype='int8')\n"
    code += "model.feed(model.open(1), [-1], [0], [[2, 9]])\n"
    code += "assert not {'torch', 'transformers'} & sys.modules.keys()"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("options", [LSTM[0], LSTM[31], ALL[-1]], ids=label)
def test_hostile_weights_are_refused(options, tmp_path):
    weights = load_file(write(tmp_path, options) / "model.safetensors")
    name = next(name for name in weights if not name.startswith("encoder."))
    lacking = {key: array for key, array in weights.items() if key != name}
    worst = np.full_like(weights[name], np.nan), np.full_like(weights[name], -np.inf)
    odd = [{name: np.zeros((3, 3, 3), np.float32)}, *({name: each} for each in worst)]
    for tensors, reason in zip(
        (lacking, *(weights | each for each in odd)), ("lacks", "shape", "none or infinite", "none or"), strict=True
    ):
        save_file(tensors, tmp_path / "model.safetensors")
        with pytest.raises(GenError, match=reason):
            load(tmp_path, dtype="int8")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"hidden": 0}, "0 for hidden"),
        ({"layers": "two"}, ".two. for layers"),
        ({"vocab_size": -1}, "-1"),
        ({"sep_token_id": SIZE}, "lacks a token"),
        ({"encoder": [1]}, "for the encoder"),
        ({"encoder": LEFT[1]["encoder"] | {"layer_norm_eps": "small"}}, ".small. for layer_norm_eps"),
    ],
)
def test_hostile_configurations_are_refused(tmp_path, change, reason):
    config = write(tmp_path, LSTM[0]) / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | change))
    with pytest.raises(GenError, match=reason):
        load(tmp_path, dtype="int8")


def test_marks_that_are_not_there_cannot_be_skipped():
    with pytest.raises(GenError, match="Set bare or skip_special to false"):
        make_head(SimpleNamespace(bare=True, skip_special=True), None, ())


def test_it_promises_the_same_bits_everywhere():
    model = load_int8(LSTM[3])
    assert (model.dtype, model.portable, model.reproducible, model.rewinds) == ("int8", True, True, True)
