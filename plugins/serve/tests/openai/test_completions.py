"""`/v1/completions` without an engine: what is wished, what is answered, and what is refused by name."""

import json
from contextlib import contextmanager

import pytest
from told_engines import events_of

from gen_serve.api import errors
from gen_serve.messages import Begun, Drawing, Failed, Scored, Text

POEM = {"model": "poem", "prompt": "白日"}


def asked(http, **fields):
    return http.post("/v1/completions", json={**POEM, **fields})


def wish_of(http, told, **fields):
    assert asked(http, **fields).status_code == 200
    return told.wishes[-1]


def chunks_of(response):
    """The events of a stream, each as it was written, without the last one."""
    events = response.text.split("\n\n")
    assert (events[-2], events[-1]) == ("data: [DONE]", "")
    return [json.loads(each.removeprefix("data: ")) for each in events[:-2]]


# ------------------------------------------------------------------------------------------------------ wishes


def test_a_plain_request_wishes_one_text_of_16_tokens(http, told):
    wish = wish_of(http, told)
    assert (wish.prompt, wish.processors, wish.decoder) == ("白日", (), "sample")
    assert (wish.num, wish.max_new, wish.logprobs, wish.echo, wish.draws) == (1, 16, None, False, None)


def test_defaults_that_are_given_change_nothing(http, told):
    fields = {"temperature": 1, "top_p": 1, "presence_penalty": 0, "frequency_penalty": 0, "n": 1, "stream": False}
    nothing = dict.fromkeys(["stop", "logit_bias", "suffix", "seed", "user", "logprobs", "best_of", "gen_xargs"])
    assert wish_of(http, told, **fields, **nothing, echo=False) == wish_of(http, told)


def test_processors_apply_in_the_order_of_the_json(http, told):
    given = {"top_k": 5, "min_p": 0.1, "no_unk": True, "no_special": False}
    fields = {"temperature": 0.5, "top_p": 0.9, "presence_penalty": 1, "stop": "a,b"}
    wish = wish_of(http, told, gen_xargs=given, **fields)
    first, last = ("stop='a,b'", "presence_penalty=1.0"), ("temperature=0.5", "top_p=0.9")
    assert wish.processors == (*first, "top_k=5", "min_p=0.1", "no_unk", *last)
    turned = dict(reversed(given.items()))
    assert wish_of(http, told, gen_xargs=turned).processors == ("no_unk", "min_p=0.1", "top_k=5")


def test_the_seed_is_told_if_none_was_given(http, told):
    seeds = [asked(http).json()["seed"] for _ in range(2)]
    assert (told.seeds, seeds[0] != seeds[1]) == (seeds, True)
    assert asked(http, seed=5).json()["seed"] == told.seeds[-1] == 5


def test_a_shorter_patience_is_wished(http, told):
    assert wish_of(http, told, gen_xargs={"patience": 0.5}).patience == 0.5
    assert asked(http, gen_xargs={"patience": 9}).json()["error"]["param"] == "gen_xargs.patience"


@pytest.mark.parametrize(("prompt", "wished"), [
    ("a", ["a"]), (["a", "b"], ["a", "b"]), ([1, 2], [(1, 2)]), ([[1], [2, 3]], [(1,), (2, 3)]), ("", [""]),
])  # fmt: skip
def test_a_prompt_is_text_or_tokens_or_several(http, told, prompt, wished):
    asked(http, prompt=prompt)
    assert [each.prompt for each in told.wishes] == wished


