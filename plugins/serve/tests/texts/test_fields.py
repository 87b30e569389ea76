"""Request bodies are the options of the commands."""

import click
import pytest
from fastapi import FastAPI
from pydantic import ValidationError

from gen_engine.cli.options import explaining, generating
from gen_engine.hooks.lazy import LazyCommand
from gen_serve.api import fields as fields_module
from gen_serve.api.fields import NOT_OFFERED, body_of, cli, fields_of, installed
from gen_serve.api.texts import routes

NAMES = ("poem", "ci", "couplet", "novel", "text", "check")
FOR_OTHERS = {*"out json debug explain file not_in device dtype attention fast patience interactive card".split()}


def poem(**given):
    fields = fields_of(installed("poem"), "poem")
    return fields.arguments(body_of(fields, "Poem", {})(**given))


@pytest.mark.parametrize("name", NAMES)
def test_options_are_fields_but_those_for_files_and_terminals(name):
    command = installed(name)
    long = {each.opts[-1].removeprefix("--").replace("-", "_") for each in command.params if each.opts[0][:2] == "--"}
    assert {*fields_of(command, name).options} == long - FOR_OTHERS - {"model", "seed"}
    assert FOR_OTHERS < NOT_OFFERED


def test_each_command_that_writes_is_an_endpoint(monkeypatch):
    @explaining
    @generating("poem")
    def haiku():
        """Write a haiku."""

    broken = LazyCommand("broken", "no_such_module:command", "Break.")
    told = click.Group(commands={**cli().commands, "haiku": click.command(haiku), "broken": broken})
    monkeypatch.setattr(fields_module, "cli", lambda: told)
    paths = FastAPI(routes=routes(("poem",)).routes).openapi()["paths"]
    found = {path.rsplit("/")[-1] for path, known in paths.items() if "write_" in str(known)}
    assert found == {"poems", "ci", "couplets", "novels", "texts", "haiku"}


@pytest.mark.parametrize("name", NAMES)
def test_fields_have_the_defaults_choices_and_words_of_the_options(name):
    fields = fields_of(installed(name), name)
    known = body_of(fields, "Body", {}).model_json_schema()["properties"]
    for field, option in fields.options.items():
        told, info = known[field], option.to_info_dict()
        assert told.get("default") == ([] if option.multiple else info["default"])
        choices = [tuple(each["enum"]) for each in (told, *told.get("anyOf", ())) if "enum" in each]
        assert choices == ([tuple(info["type"]["choices"])] if "choices" in info["type"] else [])
        assert told["description"].split()[0] == option.help.split()[0]


def test_a_body_is_typed_as_the_command_in_its_order():
    told = poem(num=2, rows=4, rhyme=["东", "阳"], distinct=True, special=False, parallel=True, top_p=0.5, tones=None)
    assert told == ("--rows=4", "--rhyme=东", "--rhyme=阳", "--distinct", "--parallel", "--num=2", "--top-p=0.5")


def test_only_texts_that_could_name_files_are_escaped():
    assert poem(context="@x", chat="@@", prompt="@x") == ("--prompt=@x", "--context=@@x", "--chat=@@@")


@pytest.mark.parametrize(
    "wrong",
    [
        {"rows": 0}, {"rows": 201}, {"rows": "4"}, {"rows": 4.5}, {"rows": True}, {"distinct": 1}, {"rhyme": "东"},
        {"temperature": float("nan")}, {"start": "平"}, {"parallel": "-x"}, {"parallel": 1}, {"out": "x"},
        {"name": "x"}, {"draft": "model=poem"}, {"draft": "lookups"},
        {"prompt": "x" * 100_001}, {"with": ["top_k=1"] * 33},
    ],
)  # fmt: skip
def test_what_an_option_would_not_take_is_refused_by_name(wrong):
    with pytest.raises(ValidationError) as found:
        poem(**wrong)
    assert {each["loc"][0] for each in found.value.errors()} == {*wrong}


def test_messages_speak_of_fields_and_name_them():
    fields = fields_of(installed("novel"), "novel")
    assert fields.words("give --prompt TEXT or --file FILE.") == "give prompt TEXT."
    assert fields.words("--no-repeat 3 and '--len=4'") == "no_repeat 3 and '--len=4'"
    assert fields.named("length", "", {}) == "len"
    assert fields.named(None, "--end and --no-repeat do not fit", {"no_repeat": 3, "end": "x"}) == "end"
    assert fields.named(None, "--end does not fit", {"len": 9}) is None


@pytest.mark.parametrize(
    "param, given, named",
    [("num", {"num": 129}, "num"), ("num", {"best_of": 1, "num": 129}, "num"), ("num", {}, None),
     ("num", {"best_of": 50, "num": 3}, "best_of"), ("max_new", {"form": "五排", "rows": 2}, "rows"),
     ("max_new", {"form": "五绝"}, "form"), ("max_new", {"rows": 2, "cols": 99}, "cols")],
)  # fmt: skip
def test_bounds_are_named_by_the_field_that_asks(param, given, named):
    assert fields_of(installed("poem"), "poem").named(param, "Too many.", given) == named
