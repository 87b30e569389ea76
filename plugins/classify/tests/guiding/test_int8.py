"""Classifiers that guide, in int8: near torch, and the same bits for a text whatever was asked beside or before it."""

from unittest import mock

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from int8_layers import bits, by_kernels

from gen_classify.bert_head import BertHeadConfig, BertHeadForSequenceClassification
from gen_classify.guiding import discriminator as discriminators
from gen_classify.guiding import int8
from gen_classify.guiding.discriminator import Discriminator, loss_of, open_discriminator
from gen_classify.guiding.int8 import Gpt2Judge, in_portions, int8_judge
from gen_classify.predicting.classifier import load_classifier
from gen_classify.testing import write_tiny_classifier

SIZES = (
    "vocab_size",
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "intermediate_size",
    "max_position_embeddings",
)
KINDS = ["bert", "gpt2", "one"]
each_kind = pytest.mark.parametrize("kind", KINDS)
texts = st.lists(st.text("春夏秋冬花月夜，abcx鬱", max_size=30), min_size=1, max_size=8, unique=True)
tokens = st.lists(st.lists(st.integers(2, 9), min_size=1, max_size=20).map(tuple), min_size=1, max_size=8)


def examples(count):
    return settings(
        deadline=None, max_examples=count, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
    )


