import json
import shutil
from functools import partial

import pytest
import torch
from click.testing import CliRunner
from nextchar_runs import LINES, call, changed, continued, weights
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, AutoTokenizer, BertConfig, BertForMaskedLM

from gen_engine.errors import GenError
from gen_nextchar.data import Data, split_texts
from gen_nextchar.lstm.command import bert_lstm_command
from gen_nextchar.training import read_prompts
from gen_trainkit.metrics import read_metrics
from gen_trainkit.vocab import bert_tokenizer

TINY = ["--encoder-layers=1", "--width=16", "--heads=2", "--hidden=16", "--window=4", "--batch-tokens=140"]
SCRATCH = ["--from-scratch", *TINY]


command = partial(call, bert_lstm_command)


def refused(message, *arguments):
    with pytest.raises(GenError, match=message):
        command(*arguments)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    """A BERT for masked tokens, random, with its head."""
    folder = tmp_path_factory.mktemp("encoder")
    tokenizer = bert_tokenizer(LINES, size=None, min_count=1, positions=8)
    config = BertConfig(vocab_size=len(tokenizer), hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
                        intermediate_size=16, max_position_embeddings=8)  # fmt: skip
    torch.manual_seed(1)
    BertForMaskedLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def trained(texts, tmp_path_factory):
    """A model that has learned what the texts are made of."""
    out = tmp_path_factory.mktemp("trained") / "tiny"
    command(texts, *SCRATCH, "--epochs=12", "--rate=1e-2", "--head-rate=1e-2", "--valid-share=0.1", "--out", out,
            "--dropout=0", "--note=For a test.")  # fmt: skip
    return out


@pytest.fixture(scope="module")
def on_encoder(texts, encoder, tmp_path_factory):
    """Trains on the encoder for a step and returns the folder; the same call trains but once."""
    made = {}

    def train(*options):
        if options not in made:
            made[options] = tmp_path_factory.mktemp("on") / "model"
            given = ("--encoder", encoder, "--window=4", "--hidden=8", "--steps=1", *options)
            command(texts, *given, "--rate=0.1", "--out", made[options])
        return made[options]

    return train


def test_a_fresh_process_loads_what_was_trained(trained):
    model, info = AutoModelForCausalLM.from_pretrained(trained, output_loading_info=True)
    assert not info["missing_keys"] | info["unexpected_keys"]
    assert (model.config.model_type, model.config.window) == ("bert-lstm", 4)
    assert "BERT+LSTM" in (trained / "README.md").read_text()
    assert "For a test." in (trained / "README.md").read_text()


def test_it_has_learned_what_comes_next(trained):
    assert continued(trained) == "花雪月春夏秋冬风花雪月"
    assert (
        read_metrics(trained / "run" / "metrics.jsonl")[-1]["valid_accuracy"] > 0.6
    )  # no first character can be known


def test_prompts_begin_with_cls_and_end_open(trained):
    tokenizer = AutoTokenizer.from_pretrained(trained)
    assert tokenizer.convert_ids_to_tokens(tokenizer("春夏")["input_ids"]) == ["[CLS]", "春", "夏"]


def test_a_frozen_encoder_keeps_its_weights(on_encoder, encoder):
    source = {name.removeprefix("bert."): tensor for name, tensor in weights(encoder).items()}
    kept = {name.removeprefix("encoder."): tensor for name, tensor in weights(on_encoder("--freeze=all")).items()}
    names = [name for name in kept if name in source]
    assert len(names) > 20
    assert all(torch.equal(kept[name], source[name]) for name in names)


def test_what_is_frozen_stays_and_the_rest_learns(on_encoder):
    options = ["--pooler", "--no-tie"]
    start = on_encoder(*options, "--head-rate=0", "--freeze=all")
    head = changed(start, on_encoder(*options, "--freeze=all"))
    assert {name.split(".")[0] for name in head} == {"lstm", "output"}
    pooler = changed(start, on_encoder(*options, "--head-rate=0", "--freeze=all-but-pooler"))
    assert pooler == {"encoder.pooler.dense.weight", "encoder.pooler.dense.bias"}


def test_encoder_and_head_learn_at_rates_of_their_own(on_encoder):
    start = on_encoder("--head-rate=0", "--freeze=all")
    moved = changed(start, on_encoder("--head-rate=0"))
    assert all(name.startswith("encoder.") for name in moved)
    assert len(moved) > 15


