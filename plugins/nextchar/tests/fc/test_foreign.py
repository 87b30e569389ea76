"""BERT+FC nets as tutorials save them, made here by plain torch: converted, they answer as they did."""

import pytest
import torch
from nextchar_nets import WORDS, check_answers, converted
from torch import nn
from transformers import BertModel

import gen_nextchar.fc.modeling  # noqa: F401 - makes its kind of model known
from gen_engine.errors import GenError
from gen_nextchar import load_bert_fc
from gen_nextchar.fc.foreign import bert_fc


class Net(nn.Module):
    """A BERT and one or two linear layers on its last state or its pooler."""

    def __init__(self, base, hidden, reads, activation=torch.relu):
        super().__init__()
        torch.manual_seed(1)
        self.encoder = BertModel.from_pretrained(base)
        self.fc1 = nn.Linear(16, hidden) if hidden else None
        self.fc = nn.Linear(hidden or 16, len(WORDS))
        self.reads, self.activation = reads, activation

    def forward(self, ids):
        found = self.encoder(ids)
        read = found.pooler_output if self.reads == "pooler" else found.last_hidden_state[:, ids.shape[1] - self.reads]
        return self.fc(read if self.fc1 is None else self.activation(self.fc1(read)))


@pytest.mark.parametrize("hidden", [0, 24])
@pytest.mark.parametrize("reads", ["last", "pooler"])
@pytest.mark.parametrize("framed", [False, True])
def test_transformers_and_the_runner_answer_as_the_original_model_did(base, tmp_path, hidden, reads, framed):
    net = Net(base, hidden, "pooler" if reads == "pooler" else 2 if framed else 1)  # [SEP] stands behind the last
    folder = converted(net, base, tmp_path, bert_fc, reads=reads, framed=framed)
    check_answers(net, folder, load_bert_fc, framed=framed)


@pytest.mark.parametrize(
    ("name", "function"), [("tanh", torch.tanh), ("gelu", nn.functional.gelu), ("relu", torch.relu)]
)
def test_other_activations_keep_the_bias(base, tmp_path, name, function):
    net = Net(base, 24, 1, function)
    check_answers(net, converted(net, base, tmp_path, bert_fc, activation=name), load_bert_fc, framed=False)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda t: {n: x for n, x in t.items() if n[:2] != "fc"}, "The head is nothing"),
        (lambda t: t | {"lstm.weight_ih_l0": torch.ones(4, 4)}, r"lstm\.weight_ih_l0"),
        (lambda t: t | {"fc1.weight": torch.ones(24, 7)}, "takes 7 numbers, not 16"),
        (lambda t: {n: x for n, x in t.items() if "layer.1." not in n}, "BERT of the file lacks"),
    ],
)
def test_what_the_recipe_is_not_for_is_refused(base, tmp_path, change, reason):
    with pytest.raises(GenError, match=reason):
        converted(Net(base, 24, 1), base, tmp_path, bert_fc, change)
    assert not (tmp_path / "out").exists()


def test_a_tokenizer_without_marks_is_refused(base, tmp_path):
    net = Net(base, 24, 1)
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "config.json").write_text((base / "config.json").read_text())
    words = [word for word in WORDS if word != "[MASK]"]
    (tmp_path / "base" / "vocab.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
    with pytest.raises(GenError, match=r"has no \[MASK\]"):
        converted(net, tmp_path / "base", tmp_path, bert_fc)
