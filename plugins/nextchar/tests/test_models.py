"""BERT+LSTM and BERT+FC as transformers classes: padding, windows, states, and what a folder keeps."""

import subprocess
import sys

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from nextchar_models import (
    ALL,
    CLS,
    ENCODER,
    FC,
    FEW,
    LSTM,
    MASK,
    PAD,
    SEP,
    SIZE,
    WINDOW,
    build,
    examples,
    label,
    model_of,
    reload,
    write,
)

from gen_engine.errors import GenError
from gen_nextchar.modeling import pad_framed

EVERY = pytest.mark.parametrize("options", ALL, ids=label)
SOME = pytest.mark.parametrize("options", FEW, ids=label)
characters = st.integers(5, SIZE - 1)
texts = st.lists(characters, max_size=2 * WINDOW)


def logits(model, ids, mask=None):
    """The next character's logits [rows, vocab]."""
    with torch.no_grad():
        return model(torch.tensor(ids), None if mask is None else torch.tensor(mask)).logits[:, 0]


def near(one, other):
    torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-4)


@SOME
@examples(15)
@given(rows=st.lists(texts, min_size=1, max_size=4), data=st.data())
def test_padding_on_either_side_never_matters(options, rows, data):
    model, longest = model_of(options), max(map(len, rows)) + 2
    ids, mask = [], []
    for row in rows:
        left = data.draw(st.integers(0, longest - len(row)))
        right = longest - len(row) - left
        filler = data.draw(characters)  # a mask hides whatever stands there
        ids.append([filler] * left + row + [filler] * right)
        mask.append([0] * left + [1] * len(row) + [0] * right)
    near(logits(model, ids, mask), torch.cat([logits(model, [[CLS, *row]]) for row in rows]))


@SOME
@examples(15)
@given(text=texts, before=texts)
def test_only_the_last_window_of_a_text_is_seen(options, text, before):
    model, last = model_of(options), [*before, *text][-WINDOW:]
    near(logits(model, [[CLS, *before, *text]]), logits(model, [[CLS, *last]]))


@SOME
@pytest.mark.parametrize("length", [WINDOW - 1, WINDOW, WINDOW + 1])
def test_each_character_of_the_window_matters_and_none_before_it(options, length):
    model, text = model_of(options), list(range(10, 10 + length))
    plain = logits(model, [text])
    for place in range(length):
        other = logits(model, [[*text[:place], 50, *text[place + 1 :]]])
        assert torch.allclose(plain, other, atol=1e-5) == (place < length - WINDOW)


@SOME
@examples(10)
@given(rows=st.lists(texts, min_size=1, max_size=4))
def test_hidden_vectors_of_framed_rows_give_the_logits(options, rows):
    model = model_of(options)
    ids, mask = pad_framed(model.framing, [model.framing.frame(row) for row in rows])
    with torch.no_grad():
        found = model.next_hidden(ids, mask) @ model.output_weight().T
    near(found, torch.cat([logits(model, [[CLS, *row]]) for row in rows]))


@EVERY
def test_a_folder_keeps_the_model(options, tmp_path):
    model, again = model_of(options), reload(write(tmp_path, options))
    assert {name: tensor.tolist() for name, tensor in model.state_dict().items()} == {
        name: tensor.tolist() for name, tensor in again.state_dict().items()
    }
    near(logits(model, [[CLS, 7, 8, 9]]), logits(again, [[CLS, 7, 8, 9]]))
    assert again.framing == model.framing


def test_a_fresh_process_that_imports_the_package_loads_the_model(tmp_path):
    write(tmp_path, FEW[0])
    code = "import gen_nextchar.lstm.modeling; from transformers import AutoModelForCausalLM as Auto\n"
    code += f"print(type(Auto.from_pretrained({str(tmp_path)!r})).__name__)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "BertLstmForCausalLM"


@pytest.mark.parametrize("options", ALL[:8], ids=label)
def test_a_tied_output_matrix_is_the_encoders_own(options):
    model = model_of(options)
    own = model.output_weight() is model.encoder.embeddings.word_embeddings.weight
    assert own == options["tie"]
    assert ("output.weight" in model.state_dict()) != options["tie"]


@SOME
@pytest.mark.parametrize("use_cache", [False, True])
def test_generate_goes_on_from_unpadded_and_left_padded_texts(options, use_cache):
    model = model_of(options)
    texts = [[CLS, 7, 8, 9, 10, 11, 12], [PAD, PAD, PAD, PAD, PAD, CLS, 9]]
    mask = [[1] * 7, [0] * 5 + [1] * 2]
    with torch.no_grad():
        both = model.generate(torch.tensor(texts), attention_mask=torch.tensor(mask), max_new_tokens=6, do_sample=False,
                              use_cache=use_cache, suppress_tokens=[SEP])  # fmt: skip
        one = model.generate(torch.tensor([[CLS, 9]]), attention_mask=torch.ones(1, 2, dtype=torch.long),
                             max_new_tokens=6, do_sample=False, suppress_tokens=[SEP])  # fmt: skip
    assert both[1, 5:].tolist() == one[0].tolist()


