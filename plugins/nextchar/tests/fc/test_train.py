import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from gen_engine.errors import GenError
from gen_nextchar.fc.command import bert_fc_command
from gen_trainkit.metrics import read_metrics

ROUND = "春夏秋冬风花雪月"
LINES = [(ROUND * 4)[i % 8 : i % 8 + 12] for i in range(40)]
TINY = ["--from-scratch", "--encoder-layers=1", "--width=16", "--heads=2", "--hidden=16", "--window=4", "--dropout=0",
        "--batch-tokens=140", "--rate=1e-2", "--head-rate=1e-2"]  # fmt: skip


def command(*arguments):
    result = CliRunner().invoke(bert_fc_command, [str(argument) for argument in arguments])
    if isinstance(result.exception, GenError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    path = tmp_path_factory.mktemp("texts") / "lines.txt"
    path.write_text("\n".join(LINES), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def trained(texts, tmp_path_factory):
    """Trains once for each set of options and returns the folder."""
    made = {}

    def train(*options):
        if options not in made:
            made[options] = tmp_path_factory.mktemp("made") / "model"
            command(texts, *TINY, "--epochs=12", "--valid-share=0.1", *options, "--out", made[options])
        return made[options]

    return train


@pytest.mark.parametrize("options", [(), ("--left-only",)])
def test_it_has_learned_what_comes_next(trained, options):
    folder = trained(*options)
    model, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    ids = tokenizer("花雪月", return_tensors="pt")["input_ids"]
    written = model.eval().generate(ids, max_new_tokens=8, do_sample=False, use_cache=False)
    assert tokenizer.decode(written[0], skip_special_tokens=True).replace(" ", "") == "花雪月春夏秋冬风花雪月"


@pytest.mark.parametrize("options", [("--variable",), ("--pooler", "--no-tie")])
def test_what_reads_a_mask_or_the_pooler_learns_too(trained, options):
    rows = read_metrics(trained(*options) / "run" / "metrics.jsonl")
    losses = [row["valid_loss"] for row in rows if "valid_loss" in row]
    assert min(losses) < losses[0] - 0.2
    model = AutoModelForCausalLM.from_pretrained(trained(*options))
    assert (model.config.variable, model.config.pooler) == ("--variable" in options, "--pooler" in options)


def test_more_is_learned_of_a_window_where_the_encoder_looks_left_only(trained):
    first = {
        options: read_metrics(trained(*options) / "run" / "metrics.jsonl")[3] for options in ((), ("--left-only",))
    }
    assert first[("--left-only",)]["examples"] == first[()]["examples"]
    assert first[("--left-only",)]["valid_loss"] < first[()]["valid_loss"] - 0.1


def test_an_encoder_that_looks_left_only_has_no_use_for_mask_or_pooler(texts, tmp_path):
    for option in ("--variable", "--pooler"):
        with pytest.raises(GenError, match=r"Leave out --left-only"):
            command(texts, *TINY, "--left-only", option, "--out", tmp_path / "m")


def test_training_goes_on_from_a_model_of_the_same_kind(texts, trained, tmp_path):
    start = trained("--left-only")
    command(texts, "--base", start, "--steps=1", "--rate=0", "--head-rate=0", "--out", tmp_path / "m")
    first, second = load_file(start / "model.safetensors"), load_file(tmp_path / "m" / "model.safetensors")
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_run_can_be_repeated_from_the_options_it_wrote(texts, trained, tmp_path):
    options = trained("--left-only") / "run" / "config.toml"
    command("--config", options, "--out", tmp_path / "again", texts)
    first, second = (load_file(folder / "model.safetensors") for folder in (trained("--left-only"), tmp_path / "again"))
    assert all(torch.equal(first[name], second[name]) for name in first)
