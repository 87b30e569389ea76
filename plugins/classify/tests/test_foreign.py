"""The classifiers that tutorials save, made here by plain torch: converted, they answer as they did."""

from itertools import pairwise

import classifier_folders as folders
import pytest
import torch
from click.testing import CliRunner
from torch import nn
from transformers import BertModel, pipeline

from gen_classify.foreign import bert_classifier, frozen_bert
from gen_classify.predicting.classifier import load_classifier
from gen_engine.cli.commands.model_files import convert as command
from gen_engine.errors import GenError
from gen_engine.models.conversion import convert

TEXTS = ["好山好水", "坏酒店差", "风花雪月春夏秋冬", "山"]


class Net(nn.Module):
    """A classifier as tutorials write it: a BERT, a linear layer or two, on its [CLS] state or its pooler."""

    def __init__(self, bert, name, sizes, reads, head):
        super().__init__()
        setattr(self, name, bert)
        linears = [nn.Linear(inner, outer) for inner, outer in pairwise(sizes)]
        for each, linear in zip(head, linears, strict=True):
            setattr(self, each, linear)
        self.name, self.reads, self.linears = name, reads, tuple(linears)

    def forward(self, inputs):
        found = getattr(self, self.name)(**inputs)
        hidden = found.last_hidden_state[:, 0] if self.reads == "cls" else found.pooler_output
        for linear in self.linears[:-1]:
            hidden = linear(hidden).relu()
        return self.linears[-1](hidden)


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """The pretrained BERT that a tutorial starts from, its words and all."""
    folder = tmp_path_factory.mktemp("base") / "bert"
    model, tokenizer = folders.bert(folder)
    model.bert.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def tutorial(base, *, name="bert", sizes=(16, 2), reads="cls", head=("fc",)):
    torch.manual_seed(5)
    net = Net(BertModel.from_pretrained(base), name, sizes, reads, head).eval()
    with torch.no_grad():
        for weight in net.parameters():
            weight += 0.05 * torch.randn_like(weight)
    return net


@torch.inference_mode()
def same_logits(net, folder, atol=1e-5):
    """Whether the folder, read by transformers, gives each text the logits that `net` gives it."""
    classifier = load_classifier(folder)
    rows = [classifier.tokenizer(text, return_tensors="pt") for text in TEXTS]
    return all(torch.allclose(classifier.model(**row).logits, net(row), atol=atol) for row in rows)


def saved(tensors, path):
    torch.save(tensors, path)
    return path


@pytest.mark.parametrize("reads", ["cls", "pooler"])
@pytest.mark.parametrize("sizes, head", [((16, 2), ["fc"]), ((16, 5), ["linear"]), ((16, 64, 3), ["fc1", "fc2"])])
def test_a_head_alone_on_a_frozen_bert(base, tmp_path, reads, sizes, head):
    net = tutorial(base, sizes=sizes, reads=reads, head=head)
    net.bert = BertModel.from_pretrained(base).eval()  # it did not learn
    tensors = {name: tensor for name, tensor in net.state_dict().items() if not name.startswith("bert.")}
    convert(saved(tensors, tmp_path / "best_bert.pth"), base, tmp_path / "out", recipe=frozen_bert(reads=reads))
    assert same_logits(net, tmp_path / "out")


NETS = {
    "emotion": {"name": "bert", "sizes": (16, 1), "head": ["fc"]},
    "clue": {"name": "bert_pretrained", "sizes": (16, 4), "head": ["classifier"]},
    "clue-fc": {"name": "bert_pretrained", "sizes": (16, 4), "head": ["fc"]},
    "two layers": {"name": "encoder", "sizes": (16, 30, 3), "head": ["l1", "l2"]},
    "other name": {"name": "backbone", "sizes": (16, 2), "head": ["out"]},
}


@pytest.mark.parametrize("reads", ["cls", "pooler"])
@pytest.mark.parametrize("kind", NETS)
def test_a_bert_by_any_name_with_its_head(base, tmp_path, kind, reads):
    net = tutorial(base, **NETS[kind], reads=reads)
    file = saved({f"module.{name}": tensor for name, tensor in net.state_dict().items()}, tmp_path / "net.pth")
    convert(file, base, tmp_path / "out", recipe=bert_classifier(reads=reads))
    assert same_logits(net, tmp_path / "out")


