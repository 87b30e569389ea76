"""`/v1/chat/completions` without an engine: what is wished, what is answered, and what is refused by name."""

import json

import pytest
from told_engines import events_of

from gen_serve.messages import Scored

ASKED = {"model": "chat", "messages": [{"role": "user", "content": "a"}]}
PATH = "/v1/chat/completions"


def asked(http, **fields):
    return http.post(PATH, json={**ASKED, **fields})


def wish_of(http, told, **fields):
    assert asked(http, **fields).status_code == 200
    return told.wishes[-1]


def test_messages_are_turns(http, told):
    parts = [{"type": "text", "text": "c"}, {"type": "text", "text": "d"}]
    messages = [
        {"role": "developer", "content": "s"}, {"role": "user", "content": "a"},
        {"role": "assistant", "content": "b", "refusal": None, "tool_calls": None, "annotations": []},
        {"role": "user", "content": parts},
    ]  # fmt: skip
    wish = wish_of(http, told, messages=messages)
    assert wish.chat == (("system", "s"), ("user", "a"), ("assistant", "b"), ("user", "c\nd"))
    assert (wish.prompt, wish.max_new, wish.logprobs) == ("", None, None)


def test_fields_that_ask_for_nothing_are_accepted(http, told):
    nothing = {"tools": [], "tool_choice": "none", "parallel_tool_calls": True, "modalities": ["text"], "store": False,
               "metadata": {}, "service_tier": "auto", "audio": None, "user": "me",
    "safety_identifier": "me"}  # fmt: skip
    assert wish_of(http, told, **nothing) == wish_of(http, told)


@pytest.mark.parametrize(("fields", "param"), [
    ({"tools": [{"type": "function"}]}, "tools"), ({"tool_choice": "required"}, "tool_choice"), ({"zz": 1}, "zz"),
    ({"modalities": ["audio"]}, "modalities"), ({"reasoning_effort": "high"}, "reasoning_effort"),
    ({"store": 1}, "store"),
    ({"messages": []}, "messages"), ({"messages": [{"role": "user"}]}, "messages.0.content"),
    ({"messages": [{"role": "tool", "content": "a"}]}, "messages.0.role"),
    ({"messages": [{"role": "user", "content": "a", "name": "b"}]}, "messages.0.name"),
    ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "messages.0.content.0.type"),
    ({"top_logprobs": 2}, "top_logprobs"), ({"logprobs": 2}, "logprobs"),
    ({"logprobs": True, "top_logprobs": 21}, "top_logprobs"),
    ({"max_tokens": 1, "max_completion_tokens": 1}, "max_tokens"), ({"max_tokens": 0}, "max_tokens"),
    ({"best_of": 2}, "best_of"),
])  # fmt: skip
def test_a_wrong_field_is_named(http, told, fields, param):
    answer = asked(http, **fields)
    assert (answer.status_code, told.wishes) == (422, [])
    assert answer.json()["error"]["param"] == param


def test_the_user_speaks_last(http):
    answer = asked(http, messages=[{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}])
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "messages.1.role")


def test_logprobs_are_an_entry_for_each_token(http, told):
    scored = Scored("a", b"a", 0, -1.0, (("b", b"b", -0.5), ("a", b"a", -1.0000001)))
    told.answers = events_of(["a"], details=[{"prompt": (), "new": (scored,)}])
    [choice] = asked(http, logprobs=True, top_logprobs=2).json()["choices"]
    [entry] = choice["logprobs"]["content"]
    assert (entry["token"], entry["logprob"], entry["bytes"]) == ("a", -1.0, [97])
    assert [(each["token"], each["logprob"]) for each in entry["top_logprobs"]] == [("b", -0.5), ("a", -1.0)]
    assert (told.wishes[0].logprobs, wish_of(http, told, logprobs=True).logprobs) == (2, 0)


def test_a_stream_begins_with_the_role_and_ends_with_why(http, told):
    told.answers = events_of(["ab"], ["a", "b"])
    events = asked(http, stream=True).text.split("\n\n")[:-2]
    chunks = [json.loads(each.removeprefix("data: "))["choices"][0] for each in events]
    assert [each["delta"].get("content") for each in chunks] == ["", "a", "b", None]
    assert (chunks[0]["delta"]["role"], chunks[-1]["delta"]) == ("assistant", {})
    assert [each["finish_reason"] for each in chunks] == [None, None, None, "stop"]


def test_a_response_format_is_a_pattern(http, told):
    wish = wish_of(http, told, response_format={"type": "regex", "regex": "a|b,c"})
    assert wish.processors == ("regex='a|b,c'",)
    schema = {"type": "json_schema", "json_schema": {"schema": {"type": "boolean"}}}
    assert wish_of(http, told, response_format=schema).processors == ("regex='(?a)(true|false)'",)
    assert wish_of(http, told, response_format={"type": "text"}).processors == ()