# ----------------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(("fields", "param"), [
    ({"zz": 1}, "zz"), ({"n": 0}, "n"), ({"n": "2"}, "n"), ({"n": True}, "n"), ({"n": 1.5}, "n"),
    ({"temperature": 2.1}, "temperature"), ({"temperature": 0.0001}, "temperature"), ({"top_p": 0}, "top_p"),
    ({"stop": [3]}, "stop.0"), ({"stop": list("abcde")}, "stop"), ({"stop": [""]}, "stop.0"),
    ({"logprobs": 6}, "logprobs"),
    ({"logprobs": True}, "logprobs"), ({"logit_bias": {"5": 101}}, "logit_bias.5"),
    ({"logit_bias": {"春": 1}}, "logit_bias"),
    ({"prompt": []}, "prompt"), ({"prompt": [[]]}, "prompt.0"), ({"prompt": ["a", 1]}, "prompt"),
    ({"prompt": 5}, "prompt"),
    ({"prompt": None}, "prompt"), ({"suffix": "b"}, "suffix"), ({"best_of": 1, "n": 2}, "best_of"),
    ({"best_of": 3, "stream": True}, "best_of"), ({"stream_options": {"include_usage": True}}, "stream_options"),
    ({"stream": True, "stream_options": {"zz": 1}}, "stream_options.zz"), ({"echo": "yes"}, "echo"),
    ({"user": 5}, "user"),
    ({"gen_xargs": {"zz": 1}}, "gen_xargs.zz"), ({"gen_xargs": {"top_k": "5"}}, "gen_xargs.top_k"),
    ({"gen_xargs": {"no_repeat_exempt": ["a"]}}, "gen_xargs.no_repeat_exempt"),
    ({"gen_xargs": {"ban": "a"}}, "gen_xargs.ban"),
    ({"gen_xargs": {"form": "4x5", "form_tones": "x"}}, "gen_xargs.form_tones"), ({"max_tokens": -1}, "max_tokens"),
    ({"response_format": {"type": "json_object"}}, "response_format"),
    ({"response_format": {"type": "x"}}, "response_format.type"),
    ({"response_format": {"type": "regex", "regex": "a", "b": 1}}, "response_format.b"), ({"seed": 2**63}, "seed"),
    ({"gen_xargs": {"decoder": "sampl"}}, "gen_xargs.decoder"), ({"model": 5}, "model"),
    ({"temperature": None, "n": {}}, "n"),
])  # fmt: skip
def test_a_wrong_field_is_named(http, told, fields, param):
    answer = asked(http, **fields)
    assert (answer.status_code, told.wishes) == (422, [])
    assert answer.json()["error"]["param"] == param
    assert answer.json()["error"]["message"].startswith(param)


@pytest.mark.parametrize(("fields", "param"), [
    ({"temperature": 0.5, "gen_xargs": {"temperature": 0.7}}, "gen_xargs.temperature"),
    ({"stop": "a", "gen_xargs": {"stop": ["b"]}}, "gen_xargs.stop"),
    ({"temperature": 0, "gen_xargs": {"decoder": "beam"}}, "temperature"),
    ({"response_format": {"type": "regex", "regex": "a"}, "gen_xargs": {"regex": "b"}}, "gen_xargs.regex"),
    ({"response_format": {"type": "json_schema", "json_schema": {"schema": {"type": "x"}}}}, "response_format"),
])  # fmt: skip
def test_what_contradicts_itself_is_named(http, told, fields, param):
    answer = asked(http, **fields)
    assert (answer.status_code, answer.json()["error"]["param"], told.wishes) == (400, param, [])


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b'"a"', b"\xff", b'{"model": "poem", "prompt": "\\ud800", "\\ud800": 1}']
)
def test_what_is_no_request_is_an_error_of_the_protocol(http, body):
    answer = http.post("/v1/completions", content=body, headers={"content-type": "application/json"})
    assert 400 <= answer.status_code < 500
    assert answer.json()["error"].keys() == {"message", "type", "param", "code"}


# ------------------------------------------------------------------------------------------------------ answers


def test_the_ends_have_the_names_of_the_protocol(http, told):
    for finish, reason in (("end", "stop"), ("stop", "stop"), ("full", "stop"), ("budget", "length")):
        told.answers = events_of(["春"], finish=finish)
        [choice] = asked(http).json()["choices"]
        assert (choice["finish_reason"], choice["gen"]["finish"]) == (reason, finish)


SCORED = (
    Scored("春", "春".encode(), 0, -1.0, (("夏", "夏".encode(), -0.5),)),
    Scored("æ", b"\xe6", 1, -float("inf")),
    Scored("[UNK]", b"", 1, -2.0),
)


def test_logprobs_are_four_arrays(http, told):
    told.answers = events_of(["春"], details=[{"prompt": (), "new": SCORED}])
    [choice] = asked(http, logprobs=1).json()["choices"]
    arrays = choice["logprobs"]
    assert (arrays["tokens"], arrays["text_offset"]) == (["春", "bytes:\\xe6", "[UNK]"], [0, 1, 1])
    assert arrays["token_logprobs"] == [-1.0, -9999.0, -2.0]
    assert arrays["top_logprobs"] == [{"夏": -0.5, "春": -1.0}, {"bytes:\\xe6": -9999.0}, {"[UNK]": -2.0}]


