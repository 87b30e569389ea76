"""A refusal names the field that caused it, wherever the engine speaks of rules, options and values."""

import pytest

from gen_serve.api.blaming import with_field, without_option
from gen_serve.messages import Failed

TUNE = "The tune book knows no tune '八绝'; take 八归."
SPENT = "Whether any text obeys form=七绝 was not decided in 8 seconds; drop it, or allow more (--patience SECONDS)."


def refused(http, told, path, message, code="bad_request", members=(), **fields):
    told.answers = [Failed(0, code, message, members)]
    return http.post(f"/v1/{path}", json=fields).json()["error"]


@pytest.mark.parametrize("field, value, message", [
    ("form", "八绝", TUNE), ("temperature", -1, "temperature=-1.0 is out of range; give a number from 0.001."),
    ("with", ["nope=3"], "There is no processor 'nope'; did you mean 'no_repeat'?"),
    ("with", ["top_k=0"], "top_k=0 keeps nothing; give an integer from 1."), ("seed", 1, "seed=1 is odd; give 2."),
])  # fmt: skip
def test_fields_of_commands_are_named(http, told, field, value, message):
    assert refused(http, told, "poems", message, prompt="白", **{field: value})["param"] == field


@pytest.mark.parametrize("param, fields, message", [
    ("response_format", {"response_format": {"type": "regex", "regex": "([a"}}, "regex=([a is no regular expression."),
    ("gen_xargs.regex", {"gen_xargs": {"regex": "([a"}}, "regex=([a is no regular expression."),
    ("gen_xargs.form", {"gen_xargs": {"form": "八绝"}}, TUNE), ("top_p", {"top_p": 0.5}, "top_p=0.5 is odd; give 1."),
    ("prompt", {"prompt": [9]}, "prompt has the token 9, and the model's end at 8; give its own."),
    (None, {}, "It went wrong in a new way; mend it."),
])  # fmt: skip
def test_fields_of_completions_are_named(http, told, param, fields, message):
    assert refused(http, told, "completions", message, **{"model": "poem", "prompt": "白", **fields})["param"] == param


def test_patience_is_spoken_of_as_clients_have_it(http, told):
    wish = {"model": "poem", "prompt": "白"}
    assert refused(http, told, "poems", SPENT, "undecided")["message"].endswith("drop it, or ask for less.")
    for given, advice in ((None, "ask for less."), ({"patience": 2}, "allow more (patience in gen_xargs).")):
        found = refused(http, told, "completions", SPENT, "undecided", **wish, gen_xargs=given)
        assert found["message"].endswith(f"drop it, or {advice}")
    assert without_option("Nothing.") == "Nothing."


@pytest.mark.parametrize("regex", ["[a-c]{40}", "a" * 300])
def test_a_contradiction_names_the_response_format(http, told, regex):
    shown = f"regex={regex}" if len(regex) < 60 else f"regex={regex[:50]}…"
    message = f"{shown} admits no text within 5 new tokens; change it."
    form = {"model": "poem", "prompt": "白", "response_format": {"type": "regex", "regex": regex}}
    found = refused(http, told, "completions", message, "conflict", (f"regex={regex}", "ban=a"), **form)
    assert found["members"] == ["response_format", "ban=a"]
    assert found["message"] == "response_format admits no text within 5 new tokens; change it."


def test_another_rule_keeps_its_name():
    assert with_field("ban=a admits none.", "regex=b", "response_format") == "ban=a admits none."


def test_a_contradiction_names_what_sets_the_length(http, told):
    message = "form=七绝 admits no text within 24 new tokens; change it, or allow more tokens."
    wish = {"form": "五绝", "with": ["form=七绝"]}
    assert refused(http, told, "poems", message, "conflict", ("form=七绝",), **wish)["members"] == [
        "form=五绝", "form=七绝"
    ]  # fmt: skip
