"""The same text on every machine: every kernel of this processor writes what the file of expected texts holds."""

import json

import pytest
from portable import FILE, REQUESTS, written

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
