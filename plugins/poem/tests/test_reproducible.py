"""The same request gives the same text, bit for bit: alone, in any batch, at any row, streamed."""

import random
from functools import cache

import pytest

import gen_engine as gen
from gen_engine.decoding.scheduler import Scheduler

RULES = ("no_unk", "no_special", "form=4x5")
SHAPERS = [("top_k=50",), ("top_p=0.9", "temperature=0.8"), ("repetition_penalty=1.3", "min_p=0.02")]


@cache
def engine(dtype):
    return gen.load("poem", dtype=dtype)


def requests(count):
    chars = "白青山月夜春江花"
    return [gen.Request(chars[i % 8], (*RULES, *SHAPERS[i % 3]), 1 + i % 2, i, 23) for i in range(count)]


def texts(dtype, asked, rows):
    model = engine(dtype)
    found = [{} for _ in asked]
    for number, piece in Scheduler(model.model, rows).run([job for request in asked for job in model.jobs(request)]):
        if piece.completion is not None:
            found[number][piece.sample] = (piece.completion.text, piece.completion.logprobs)
    return found


def check(dtype, count):
    asked = requests(count)
    alone = [texts(dtype, [request], 1)[0] for request in asked]
    for rows in (1, 3, 16, 64):
        order = random.Random(rows).sample(range(count), count)
        together = texts(dtype, [asked[i] for i in order], rows)
        assert [alone[i] for i in order] == together


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_request_gives_the_same_bits_in_every_batch(dtype):
    check(dtype, 24)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_thousand_requests_give_the_same_texts_in_every_batch(dtype):
    check(dtype, 1000)


def test_a_stream_is_the_text_of_the_completion():
    model = engine("auto")
    (done,) = model.generate("白", processors=(*RULES, "top_k=50"), seed=5, max_new=23)
    assert "".join(model.stream("白", processors=(*RULES, "top_k=50"), seed=5, max_new=23)) == done.new
