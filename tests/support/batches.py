"""Asks models for the same requests alone and in batches, and prints what came out; tests run it as a process.

`python batches.py COUNT LENGTH KIND ...`, since oneDNN reads once in a process which instructions it may use.
"""

import json
import random
import sys

import gen_engine as gen
from gen_engine.decoding.scheduler import Scheduler
from gen_engine.engine import Engine
from gen_engine.hooks.registry import registry
from gen_engine.models import loading as transformers_lm

SHAPERS = [("top_k=50",), ("top_p=0.9", "temperature=0.8"), ("repetition_penalty=1.3", "min_p=0.02")]
SIZES = (1, 3, 16, 64)


def opened(kind, dtype):
    """An engine: a shipped model by its own runner, or `transformers`, the shipped poems by that of transformers."""
    if kind != "transformers":
        return gen.load(kind, dtype=dtype)
    return Engine(transformers_lm.load(registry().find("model", "poem").value.folder, name="poem", dtype=dtype))


def requests(count, length):
    """Requests with prompts of different lengths; every second one wants two texts."""
    chars, rules = "白日青山月夜春江花", ("no_unk", "no_special", f"length={length}")
    prompts = [chars[i % 5 : i % 5 + 1 + i % 4] for i in range(count)]
    return [gen.Request(prompt, (*rules, *SHAPERS[i % 3]), 1 + i % 2, i, length) for i, prompt in enumerate(prompts)]


def texts(engine, asked, rows):
    """For each request its texts with the log-probabilities of their tokens, so many rows computed together."""
    found = [{} for _ in asked]
    for number, piece in Scheduler(engine.model, rows).run([job for request in asked for job in engine.jobs(request)]):
        if piece.completion is not None:
            found[number][piece.sample] = (piece.completion.text, piece.completion.logprobs)
    return found


def differing(engine, asked, rows):
    """How many requests give another text or another bit in a batch, in an order of its own, than alone."""
    alone = [texts(engine, [request], 1)[0] for request in asked]
    found = {}
    for size in rows:
        order = random.Random(size).sample(range(len(asked)), len(asked))
        together = texts(engine, [asked[i] for i in order], size)
        found[size] = sum(alone[i] != other for i, other in zip(order, together, strict=True))
    return found


def main(count, length, *kinds):
    for kind in kinds:
        for dtype in ("float32", "bfloat16"):
            engine = opened(kind, dtype)
            told = {"kind": kind, "dtype": engine.model.dtype, "reproducible": engine.model.reproducible}
            told |= {"differ": differing(engine, requests(int(count), int(length)), SIZES)}
            print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
