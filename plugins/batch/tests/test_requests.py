"""What lines ask for, and how the wrong ones are answered."""

import pytest
from batch_lines import enveloped, short
from hypothesis import given, settings
from hypothesis import strategies as st
from told_engines import facts

from gen_batch.messages import Line
from gen_batch.plan import FREE_SEEDS, Plan
from gen_batch.requests import Reader, RefusedError, seed_of

READER = Reader(Plan(seed=5), ("poem", "chat"), lambda name: facts(name, has_chat=name == "chat"))


def read(asked, index=0):
    return READER.read(Line(index, asked))


def refusal(asked, index=0, problem=""):
    with pytest.raises(RefusedError) as refused:
        READER.read(Line(index, asked, problem))
    answer = refused.value.answer
    assert (answer.index, answer.is_error, answer.tokens) == (index, True, 0)
    return answer.record


def test_a_command_becomes_what_would_be_typed():
    wanted = read({"id": "x", "command": "poem", "rows": 4, "cols": 5, "with": ["no_unk"], "model": "chat"})
    [wish] = wanted.wishes
    assert (wanted.model, wish.command) == ("chat", "poem")
    assert {*wish.arguments} == {"--rows=4", "--cols=5", "--with=no_unk"}


def test_a_line_without_a_model_takes_the_command_s_own():
    assert read(short(model=None)).model == read({"command": "poem"}).model == "poem"


def test_each_prompt_of_an_envelope_is_a_wish():
    wanted = read(enveloped(prompt=[[1, 2], [3]], n=2, max_tokens=3, temperature=0))
    assert [wish.prompt for wish in wanted.wishes] == [(1, 2), (3,)]
    assert {(wish.num, wish.max_new, wish.decoder) for wish in wanted.wishes} == {(2, 3, "greedy")}


def test_a_chat_in_an_envelope_is_a_wish():
    messages = [{"role": "user", "content": "写"}]
    [wish] = read(enveloped(url="/v1/chat/completions", model="chat", messages=messages)).wishes
    assert wish.chat == (("user", "写"),)


def test_a_missing_seed_follows_from_the_place():
    assert read(short(seed=7)).seed == read(enveloped(seed=7)).seed == 7
    assert read(short(), 3).seed == read(enveloped(), 3).seed == seed_of(5, 3)
    assert seed_of(5, 3) == 3_612_310_111, "it must stay what it is, or files that were begun change"


@given(st.integers(0, 2**40), st.integers(0, 2**40))
def test_seeds_are_in_range_and_differ_between_neighbours(seed, index):
    assert 0 <= seed_of(seed, index) < FREE_SEEDS
    assert seed_of(seed, index) != seed_of(seed, index + 1) != seed_of(seed + 1, index + 1)


@pytest.mark.parametrize(
    "asked, code, param, told",
    [
        (short(max_new="4"), "invalid", "max_new", "max_new: Input should be a valid integer."),
        (short(nope=1), "invalid", "nope", "nope: there is no such field; leave it out."),
        (short(model="other"), "model_not_found", "model", "The model 'other' is not served; take one of poem, chat."),
        ({"command": "rm"}, "invalid", "command", "There is no command rm for a line; take one of "),
        ({"prompt": "白"}, "invalid", "command", "It names no command; take one of "),
        (short(stream=True), "invalid", "stream", "stream: there is no such field; leave it out."),
    ],
)
def test_a_wrong_command_is_answered_with_its_field(asked, code, param, told):
    found = refusal({"id": "x", **asked})
    assert found["id"] == "x"
    assert (found["error"]["code"], found["error"]["param"], found["error"]["members"]) == (code, param, [])
    assert found["error"]["message"].startswith(told)


@pytest.mark.parametrize(
    "asked, status, param",
    [
        (enveloped(stream=True), 422, "stream"),
        (enveloped(model="other"), 404, "model"),
        (enveloped(nope=1), 422, "nope"),
        (enveloped(prompt=["白"] * 9, n=128), 400, "n"),
        (enveloped(url="/v1/chat/completions", messages=[{"role": "user", "content": "写"}]), 400, "model"),
    ],
)
def test_a_wrong_body_is_answered_as_a_server_does(asked, status, param):
    found = refusal(asked)
    assert (found["custom_id"], found["error"], found["response"]["status_code"]) == ("a", None, status)
    assert found["response"]["body"]["error"]["param"] == param


@pytest.mark.parametrize(
    "wrong, told",
    [
        ({"method": "GET"}, "Its method is not"), ({"url": "/v1/poems"}, "Its url is not"),
        ({"body": 1}, "Its body is no object of JSON with each key once"),
        ({"custom_id": ""}, "It has no custom_id"), ({"custom_id": "\ud800"}, "It has no custom_id"),
        ({"id": 1}, "It has 'id', which no request has"),
    ],
)  # fmt: skip
def test_no_request_is_told_by_its_number(wrong, told):
    found = refusal(enveloped() | wrong, 6)
    assert found["line"] == 7
    assert found["error"]["message"].startswith(told)
    assert refusal({}, 6, "It is no JSON.")["error"]["message"] == "It is no JSON."


def test_what_is_no_request_tells_the_line_of_the_file():
    with pytest.raises(RefusedError) as refused:
        READER.read(Line(6, {}, "It is no JSON.", 9))
    assert refused.value.answer.record["line"] == 9


@pytest.mark.parametrize("name", [1.5, True, [], "\ud800", "x" * 1001, 2**63])
def test_an_id_that_could_not_be_written_is_refused(name):
    found = refusal({"id": name, **short()})
    assert (found["id"], found["line"]) == (None, 1)


def test_a_line_without_an_id_has_its_number():
    assert refusal({"command": "rm"}, 4)["id"] == 5
    assert refusal({"command": "rm", "id": 0}, 4)["id"] == 0


@settings(deadline=None)
@given(st.dictionaries(st.text(), st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists)))
def test_any_object_is_read_or_answered(asked):
    for wrong in ({**asked, "command": "text", "no": 1}, {**enveloped(), "body": asked}, {**asked, "id": []}):
        assert "error" in refusal(wrong)