@pytest.mark.parametrize(("code", "status"), [
    ("bad_request", 400), ("conflict", 422), ("undecided", 424), ("busy", 429), ("plugin", 500), ("gone", 503),
])  # fmt: skip
@pytest.mark.parametrize("stream", [False, True])
def test_a_failure_before_the_first_text_has_its_status(http, told, code, status, stream):
    told.answers = [Failed(0, code, "No.", ("a=1",))]
    answer = asked(http, stream=stream)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


def test_one_failing_prompt_fails_the_request_and_cancels_the_others(http, told):
    told.answers = [Begun(0), Failed(0, "bad_request", "No.")]
    assert asked(http, prompt=["a", "b", "c"]).status_code == 400
    assert told.closed == len(told.wishes)


# ------------------------------------------------------------------------------------------------------ streams


def test_every_event_is_one_line_that_no_client_breaks(http, told):
    told.answers = events_of(["春\u2028\x85\n夏"], ["春\u2028\x85", "\n夏"])
    answer = asked(http, stream=True)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert all(each.startswith("data: ") for each in answer.text.splitlines() if each)
    assert "春" in answer.text
    assert "".join(each["choices"][0]["text"] for each in chunks_of(answer)) == "春\u2028\x85\n夏"


def test_a_finish_reason_is_null_until_the_last_chunk(http, told):
    told.answers = events_of(["春夏"], ["春", "夏"], finish="budget")
    found = [each["choices"][0] for each in chunks_of(asked(http, stream=True))]
    assert [each["text"] for each in found] == ["春", "夏", ""]
    assert [each["finish_reason"] for each in found] == [None, None, "length"]


def test_a_text_without_pieces_is_told_at_its_end(http, told):
    told.answers = events_of(["春夏", "秋"], ["春"])
    found = [each["choices"][0] for each in chunks_of(asked(http, stream=True, n=2))]
    assert [(each["index"], each["text"]) for each in found] == [(0, "春"), (0, "夏"), (0, ""), (1, "秋"), (1, "")]


def test_the_usage_chunk_is_last_and_alone(http, told):
    told.answers = events_of(["春"], ["春"])
    found = chunks_of(asked(http, stream=True, prompt=["a", "b"], stream_options={"include_usage": True}))
    assert (found[-1]["choices"], found[-1]["usage"]) == (
        [],
        {"prompt_tokens": 6, "completion_tokens": 8, "total_tokens": 14},
    )
    assert [each["usage"] for each in found[:-1]] == [None] * 4
    assert {each["id"] for each in found} == {found[0]["id"]}
    assert "usage" not in chunks_of(asked(http, stream=True))[0]


def test_an_error_inside_a_stream_is_an_event(http, told):
    told.answers = [Begun(0), Text(0, 0, "春"), Drawing(0, 1, 2), Failed(0, "gone", "Gone.")]
    found = chunks_of(asked(http, stream=True))
    assert [each.get("choices", [{}])[0].get("text") for each in found] == ["春", None]
    assert found[-1]["error"]["code"] == "gone"


@pytest.mark.parametrize("prompt", [[[{}]] * 50_000, [{}] * 50_000, [0.5] * 50_000, ["a", *[1] * 50_000]])
def test_a_body_of_many_errors_is_read_to_the_first(http, told, prompt):
    with counted(errors, "_tells_most") as calls:
        answer = asked(http, prompt=prompt)
    assert (answer.status_code, answer.json()["error"]["param"].split(".")[0]) == (422, "prompt")
    assert calls() < 20


def test_of_many_unknown_fields_few_are_looked_at(http, told):
    with counted(errors, "_tells_most") as calls:
        answer = asked(http, **{f"zz{number}": 1 for number in range(5_000)})
    assert (answer.status_code, answer.json()["error"]["param"]) == (422, "zz0")
    assert calls() == errors.LOOKED_AT


def test_a_prompt_that_holds_up_others_is_refused(http, told):
    assert asked(http, prompt="a" * 100_001).status_code == 422
    assert asked(http, prompt=[1] * 100_001).status_code == 422
    assert told.wishes == []


@contextmanager
def counted(module, name):
    """How often a function is called."""
    calls, real = [], getattr(module, name)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, name, lambda *given: calls.append(1) or real(*given))
        yield lambda: len(calls)
