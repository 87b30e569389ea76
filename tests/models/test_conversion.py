"""`gen convert`: what other programs saved becomes a model folder of the right class, with the same answers."""

import json
import logging
import pickle
import zipfile

import pytest
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer
from tokenizers.models import WordLevel

from gen_engine.errors import GenError
from gen_engine.models.conversion import convert
from gen_engine.models.state_dict import grouped, read_state_dict, renamed

SIZES = {
    "bert": {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32},
    "gpt2": {"n_embd": 16, "n_layer": 2, "n_head": 2},
}
SIZES["roberta"] = SIZES["electra"] = SIZES["albert"] = SIZES["llama"] = SIZES["bert"]
IDS = torch.tensor([[3, 9, 12, 30, 4]])


def saved(folder, name, *, architectures=None, drop=(), change=lambda name: name, **more):
    """A model of transformers called `name`, and the file of its state dict in `folder`, beside its config."""
    kind = getattr(transformers, name)
    torch.manual_seed(0)
    settings = {"vocab_size": 40, "initializer_range": 0.3, "bos_token_id": 3, "eos_token_id": 4, **more}
    model = kind(kind.config_class(**SIZES[kind.config_class.model_type], **settings)).eval()
    config = model.config.to_dict() | {"architectures": architectures}
    dropped = {"architectures"} if architectures is None else set()
    folder.mkdir()
    kept = {key: value for key, value in config.items() if key not in dropped | set(drop)}
    (folder / "config.json").write_text(json.dumps(kept), encoding="utf-8")
    torch.save({change(key): value for key, value in model.state_dict().items()}, folder / "pytorch_model.bin")
    return model, folder / "pytorch_model.bin"


def old_names(name):
    """The names of normalisations as the converters from TensorFlow left them."""
    return name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")


