"""Guards: who may ask, for which host, and how much."""

import pytest

POEM = {"prompt": "白"}


def code_of(response):
    return response.json()["error"]["code"]


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost", "LOCALHOST:1", "[::1]:8000", "localhost."])
def test_loopback_names_are_answered(client, host):
    assert client().get("/healthz", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:8000", "", "[::1", "10.0.0.1"])
def test_a_host_that_is_not_the_server_is_refused(client, host):
    refused = client().post("/v1/poems", json=POEM, headers={"Host": host})
    assert (refused.status_code, code_of(refused)) == (421, "host")


def test_further_hosts_can_be_allowed(client):
    made = client(hosts=("gen.example",))
    assert made.get("/healthz", headers={"Host": "gen.example:80"}).status_code == 200
    assert made.get("/healthz", headers={"Host": "evil.example"}).status_code == 421
    assert client(hosts=("*",)).get("/healthz", headers={"Host": "any.example"}).status_code == 200


def test_pages_of_others_cannot_have_the_browser_ask(client):
    made = client()
    refused = made.post("/v1/poems", json=POEM, headers={"Origin": "https://evil.example"})
    assert (refused.status_code, code_of(refused)) == (403, "origin")
    assert made.post("/v1/poems", json=POEM, headers={"Origin": "null"}).status_code == 403
    assert made.post("/v1/poems", json=POEM, headers={"Origin": "http://127.0.0.1:8000"}).status_code == 200


def test_cors_is_off_unless_an_origin_is_named(client):
    asked = {"Origin": "https://a.example", "Access-Control-Request-Method": "POST"}
    assert "access-control-allow-origin" not in client().options("/v1/poems", headers=asked).headers
    named = client(origins=("https://a.example",), keys=("key",))
    assert named.options("/v1/poems", headers=asked).headers["access-control-allow-origin"] == "https://a.example"
    other = named.options("/v1/poems", headers={**asked, "Origin": "https://b.example"})
    assert "access-control-allow-origin" not in other.headers


ASKED = {"Origin": "https://a.example", "Access-Control-Request-Method": "POST"}


@pytest.mark.parametrize("origins, more, words", [
    ((), {}, "--cors ORIGIN"), (("https://b.example",), {}, "--cors ORIGIN"),
    (("*",), {"Access-Control-Request-Method": "PUT"}, "may not send PUT; use GET, POST, DELETE"),
    (("https://a.example",), {"Access-Control-Request-Headers": "authorization, x-odd"}, "the header x-odd; leave"),
])  # fmt: skip
def test_a_browser_is_told_what_a_page_may_not_send(client, origins, more, words):
    refused = client(origins=origins).options("/v1/poems", headers={**ASKED, **more})
    assert (refused.status_code, code_of(refused)) == (403, "origin")
    assert words in refused.json()["error"]["message"]


def test_named_origins_can_end_streams_and_take_them_up(client):
    asked = {"Origin": "https://a.example", "Access-Control-Request-Headers": "last-event-id"}
    named = client(origins=("https://a.example",))
    for method in ("GET", "DELETE"):
        headers = {**asked, "Access-Control-Request-Method": method}
        assert named.options("/v1/streams/a", headers=headers).status_code == 200


def test_the_texts_of_all_prompts_count(client, eventually):
    made = client(texts=6)
    eventually(lambda: made.get("/readyz").status_code == 200)
    asked = {"model": "poem", "prompt": ["conflict", "conflict"], "seed": 1}
    for more, status, param in (({"n": 3}, 422, None), ({"n": 4}, 400, "n"), ({"best_of": 4}, 400, "best_of")):
        found = made.post("/v1/completions", json={**asked, **more})
        assert (found.status_code, found.json()["error"]["param"]) == (status, param)


def test_a_body_has_one_length(client):
    framed = {"Content-Length": "2", "Transfer-Encoding": "chunked", "Content-Type": "application/json"}
    refused = client().post("/v1/poems", content=b"{}", headers=framed)
    assert (refused.status_code, code_of(refused)) == (400, "ambiguous")


@pytest.mark.parametrize("path", ["/v1/poems", "/v1/completions", "/v1/check"])
@pytest.mark.parametrize("encoding, is_refused", [("gzip", 1), ("identity, BR", 1), ("identity", 0), ("", 0)])
def test_an_encoded_body_is_refused(client, path, encoding, is_refused):
    found = client().post(path, content=b"{}", headers={"Content-Encoding": encoding, "Content-Type": "text/plain"})
    assert (found.status_code == 415, "send it as it is" in found.text) == (is_refused, is_refused)
    assert code_of(found) == ("encoding" if is_refused else "invalid")


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_probes_may_ask_for_the_head_alone(client, path, eventually):
    made = client()
    eventually(lambda: made.head(path).status_code == 200)
    assert made.head(path).content == b""