def test_layers_defined_in_reverse_are_used_as_they_fit(base, tmp_path):
    net = tutorial(base, sizes=(16, 30, 3), head=["a", "b"], reads="pooler")
    tensors = dict(reversed(net.state_dict().items()))
    convert(saved(tensors, tmp_path / "net.pth"), base, tmp_path / "out", recipe=bert_classifier())
    assert same_logits(net, tmp_path / "out")


def test_one_logit_keeps_its_sigmoid_and_its_threshold(base, tmp_path):
    net = tutorial(base, sizes=(16, 1), reads="pooler")
    recipe = bert_classifier(labels=("负", "正"), threshold=0.3)
    convert(saved(net.state_dict(), tmp_path / "emotion-30.pth"), base, tmp_path / "out", recipe=recipe)
    classifier = load_classifier(tmp_path / "out")
    with torch.inference_mode():
        expected = net(classifier.tokenizer(TEXTS[0], return_tensors="pt")).sigmoid().item()
    assert classifier.probabilities(TEXTS)[0, 1].item() == pytest.approx(expected, abs=1e-5)
    assert (classifier.labels, classifier.threshold) == (("负", "正"), 0.3)


def test_a_pipeline_tells_the_labels_given(base, tmp_path):
    net = tutorial(base, sizes=(16, 3))
    recipe = bert_classifier(reads="cls", labels=("a", "b", "c"))
    convert(saved(net.state_dict(), tmp_path / "net.pth"), base, tmp_path / "out", recipe=recipe)
    told = pipeline("text-classification", model=str(tmp_path / "out"), device="cpu")(TEXTS, top_k=None)
    found = load_classifier(tmp_path / "out").probabilities(TEXTS)
    scores = [[each["score"] for each in sorted(row, key=lambda each: each["label"])] for row in told]
    assert torch.allclose(torch.tensor(scores), found, atol=1e-5)


def test_the_command_says_what_was_taken_for_what(base, tmp_path):
    net = tutorial(base, sizes=(16, 1))
    file = saved(net.state_dict(), tmp_path / "emotion-30.pth")
    done = CliRunner().invoke(command, [str(file), str(tmp_path / "out"), "--base", str(base), "--recipe",
                                        "bert_classifier=cls,labels=bad|good"])  # fmt: skip
    assert done.exit_code == 0, done.exception
    assert "The head is fc; it is taken to read the raw state of [CLS] (reads=pooler if that is wrong)." in done.output
    assert "logit of good, threshold 0.5" in done.output
    assert "import gen_classify.bert_head" in done.output


def converted(tensors, base, place, recipe):
    return convert(saved(tensors, place / "net.pth"), base, place / "out", recipe=recipe)


@pytest.mark.parametrize(
    "change, recipe, reason",
    [
        (lambda t: t, frozen_bert(), "use --recipe bert_classifier"),
        (lambda t: {"fc.weight": t["fc.weight"]}, bert_classifier(), r"has no BERT, but fc\.weight.*frozen_bert"),
        (lambda t: t | {"norm.weight": torch.ones(3)}, bert_classifier(), r"norm\.weight.*--leave-out"),
        (lambda t: t | {"fc.weight": torch.ones(2, 5)}, bert_classifier(), "takes 5 numbers, not 16"),
        (
            lambda t: {n: x for n, x in t.items() if "pooler" not in n},
            bert_classifier(),
            r"lacks pooler.*read no",
        ),
        (
            lambda t: {n: x for n, x in t.items() if ".layer.0." not in n},
            bert_classifier(),
            r"lacks encoder\.layer\.\*",
        ),
        (lambda t: {n: x for n, x in t.items() if n[:2] != "fc"}, bert_classifier(), "The head is nothing"),
        (lambda t: t, bert_classifier(labels=("a", "b", "c")), "tells 2 labels apart"),
        (lambda t: t, bert_classifier(labels=("a", "a")), "tells 2 labels apart"),
        (lambda t: t | {"bert.pooler.dense.bias": torch.ones(3)}, bert_classifier(), r"of shape \(3,\)"),
    ],
)
def test_what_the_recipe_is_not_for_is_refused(base, tmp_path, change, recipe, reason):
    net = tutorial(base, reads="pooler")
    with pytest.raises(GenError, match=reason):
        converted(change(net.state_dict()), base, tmp_path, recipe)
    assert not (tmp_path / "out").exists()


def test_a_file_without_a_pooler_is_read_at_cls(base, tmp_path):
    net = tutorial(base, reads="cls")
    tensors = {name: tensor for name, tensor in net.state_dict().items() if "pooler" not in name}
    converted(tensors, base, tmp_path, bert_classifier(reads="cls"))
    assert same_logits(net, tmp_path / "out")
