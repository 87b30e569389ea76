"""`/v1/models` without an engine."""


def test_models_are_listed_with_what_is_known_of_them(http):
    found = http.get("/v1/models").json()
    assert (found["object"], [each["id"] for each in found["data"]]) == ("list", ["poem", "chat"])
    assert found["data"][1] == http.get("/v1/models/chat").json()
    assert {"object": "model", "summary": "verse", "hash": "abc", "has_chat": True}.items() <= found["data"][1].items()


def test_an_unknown_model_is_named(http):
    answer = http.get("/v1/models/a/b")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "model_not_found")
    assert "'a/b'" in answer.json()["error"]["message"]


def test_models_that_are_not_loaded_can_be_asked_for_again(http, told):
    told.quick.models = ()
    answer = http.get("/v1/models")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


def test_models_that_could_not_be_loaded_say_why(http, told):
    told.quick.models, told.quick.problem = (), "No such model."
    answer = http.get("/v1/models")
    assert (answer.status_code, answer.json()["error"]["message"]) == (503, "No such model.")
