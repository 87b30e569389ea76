import json

import classifier_folders as folders
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from transformers import pipeline

from gen_classify.guiding.discriminator import open_discriminator
from gen_classify.predicting.classifier import load_classifier, make_classifier
from gen_engine.errors import GenError
from gen_trainkit import portions

EXAMPLES = settings(
    deadline=None,
    max_examples=40,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
TEXTS = st.lists(st.text(folders.LETTERS + "龘", min_size=1, max_size=45), min_size=1, max_size=6)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A folder of each kind of classifier."""
    root = tmp_path_factory.mktemp("classifiers")
    return {
        "bert": folders.write(root / "bert"),
        "gpt2": folders.write(root / "gpt2", "gpt2"),
        "bce": folders.write(root / "bce", **folders.one_logit(0.8)),
    }


@pytest.fixture(scope="module")
def classifiers(written):
    return {kind: load_classifier(folder) for kind, folder in written.items()}


@pytest.mark.parametrize("kind", ["bert", "gpt2", "bce"])
@given(texts=TEXTS)
@EXAMPLES
def test_a_text_is_encoded_the_same_in_any_portion(classifiers, kind, texts, monkeypatch):
    whole = classifiers[kind].encode(texts)
    with monkeypatch.context() as changed:
        changed.setattr(portions, "CHARACTERS", 50)
        assert classifiers[kind].encode(texts) == whole


@pytest.mark.parametrize("kind", ["bert", "gpt2", "bce"])
@given(texts=TEXTS)
@EXAMPLES
def test_a_text_has_the_same_probabilities_alone_and_among_others(classifiers, kind, texts):
    together = classifiers[kind].probabilities(texts, batch_tokens=100)
    alone = torch.cat([classifiers[kind].probabilities([text]) for text in texts])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=0)
    torch.testing.assert_close(together.sum(1), torch.ones(len(texts)), atol=1e-5, rtol=0)


@pytest.mark.parametrize("kind", ["bert", "bce"])
@given(texts=TEXTS)
@EXAMPLES
def test_the_pipeline_of_transformers_finds_the_same(written, classifiers, kind, texts):
    classifier = pipeline("text-classification", str(written[kind]), top_k=None)
    shares = classifiers[kind].probabilities(texts)
    for share, found in zip(shares, classifier(texts, truncation=True, max_length=32), strict=True):
        theirs = {each["label"]: each["score"] for each in found}
        ours = dict(zip(classifiers[kind].labels, share.tolist(), strict=True))
        assert theirs == pytest.approx({label: ours[label] for label in theirs}, abs=1e-5)


@pytest.mark.parametrize("kind", ["bert", "gpt2", "bce"])
@given(texts=TEXTS)
@EXAMPLES
def test_probabilities_are_those_of_the_model_itself(classifiers, kind, texts):
    classifier = classifiers[kind]
    for text, share in zip(texts, classifier.probabilities(texts), strict=True):
        inputs = classifier.tokenizer(text, return_tensors="pt", truncation=True, max_length=32)
        logits = classifier.model(**inputs).logits[0]
        wanted = torch.stack([-logits[0], logits[0]]).sigmoid() if kind == "bce" else logits.softmax(0)
        torch.testing.assert_close(share, wanted, atol=1e-5, rtol=0)


def test_one_logit_is_judged_by_its_threshold(classifiers):
    shares = torch.tensor([[0.45, 0.55], [0.25, 0.75], [0.15, 0.85], [0.2, 0.8]])
    assert classifiers["bce"].choose(shares).tolist() == [0, 0, 1, 1]
    assert classifiers["bert"].choose(shares).tolist() == [1, 1, 1, 1]
    assert classifiers["bce"].labels == classifiers["bert"].labels == folders.SENTIMENTS


def test_one_logit_without_our_settings_is_named_after_its_label(tmp_path):
    model, tokenizer = folders.bert(tmp_path, labels=["spam"])
    classifier = make_classifier(model, tokenizer)
    assert (classifier.labels, classifier.threshold) == (("not spam", "spam"), 0.5)


def test_a_label_is_found_by_name_then_data_then_number(classifiers):
    assert [classifiers["bce"].index(label) for label in ("正向评价", "0", "1", "2")] == [1, 0, 1, None]
    assert [classifiers["bert"].index(label) for label in ("负向评价", "1", "-1", "?")] == [0, 1, None, None]


@pytest.mark.parametrize("kind", ["bert", "gpt2"])
def test_pairs_are_told_apart_from_texts(classifiers, kind):
    pairs = [("山水", "风花雪"), ("风花雪", "山水"), ("好", "好" * 50)]
    shares = classifiers[kind].probabilities(pairs)
    inputs = classifiers[kind].tokenizer("山水", "风花雪", return_tensors="pt")
    wanted = classifiers[kind].model(**inputs).logits.softmax(1)
    torch.testing.assert_close(shares[:1], wanted, atol=1e-5, rtol=0)
    assert shares[0, 0] != pytest.approx(shares[1, 0])


@pytest.mark.parametrize("kind", ["bert", "gpt2", "bce"])
def test_an_empty_text_and_an_endless_one_are_judged(classifiers, kind):
    texts = ["", "好" * 100_000, "坏"]
    assert classifiers[kind].encode(texts).cut == {1}
    assert classifiers[kind].probabilities(texts).sum(1).tolist() == pytest.approx([1, 1, 1])
    assert classifiers[kind].probabilities([]).shape == (0, 2)


def test_a_limit_of_the_tokenizer_below_the_models_holds(tmp_path):
    model, tokenizer = folders.bert(tmp_path)
    tokenizer.model_max_length = 6
    classifier = make_classifier(model, tokenizer)
    assert [len(row["input_ids"]) for row in classifier.encode(["好", "山水风花雪月"]).rows] == [3, 6]


def test_a_model_in_training_goes_on_training(tmp_path):
    classifier = make_classifier(*folders.bert(tmp_path))
    classifier.model.train()
    told = classifier.probabilities(["好"] * 3)
    assert (told - told[0]).abs().max() < 1e-6
    assert classifier.model.training


def rewritten(folder, change):
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    return folder


@pytest.mark.parametrize(
    "change, sentence",
    [
        (lambda tensors: tensors["classifier.bias"].fill_(float("nan")), "classifier.bias of .* no numbers"),
        (lambda tensors: tensors.pop("classifier.weight"), "lacks classifier.weight"),
        (lambda tensors: tensors.update(more=torch.zeros(1)), "has unexpected more"),
        (lambda tensors: tensors.update({"classifier.bias": torch.zeros(5)}), "do not fit the shapes"),
    ],
)
def test_wrong_weights_are_refused(tmp_path, change, sentence):
    folder = rewritten(folders.write(tmp_path / "model"), change)
    with pytest.raises(GenError, match=sentence):
        load_classifier(folder)


def reconfigured(folder, **changes):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | changes), encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    "changes, sentence",
    [
        ({"architectures": ["BertForMaskedLM"]}, "BertForMaskedLM., no classifier; make"),
        ({"problem_type": "regression"}, "gives numbers"),
        ({"problem_type": "multi_label_classification"}, "several labels"),
        ({"model_type": "no such type"}, "is a no such type model, which is not taken"),
        ({"id2label": {"0": "a", "7": "b"}}, "leaves an output without a name"),
        ({"id2label": {"0": "a", "1": "a"}}, "leaves an output without a name"),
        ({"vocab_size": "many"}, "cannot be read as a model"),
        ({"num_attention_heads": 0}, "cannot be read as a model"),
        ({"hidden_act": "no such function"}, "cannot be read as a model"),
    ],
)
def test_what_is_no_classifier_is_refused(tmp_path, changes, sentence):
    folder = reconfigured(folders.write(tmp_path / "model"), **changes)
    with pytest.raises(GenError, match=sentence):
        load_classifier(folder)


@pytest.mark.parametrize("content", ["{}", "[]", "\0", '{"added_tokens": [], "model": {"type": "Nope"}}'])
def test_a_damaged_tokenizer_is_refused(tmp_path, content):
    folder = folders.write(tmp_path / "model")
    (folder / "tokenizer.json").write_text(content, encoding="utf-8")
    with pytest.raises(GenError, match=r"cannot be read as a model with its tokenizer .* Fetch it again"):
        load_classifier(folder)


def test_a_folder_without_a_tokenizer_is_refused(tmp_path):
    folder = folders.write(tmp_path / "model")
    for path in [*folder.glob("tokenizer*"), *folder.glob("vocab*")]:
        path.unlink()
    with pytest.raises(GenError, match=r"has no tokenizer|cannot be read as a model with its tokenizer"):
        load_classifier(folder)


def test_pickled_and_missing_weights_are_refused(tmp_path):
    folder = folders.write(tmp_path / "model")
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(GenError, match="only pickled weights"):
        load_classifier(folder)
    with pytest.raises(GenError, match="neither a model folder"):
        load_classifier(tmp_path / "nowhere")


def test_an_answer_that_is_no_number_is_refused(tmp_path):
    classifier = make_classifier(*folders.bert(tmp_path))
    torch.nn.init.constant_(classifier.model.classifier.bias, float("inf"))
    with pytest.raises(GenError, match="no number"):
        classifier.probabilities(["好"])


@torch.inference_mode()
def test_texts_are_padded_where_the_head_reads_the_last_place(tmp_path):
    folder = folders.write(tmp_path / "filled", "gpt2", pad_token_id=-1, fill_to=12, fill_token_id=0)
    classifier = load_classifier(folder)
    for text in ("好", "坏酒店差" * 5):
        ids = classifier.tokenizer(text)["input_ids"][:12]
        expected = classifier.model(torch.tensor([ids + [0] * (12 - len(ids))])).logits.softmax(1)
        assert torch.allclose(classifier.probabilities([text, "山水"])[0], expected[0], atol=1e-6)


def test_a_classifier_of_filled_texts_does_not_guide(tmp_path):
    folder = folders.write(tmp_path / "filled", "gpt2", pad_token_id=-1, fill_to=12, fill_token_id=0)
    with pytest.raises(GenError, match="filled up to 12 tokens only"):
        open_discriminator(str(folder))
