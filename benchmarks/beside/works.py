"""The works that all contestants do, and how many times faster than a peer ours is to be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Literal

from gen_poem.rules.form import Form

LARGE = "102 M"
"""GPT-2 of 12 layers, 768 wide, with random weights (`write_random_model`)."""

SMALL = "poem"
"""The shipped model."""

FP32, BF16 = "transformers float32", "transformers bfloat16"
INT8, FLOAT = "CTranslate2 int8", "CTranslate2 float32"
LOOP = "tutorial loop"
PEERS = (FP32, BF16, INT8, FLOAT, LOOP)

WITHOUT_AMX = {1: 1.0, 16: 2 / 3, 64: 1 / 2}
"""What is left of a goal on a processor without AMX, by rows: there a goal counts on products that AMX makes cheap."""

FORM = "4x5"
PROMPT = "白"
FREE = 300
Kind = Literal["verse", "free", "chain", "mixed"]


@dataclass(frozen=True)
class Work:
    """`rows` texts of `new` tokens by one model; `goals` are the least ratios to peers, on a processor with AMX.

    Kinds: `verse` is a poem of 4 x 5 after its first character, `free` is free text, `chain` a 七律 under the whole
    chain (the peer has its bare format), `mixed` are the requests of `mixed_requests`. CTranslate2 knows no format: it
    writes as many free tokens.
    """

    model: str
    kind: Kind
    rows: int
    new: int
    goals: Mapping[str, float] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What stands in tables, at most 23 columns wide."""
        what = {"verse": FORM, "free": f"{self.new} free", "chain": "full 8x7", "mixed": "mixed"}[self.kind]
        return f"{self.model}, {what}, {self.rows} row{'s' * (self.rows > 1)}"

    def goal(self, peer: str, *, amx: bool) -> float | None:
        """The least ratio to a peer; None if there is no goal."""
        wanted = self.goals.get(peer)
        return wanted if wanted is None or amx else wanted * WITHOUT_AMX[self.rows]

    def peers(self) -> list[str]:
        """Those that can do this work."""
        if self.kind in ("chain", "mixed"):
            return [FP32]
        left_out = [BF16] * (self.model != LARGE) + [LOOP] * (self.rows > 1)  # tutorials write one text at a time
        return [peer for peer in PEERS if peer not in left_out]


VERSE_TOKENS = len(Form(4, 5).pattern) - len(PROMPT)
CHAIN_TOKENS = len(Form(8, 7).pattern)


def _verse(model: str, rows: int, **goals: float) -> Work:
    names = {"fp32": FP32, "int8": INT8}
    return Work(model, "verse", rows, VERSE_TOKENS, {names[key]: ratio for key, ratio in goals.items()})


WORKS = (
    _verse(LARGE, 1, fp32=9, int8=1.6),
    _verse(LARGE, 16, fp32=12, int8=3),
    _verse(LARGE, 64, fp32=14, int8=3.5),
    Work(LARGE, "free", 1, FREE, {FP32: 9, INT8: 1.6}),
    _verse(SMALL, 1, fp32=6),
    _verse(SMALL, 16, fp32=10),
    _verse(SMALL, 64, fp32=10),
    Work(SMALL, "chain", 64, CHAIN_TOKENS, {FP32: 5}),
    Work(SMALL, "mixed", 64, CHAIN_TOKENS, {FP32: 8}),
)

QUICK = tuple(WORKS[place] for place in (0, 4, 1, 6, 8, 2))
"""The most telling ones, the cheapest first: whatever does not fit into the time is left out at the end."""

QUICK_PEERS = (FP32, INT8)

PROMPTS = ("白", "春江", "明月", "独坐", "山中", "故人西", "落花", "秋风起")
FORMS = ("4x5", "4x7", "8x5", "8x7")
LENGTHS = (12, 20, 40, 60)


@dataclass(frozen=True)
class MixedRequest:
    """One of many different requests: a poem of a form, or (form "") free text of `new` characters."""

    prompt: str
    form: str
    new: int


def mixed_requests() -> Sequence[MixedRequest]:
    """64 requests: 8 prompts, each in four forms and in free texts of four lengths."""
    verse = [
        MixedRequest(prompt, form, len(pattern_of(form)) - len(prompt)) for prompt, form in product(PROMPTS, FORMS)
    ]
    free = [MixedRequest(prompt, "", new) for prompt, new in product(PROMPTS, LENGTHS)]
    return [request for pair in zip(verse, free, strict=True) for request in pair]


def pattern_of(form: str) -> str:
    """One sign for each place of a form: 汉, ， or 。"""
    return Form(*map(int, form.split("x"))).pattern
