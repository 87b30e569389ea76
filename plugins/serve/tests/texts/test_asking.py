"""Whether a wish can come true, and why a text is what it is."""

import pytest

CONFLICT = {"command": "poem", "acrostic": "春夏秋冬", "forbid": "春"}


def explained(client, text, **request):
    answer = client.post("/v1/explain", json={"request": request, "text": text, "top": 3})
    return answer.json().get("explanation") or (answer.status_code, answer.json()["error"]["message"])


@pytest.mark.parametrize("wrap", [lambda body: body, lambda body: {"request": body}])
def test_what_is_possible_is_told_with_and_without_a_wrapper(client, wrap):
    assert client.post("/v1/possible", json=wrap({"command": "ci", "tune": "如梦令"})).json() == {"possible": True}
    answer = client.post("/v1/possible", json=wrap(CONFLICT))
    assert (answer.status_code, answer.json()["error"]["members"]) == (422, ["acrostic=春夏秋冬", "ban=春"])


@pytest.mark.parametrize(
    "body",
    [{}, {"command": "explain"}, {"command": "poem", "row": 1}, {"request": {}}, {"request": CONFLICT, "x": 1}, []],
)
def test_what_is_no_wish_is_refused(client, body):
    answer = client.post("/v1/possible", json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid")


REQUESTS = [
    {"command": "poem", "form": "五绝", "title": "秋夜", "seed": 3, "best_of": 1},
    {"command": "ci", "tune": "如梦令", "seed": 1, "best_of": 1},
    {"command": "couplet", "first": "春满神州花似锦", "seed": 1, "best_of": 1},
    {"command": "novel", "prompt": "话说", "len": 12, "seed": 1},
    {"command": "text", "model": "novel", "prompt": "话说", "with": ["no_special", "length=9"], "seed": 1},
]  # fmt: skip


def own_explanation(gen, command, **fields):
    """The record of a new text, with the explanation that its command gives."""
    options = [f"--{name.replace('_', '-')}={each}" for name, value in fields.items() for each in listed(value)]
    typed = ["explain"] if command == "text" else [command, "--explain"]
    [[record], _] = gen(*typed, "--json", *options)
    return record


def listed(value):
    return value if isinstance(value, list) else [value]


@pytest.mark.parametrize("asked", REQUESTS, ids=lambda each: each["command"])
def test_a_text_is_explained_as_its_command_explains_it(client, gen, asked):
    record = own_explanation(gen, **asked)
    own, told = record["explanation"], explained(client, record["text"], **asked)
    for each in (told, own):
        each["places"] = each["places"][: len(record["new"])]  # whether it ended there is known to its writer alone
        for place in each["places"]:
            place["wanted"] = [(one["text"], one["probability"]) for one in place["wanted"] if one["chosen"]]
            del place["shapers"]
    for name in ("places", "context", "prompt", "new"):
        assert told[name] == own[name]


def test_tokens_are_told_with_who_removed_them(client):
    told = explained(client, "春眠不觉晓，处处闻啼鸟。夜来风雨声，花落知多少。", command="poem", forbid="人")
    assert {
        len(place["wanted"]) - (not any(one["chosen"] for one in place["wanted"][:3])) for place in told["places"]
    } == {3}
    removed = [who["by"] for place in told["places"] for one in place["wanted"] for who in one["removed"]]
    assert "ban=人" in removed


def test_a_text_in_another_script_and_in_lines_is_explained(client):
    request = {"command": "poem", "form": "五绝", "seed": 3, "best_of": 1}
    body = {name: value for name, value in request.items() if name != "command"}
    [trad] = client.post("/v1/poems", json={**body, "script": "trad"}).json()["texts"]
    [simp] = client.post("/v1/poems", json=body).json()["texts"]
    told = explained(client, "\n".join(trad["lines"]), **request, script="trad")
    assert trad["text"] != simp["text"]
    assert (told["new"], told["nats"]) == (simp["text"], pytest.approx(-simp["logprob"], abs=0.01))


@pytest.mark.parametrize("text, told", [("夏眠", "does not begin"), ("春🙂", "no token for 🙂")])
def test_a_text_that_cannot_be_of_the_request_is_refused(client, text, told):
    status, message = explained(client, text, command="poem", prompt="春")
    assert status == 400
    assert told in message
