"""`gen_xargs`: every processor is typed by its own parameters, and none that opens a file is offered."""

import subprocess
import sys

import pytest
from pydantic import ValidationError

from gen_engine.hooks.registry import registry
from gen_engine.hooks.specs import parameters, parse_spec
from gen_serve.api.processors import arguments, typed

NOT_OFFERED = {"guide"}


def specs_of(**given):
    return arguments().model_validate(given).specs


@pytest.mark.parametrize(("given", "specs"), [
    ({"top_k": 50, "no_repeat": 30, "no_repeat_exempt": ["punctuation"]},
     ("top_k=50", "no_repeat=30,exempt=punctuation")),
    ({"form_tones": "strict", "form": "七律"}, ("form=七律,tones=strict",)),
    ({"balanced": True}, ("balanced",)), ({"balanced": ["《》"], "balanced_depth": 1}, ("balanced=《》,depth=1",)),
    ({"balanced": False}, ()), ({"length": 20}, ("length=20",)),
    ({"length": "5..", "length_of": "whole"}, ("length=5..,of=whole",)),
    ({"couplet": 7, "couplet_book": None}, ("couplet=7,book=none",)),
    ({"no_repeat_ngram": 6, "no_repeat_ngram_within": 300}, ("no_repeat_ngram=6,within=300",)),
    ({"repetition_penalty": 1.1, "repetition_penalty_prompt": False}, ("repetition_penalty=1.1,prompt=no",)),
])  # fmt: skip
def test_a_value_stands_under_the_name_and_options_behind_it(given, specs):
    assert specs_of(**given) == specs


@pytest.mark.parametrize("text", ["a|b", "a,b=c", "'a'", 'a"', "\\n", "\n", "\\", " a ", "#", "", "☃\u2028"])
def test_a_text_means_itself(text):
    [spec] = specs_of(ban=[text, "x"])
    assert parse_spec(spec).value == (text, "x")


@pytest.mark.parametrize("name", sorted(registry().processors.keys() - NOT_OFFERED))
def test_every_processor_is_offered_with_all_its_options(name):
    known = parameters(registry().processors[name].function)
    told = {name, *(f"{name}_{each.name}" for each in known[1:] if each.name != "not_in")}
    assert told == {field for field, (owner, _) in arguments().options.items() if owner == name}


def test_the_schema_describes_every_field():
    schema = arguments().model_json_schema()
    assert schema["additionalProperties"] is False
    assert [name for name, field in schema["properties"].items() if not field.get("description")] == []
    assert schema["properties"]["decoder"]["anyOf"][0]["enum"] == ["sample", "greedy", "beam", "smc"]


@pytest.mark.parametrize("given", [
    {"guide": "folder:label"}, {"couplet": 7, "couplet_not_in": "file.txt"}, {"draft": "model=poem"}, {"top_k": None},
    {"form_tones": "strict"}, {"no_unk": "yes"}, {"top_p": float("nan")}, {"ban": []},
    {"balanced": False, "balanced_depth": 2},
    {"smc_particles": 2}, {"decoder": "sample", "beam_width": 2}, {"patience": 0},
])  # fmt: skip
def test_what_is_not_offered_is_refused(given):
    with pytest.raises(ValidationError):
        specs_of(**given)


@pytest.mark.parametrize("given", [{"beam": True}, {"smc": 4}, {"beam_width": 2}, {"decoder": "smc", "beam_width": 2}])
def test_who_means_a_decoder_is_told_how_to_set_one(given):
    name = [*given][-1]
    with pytest.raises(ValidationError, match=f'set decoder to "{name.partition("_")[0]}"') as found:
        specs_of(**given)
    assert found.value.errors()[0]["ctx"]["param"] == name


def test_types_are_those_of_json():
    assert typed(int | None) == typed(int) | None
    assert typed(str) == typed("a type that only checkers know")


CANARY = """
import os, sys
opened = []
sys.addaudithook(lambda event, what: opened.append(what[0]) if event in ("open", "os.listdir", "os.scandir") else None)
from gen_engine import load
from gen_engine.errors import GenError
from gen_serve.api.processors import arguments
from pydantic import TypeAdapter, ValidationError
engine = load("poem")
canary = sys.argv[1]
tried = 0
for name, (owner, option) in arguments().options.items():
    for value in (canary, [canary], "@" + canary, "file:" + canary):
        given = {owner: canary, name: value} if option else {name: value}
        for first in (canary, [canary], 7, "4x5", "七律", True):
            try:
                [spec] = arguments().model_validate({**given, owner: first if option else value}).specs
                tried += 1
                engine.chain((spec,))
            except (GenError, ValidationError, ValueError):
                pass
print(tried, [path for path in opened if isinstance(path, str) and "canary" in path])
"""


def test_no_processor_that_is_offered_opens_what_it_is_told(tmp_path):
    canary = tmp_path / "canary"
    canary.mkdir()
    done = subprocess.run([sys.executable, "-c", CANARY, str(canary)], capture_output=True, text=True, check=True)
    tried, opened = done.stdout.split(maxsplit=1)
    assert (int(tried) > 50, opened.strip()) == (True, "[]")


def test_no_torch_is_imported_for_it():
    code = "import sys, gen_serve.app; sys.exit(bool({'torch', 'transformers'} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
