"""What the constraints of a text cost beside the steps of the model; and a whole chain beside top-p alone."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Any

import torch
from transformers.generation.logits_process import TopPLogitsWarper

import gen_engine as gen
from gen_engine.chain import Chain
from gen_engine.decoding.generation import Generation
from gen_engine.decoding.viable import Choice
from gen_engine.testing.models import LongestMatch, tiny_vocabulary
from gen_engine.text import Vocabulary
from gen_engine.text.token_sets import Blocked

from .measure import Figure, interleaved_medians, seconds
from .steps import TimedModel

VERSE = "form=七律,tones=strict,book=pingshui"
CHAINS = {
    "free text": ("no_unk", "no_special", "length=63"),
    "五绝": ("no_unk", "no_special", "form=五绝,book=pingshui", "distinct_rhymes=五绝,book=pingshui"),
    "七律, all at once": (
        "no_unk", "no_special", VERSE, f"distinct_rhymes={VERSE.removeprefix('form=')}", "acrostic=春江花月夜长安行",
        "no_repeat=64,exempt=punctuation",
    ),
}  # fmt: skip
"""The last one has tones, rhyme, an acrostic and no repetition."""

ROWS = (1, 16, 64, 256)
POEMS = 64
MOST = 64
SHARE = 5
"""How many percent of the model's steps the constraints may cost."""


@dataclass
class RandomModel:
    """A language model that costs nothing: its logits are noise, worked out before."""

    tokenizer: LongestMatch
    logits: torch.Tensor  # [rows, vocab]
    name: str = "noise"
    dtype: str = "float32"
    positions: int | None = None
    reproducible: bool = True

    def open(self, capacity: int) -> None:
        """Nothing is kept."""

    def feed(self, cache: None, parents: Sequence[int], *asked: Any) -> torch.Tensor:
        """As many rows as are asked for, [sum(last), vocab]."""
        last = asked[2] if len(asked) > 2 else None
        return self.logits[: sum(last) if last else len(parents)]


def measure(model: str, rounds: int) -> Iterator[Figure]:
    """For each chain its cost for 64 poems, cold caches included, beside the model's steps; one by one and at once."""
    engine = gen.load(model)
    gc.freeze()  # as the commands do
    for name, processors in CHAINS.items():
        for rows in (1, POEMS):
            yield from _beside_the_model(engine, name, processors, rows, rounds)
        yield Figure(f"constraints of {name}, first plan", "ms", _first_plan(engine, processors), at_most=50)
    yield from _characters(engine, rounds)
    yield _beside_top_p(rounds)


