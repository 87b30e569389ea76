from functools import partial

import pytest
from nextchar_runs import call, changed, continued
from transformers import AutoModelForCausalLM

from gen_engine.errors import GenError
from gen_nextchar.fc.command import bert_fc_command
from gen_trainkit.metrics import read_metrics

TINY = ["--from-scratch", "--encoder-layers=1", "--width=16", "--heads=2", "--hidden=16", "--window=4", "--dropout=0",
        "--batch-tokens=140", "--rate=1e-2", "--head-rate=1e-2"]  # fmt: skip


command = partial(call, bert_fc_command)


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
    assert continued(trained(*options)) == "花雪月春夏秋冬风花雪月"


@pytest.mark.parametrize("options", [("--variable",), ("--pooler", "--no-tie")])
def test_what_reads_a_mask_or_the_pooler_learns_too(trained, options):
    rows = read_metrics(trained(*options) / "run" / "metrics.jsonl")
    losses = [row["valid_loss"] for row in rows if "valid_loss" in row]
    assert min(losses) < losses[0] - 0.2
    model = AutoModelForCausalLM.from_pretrained(trained(*options))
    assert (model.config.variable, model.config.pooler) == ("--variable" in options, "--pooler" in options)


def test_a_left_only_encoder_learns_more_from_the_same_windows(trained):
    first = {
        options: read_metrics(trained(*options) / "run" / "metrics.jsonl")[3] for options in ((), ("--left-only",))
    }
    assert first[("--left-only",)]["examples"] == first[()]["examples"]
    assert first[("--left-only",)]["valid_loss"] < first[()]["valid_loss"] - 0.1


def test_a_left_only_encoder_refuses_variable_windows_and_the_pooler(texts, tmp_path):
    for option in ("--variable", "--pooler"):
        with pytest.raises(GenError, match=r"Leave out --left-only"):
            command(texts, *TINY, "--left-only", option, "--out", tmp_path / "m")


def test_training_goes_on_from_a_model_of_the_same_kind(texts, trained, tmp_path):
    start = trained("--left-only")
    command(texts, "--base", start, "--steps=1", "--rate=0", "--head-rate=0", "--out", tmp_path / "m")
    assert not changed(start, tmp_path / "m")


def test_a_run_can_be_repeated_from_the_options_it_wrote(texts, trained, tmp_path):
    options = trained("--left-only") / "run" / "config.toml"
    command("--config", options, "--out", tmp_path / "again", texts)
    assert not changed(trained("--left-only"), tmp_path / "again")