def loaded(folder):
    """The model that transformers makes of a folder, by the class that it names; nothing is missing or over."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    kind = getattr(transformers, config["architectures"][0])
    model, info = kind.from_pretrained(folder, output_loading_info=True)
    assert not any(info.values()), info
    return model.eval()


def alike(one, other):
    """Whether two answers are those of the same weights: the last bits may depend on where these lie in memory."""
    return torch.allclose(one, other, rtol=0, atol=1e-5)


@torch.inference_mode()
def answer(model, ids=IDS):
    """The first output of a model: logits, or states."""
    return next(iter(model(ids).values()))


# ------------------------------------------------------------------------------------------------- architectures


@pytest.mark.parametrize("architectures", [["BertForPreTraining"], None])
def test_an_old_bert_repository_keeps_all_its_heads(tmp_path, architectures):
    model, net = saved(tmp_path / "old", "BertForPreTraining", architectures=architectures, change=old_names)
    convert(net, net.parent, tmp_path / "out")
    made, whole = loaded(tmp_path / "out"), model(IDS)
    assert alike(made(IDS).prediction_logits, whole.prediction_logits)
    assert alike(made(IDS).seq_relationship_logits, whole.seq_relationship_logits)


@pytest.mark.parametrize("name", ["BertForMaskedLM", "BertModel", "BertForNextSentencePrediction"])
def test_the_config_decides_the_architecture_and_dropped_heads_are_told(tmp_path, name):
    _, net = saved(tmp_path / "old", "BertForPreTraining", architectures=[name], change=old_names)
    told = convert(net, net.parent, tmp_path / "out").told
    assert type(loaded(tmp_path / "out")).__name__ == name
    assert "Left out" in told[0]
    assert "--architecture BertForPreTraining keeps it" in told[0]


@pytest.mark.parametrize(
    "name",
    [
        "BertModel", "BertForMaskedLM", "BertForSequenceClassification", "BertForTokenClassification",
        "BertForQuestionAnswering", "RobertaForMaskedLM", "ElectraForPreTraining", "AlbertForPreTraining",
        "GPT2LMHeadModel", "GPT2ForSequenceClassification", "LlamaForCausalLM",
    ],
)  # fmt: skip
@pytest.mark.parametrize("prefix", ["", "module."])
def test_without_architectures_the_tensors_tell(tmp_path, name, prefix):
    model, net = saved(tmp_path / "old", name, change=lambda key: prefix + old_names(key))
    convert(net, net.parent, tmp_path / "out")
    assert alike(answer(loaded(tmp_path / "out")), answer(model))


def test_a_classifier_is_known_beside_the_config_of_its_base(tmp_path):
    model, net = saved(tmp_path / "old", "BertForSequenceClassification", num_labels=3, drop=["id2label", "label2id"],
                       architectures=["BertForMaskedLM"])  # fmt: skip
    told = convert(net, net.parent, tmp_path / "out").told
    assert alike(answer(loaded(tmp_path / "out")), answer(model))
    assert told == (
        "The tensors are those of a BertForSequenceClassification, where config.json says BertForMaskedLM.",
    )


@pytest.mark.parametrize("name", ["BertLMHeadModel", "RobertaForCausalLM"])
@pytest.mark.parametrize("decoder", [True, False])
def test_only_a_decoder_writes(tmp_path, name, decoder):
    _, net = saved(tmp_path / "old", name, is_decoder=decoder)
    convert(net, net.parent, tmp_path / "out")
    assert (type(loaded(tmp_path / "out")).__name__ == name) is decoder


@pytest.fixture
def warned():
    """What transformers warns of, whether or not its logger has been silenced before."""
    told = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: told.append(record.getMessage())
    before = transformers.logging.get_verbosity()
    transformers.logging.set_verbosity_warning()
    transformers.logging.add_handler(handler)
    yield told
    transformers.logging.remove_handler(handler)
    transformers.logging.set_verbosity(before)


@pytest.mark.parametrize("name", ["BertForMaskedLM", "BertLMHeadModel", None])
def test_a_bert_is_never_asked_to_be_a_decoder(tmp_path, warned, name):
    _, net = saved(tmp_path / "old", "BertForMaskedLM", architectures=[name] if name else None)
    convert(net, net.parent, tmp_path / "out")
    assert warned == []


def test_a_config_from_before_model_types_is_read(tmp_path):
    model, net = saved(tmp_path / "old", "BertForPreTraining", drop=["model_type"], change=old_names)
    (tmp_path / "old" / "config.json").rename(tmp_path / "old" / "bert_config.json")
    convert(net, net.parent, tmp_path / "out")
    assert alike(answer(loaded(tmp_path / "out")), answer(model))


@pytest.mark.parametrize("drop", [["bos_token_id", "eos_token_id"], ["eos_token_id"], ["bos_token_id"]])
def test_a_model_without_begin_and_end_converts_without_warnings(tmp_path, warned, drop):
    _, net = saved(tmp_path / "old", "GPT2LMHeadModel", drop=drop)
    made = convert(net, net.parent, tmp_path / "out")
    loaded(tmp_path / "out")
    assert (warned, [made.config[name] for name in drop]) == ([], [None] * len(drop))


VOCABULARY = {"[UNK]": 0, "<s>": 1, "</s>": 2, "床": 3}


@pytest.mark.parametrize("file", ["tokenizer.json", "vocab.json"])
@pytest.mark.parametrize(("marks", "expected"), [
    ({"bos_token": "<s>", "eos_token": "</s>"}, (1, 2)), ({"eos_token": {"content": "</s>"}}, (None, 2)),
    ({"bos_token": "<nope>"}, (None, None)), ({}, (None, None)),
])  # fmt: skip
def test_begin_and_end_are_those_of_the_tokenizer(tmp_path, warned, file, marks, expected):
    _, net = saved(tmp_path / "old", "GPT2LMHeadModel", drop=["bos_token_id", "eos_token_id"])
    vocabulary = VOCABULARY if file == "vocab.json" else json.loads(Tokenizer(WordLevel(VOCABULARY, "[UNK]")).to_str())
    (net.parent / file).write_text(json.dumps(vocabulary), encoding="utf-8")
    (net.parent / "tokenizer_config.json").write_text(json.dumps(marks), encoding="utf-8")
    made = convert(net, net.parent, tmp_path / "out").config
    loaded(tmp_path / "out")
    assert ((made["bos_token_id"], made["eos_token_id"]), warned) == (expected, [])


def test_asking_for_an_architecture_overrides_the_config(tmp_path):
    _, net = saved(tmp_path / "old", "BertForPreTraining", architectures=["BertForMaskedLM"])
    convert(net, net.parent, tmp_path / "out", architecture="BertForPreTraining")
    assert type(loaded(tmp_path / "out")).__name__ == "BertForPreTraining"


@pytest.mark.parametrize("name", ["GPT2Model", "NoSuchModel", "BertConfig", "nn"])
def test_an_architecture_of_another_kind_is_refused(tmp_path, name):
    _, net = saved(tmp_path / "old", "BertModel")
    with pytest.raises(GenError, match=f"no bert called {name}"):
        convert(net, net.parent, tmp_path / "out", architecture=name)


# --------------------------------------------------------------------------------------------------------- names


RENAMES = [
    (lambda name: name.replace("bert.", "bert_pretrained."), ["bert_pretrained=bert"]),
    (lambda name: name.replace("encoder.layer", "blocks"), ["blocks=encoder.layer"]),
    (lambda name: name.replace("attention.self", "att"), ["layer.*.att=layer.*.attention.self"]),
    (lambda name: name.replace("bert.", "a.bert.x."), ["a=", "bert.x=bert"]),
]


@pytest.mark.parametrize("change, rules", RENAMES)
def test_other_names_are_renamed_by_rules(tmp_path, change, rules):
    model, net = saved(tmp_path / "old", "BertForMaskedLM", architectures=["BertForMaskedLM"], change=change)
    convert(net, net.parent, tmp_path / "out", rename=rules)
    assert alike(answer(loaded(tmp_path / "out")), answer(model))


@pytest.mark.parametrize(
    "rule, reason",
    [
        ("bart=bert", r"fits no name of .*bert\.encoder"),
        ("bert", "no OLD=NEW"),
        ("=bert", "no OLD=NEW"),
        ("bert=a.*", "no OLD=NEW"),
        ("layer.0=layer.1", "leaves several tensors as"),
    ],
)
def test_a_rule_that_cannot_be_followed_is_refused(tmp_path, rule, reason):
    _, net = saved(tmp_path / "old", "BertModel", change=lambda name: f"bert.{name}")
    with pytest.raises(GenError, match=reason):
        convert(net, net.parent, tmp_path / "out", rename=[rule])


NAMES = st.lists(st.sampled_from("abcd"), min_size=1, max_size=4).map(".".join)


@settings(max_examples=50)
@given(names=st.sets(NAMES, min_size=1, max_size=6), old=st.sampled_from("abcd"))
def test_renaming_there_and_back_changes_nothing(names, old):
    tensors = {name: torch.zeros(1) for name in names if name.split(".").count(old) == 1}
    if tensors:
        assert renamed(renamed(tensors, [f"{old}=new"], ""), [f"new={old}"], "") == tensors


def test_what_is_left_out_by_name_is_not_missed(tmp_path):
    _, net = saved(tmp_path / "old", "BertModel")
    torch.save(torch.load(net) | {"fc.weight": torch.ones(2, 16), "fc.bias": torch.ones(2)}, net)
    with pytest.raises(GenError, match=r"unexpected fc\.\* \(2 tensors\).*--leave-out"):
        convert(net, net.parent, tmp_path / "out")
    convert(net, net.parent, tmp_path / "out", leave_out=["fc"])
    with pytest.raises(GenError, match="--leave-out fd fits no name"):
        convert(net, net.parent, tmp_path / "other", leave_out=["fd"])


@pytest.mark.parametrize("name", ["BertForMaskedLM", "GPT2LMHeadModel", "LlamaForCausalLM"])
def test_a_foreign_file_is_told_in_groups(tmp_path, name):
    _, net = saved(tmp_path / "old", name)
    torch.save({f"blocks.{i}.w.{j}": torch.ones(1) for i in range(40) for j in range(5)}, net)
    with pytest.raises(GenError, match=r"unexpected blocks\.\* \(200 tensors\); give names with --rename") as error:
        convert(net, net.parent, tmp_path / "out")
    assert len(str(error.value)) < 900


@given(st.sets(NAMES, max_size=40))
def test_groups_count_every_name_and_are_few(names):
    parts = grouped(names).split(" and ")[0].split(", ") if names else []
    counts = [int(part.rpartition("(")[2].split()[0]) if part.endswith("tensors)") else 1 for part in parts]
    assert len(parts) <= 6
    assert sum(counts) == len(names) or (" more groups" in grouped(names) and sum(counts) < len(names))


# --------------------------------------------------------------------------------------------------------- files


def raw_pickle(path):
    path.write_bytes(pickle.dumps({"weight": [1.0, 2.0]}))


def old_pickle(path):
    path.write_bytes(pickle.dumps([1, 2], protocol=0))


def runs_code(path):
    path.write_bytes(pickle.dumps(Runs(path.with_name("ran"))))


class Runs:
    """What a pickle makes run when it is loaded without care."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def model_object(path):
    torch.save(torch.nn.Linear(2, 2), path)