def test_the_pooler_alone_needs_to_be_read(on_encoder):
    with pytest.raises(GenError, match=r"--pooler"):
        on_encoder("--freeze=all-but-pooler")


def test_variable_windows_end_in_a_mask(texts, encoder, tmp_path):
    command(texts, "--encoder", encoder, "--window=4", "--hidden=8", "--steps=2", "--variable", "--out", tmp_path / "m")
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "m")
    assert model.config.variable
    assert model.framing.frame([7, 8])[-2:] == [4, 3]


def test_an_encoder_that_lacks_a_weight_is_refused(texts, encoder, tmp_path):
    broken = shutil.copytree(encoder, tmp_path / "broken")
    kept = {name: tensor for name, tensor in weights(encoder).items() if "query.weight" not in name}
    save_file(kept, broken / "model.safetensors", metadata={"format": "pt"})
    refused(r"lacks .*query\.weight", texts, "--encoder", broken, "--window=4", "--out", tmp_path / "m")


@pytest.mark.parametrize(
    ("message", "options"),
    [
        (r"--encoder BERT, --from-scratch and --base", []),
        (r"--encoder BERT, --from-scratch and --base", ["--from-scratch", "--base=x"]),
        (r"neither a model folder nor a hub name", ["--encoder=/nowhere/at/all"]),
        (r"multiple of --heads", ["--from-scratch", "--width=10", "--heads=4"]),
        (r"is no number", ["--from-scratch", "--rate=nan"]),
        (r"--width does nothing beside --encoder", ["--encoder=x", "--width=8"]),
        (r"--window does nothing beside --base", ["--base=x", "--window=8"]),
        (r"--attention does nothing beside --base", ["--base=x", "--attention"]),
    ],
)
def test_what_cannot_be_trained_is_refused(texts, tmp_path, message, options):
    refused(message, texts, *options, "--out", tmp_path / "m")


def test_a_window_that_the_encoder_cannot_hold_is_refused(texts, encoder, tmp_path):
    refused(r"window of at most 6", texts, "--encoder", encoder, "--window=7", "--out", tmp_path / "m")


@pytest.mark.parametrize("stride", ["0", "²", "1000001", "1" + "0" * 12, "9" * 5000])
def test_a_stride_is_contiguous_or_a_number(texts, tmp_path, stride):
    result = CliRunner().invoke(bert_lstm_command, [str(texts), f"--stride={stride}", "--out", str(tmp_path / "m")])
    assert result.exit_code == 2
    assert "'contiguous'" in result.output


def test_a_dry_run_tells_sizes_and_trains_nothing(texts, tmp_path):
    result = command(texts, *SCRATCH, "--stride=3", "--valid-share=0", "--dry-run", "--out", tmp_path / "m")
    told = json.loads(result.stdout)
    assert (told["training characters"], told["training texts"], told["vocabulary"]) == (480, 160, 13)
    assert not (tmp_path / "m").exists()


def test_training_goes_on_from_a_model_of_the_same_kind(texts, trained, tmp_path):
    command(texts, "--base", trained, "--steps=1", "--rate=0", "--head-rate=0", "--out", tmp_path / "m")
    assert not changed(trained, tmp_path / "m")


def test_a_run_stopped_half_way_ends_with_the_same_weights(texts, tmp_path):
    options = [*SCRATCH, "--variable", "--schedule=constant", "--rate=1e-2"]
    command(texts, *options, "--steps=6", "--out", tmp_path / "whole")
    command(texts, *options, "--steps=3", "--out", tmp_path / "halves")
    command(texts, *options, "--steps=6", "--out", tmp_path / "halves", "--resume")
    assert not changed(tmp_path / "whole", tmp_path / "halves")


def test_joined_lines_are_one_text_whose_end_is_set_aside(tmp_path):
    (tmp_path / "a.txt").write_text("春夏秋冬\n风花雪月\n", encoding="utf-8")
    data = Data((tmp_path / "a.txt",), join=True, valid_share=0.4)
    assert split_texts(data, 0) == (["春夏秋冬\n"], ["风花雪月"])


def test_making_a_prompt_tokenizer_leaves_the_given_one_unchanged():
    tokenizer = bert_tokenizer(LINES, size=None, min_count=1, positions=8)
    reading = read_prompts(tokenizer)
    assert tokenizer("春")["input_ids"] == tokenizer.convert_tokens_to_ids(["[CLS]", "春", "[SEP]"])
    assert reading("春")["input_ids"] == reading.convert_tokens_to_ids(["[CLS]", "春"])