def _beside_the_model(engine: Any, name: str, processors: Sequence[str], rows: int, rounds: int) -> Iterator[Figure]:
    """Microseconds of a step of `rows` poems: the constraints', at first and with all remembered, and the model's."""
    timed = TimedModel(engine.model)
    watched = gen.Engine(timed, engine._chains)
    costs: list[tuple[float, float, float]] = []
    for _ in range(max(1, rounds // 3)):
        texts: list[tuple[int, ...]] = []
        timed.spent = 0.0
        for seed in range(POEMS // rows):
            texts += [done.tokens for done in write(watched, processors, rows, seed)]
        chain = _cold(engine, processors)
        first = seconds(partial(_replay, engine, chain, texts, rows))
        later = seconds(partial(_replay, engine, chain, texts, rows))
        steps = max(map(len, texts)) * POEMS / rows
        costs.append((1e6 * first / steps, 1e6 * later / steps, 1e6 * timed.spent / steps))
    cold, warm, models = (median(column) for column in zip(*costs, strict=True))
    title = f"constraints of {name}, {rows} row{'s' * (rows > 1)}, beside the model"
    yield Figure(f"{title}, at first", "µs", cold, models, times_peer=SHARE / 100)
    yield Figure(f"{title}, later on", "µs", warm, models, times_peer=SHARE / 100)


def _characters(engine: Any, rounds: int) -> Iterator[Figure]:
    """Characters a second of the whole 七律 chain, with all remembered, at several numbers of rows."""
    processors = (*CHAINS["七律, all at once"], "temperature=0.9")
    for rows in ROWS:
        request = gen.Request("", processors, num=rows, seed=1, max_new=MOST)
        write_all = partial(_scheduled, engine, request)
        count = write_all()
        taken = median(seconds(write_all) for _ in range(max(1, rounds // 3)))
        yield Figure(f"七律, whole chain, {rows} row{'s' * (rows > 1)}", "characters/s", count / taken)


def _scheduled(engine: Any, request: gen.Request) -> int:
    """How many characters a request gives whose texts are all written at once."""
    scheduler = engine.scheduler(rows=request.num, tokens=None, in_pieces=False)
    scheduler.submit(request)
    count = 0
    while not scheduler.is_idle:
        count += sum(len(piece.completion.new) for _, piece in scheduler.step() if piece.completion is not None)
    return count


def write(engine: Any, processors: Sequence[str], rows: int, seed: int) -> list[gen.Completion]:
    """`rows` texts under a chain."""
    found: list[gen.Completion] = engine.generate(
        "", processors=(*processors, "top_k=200"), num=rows, seed=seed, max_new=MOST
    )
    return found


def _cold(engine: Any, processors: Sequence[str]) -> Chain:
    """The chain, with nothing remembered."""
    chain: Chain = gen.Engine(engine.model).chain(processors)
    return chain


def _first_plan(engine: Any, processors: Sequence[str]) -> float:
    """Milliseconds to prepare the chain for a prompt and prove that there is a text."""
    chain, prompt = _cold(engine, processors), engine.tokenizer.encode("")
    return 1000 * seconds(lambda: chain.plan(prompt, MOST))


def _replay(engine: Any, chain: Chain, texts: Sequence[Sequence[int]], rows: int) -> None:
    """All that the constraints do for these texts, `rows` at a time: what may follow, the mask, the next state, and the
    proof that there is a rest."""
    plan = chain.plan(engine.tokenizer.encode(""), MOST)
    generation = Generation(plan, 0, range(rows), engine.model, print, False)
    for first in range(0, len(texts), rows):
        batch = list(zip(generation.texts(), texts[first : first + rows], strict=False))
        for place in range(max(len(tokens) for _, tokens in batch)):
            going = [(text, tokens[place]) for text, tokens in batch if place < len(tokens)]
            allowed = [
                text.allowed for text, _ in going if generation.look(text)[0] is None and text.allowed is not None
            ]
            Blocked(allowed, len(plan.chain.vocabulary)).tensor  # noqa: B018 - to work it out is what is timed
            for text, token in going:
                if not generation.go_on(text, token, lambda _: 0.0):
                    seen = generation.viable.look(text.joint, generation.left(text), token, text.rest, text.history)
                    generation.write(text, Choice(token, seen.joint, seen.rest))


def _beside_top_p(rounds: int) -> Figure:
    """A step of 8 rows x 21,128 under the 七律 chain: masks, proofs, shapers, draws and all, without any model."""
    vocabulary = _large_vocabulary()
    noise = torch.Generator().manual_seed(0)
    logits = torch.randn(8 * 20, len(vocabulary), generator=noise) * 3  # forced tokens are scored with a row each
    engine = gen.Engine(RandomModel(LongestMatch(vocabulary, 0), logits))
    processors = (*CHAINS["七律, all at once"], "temperature=0.9", "top_k=50")
    steps = max(len(done.tokens) for done in write(engine, processors, 8, 0))
    peer = TopPLogitsWarper(0.9)
    history = torch.zeros((8, 1), dtype=torch.long)

    def top_p_alone() -> None:
        for _ in range(steps):
            peer(history, logits[:8])

    ours, theirs = interleaved_medians([lambda: write(engine, processors, 8, 1), top_p_alone], rounds)
    return Figure(
        "七律, whole chain, 8 x 21128, beside top-p", "µs", 1e6 * ours / steps, 1e6 * theirs / steps, times_peer=1
    )


def _large_vocabulary() -> Vocabulary:
    """21,128 tokens as BERT's Chinese vocabulary has them: Chinese characters, marks, and pieces of Latin words."""
    han = [chr(code) for code in range(0x4E00, 0x4E00 + 7300)]
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = [a + b + c for a in letters for b in letters for c in letters]
    han = [*dict.fromkeys("春江花月夜长安行" + "".join(han))]
    surfaces = ["", *han, "，", "。", "、", *words]
    return tiny_vocabulary(*surfaces[:21128])
