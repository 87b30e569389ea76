"""What needs no model: judging, forms, and the lines of real poems."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from gen_serve.api import lookups
from gen_serve.api.fields import installed
from gen_serve.api.lookups import POEMS

STORK = "白日依山尽，黄河入海流。欲穷千里目，更上一层楼。"
MOON = "床前明月光，疑是地上霜。举头望明月，低头思故乡。"


@pytest.mark.parametrize(
    "options", [{}, {"form": "五绝", "tones": "strict"}, {"rows": 4, "cols": 5}, {"rhyme_book": "cilin", "one": False}]
)
def test_poems_are_judged_as_by_the_command(client, gen, tmp_path, options):
    file = tmp_path / "poems"
    file.write_text(f"{STORK}\n\n{MOON}", encoding="utf-8")
    typed = [f"--{name.replace('_', '-')}={value}" for name, value in options.items() if value is not False]
    told = client.post("/v1/check", json={"text": file.read_text(encoding="utf-8"), **options}).json()
    assert told == {"object": "check", "poems": gen("check", *typed, "--json", str(file))[0]}


def test_many_are_judged_at_once_each_by_itself(client):
    texts = [STORK, MOON] * 8
    with ThreadPoolExecutor(8) as threads:
        told = [*threads.map(lambda text: client.post("/v1/check", json={"text": text}).json()["poems"], texts)]
    said = ["".join(one["char"] + one["marks"] for line in poem["lines"] for one in line) for [poem] in told]
    assert said == texts


@pytest.mark.parametrize(
    "body, status, told",
    [
        ({"text": " "}, 400, "There is no poem in the text; give one."),
        ({"text": STORK, "form": "五绝", "rows": 2}, 400, "one form, one tune or one size"),
        ({"text": STORK, "file": "x"}, 422, "file: "),
        ({"text": STORK, "form": "--rows=3"}, 400, "no form '--rows=3'"),
        ({"text": "-", "form": "五绝"}, 400, ""),
        ({}, 422, "text: "),
    ],
)
def test_what_cannot_be_judged_is_refused(client, body, status, told):
    answer = client.post("/v1/check", json=body)
    assert answer.status_code == status
    assert told in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    "text, one, count",
    [(f"{STORK}\n \n" * POEMS, False, POEMS), (f"{STORK}\n\n" * 101, False, 101), ('{"a": 1}\n' * 102, False, 102),
     (f"{STORK}\n\n" * 101, True, 1)],
)  # fmt: skip
def test_so_many_poems_are_judged_at_once(http, monkeypatch, text, one, count):
    monkeypatch.setattr(lookups, "_check", lambda *_: [])
    found = http.post("/v1/check", json={"text": text, "one": one})
    assert found.status_code == (200 if count <= POEMS else 422)
    assert found.is_success or f"it has {count} poems" in found.json()["error"]["message"]


@pytest.mark.parametrize("name", [None, "五绝", "浣溪沙", "令"])
def test_forms_are_told_as_by_the_command(client, gen, name):
    from gen_engine.cli.main import make_cli
    from gen_engine.system.screen import results_kept

    with results_kept() as out:
        make_cli().main(["forms", "--json", *filter(None, [name])], standalone_mode=False)
    assert client.get("/v1/forms", params={"name": name} if name else {}).json() == json.loads(out.getvalue())


@pytest.mark.parametrize("name, status", [("zzz", 400), ("--help", 400), ("", 422)])
def test_a_form_that_there_is_not_is_refused(client, name, status):
    assert client.get("/v1/forms", params={"name": name}).status_code == status


@pytest.mark.skipif(installed("nearest") is None, reason="the command is not installed")
def test_the_nearest_lines_are_those_of_the_command(client, gen):
    told = client.get("/v1/nearest", params={"line": "白日依山尽", "n": 2}).json()["lines"]
    [[own], _] = gen("nearest", "--num=2", "--json", "白日依山尽")
    assert told == [{"to": "白日依山尽", **each} for each in own["nearest"]]


WITHOUT_ENGINES = """
import sys
from fastapi.testclient import TestClient
from gen_serve.app import make_app
from gen_serve.settings import Settings
client = TestClient(make_app(Settings(("poem", "novel"))), base_url="http://localhost")
paths = client.get("/openapi.json").json()["paths"]
assert {"/v1/poems", "/v1/ci", "/v1/couplets", "/v1/novels", "/v1/check", "/v1/explain"} < {*paths}
body = {"text": "白日依山尽，黄河入海流。欲穷千里目，更上一层楼。"}
assert client.post("/v1/check", json=body).status_code == 200
assert client.get("/v1/forms").status_code == 200
print(sorted({"torch", "transformers", "tokenizers"} & {*sys.modules}))
"""


def test_the_http_process_needs_no_torch():
    told = subprocess.run([sys.executable, "-c", WITHOUT_ENGINES], capture_output=True, text=True, timeout=120)
    assert told.stdout == "[]\n", told.stderr
