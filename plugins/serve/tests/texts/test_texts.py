"""The commands over HTTP tell what they tell on a terminal: the same texts, notes and refusals."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

FEW = settings(deadline=None, max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
MANY = settings(FEW, max_examples=150)

PATHS = {"poem": "poems", "ci": "ci", "couplet": "couplets", "novel": "novels"}

DRAWN = {
    "seed": st.integers(0, 99),
    "num": st.integers(1, 3),
    "temperature": st.sampled_from([0, 0.5, 1, 1.5]),
    "top_k": st.sampled_from([5, 50]),
    "with": st.lists(st.sampled_from(["min_p=0.01", "no_repeat=12", "ban=春", "top_p=0.9"]), max_size=2),
    "decoder": st.sampled_from(["greedy", "beam,width=2", "sample"]),
    "context": st.sampled_from(["@", "@x 春", "秋天"]),
}
VERSE = {
    "best_of": st.integers(1, 3),
    "prompt": st.sampled_from(["春", "-", "@春", "東風", "白日依山尽"]),
    "title": st.sampled_from(["秋夜", "", "--rows=3"]),
    "author": st.sampled_from(["李白", "nobody"]),
    "script": st.sampled_from(["simp", "trad"]),
    "no_context": st.booleans(),
}
RULES = {
    "acrostic": st.sampled_from(["春夏", "發財"]),
    "acrostic_at": st.sampled_from(["head", "tail"]),
    "require": st.sampled_from(["花月", "風"]),
    "forbid": st.sampled_from(["春", "春风|的"]),
    "distinct": st.booleans(),
    "tones": st.sampled_from(["strict", "off"]),
    "rhyme": st.lists(st.sampled_from(["东", "阳"]), max_size=1),
    "rhyme_book": st.sampled_from(["pingshui", "cilin", "none"]),
}
OWN = {
    "poem": {
        **VERSE, **RULES, "form": st.sampled_from(["五绝", "七绝", "nope"]),
        "rows": st.integers(2, 4), "cols": st.integers(3, 7),
        "parallel": st.sampled_from([True, False, "all", "1"]), "start": st.sampled_from(["平起", "仄起"]),
    },
    "ci": {**VERSE, **RULES, "tune": st.sampled_from(["如梦令", "十六字令"]), "variant": st.integers(1, 3)},
    "couplet": {
        **VERSE, "first": st.sampled_from(["春满神州花似锦", "白日依山尽"]), "cols": st.sampled_from(["5", "4，5"]),
    },
    "novel": {
        "prompt": st.sampled_from(["话说", "-", ""]), "len": st.integers(1, 12),
        "end": st.sampled_from(["exact", "sentence"]),
        "no_repeat": st.integers(0, 9), "repeat_words": st.booleans(), "like": st.sampled_from(["红楼梦", "nothing"]),
    },
}  # fmt: skip


def typed(body):
    """A body as its command is typed."""
    for name, value in body.items():
        option = f"--{name.replace('_', '-')}"
        for each in value if isinstance(value, list) else [value]:
            text = f"@{each}" if name == "context" and each.startswith("@") else each
            yield from [option] * (each is True) or ([] if each is False else [f"{option}={text}"])


@st.composite
def wishes(draw):
    command = draw(st.sampled_from(sorted(PATHS)))
    known = {**DRAWN, **OWN[command]}
    chosen = draw(st.lists(st.sampled_from(sorted(known)), max_size=4, unique=True))
    always = {"seed", *({"tune"} if command == "ci" else {"len"} if command == "novel" else ())}
    return command, {name: draw(known[name]) for name in sorted({*chosen, *always})}


def agree(client, gen, command, body):
    told, own = client.post(f"/v1/{PATHS[command]}", json=body), gen(command, "--json", *typed(body))
    if isinstance(own, Exception):
        assert told.status_code in (400, 422, 424), (told.text, own)
        return
    assert told.status_code == 200, told.text
    assert told.json()["texts"] == own[0]
    assert [each.replace("--", "").replace("-", "_") for each in own[1]] == [
        each.replace("-", "_") for each in told.json()["notes"]
    ]


@FEW
@given(wishes())
def test_each_command_writes_over_http_what_it_writes_itself(client, gen, wish):
    agree(client, gen, *wish)


@pytest.mark.slow
@MANY
@given(wishes())
def test_many_wishes_are_written_over_http_as_by_the_command(client, gen, wish):
    agree(client, gen, *wish)


def test_any_model_and_chain_write_the_same_over_http(client, gen):
    body = {"model": "novel", "prompt": "话说", "max_new": 9, "with": ["no_unk", "top_k=5"], "seed": 3}
    assert client.post("/v1/texts", json=body).json()["texts"] == gen("text", "--json", *typed(body))[0]


def test_the_server_draws_a_seed_and_tells_it(client):
    [text] = client.post("/v1/poems", json={"best_of": 1}).json()["texts"]
    [again] = client.post("/v1/poems", json={"best_of": 1, "seed": text["seed"]}).json()["texts"]
    assert text == again


def test_null_is_a_field_that_was_not_given(client):
    body = {"form": "五绝", "rows": None, "with": None, "stream": None, "parallel": None, "seed": 1}
    [text] = client.post("/v1/poems", json=body).json()["texts"]
    assert text == client.post("/v1/poems", json={"form": "五绝", "seed": 1}).json()["texts"][0]


def refused(client, body, path="poems"):
    answer = client.post(f"/v1/{path}", json=body)
    found = answer.json()["error"]
    return answer.status_code, found["code"], found["param"]


@pytest.mark.parametrize(
    "body, told",
    [
        ({"rows": "4"}, (422, "invalid", "rows")),
        ({"row": 4}, (422, "invalid", "row")),
        ({"out": "x"}, (422, "invalid", "out")),
        ({"num": 1025}, (422, "invalid", "num")),
        ({"temperature": True}, (422, "invalid", "temperature")),
        ({"num": 64, "best_of": 64}, (400, "bad_request", "best_of")),
        ({"tones": "some"}, (422, "invalid", "tones")),
        ({"model": "gpt2"}, (404, "model_not_found", "model")),
        ({"form": "五绝", "cols": 5}, (400, "bad_request", "form")),
        ({"with": ["guide=x"]}, (400, "bad_request", "with")),
        ({"with": ["couplet=7,not_in=x"]}, (400, "bad_request", "with")),
    ],
)
def test_what_is_refused_names_its_field(client, body, told):
    assert refused(client, body) == told


def test_a_refusal_speaks_of_fields(client):
    told = client.post("/v1/poems", json={"form": "五绝", "cols": 5}).json()["error"]["message"]
    assert told == "form 五绝 says how long its lines are; leave out cols."


def test_a_contradiction_names_its_members(client):
    found = client.post("/v1/poems", json={"acrostic": "春夏秋冬", "forbid": "春"})
    assert found.status_code == 422
    assert found.json()["error"]["members"] == ["acrostic=春夏秋冬", "ban=春"]


def test_a_text_that_begins_with_an_at_names_no_file(client, tmp_path):
    (tmp_path / "secret").write_text("秘密", encoding="utf-8")
    body = {"prompt": "话说", "len": 1, "context": f"@{tmp_path / 'secret'}"}
    [text] = client.post("/v1/novels", json=body).json()["texts"]
    assert text["context"] == body["context"]