# -------------------------------------------------------------------------------------- where it reads; the LSTM


def places_read(model, framed):
    """The places of a framed text whose states have a say in what follows it."""
    kept = []
    handle = model.encoder.register_forward_hook(lambda module, given, out: kept.append(out.last_hidden_state))
    hidden = model.next_hidden(*pad_framed(model.framing, [framed]))
    handle.remove()
    (slopes,) = torch.autograd.grad((hidden * torch.arange(hidden.shape[1])).sum(), kept)
    return slopes[0].ne(0).any(1).nonzero()[:, 0].tolist()


@pytest.mark.parametrize("options", [options for options in ALL if not options["pooler"]], ids=label)
def test_only_lstms_read_predictions_beyond_the_last_character_or_mask(options):
    framed = model_of(options).framing.frame([7, 8, 9])
    skips, is_fc = options.get("skip_special", False), options["kind"] == "fc"
    last = framed.index(9) + options["variable"] if is_fc or skips or options["variable"] else framed.index(SEP)
    first = last if is_fc else int(skips)
    assert places_read(model_of(options), framed) == [*range(first, last + 1)]


@pytest.mark.parametrize("options", [options for options in FC if options["pooler"]][::3], ids=label)
def test_the_pooler_reads_cls(options):
    assert places_read(model_of(options), [CLS, 7, 8, SEP]) == [0]


def test_the_lstm_reads_special_tokens_unless_told_to_skip_them():
    for options in LSTM[:4]:
        model, seen = model_of(options), []
        handle = model.lstm.register_forward_hook(lambda module, given, out, seen=seen: seen.append(given[0].shape[1]))
        logits(model, [[CLS, 7, 8, 9]])
        handle.remove()
        assert seen == [4 if options["skip_special"] else 5]


@pytest.mark.parametrize("options", LSTM[:4], ids=label)
def test_what_follows_the_place_that_is_read_has_no_say(options):
    model = model_of(options)
    ids, mask = pad_framed(model.framing, [model.framing.frame([7, 8, 9]), model.framing.frame(list(range(7, 15)))])
    with torch.no_grad():
        before = model.next_hidden(ids, mask)[0]
        ids[0, 5:] = 33
        near(model.next_hidden(ids, mask)[0], before)


@pytest.mark.parametrize("options", LSTM[:4], ids=label)
def test_states_start_at_zero_so_equal_texts_give_equal_logits(options):
    model = model_of(options)
    assert torch.equal(logits(model, [[7, 8]]), logits(model, [[7, 8]]))
    with torch.no_grad():
        outputs, _ = model.lstm(torch.ones(1, 3, ENCODER["hidden_size"]))
        zeros = torch.zeros(options["layers"], 1, 12)
        assert torch.equal(outputs, model.lstm(torch.ones(1, 3, ENCODER["hidden_size"]), (zeros, zeros))[0])


# ------------------------------------------------------------------------------------- training and refusals


@SOME
def test_an_encoder_that_is_not_trained_has_no_dropout(options):
    model = build(options).requires_grad_(True)
    model.encoder.requires_grad_(False)
    model.train()
    assert model.training
    assert not model.encoder.training
    model.encoder.requires_grad_(True)
    assert model.train().encoder.training


@EVERY
def test_all_parameters_learn(options):
    model = build(options)
    ids, mask = pad_framed(model.framing, [model.framing.frame(row) for row in ([7, 8, 9], [10] * 9)])
    (model.next_hidden(ids, mask) @ model.output_weight().T).logsumexp(1).sum().backward()
    assert [name for name, weights in model.named_parameters() if weights.grad is None] == []


@pytest.mark.parametrize(
    "options, reason",
    [
        ({"kind": "lstm", "layers": 0}, "LSTM of 0 layers"),
        ({"kind": "fc", "activation": "swish"}, "gelu, relu, tanh"),
        ({"kind": "fc", "hidden": 0}, "width from 1"),
        ({"kind": "fc", "encoder": ENCODER | {"vocab_size": 59}}, "59 tokens and the model 60"),
        ({"kind": "lstm", "window": 15}, "at most 14"),
    ],
)
def test_what_cannot_be_built_is_refused(options, reason):
    with pytest.raises(GenError, match=reason):
        build(options)


def test_a_variable_model_puts_its_mask_after_the_last_character():
    options = {"kind": "fc", "variable": True, "pooler": False, "tie": True}
    assert build(options).framing.frame([7, 8]) == [CLS, 7, 8, MASK, SEP]
