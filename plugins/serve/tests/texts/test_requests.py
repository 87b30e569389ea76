"""Requests: what nobody asked for is refused by name, and in words about the request."""

import pytest

COMPLETION = {"model": "poem", "prompt": "白"}
JSON = {"Content-Type": "application/json"}


def told(response):
    assert response.status_code == 422
    return response.json()["error"]


PATHS = ["/v1/nearest?line=a&foo=1", "/v1/forms?foo=", "/v1/models?foo", "/v1/models/poem?foo", "/healthz?foo=1",
         "/metrics?foo=1", "/v1/streams/a?foo=1"]  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_unknown_parameters_are_named(http, path):
    assert told(http.get(path))["param"] == "foo"


def test_a_field_in_the_path_is_sent_to_the_body(http):
    found = told(http.post("/v1/completions?seed=1", json=COMPLETION))
    assert (found["param"], "fields belong in the body" in found["message"]) == ("seed", True)


def test_a_parameter_is_given_once(http):
    assert told(http.get("/v1/nearest?line=a&line=b"))["message"] == "line: it is given twice; give it once."


@pytest.mark.parametrize("path, param, words", [
    ("/v1/nearest?line=白&n=x", "n", "n: 'x' is no whole number; give one."),
    ("/v1/nearest?line=白&n=-1", "n", "n: '-1' is too small; give 1 or more."),
    ("/v1/nearest?line=白&n=21", "n", "n: '21' is too large; give 20 or less."),
    ("/v1/nearest", "line", "line: it is missing; give it."),
    ("/v1/nearest?line=", "line", "line: it is empty; write something."),
    ("/v1/forms?name=" + "白" * 101, "name", "name: it has 101 characters; give 100 at most."),
])  # fmt: skip
def test_a_wrong_parameter_is_named_with_a_remedy(http, path, param, words):
    found = told(http.get(path))
    assert (found["param"], found["message"]) == (param, words)


def test_a_header_is_named(http):
    found = told(http.get("/v1/streams/a", headers={"Last-Event-ID": "1" * 20_001}))
    assert (found["param"], "give 20,000 at most" in found["message"]) == ("last-event-id", True)


def test_the_page_may_be_asked_for_with_parameters(http):
    assert http.get("/?from=elsewhere").status_code == 200


@pytest.mark.parametrize("path", ["/studio", "/studio/", "/studio?a=1", "/studio/?a=1"])
def test_the_page_is_where_it_is_called_the_studio(path, http):
    found = http.get(path)
    assert (found.status_code, found.url.path, "诗笺" in found.text) == (200, "/", True)
    assert found.url.query == path.partition("?")[2].encode()


@pytest.mark.parametrize("path", ["/", "/v1/models", "/v1/models/poem", "/v1/forms", "/metrics"])
def test_the_head_alone_may_be_asked_for(http, path):
    assert http.head(path).status_code == 200


def test_heads_are_no_operations_of_the_documentation(http):
    assert not [path for path, known in http.get("/openapi.json").json()["paths"].items() if "head" in known]


@pytest.mark.parametrize(
    "body, kind, words",
    [
        (b'{"prompt": "a"}', "text/plain", "is sent as text/plain; send JSON"),
        (b'{"prompt": "a"}', "", "is sent without a type; send JSON"),
        (b'{"prompt": ', "application/json", "not valid JSON (Expecting value, at character 11)"),
        (b"", "application/json", "is empty"),
        (b"[1]", "application/json", "no object"),
        (b'{"prompt":' + b"[" * 5000 + b"]" * 5000 + b"}", "application/json", "nested deeper"),
        (b'{"prompt": "a", "temperature": NaN}', "application/json", "(NaN is no number of JSON); send an object."),
        (b'{"seed": -Infinity}', "application/json", "(-Infinity is no number of JSON); send an object."),
        (b'{"seed": ' + b"1" * 5000 + b"}", "application/json", "(a whole number has more than 4,300 digits); send"),
        (b'{"a": "\n"}', "application/json", "(Invalid control character, at character 7); send"),
        ('{"白": '.encode() + b"\xff}", "application/json", "not valid JSON (it is no utf-8, at byte 8); send"),
    ],
)
def test_a_body_that_is_none_is_told_so(http, body, kind, words):
    found = told(http.post("/v1/completions", content=body, headers={"Content-Type": kind}))
    assert (found["param"], words in found["message"]) == (None, True)


@pytest.mark.parametrize("path", ["completions", "chat/completions", "poems", "possible", "explain", "check"])
@pytest.mark.parametrize(
    "body, key", [('{"seed": 1, "seed": 2}', "seed"), ('{"a": [{"\u65e5": 1, "b": {}, "\\u65e5": 1}]}', "日")]
)
def test_a_key_that_occurs_twice_is_refused(http, path, body, key):
    found = told(http.post(f"/v1/{path}", content=body.encode(), headers={"Content-Type": "application/json"}))
    assert (found["param"], found["code"]) == (key, "invalid")
    assert "occurs twice in an object; give it once." in found["message"]


@pytest.mark.parametrize("prompt", [[[["a"]]], [["a"]], [[1], "a"], ["a", 1], {}, 5, [True], [1.5]])
def test_a_wrong_prompt_is_named_as_a_whole(http, prompt):
    found = told(http.post("/v1/completions", json={**COMPLETION, "prompt": prompt}))
    assert (found["param"], "a text, a list of texts" in found["message"]) == ("prompt", True)


@pytest.mark.parametrize(
    "path, body, param",
    [
        ("/v1/possible", {"command": "x"}, "command"),
        ("/v1/possible", {}, "command"),
        ("/v1/possible", {"request": {"command": "x"}}, "request.command"),
        ("/v1/completions", {**COMPLETION, "response_format": {"type": "xml"}}, "response_format.type"),
    ],
)
def test_what_tells_types_apart_is_named(http, path, body, param):
    found = told(http.post(path, json=body))
    assert (found["param"], "give" in found["message"], "tag" in found["message"]) == (param, True, False)


@pytest.mark.parametrize("path", ["texts", "poems", "completions"])
@pytest.mark.parametrize("field, most", [("seed", 2**63 - 1), ("prompt", 100_000)])
def test_bounds_are_the_same_everywhere(http, path, field, most):
    body = COMPLETION if path == "completions" else {}
    inside, beyond = ("白" * most, "白" * (most + 1)) if field == "prompt" else (most, most + 1)
    assert http.post(f"/v1/{path}", json={**body, field: inside}).status_code == 200
    for wrong in (beyond, -1):
        assert told(http.post(f"/v1/{path}", json={**body, field: wrong}))["param"] == field
