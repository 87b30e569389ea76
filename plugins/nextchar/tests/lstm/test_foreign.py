"""BERT+LSTM nets as tutorials save them, made here by plain torch: converted, they answer as they did."""

import pytest
import torch
from torch import nn
from transformers import AutoModelForCausalLM, BertConfig, BertModel

import gen_nextchar.lstm.modeling  # noqa: F401 - makes its kind of model known
from gen_engine.errors import GenError
from gen_engine.models.conversion import convert
from gen_nextchar import load_bert_lstm
from gen_nextchar.lstm.foreign import bert_lstm

MARKS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = [*MARKS, *(chr(0x4E00 + i) for i in range(35))]
SIZES = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
WINDOW = 6
TEXTS = [[7, 9, 12, 30, 14, 22], [5, 6, 5], [39]]


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A pretrained BERT that a tutorial starts from, with its words."""
    folder = tmp_path_factory.mktemp("base") / "bert"
    torch.manual_seed(0)
    config = BertConfig(vocab_size=len(WORDS), **SIZES, max_position_embeddings=12, initializer_range=0.3)
    BertModel(config).save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(WORDS) + "\n", encoding="utf-8")
    return folder


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


def converted(net, base, place, change=lambda tensors: tensors, **options):
    torch.save(change(net.state_dict()), place / "net.pt")
    convert(place / "net.pt", base, place / "out", recipe=bert_lstm(**{"window": WINDOW} | options))
    return place / "out"


@pytest.mark.parametrize("framed", [False, True])
@pytest.mark.parametrize(("hidden", "layers", "bias"), [(24, 1, True), (16, 2, True), (8, 1, False)])
@torch.inference_mode()
def test_it_answers_as_it_did_in_transformers_and_in_the_runner(base, tmp_path, framed, hidden, layers, bias):
    net = Net(base, hidden, layers, bias).eval()
    folder = converted(net, base, tmp_path, framed=framed)
    model, runner = AutoModelForCausalLM.from_pretrained(folder), load_bert_lstm(folder, name="net", dtype="float32")
    for text in TEXTS:
        expected = net(torch.tensor([[2, *text, 3] if framed else text]))[0]
        assert torch.allclose(model.eval()(torch.tensor([text])).logits[0, 0], expected, atol=1e-4)
        assert torch.allclose(runner.feed(runner.open(1), [-1], [0], [[2, *text]])[0], expected, atol=1e-4)


@torch.inference_mode()
def test_of_a_longer_text_the_last_characters_are_read(base, tmp_path):
    net = Net(base).eval()
    runner = load_bert_lstm(converted(net, base, tmp_path), name="net", dtype="float32")
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
        converted(Net(base), base, tmp_path, change)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("window", "framed"), [(13, False), (11, True), (0, False)])
def test_a_window_that_the_encoder_has_no_place_for_is_refused(base, tmp_path, window, framed):
    with pytest.raises(GenError, match=f"A window of {window} characters"):
        converted(Net(base), base, tmp_path, window=window, framed=framed)