def script(path):
    torch.jit.save(torch.jit.trace(torch.nn.Linear(2, 2), torch.ones(1, 2)), path)


def archive(path):
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("weights", "none")


def pointer(path):
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n", encoding="utf-8")


def page(path):
    path.write_text("<!DOCTYPE html><html>404</html>", encoding="utf-8")


def empty(path):
    path.write_bytes(b"")


def numbers(path):
    torch.save({"loss": 0.5, "epochs": [1, 2]}, path)


def two_models(path):
    torch.save({"generator": {"a": torch.ones(1)}, "judge": {"a": torch.ones(1)}}, path)


FILES = [
    raw_pickle, old_pickle, runs_code, model_object, script, archive, pointer, page, empty, numbers, two_models
]  # fmt: skip


@pytest.mark.parametrize("write", FILES)
def test_what_is_no_state_dict_is_refused_in_one_sentence(tmp_path, write, capfd, recwarn):
    write(tmp_path / "net.pt")
    recwarn.clear()
    with pytest.raises(GenError, match=r"net\.pt (holds no|is)") as error:
        read_state_dict(tmp_path / "net.pt")
    assert "\n" not in str(error.value)
    assert len(str(error.value).replace(str(tmp_path), "")) < 320
    assert ("".join(capfd.readouterr()), list(recwarn)) == ("", [])
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("key", ["state_dict", "model_state_dict", "model", "net", "weights"])
def test_the_state_dict_within_a_training_checkpoint_is_found(tmp_path, key):
    linear = torch.nn.Linear(2, 2)
    adam = torch.optim.AdamW(linear.parameters())
    torch.save({"epoch": 3, key: linear.state_dict(), "optimizer": adam.state_dict()}, tmp_path / "net.pt")
    assert read_state_dict(tmp_path / "net.pt").keys() == {"weight", "bias"}