@pytest.fixture(scope="module", autouse=True)
def as_if_built():
    """Judges are made in numpy, too, where the compiled step was not built."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(int8, "library", object)
        yield


@pytest.fixture(scope="module")
def classifiers(tmp_path_factory):
    """A BERT, a GPT-2 and a BERT of one logit."""
    place = tmp_path_factory.mktemp("int8")
    shapes = {"bert": ("bert", ("秋", "春")), "gpt2": ("gpt2", ("秋", "春", "冬")), "one": ("bert", ("春",))}
    folders = {name: write_tiny_classifier(place / name, kind=kind, labels=labels, seed=3)
               for name, (kind, labels) in shapes.items()}  # fmt: skip
    return {name: load_classifier(folder) for name, folder in folders.items()}


def judged(classifier):
    return Discriminator(classifier, classifier.length, judge=int8_judge(classifier.model))


@each_kind
@examples(6)
@given(texts=texts)
def test_answers_are_near_those_of_torch(classifiers, kind, texts):
    exact = Discriminator(classifiers[kind], classifiers[kind].length)
    found, expected = judged(classifiers[kind]).log_probabilities(texts), exact.log_probabilities(texts)
    assert found.exp() == pytest.approx(expected.exp(), abs=0.1)
    assert loss_of(judged(classifiers[kind]), exact) < 0.005


@each_kind
@examples(6)
@given(texts=texts)
def test_a_text_is_judged_to_the_bit_as_if_alone(classifiers, kind, texts):
    together = judged(classifiers[kind]).log_probabilities(texts)
    alone = [judged(classifiers[kind]).log_probabilities([text]) for text in texts]
    assert torch.equal(together, torch.cat(alone))


@each_kind
@examples(8)
@given(calls=st.lists(tokens, min_size=1, max_size=4))
def test_what_was_asked_before_changes_no_bit(classifiers, kind, calls):
    judge = int8_judge(classifiers[kind].model)
    for asked in calls:
        assert bits(judge(asked)) == bits(int8_judge(classifiers[kind].model)(asked))


@each_kind
def test_every_kernel_gives_the_same_bits(classifiers, kind, monkeypatch):
    asked = [tuple(2 + i % 7 for i in range(count)) for count in (1, 2, 9, 20)]
    model = classifiers[kind].model
    monkeypatch.setattr(int8, "library", object)
    assert len(by_kernels(monkeypatch, lambda: [int8_judge(model)(asked)])) == 1


def test_candidates_share_what_stands_before_them(classifiers, monkeypatch):
    judge, counts, step = int8_judge(classifiers["gpt2"].model), [], int8.Int8Transformer.step
    counted = lambda model, call: (counts.append(len(call.ids)), step(model, call))[1]  # noqa: E731
    monkeypatch.setattr(int8.Int8Transformer, "step", counted)
    text = (2, 3, 4, 5, 6)
    judge([(*text, token) for token in range(2, 8)])
    judge([(*text, 3, token) for token in range(2, 8)])
    judge([(*text[:3], 7, token) for token in range(2, 8)])
    assert counts == [5, 6, 6, 4, 6]


def test_pages_of_earlier_texts_are_freed(classifiers):
    judge = int8_judge(classifiers["gpt2"].model)
    assert isinstance(judge, Gpt2Judge)
    for length in (20, 3, 18, 1):
        judge([tuple(2 + i % 5 for i in range(length))] * 3)
        used = len(judge.pages.addresses) - len(judge.pages._free)
        assert used == len({page for row in judge.rows for page in row.pages})


def test_nothing_is_known_after_a_failure(classifiers, monkeypatch):
    judge, asked = int8_judge(classifiers["gpt2"].model), [(2, 3, 4, 5), (2, 3, 6)]
    judge([(2, 3)])
    with monkeypatch.context() as patch, pytest.raises(MemoryError):
        patch.setattr(int8.Int8Transformer, "step", mock.Mock(side_effect=MemoryError))
        judge(asked)
    assert bits(judge(asked)) == bits(int8_judge(classifiers["gpt2"].model)(asked))


def test_a_gpt2_is_read_before_its_padding(classifiers):
    config = classifiers["gpt2"].model.config
    read = judged(classifiers["gpt2"])._read_part
    assert read([5, 6, config.pad_token_id]) == (5, 6)
    assert read([config.pad_token_id] * 2) == (config.pad_token_id,)


@pytest.mark.parametrize("reads", ["pooler", "cls"])
@pytest.mark.parametrize("relu", [None, 24])
def test_other_heads_on_a_bert_are_known(classifiers, reads, relu):
    sizes = {name: getattr(classifiers["bert"].model.config, name) for name in SIZES}
    torch.manual_seed(0)
    config = BertHeadConfig(**sizes, reads=reads, relu=relu, initializer_range=0.3)
    model = BertHeadForSequenceClassification(config).eval()
    asked = [(2, 5, 6, 3), (2, 3)]
    with torch.inference_mode():
        expected = torch.cat([model(torch.tensor([row])).logits for row in asked])
    assert torch.from_numpy(int8_judge(model)(asked)) == pytest.approx(expected, abs=0.1)


@pytest.mark.parametrize(
    "change", [{"hidden_act": "silu"}, {"add_cross_attention": True}, {"model_type": "roberta"}, {"num_labels": 0}]
)
def test_what_is_not_known_is_left_to_torch(classifiers, change, monkeypatch):
    model = classifiers["bert"].model
    for name, value in change.items():
        monkeypatch.setattr(type(model.config) if name == "num_labels" else model.config, name, value, raising=False)
    assert int8_judge(model) is None


def test_int8_is_taken_only_where_it_changes_little(tmp_path, monkeypatch):
    folder = write_tiny_classifier(tmp_path / "tiny", kind="bert", labels=("秋", "春"), seed=3)
    assert open_discriminator(str(folder)).judge is not None
    discriminators._open.cache_clear()
    monkeypatch.setattr(discriminators, "loss_of", lambda int8, exact: 0.1)
    assert open_discriminator(str(folder)).judge is None


def test_without_the_compiled_step_torch_computes(classifiers, monkeypatch):
    monkeypatch.setattr(int8, "library", lambda: None)
    assert int8_judge(classifiers["bert"].model) is None


def test_portions_lose_nothing(monkeypatch):
    monkeypatch.setattr(int8, "AT_ONCE", 10)
    texts = [(0,) * count for count in (4, 6, 1, 20, 3)]
    assert [list(map(len, portion)) for portion in in_portions(texts)] == [[4, 6], [1], [20], [3]]
