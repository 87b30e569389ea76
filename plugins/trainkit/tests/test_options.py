import json
import tomllib

import click
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from gen_engine.errors import GenError
from gen_trainkit.loop import Outcome, Recipe
from gen_trainkit.options import (
    FILE,
    check_finite,
    chosen_options,
    options,
    part,
    recipe_options,
    refuse_idle,
    run_options,
    tell_plan,
    write_chosen_options,
)
from gen_trainkit.telling import tell_outcome

PATHS = st.lists(st.sampled_from(["a.txt", "中文 b.csv", "-"]), min_size=1, max_size=3)
NUMBERS = st.floats(0, 1e9)


@click.command()
@options(
    click.argument("files", nargs=-1, required=True, type=FILE),
    click.option("--valid", "valid_files", multiple=True, type=FILE),
    click.option("--shift/--no-shift", default=True),
    recipe_options(head=True),
    run_options,
)
def command(**given):
    """Tell what was given, and as what it is written down."""
    if given["resume"]:
        write_chosen_options(given["out"] / "config.toml")
    recipe = part(Recipe, {**given, "rate": given["rate"] or 1.0})
    told = {"chosen": chosen_options(), "recipe": recipe.__dict__, "shift": given["shift"], "files": given["files"]}
    click.echo(json.dumps(told | {"valid": given["valid_files"]}, default=str))


@click.command()
@click.option("--base")
@click.option("--layers", default=4)
@options(run_options)
def idling(**given):
    """A command whose --layers do nothing beside --base."""
    if given["base"]:
        refuse_idle({"layers"}, "beside --base")


def test_an_option_without_effect_is_refused_unless_from_a_file(tmp_path):
    (tmp_path / "config.toml").write_text("layers = 3", encoding="utf-8")
    for fine in (["--layers=3"], ["--base=x"], ["--base=x", "--config", str(tmp_path / "config.toml")]):
        assert CliRunner().invoke(idling, ["--out", str(tmp_path), *fine]).exit_code == 0
    result = CliRunner().invoke(idling, ["--out", str(tmp_path), "--base=x", "--layers=4"])
    assert str(result.exception) == "--layers does nothing beside --base. Leave it out."


def call(*arguments):
    result = CliRunner().invoke(command, [str(argument) for argument in arguments])
    if isinstance(result.exception, GenError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@given(PATHS, st.lists(st.sampled_from("ab")), NUMBERS, st.integers(0, 2**63 - 1), st.booleans(), st.booleans())
@settings(derandomize=True, deadline=None, max_examples=25)
def test_what_is_written_down_is_read_as_the_same(tmp_path_factory, files, valid, rate, seed, shift, head):
    out = tmp_path_factory.mktemp("out")
    wishes = ["--out", out, "--rate", rate, "--seed", seed, "--shift" if shift else "--no-shift", "--optimizer=muon"]
    wishes += [f"--valid={path}" for path in valid] + (["--head-rate", rate / 2] if head else [])
    written = call(*wishes, "--resume", "--", *files)
    assert call("--config", out / "config.toml") == written
    assert written["chosen"]["rate"] == rate


def test_the_command_line_outweighs_the_file(tmp_path):
    call("a", "--out", tmp_path, "--epochs=3", "--seed=1", "--resume")
    told = call("--config", tmp_path / "config.toml", "--seed=2", "b")
    assert (told["recipe"]["epochs"], told["recipe"]["seed"], told["files"]) == (3, 2, ["b"])


def test_the_file_speaks_the_names_of_the_command_line(tmp_path):
    call("a", "--out", tmp_path, "--valid=b", "--resume")
    written = tomllib.loads((tmp_path / "config.toml").read_text(encoding="utf-8"))
    assert written["batch-tokens"] == 4096
    assert (written["files"], written["valid"]) == (["a"], ["b"])
    assert not {"resume", "dry-run", "config", "steps"} & written.keys()


@pytest.mark.parametrize(
    "text", ["batch_tokens = 7", "batch-tokens = 7", "valid = 'b'", "valid_files = ['b']", "files = 'a'"]
)
def test_people_may_write_it_more_loosely(tmp_path, text):
    (tmp_path / "mine.toml").write_text(text)
    told = call("--config", tmp_path / "mine.toml", "--out", tmp_path, *([] if "files =" in text[:7] else ["a"]))
    assert told["files"] == ["a"]
    assert told["valid"] == (["b"] if "valid" in text else [])
    assert told["recipe"]["batch_tokens"] == (7 if "batch" in text else 4096)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("epoch = 1", "sets 'epoch', which is no option"),
        ("a = ", "is no readable TOML"),
        (None, "There is no file"),
        ("seed = [1]", "gives 'seed' several values"),
        ("tensorboard = 5", "gives 'tensorboard' as 5. Write true or false"),
    ],
)
def test_a_file_that_says_nonsense_is_refused(tmp_path, text, message):
    if text is not None:
        (tmp_path / "mine.toml").write_text(text)
    with pytest.raises(GenError, match=message):
        call("a", "--config", tmp_path / "mine.toml", "--out", tmp_path)


@pytest.mark.parametrize(
    "line", ["epochs = 'many'", "optimizer = 'sgd'", "epochs = -1", "steps = 1.5", "rate = true", "steps = 2026-01-01"]
)
def test_values_of_the_file_are_checked_as_if_given(tmp_path, line):
    (tmp_path / "mine.toml").write_text(line)
    result = CliRunner().invoke(command, ["a", "--config", str(tmp_path / "mine.toml"), "--out", str(tmp_path)])
    assert result.exit_code == 2
    assert f"--{line.split()[0]}" in result.output


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_number_that_is_none_is_refused(value):
    with pytest.raises(GenError, match="--weight-decay .* is no number to count with. Give a finite one"):
        check_finite({"weight_decay": value, "seed": 1})


def test_an_unusable_out_is_noticed_before_anything_is_read(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(GenError, match="is a file. Name a folder by --out"):
        call("a", "--out", tmp_path / "file")
    with pytest.raises(GenError, match="is not writable. Give another --out"):
        call("a", "--out", tmp_path / "file" / "deeper" / "out")


def test_outside_a_trainer_nothing_is_written_down(tmp_path):
    write_chosen_options(tmp_path / "config.toml")
    assert not list(tmp_path.iterdir())


def test_of_several_processes_only_the_first_speaks(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("WORLD_SIZE", "2")
    for rank in "01":
        monkeypatch.setenv("RANK", rank)
        tell_plan({"rank": rank})
        tell_outcome(Outcome(1, 1, {}, None, 0), tmp_path)
    assert capsys.readouterr().out == f'{{\n "rank": "0"\n}}\n{tmp_path}\n'


@pytest.mark.parametrize("text", ["a = " + "[" * 100_000, "a = " + "{b = " * 50_000, "a = \x00", "\ufffd = ["])
def test_a_config_of_invalid_toml_is_refused_in_one_sentence(tmp_path, text):
    (tmp_path / "c.toml").write_text(text, encoding="utf-8")
    with pytest.raises(GenError, match="is no readable TOML"):
        call("--config", tmp_path / "c.toml")
