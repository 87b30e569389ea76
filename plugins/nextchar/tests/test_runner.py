"""The runner of next-character models: what transformers computes, for rows that never see their neighbours."""

import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from nextchar_models import ALL, CLS, FC, FEW, LSTM, SEP, SIZE, WINDOW, examples, label, model_of, write
from safetensors.torch import load_file, save_file

import gen_nextchar
from gen_engine.engine import Engine, load
from gen_engine.errors import GenError
from gen_engine.testing import check_model
from gen_nextchar import runner

SOME = pytest.mark.parametrize("options", FEW, ids=label)
DTYPES = ["float32", "bfloat16"]
texts = st.lists(st.integers(5, SIZE - 1), max_size=2 * WINDOW)


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    """Loads the model of a combination of options, once for each dtype."""
    known = {}

    def get(options, dtype="float32"):
        key = (label(options), dtype)
        if key not in known:
            folder = write(tmp_path_factory.mktemp("model"), options)
            known[key] = load(folder, dtype=dtype).model
        return known[key]

    return get


def read(model, *rows):
    """Logits [rows, vocab] after each row, all read in one call."""
    return model.feed(model.open(len(rows)), [-1] * len(rows), [0] * len(rows), rows)


ONE_ACTIVATION_EACH = [FC[3 * number + number % 3] for number in range(len(FC) // 3)]


@pytest.mark.parametrize("options", LSTM + ONE_ACTIVATION_EACH, ids=label)
def test_every_combination_of_options_passes_the_laws_of_models(loaded, options):
    check_model(loaded(options, DTYPES[ALL.index(options) % 2]), examples=2)


@pytest.mark.slow
@pytest.mark.parametrize("options", ALL, ids=label)
@pytest.mark.parametrize("dtype", DTYPES)
def test_every_combination_passes_the_laws_of_models_often(loaded, options, dtype):
    check_model(loaded(options, dtype), examples=40)


@SOME
@examples(10)
@given(rows=st.lists(texts, min_size=1, max_size=4))
def test_logits_are_those_of_transformers(loaded, options, rows):
    rows = [[CLS, *row] for row in rows]
    with torch.no_grad():
        expected = torch.cat([model_of(options)(torch.tensor([row])).logits[:, 0] for row in rows])
    torch.testing.assert_close(read(loaded(options), *rows), expected, atol=1e-4, rtol=1e-4)


@SOME
def test_bfloat16_is_near_float32(loaded, options):
    rows = [[CLS, *range(10, 10 + count)] for count in (1, 5, 20)]
    exact, found = (read(loaded(options, dtype), *rows) for dtype in DTYPES)
    assert (found - exact).abs().max() < 0.1 * exact.abs().max()


@SOME
@pytest.mark.parametrize("dtype", DTYPES)
def test_any_number_of_rows_leaves_each_as_it_is(loaded, options, dtype):
    model = loaded(options, dtype)
    rows = [[CLS, *torch.randint(5, SIZE, (row % 12,)).tolist()] for row in range(64)]
    whole = read(model, *rows)
    assert model.reproducible
    for count in (*range(1, 18), 31, 33, 63):
        assert torch.equal(read(model, *rows[:count]), whole[:count])
    assert torch.equal(read(model, rows[-1]), whole[-1:])


@pytest.mark.slow
@pytest.mark.parametrize("options", [LSTM[31], ALL[-1]], ids=label)
def test_two_threads_leave_a_row_as_it_is(options, tmp_path):
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        model = load(write(tmp_path, options), dtype="float32").model
        rows = [[CLS, *range(10, 10 + row)] for row in range(6)]
        assert all(torch.equal(read(model, *rows[:count]), read(model, *rows)[:count]) for count in (1, 2, 5))
    finally:
        torch.set_num_threads(before)


@SOME
def test_many_windows_are_computed_block_by_block(loaded, options):
    model = replace(loaded(options), at_once=3)
    rows = [[CLS, *range(10, 10 + row)] for row in range(8)]
    assert torch.equal(read(model, *rows), read(loaded(options), *rows))


def adding(model, added):
    """`model` with a head that adds to each row what a kernel that mixes rows might: `added(number of rows)`."""
    return replace(model, head=lambda *given: model.head(*given) + added(len(given[0])))


def place(count):
    return torch.arange(count)[:, None]


@SOME
def test_where_results_vary_with_position_each_row_is_computed_alone(loaded, options):
    assert runner.sizes_apart(adding(loaded(options), place)) == (1,)


@SOME
def test_where_results_vary_with_batch_size_the_size_is_fixed(loaded, options):
    assert runner.sizes_apart(adding(loaded(options), int)) == (16,)


def test_where_many_rows_are_mixed_few_are_computed_together(loaded):
    assert runner.sizes_apart(adding(loaded(FEW[0]), lambda count: place(count) == 63))[-1] == 16


@pytest.mark.parametrize("least", [2, 8])
def test_rows_are_padded_where_that_keeps_them_apart(loaded, least):
    model = loaded(FEW[0])
    picky = adding(model, lambda count: count < least)
    sizes = runner.sizes_apart(picky)
    assert sizes[0] == least
    assert torch.equal(read(replace(picky, sizes=sizes), [CLS, 9]), read(model, [CLS, 9]))


@SOME
def test_greedy_texts_are_those_of_generate(loaded, options):
    model, start = model_of(options), [CLS, *range(10, 14)]
    prompt = "".join(chr(0x4E00 + token - 5) for token in start[1:])
    marks = list(range(5))
    with torch.no_grad():
        expected = model.generate(
            torch.tensor([start]), attention_mask=torch.ones(1, 5, dtype=torch.long), max_new_tokens=2 * WINDOW,
            do_sample=False, use_cache=False, suppress_tokens=marks,
        )  # fmt: skip
    rules = ("no_unk", "no_special", f"length={2 * WINDOW}")
    (done,) = Engine(loaded(options)).generate(prompt, processors=rules, max_new=2 * WINDOW, decoder="greedy")
    assert list(done.tokens)[-2 * WINDOW :] == expected[0, 5:].tolist()


def test_texts_of_any_length_are_read_by_window(loaded):
    model = loaded(FEW[0])
    long = [CLS, *(5 + i % 50 for i in range(500))]
    assert model.positions is None
    assert torch.equal(read(model, long), read(model, [CLS, *long[-WINDOW:]]))


# --------------------------------------------------------------------------------------------- loading, refusing


def test_loading_imports_no_transformers(tmp_path):
    write(tmp_path, LSTM[3])
    code = "import sys; import gen_engine; engine = gen_engine.load(" + repr(str(tmp_path)) + ", dtype='float32')\n"
    code += "assert type(engine.model).__name__ == 'NextCharModel'; assert 'transformers' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("options", [LSTM[0], LSTM[31], ALL[-1]], ids=label)
def test_missing_unexpected_and_misshapen_weights_are_named(options, tmp_path):
    weights = load_file(write(tmp_path, options) / "model.safetensors")
    name = next(name for name in weights if not name.startswith("encoder."))
    lacking = {key: tensor for key, tensor in weights.items() if key != name}
    more, odd = {"more": weights[name].clone()}, {name: weights[name].new_zeros(3, 3, 3)}
    for tensors, reason in ((lacking, "lacks"), (weights | more, "unexpected more"), (weights | odd, "shape")):
        save_file(tensors, tmp_path / "model.safetensors")
        with pytest.raises(GenError, match=reason):
            load(tmp_path, dtype="float32")


def test_weights_that_are_no_numbers_are_named(tmp_path):
    weights = load_file(write(tmp_path, LSTM[0]) / "model.safetensors")
    weights["lstm.bias_ih_l0"][2] = float("nan")
    save_file(weights, tmp_path / "model.safetensors")
    with pytest.raises(GenError, match=r"lstm\.bias_ih_l0 that are none"):
        load(tmp_path, dtype="float32")


@pytest.mark.parametrize(
    "old, new, reason",
    [
        ('"hidden_size": 16', '"hidden_act": "silu", "hidden_size": 16', "plain BERT"),
        ('"hidden_size": 16', '"hidden_size": 0', "has 0 for hidden_size"),
        ('"window": 8', '"window": 99', "at most 14"),
        ('"cls_token_id": 2', '"cls_token_id": null', "cls_token_id"),
        ('"hidden": 12', '"hidden": 13', "shape"),
    ],
)
def test_a_configuration_that_is_not_computed_here_is_refused(tmp_path, old, new, reason):
    config = write(tmp_path, LSTM[0]) / "config.json"
    assert old in config.read_text()
    config.write_text(config.read_text().replace(old, new))
    with pytest.raises(GenError, match=reason):
        load(tmp_path)


def test_fast_says_whether_it_gave_anything_up(tmp_path, monkeypatch):
    write(tmp_path, FEW[0])
    for sizes in (runner.SIZES_AT_ONCE, (2, 8)):
        monkeypatch.setattr(runner, "sizes_apart", lambda model, sizes=sizes: sizes)
        assert load(tmp_path, dtype="float32", fast=True).model.reproducible == (sizes != (2, 8))
        assert load(tmp_path, dtype="float32", fast=True).model.sizes is None
        assert load(tmp_path, dtype="float32").model.sizes == sizes


def test_the_end_of_a_text_is_sep(loaded):
    assert loaded(FEW[0]).tokenizer.vocabulary.end == SEP


@pytest.mark.parametrize("kind, name", [("bert_lstm", "bert-lstm-novel"), ("bert_fc", "bert-fc-novel")])
def test_a_trained_model_is_offered_only_where_its_weights_are(kind, name, tmp_path, monkeypatch):
    monkeypatch.setattr(gen_nextchar, "WEIGHTS", tmp_path)
    assert gen_nextchar.models() == {}
    (tmp_path / kind).mkdir()
    assert list(gen_nextchar.models()) == [name]
