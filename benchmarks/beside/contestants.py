"""Those who take part: each opens a model folder and writes the texts of a work."""

from __future__ import annotations

import gc
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, Protocol

import torch

import gen_engine as gen
from gen_engine.models.tokenizer import load_tokenizer
from gen_poem.rules.form import HAN

from ..constraints import CHAINS
from ..peers import FREE, PaddedBatch, TransformersPoet, load_peer
from .works import FORM, PEERS, PROMPT, Work, mixed_requests, pattern_of

Writing = Callable[[], Any]

TOP_K = 50
PLAIN = ("no_unk", "no_special")
SHAPED = f"top_k={TOP_K}"
CHAIN = (*CHAINS["七律, all at once"], SHAPED)


class Contestant(Protocol):
    """A way to write texts."""

    def open(self, folder: Path) -> dict[str, str]:
        """Load a model, and say what is to be known of it (`dtype`)."""
        ...

    def writing(self, work: Work) -> Writing:
        """A call that does a work once. Each call draws other texts."""
        ...


def make_contestant(name: str) -> Contestant:
    """A peer by its name, or ours by its dtype."""
    kind, _, dtype = name.rpartition(" ")
    if name not in PEERS:
        return Ours(name)
    return {"transformers": Transformers, "CTranslate2": CTranslate2, "tutorial": TutorialLoop}[kind](dtype)


class Ours:
    """The engine in a dtype, by its promise that rows do not depend on each other."""

    def __init__(self, dtype: str) -> None:
        self.dtype = dtype
        self.seeds = count()

    def open(self, folder: Path) -> dict[str, str]:
        self.engine = gen.load(str(folder), dtype=self.dtype)
        gc.freeze()  # as the commands do
        model: Any = self.engine.model
        return {"dtype": model.dtype, "why": model.dtype_reason}

    def writing(self, work: Work) -> Writing:
        if work.kind == "mixed":
            return self._write_mixed
        form = {"verse": f"form={FORM}", "free": f"length={work.new}"}
        processors = CHAIN if work.kind == "chain" else (*PLAIN, form[work.kind], SHAPED)
        return partial(self._write, _prompt(work), processors, work)

    def _write(self, prompt: str, processors: Sequence[str], work: Work) -> None:
        self.engine.generate(prompt, processors=processors, num=work.rows, seed=next(self.seeds), max_new=work.new)

    def _write_mixed(self) -> None:
        """All requests are submitted at once; those of one form share a pass, and so do all others."""
        wanted = mixed_requests()
        scheduler = self.engine.scheduler(rows=len(wanted), in_pieces=False)
        for request in wanted:
            rule = f"form={request.form}" if request.form else f"length={request.new}"
            processors = (*PLAIN, rule, SHAPED)
            scheduler.submit(gen.Request(request.prompt, processors, seed=next(self.seeds), max_new=request.new))
        while not scheduler.is_idle:
            for _, sent in scheduler.step():
                if isinstance(sent, BaseException):
                    raise sent


class Transformers:
    """`generate` with a cache, the format as one mask a step."""

    def __init__(self, dtype: str) -> None:
        self.dtype = dtype

    def open(self, folder: Path) -> dict[str, str]:
        self.model, self.tokenizer = load_peer(folder, self.dtype), load_tokenizer(folder)
        return {"dtype": self.dtype}

    def writing(self, work: Work) -> Writing:
        vocabulary = self.tokenizer.vocabulary
        if work.kind == "mixed":
            requests = [
                (
                    self.tokenizer.encode(request.prompt).tokens,
                    pattern_of(request.form)[len(request.prompt) :] if request.form else FREE * request.new,
                )
                for request in mixed_requests()
            ]
            return PaddedBatch(self.model, requests, vocabulary, vocabulary.end or 0).write
        prompt = self.tokenizer.encode(_prompt(work)).tokens
        return partial(TransformersPoet(self.model, _pattern(work), vocabulary, prompt).write, work.rows)


class CTranslate2:
    """CTranslate2 with top-k sampling. It takes no processors of one's own, so that it writes free tokens."""

    def __init__(self, dtype: str) -> None:
        self.dtype = dtype

    def open(self, folder: Path) -> dict[str, str]:
        import ctranslate2

        tokenizer = load_tokenizer(folder)
        self.backend = tokenizer.backend
        with tempfile.TemporaryDirectory() as made:
            ctranslate2.converters.TransformersConverter(str(folder)).convert(made, force=True)
            threads = torch.get_num_threads()
            self.generator = ctranslate2.Generator(
                made, device="cpu", compute_type=self.dtype, inter_threads=1, intra_threads=threads
            )
        return {"dtype": self.generator.compute_type}

    def writing(self, work: Work) -> Writing:
        prompt = [self.backend.encode(_prompt(work)).tokens] * work.rows
        return partial(
            self.generator.generate_batch,
            prompt,
            max_length=work.new,
            min_length=work.new,
            sampling_topk=TOP_K,
            include_prompt_in_result=False,
        )


class TutorialLoop:
    """The loop of the tutorials: the whole text is read again for every token, marks are banned, and then written over.

    The 50 likeliest tokens are kept before the ban, as there.
    """

    def __init__(self, dtype: str) -> None:
        del dtype

    def open(self, folder: Path) -> dict[str, str]:
        self.model, self.tokenizer = load_peer(folder, "float32"), load_tokenizer(folder)
        self.marks = {mark: self._token(mark) for mark in "，。"}
        return {"dtype": "float32"}

    def _token(self, text: str) -> int:
        return self.tokenizer.encode(text).tokens[-1]

    def writing(self, work: Work) -> Writing:
        signs = _pattern(work)[-work.new :]
        return partial(self.write, self.tokenizer.encode(_prompt(work)).tokens, work.rows, signs)

    @torch.no_grad()
    def write(self, prompt: Sequence[int], rows: int, signs: str) -> torch.Tensor:
        """`rows` texts with a token for each of the signs, [rows, tokens]."""
        tokens = torch.tensor([list(prompt)] * rows)
        banned = list(self.marks.values())
        for sign in signs:
            scores = self.model(input_ids=tokens, attention_mask=torch.ones_like(tokens)).logits[:, -1]
            least = scores.topk(TOP_K).values[:, -1:]
            scores = scores.masked_fill(scores < least, -torch.inf)
            scores[:, banned] = -torch.inf
            drawn = scores.softmax(-1).multinomial(1)
            if sign in self.marks:
                drawn[:] = self.marks[sign]
            tokens = torch.cat([tokens, drawn], 1)
        return tokens


def _prompt(work: Work) -> str:
    return "" if work.kind == "chain" else PROMPT


def _pattern(work: Work) -> str:
    """A sign for each place of the whole text."""
    if work.kind == "free":
        return HAN * len(PROMPT) + FREE * work.new
    return pattern_of("8x7" if work.kind == "chain" else FORM)
