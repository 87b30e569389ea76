import math
import shutil

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from gen_classify.guiding.discriminator import BLOCK, Discriminator, open_discriminator
from gen_classify.guiding.guide import guide, split_value
from gen_classify.testing import example_folder, write_tiny_classifier
from gen_engine import GenError, Request
from gen_engine.engine import Engine
from gen_engine.hooks.registry import registry
from gen_engine.hooks.specs import build
from gen_engine.testing import check_shaper, table_model, tiny_vocabulary
from gen_engine.testing.offers import exhibits
from gen_engine.types import Step

HAN = "春夏秋冬"
VOCABULARY = tiny_vocabulary("", *HAN, "花月", "，")
TEXTS = st.text("春夏秋冬花月夜，abcx鬱", max_size=40)


def examples(count):
    health = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
    return settings(deadline=None, max_examples=count, derandomize=True, database=None, suppress_health_check=health)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A BERT, a GPT-2 and a BERT of one logit."""
    place = tmp_path_factory.mktemp("classifiers")
    kinds = {"bert": ("bert", ("秋", "春")), "gpt2": ("gpt2", ("秋", "春", "冬")), "one": ("bert", ("春",))}
    return {name: write_tiny_classifier(place / name, kind=kind, labels=labels, seed=3)
            for name, (kind, labels) in kinds.items()}  # fmt: skip


def step(*histories):
    return Step([list(history) for history in histories], [0] * len(histories), VOCABULARY)


def fresh(folder, length=None):
    """A discriminator that remembers nothing."""
    discriminator = open_discriminator(str(folder))
    return Discriminator(discriminator.classifier, length or discriminator.length, shares=discriminator.shares)


def refused(message, *values, **options):
    with pytest.raises(GenError, match=message):
        guide(*values, **options)


@pytest.mark.parametrize("name", ["bert", "gpt2", "one"])
def test_a_guide_keeps_every_law_of_shapers(folders, name):
    check_shaper(lambda: guide(f"{folders[name]}:春@3", k=4), examples=5)


def test_the_kit_finds_an_example_of_its_own():
    (exhibit,) = [each for each in exhibits("classify") if each.name == "guide"]
    assert not exhibit.problem
    assert build(exhibit.written, registry(), VOCABULARY).processor.name == f"guide={example_folder()}:春@2,k=3"


@pytest.mark.parametrize("name", ["bert", "gpt2", "one"])
@examples(8)
@given(texts=st.lists(TEXTS, min_size=1, max_size=3 * BLOCK, unique=True))
def test_a_text_is_judged_to_the_bit_as_if_alone(folders, name, texts):
    together = fresh(folders[name]).log_probabilities(texts)
    turned = fresh(folders[name]).log_probabilities(texts[::-1])
    assert torch.equal(together, turned.flip(0))
    assert torch.equal(together[:1], fresh(folders[name]).log_probabilities(texts[:1]))


@pytest.mark.parametrize("name", ["bert", "gpt2", "one"])
@examples(8)
@given(text=st.text("春夏秋冬花月夜，abcx鬱", min_size=1, max_size=28))
def test_it_judges_as_the_classifier_itself_does(folders, name, text):
    discriminator = fresh(folders[name])
    expected = discriminator.classifier.probabilities([text])
    assert discriminator.log_probabilities([text]).exp() == pytest.approx(expected, abs=1e-5)
    assert float(discriminator.log_probabilities([text]).exp().sum()) == pytest.approx(1, abs=1e-5)


@examples(8)
@given(start=TEXTS, ends=st.lists(TEXTS, min_size=1, max_size=12))
def test_what_texts_share_is_read_once_and_changes_nothing(folders, start, ends):
    texts = [start + end[:2] for end in ends]
    discriminator = fresh(folders["gpt2"])
    assert discriminator.shares
    whole = Discriminator(discriminator.classifier, discriminator.length).log_probabilities(texts)
    assert discriminator.log_probabilities(texts) == pytest.approx(whole, abs=1e-5)


def test_texts_that_are_remembered_or_forgotten_are_judged_as_before(folders):
    discriminator = fresh(folders["gpt2"])
    discriminator._known.size = 2
    for texts in (["春", "夏", "秋"], ["秋", "春"], ["冬", "秋", "秋"]):
        assert torch.equal(discriminator.log_probabilities(texts), fresh(folders["gpt2"]).log_probabilities(texts))
        assert set(discriminator._known) <= set("春夏秋冬")
        assert len(discriminator._known) == 2


def test_a_gpt2_text_is_read_before_its_padding(folders, tmp_path):
    shutil.copytree(folders["gpt2"], tmp_path / "ended")
    config = tmp_path / "ended" / "config.json"
    config.write_text(config.read_text().replace('"pad_token_id": 0', '"pad_token_id": 1'))  # [UNK], as some pad by it
    discriminator = fresh(tmp_path / "ended")
    expected = discriminator.classifier.probabilities(["春鬱", "春花"])
    assert discriminator.shares
    assert discriminator.log_probabilities(["春鬱", "春花"]).exp() == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("strength", [0.5, 1, 4])
@examples(8)
@given(history=st.lists(st.integers(1, 6), max_size=6), salt=st.integers(0, 9))
def test_the_choice_is_the_models_times_the_labels_probability(folders, strength, history, salt):
    logits = table_model("", *HAN, "花月", "，", salt=salt).logits(history)[None]
    found = guide(f"{folders['bert']}:春@{strength}", k=7)(step(history), logits).softmax(-1)[0]
    texts = [VOCABULARY.text_of([*history, token]) for token in range(7)]
    fits = open_discriminator(str(folders["bert"])).log_probabilities(texts)[:, 1].exp()
    expected = logits.softmax(-1)[0] * fits**strength
    assert found == pytest.approx((expected / expected.sum()), abs=1e-4)


def test_strength_0_changes_nothing(folders):
    logits = torch.randn(2, 7)
    assert torch.equal(guide(f"{folders['bert']}:春@0", k=2)(step([1], [2]), logits), logits)


def test_the_k_likeliest_tokens_are_weighed_and_the_rest_removed(folders):
    logits = torch.tensor([[0.0, 5, 3, 3, 3, -1, 4]])
    found = guide(f"{folders['bert']}:春", k=3)(step([1]), logits)
    assert found[0].isfinite().tolist() == [False, True, True, False, False, False, True]


def test_where_there_is_no_choice_the_classifier_is_not_asked(folders, monkeypatch):
    shaper = guide(f"{folders['bert']}:春@9", k=1)
    monkeypatch.setattr(Discriminator, "log_probabilities", None)
    logits = torch.tensor([[0.0, 5, 3, 3, 3, -1, 4]])
    assert shaper(step([1]), logits)[0, 1] == 5


def test_a_strong_guide_never_outvotes_a_ban(folders):
    engine, spec = Engine(table_model("", *HAN, "花月", "，")), f"guide={folders['gpt2']}:1@50,k=3"
    texts = [done.new for done in engine.generate("春", processors=[spec, "only=夏|冬", "length=4"], num=8, seed=1)]
    assert all(set(text) <= set("夏冬") and len(text) == 4 for text in texts)


@pytest.mark.parametrize("decoder", ["sample", "greedy", "beam,width=3", "smc,particles=4"])
def test_a_guided_text_is_the_same_in_any_batch(folders, decoder):
    chain = ("length=5", "top_k=4", f"guide={folders['bert']}:春@3")
    asked = [Request(prompt, chain, 1, seed, 5, decoder) for seed, prompt in enumerate(["", "春", "花月夏", "冬"])]
    together = Engine(table_model("", *HAN, "花月", "，")).generate_batch(asked)
    alone = [Engine(table_model("", *HAN, "花月", "，")).generate_batch([each])[0] for each in asked]
    assert together == alone


def test_guiding_makes_the_label_more_frequent(folders):
    engine, discriminator = Engine(table_model("", *HAN, "花月", "，")), fresh(folders["bert"])
    shares = []
    for strength in (0, 2, 20):
        chain = ("length=6", f"guide={folders['bert']}:秋@{strength}")
        texts = [done.text for done in engine.generate("", processors=chain, num=40, seed=1, max_new=6)]
        shares.append(float(discriminator.log_probabilities(texts)[:, 0].exp().mean()))
    assert shares[0] < shares[1] < shares[2]
    assert shares[2] > shares[0] + 0.15


def test_only_the_last_tokens_of_a_long_text_are_seen(folders):
    long, other = "春" * 60 + "花月夜" * 9, "冬" * 50 + "花月夜" * 9
    discriminator = fresh(folders["gpt2"], 28)
    assert torch.equal(discriminator.log_probabilities([long]), discriminator.log_probabilities([other]))
    assert not torch.equal(discriminator.log_probabilities(["春花"]), discriminator.log_probabilities(["冬花"]))


def test_a_window_hides_what_stands_before_it(folders):
    near = guide(f"{folders['gpt2']}:春@4", window=3)  # the first special token, and two of the text
    logits = torch.zeros(2, 7)
    found = near(step([1, 2, 3, 4], [3, 1, 3, 4]), logits)
    assert torch.equal(found[0], found[1])


def test_unfinished_characters_are_left_out():
    vocabulary = tiny_vocabulary("", "春".encode()[:2], "春".encode()[2:], "夏")
    shaper = guide(f"{example_folder()}:春@4")
    found = shaper(Step([[1]], [0], vocabulary), torch.zeros(1, 4))[0]
    assert found[0] == found[1]  # nothing, and what never becomes a character
    assert len(set(found[1:].tolist())) == 3


@pytest.mark.parametrize("name", ["秋", "春", "冬"])
def test_a_label_is_named_or_numbered(folders, name):
    number = ["秋", "春", "冬"].index(name)
    by_name, by_number = (
        guide(f"{folders['gpt2']}:{name}@2"),
        guide(f"{folders['gpt2']}", label=f"{number}", strength=2),
    )
    assert by_name == by_number
    assert by_name.name == f"guide={folders['gpt2']}:{name}@2"


def test_both_labels_of_one_logit_add_up(folders):
    told = fresh(folders["one"]).log_probabilities(["春花", "月"]).exp()
    assert open_discriminator(str(folders["one"])).labels == ("not 春", "春")
    assert torch.allclose(told.sum(1), torch.ones(2))


def test_an_unknown_label_is_told_beside_those_there_are(folders):
    refused(r"has no label '夏'; .* one of 秋 \(0\), 春 \(1\)\.$", f"{folders['bert']}:夏@2")
    refused(r"has no label '2'", f"{folders['bert']}:2")
    refused(r"names no label; .* one of 秋 \(0\), 春 \(1\)\.$", str(folders["bert"]))


def test_a_folder_that_is_none_and_odd_numbers_are_refused(folders):
    refused("neither a model folder nor a hub name", "/nowhere/at/all:春")
    refused("strength=-1.0 is out of range", f"{folders['bert']}:春@-1")
    refused("strength=nan is out of range", f"{folders['bert']}:春@nan")
    refused("gives strength twice", f"{folders['bert']}:春@2", strength=3)
    refused("k=0 weighs nothing", f"{folders['bert']}:春", k=0)
    refused("window=2 leaves no room", f"{folders['bert']}:春", window=2)


@pytest.mark.parametrize("name", ["a:b", "a,b", "a@2", "a:b@3", "a|b", "it's"])
@pytest.mark.parametrize("label", ["春", "1:0", "a@b", "c@2", "x,y"])
def test_a_guide_is_read_back_as_it_is_spelled(tmp_path, name, label):
    folder = write_tiny_classifier(tmp_path / name, labels=("秋", label))
    made = guide(str(folder), label=label, strength=1.5, k=7)
    assert build(made.name, registry(), VOCABULARY).processor == made
    shutil.rmtree(folder)


def test_the_short_form_splits_at_last_colon_and_at_sign():
    assert split_value("a:b@2") == ("a", "b", 2.0)
    assert split_value("x:/y@1/a:b@c") == ("x:/y@1/a", "b@c", None)
    assert split_value("plain") == ("plain", None, None)


def test_a_folder_trained_again_is_read_again(folders, tmp_path):
    shutil.copytree(folders["bert"], tmp_path / "again")
    first = open_discriminator(str(tmp_path / "again"))
    assert open_discriminator(str(tmp_path / "again")) is first
    shutil.copytree(folders["one"], tmp_path / "again", dirs_exist_ok=True)
    assert open_discriminator(str(tmp_path / "again")).labels == ("not 春", "春")


def test_a_classifier_that_answers_with_no_number_is_refused(folders, tmp_path):
    shutil.copytree(folders["bert"], tmp_path / "huge")
    weights = load_file(tmp_path / "huge" / "model.safetensors")
    weights["classifier.bias"] = torch.full_like(weights["classifier.bias"], 3e38)
    weights["classifier.weight"] = torch.full_like(weights["classifier.weight"], 3e38)
    save_file(weights, tmp_path / "huge" / "model.safetensors", {"format": "pt"})
    refused("what is no number", f"{tmp_path / 'huge'}:春")


def test_where_neighbours_show_each_text_is_computed_alone(folders, tmp_path, monkeypatch):
    shutil.copytree(folders["bert"], tmp_path / "other")
    monkeypatch.setattr("gen_classify.guiding.discriminator.int8_judge", lambda model: None)
    monkeypatch.setattr(Discriminator, "is_steady", lambda discriminator: False)
    discriminator = open_discriminator(str(tmp_path / "other"))
    assert discriminator.block == 1
    assert discriminator.log_probabilities(["春", "夏花"]) == pytest.approx(
        fresh(folders["bert"]).log_probabilities(["春", "夏花"]), abs=1e-5
    )


def test_a_text_of_nothing_has_an_answer(folders):
    assert all(math.isfinite(value) for name in folders for value in fresh(folders[name]).log_probabilities([""])[0])
