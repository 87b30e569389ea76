"""BERT+LSTM nets as tutorials save them, made here by plain torch: converted, they answer as they did."""

import pytest
import torch
from nextchar_nets import TEXTS, WINDOW, WORDS, check_answers, converted
from torch import nn
from transformers import BertModel

import gen_nextchar.lstm.modeling  # noqa: F401 - makes its kind of model known
from gen_engine.errors import GenError
from gen_nextchar import load_bert_lstm
from gen_nextchar.lstm.foreign import bert_lstm


class Net(nn.Module):
    """A BERT, an LSTM over its states, and a linear layer on the last output."""

    def __init__(self, base, hidden=24, layers=1, bias=True):
        super().__init__()
        torch.manual_seed(1)
        self.bert_model = BertModel.from_pretrained(base)
        self.rnn = nn.LSTM(16, hidden, layers, batch_first=True)
        self.linear = nn.Linear(hidden, len(WORDS), bias=bias)

    def forward(self, ids):
        return self.linear(self.rnn(self.bert_model(ids).last_hidden_state)[0][:, -1])


@pytest.mark.parametrize("framed", [False, True])
@pytest.mark.parametrize(("hidden", "layers", "bias"), [(24, 1, True), (16, 2, True), (8, 1, False)])
def test_transformers_and_the_runner_answer_as_the_original_model_did(base, tmp_path, framed, hidden, layers, bias):
    net = Net(base, hidden, layers, bias)
    check_answers(net, converted(net, base, tmp_path, bert_lstm, framed=framed), load_bert_lstm, framed=framed)


@torch.inference_mode()
def test_of_a_longer_text_the_last_characters_are_read(base, tmp_path):
    net = Net(base).eval()
    runner = load_bert_lstm(converted(net, base, tmp_path, bert_lstm), name="net", dtype="float32")
    text = [*TEXTS[1], *TEXTS[0]]
    found = runner.feed(runner.open(1), [-1], [0], [text])[0]
    assert torch.allclose(found, net(torch.tensor([text[-WINDOW:]]))[0], atol=1e-4)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda t: {n: x for n, x in t.items() if "rnn" not in n}, "has no LSTM"),
        (lambda t: {n: x for n, x in t.items() if "linear" not in n}, "The head is nothing"),
        (lambda t: t | {"rnn.weight_ih_l0_reverse": torch.ones(96, 16)}, "knows 1 linear layers at most"),
        (lambda t: {n: x for n, x in t.items() if n != "rnn.bias_hh_l0"}, "no plain LSTM over 16 numbers"),
        (lambda t: t | {"linear.weight": torch.ones(40, 7)}, "takes 7 numbers, not 24"),
        (lambda t: {n: x for n, x in t.items() if "bert_model" not in n}, "BERT of the file lacks"),
    ],
)
def test_what_the_recipe_is_not_for_is_refused(base, tmp_path, change, reason):
    with pytest.raises(GenError, match=reason):
        converted(Net(base), base, tmp_path, bert_lstm, change)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("window", "framed"), [(13, False), (11, True), (0, False)])
def test_a_window_that_does_not_fit_the_encoder_is_refused(base, tmp_path, window, framed):
    with pytest.raises(GenError, match=f"A window of {window} characters"):
        converted(Net(base), base, tmp_path, bert_lstm, window=window, framed=framed)
