"""The same text on every machine: every kernel of this processor writes what the file of expected texts holds."""

import json
import random

import pytest
from portable import FILE, REQUESTS, written

import gen_engine as gen
from gen_engine.compiled.library import NUMPY, VARIABLE, kernels

EXPECTED = json.loads(FILE.read_text(encoding="utf-8"))


def name_of(expected):
    request = expected["request"]
    return f"{request['model']} {request['prompt']} {request.get('decoder', '')}"


def test_the_file_holds_the_requests_that_are_made():
    assert [expected["request"] for expected in EXPECTED] == REQUESTS


@pytest.mark.parametrize("kernel", kernels())
@pytest.mark.parametrize("expected", EXPECTED, ids=name_of)
def test_every_kernel_writes_the_expected_texts(monkeypatch, kernel, expected):
    if kernel == NUMPY and expected["request"]["max_new"] > 100:
        pytest.skip("numpy takes minutes for a long text")
    monkeypatch.setenv(VARIABLE, kernel)
    assert written(expected["request"]) == expected["written"]


def test_texts_of_int8_say_that_they_are_portable():
    assert all(text["portable"] for expected in EXPECTED for text in expected["written"])


PROMPTS = "春夏秋冬山水风花雪月白日青天江海云雨"
RULES = [
    ["form=4x5"],
    ["form=五绝", "top_k=20"],
    ["form=七绝", "temperature=0.8", "top_p=0.9"],
    ["no_unk", "min_p=0.1"],
    ["no_repeat=9", "repetition_penalty=1.3"],
    ["length=6..16,of=new", "presence_penalty=0.4"],
]


def drawn_request(number):
    chosen = random.Random(number)
    prompt = "".join(chosen.sample(PROMPTS, chosen.randint(1, 2)))
    return gen.Request(prompt, tuple(chosen.choice(RULES)), seed=number, max_new=32)


@pytest.mark.slow
@pytest.mark.parametrize("rows", [1, 3, 16, 64])
def test_a_thousand_requests_are_alike_by_every_kernel(monkeypatch, rows):
    engine, found = gen.load("poem", dtype="int8"), {}
    requests = [drawn_request(number) for number in range(250 * rows, 250 * rows + 250)]
    for kernel in kernels():
        monkeypatch.setenv(VARIABLE, kernel)
        batches = [requests[first : first + rows] for first in range(0, len(requests), rows)]
        found[kernel] = [each for batch in batches for each in engine.generate_batch(batch)]
    assert all(each == found[NUMPY] for each in found.values())