@pytest.mark.parametrize("zipped", [True, False])
def test_parameters_and_old_files_are_read(tmp_path, zipped):
    tensors = dict(torch.nn.Linear(2, 2).named_parameters())
    torch.save(tensors, tmp_path / "net.pt", _use_new_zipfile_serialization=zipped)
    assert not read_state_dict(tmp_path / "net.pt")["weight"].requires_grad


def test_shards_of_pickles_are_read_as_one(tmp_path):
    model, net = saved(tmp_path / "old", "GPT2LMHeadModel")
    tensors, folder = torch.load(net), net.parent
    places = {name: f"pytorch_model-{i % 2}.bin" for i, name in enumerate(tensors)}
    for shard in set(places.values()):
        torch.save({name: tensors[name] for name in places if places[name] == shard}, folder / shard)
    net.unlink()
    (folder / "pytorch_model.bin.index.json").write_text(json.dumps({"weight_map": places}), encoding="utf-8")
    convert(folder / "pytorch_model.bin.index.json", folder, tmp_path / "out")
    assert alike(answer(loaded(tmp_path / "out")), answer(model))


def test_numbers_that_are_none_are_refused(tmp_path):
    _, net = saved(tmp_path / "old", "BertModel")
    torch.save(torch.load(net) | {"pooler.dense.bias": torch.full((16,), torch.nan)}, net)
    with pytest.raises(GenError, match=r"numbers in pooler\.dense\.bias that are none"):
        convert(net, net.parent, tmp_path / "out")
