"""What every language model promises: logits that depend on a row's tokens alone, however they came to be read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from ..engine import load
from ..types import LanguageModel
from . import strategies as some
from .laws import Law, Scene
from .shaper_laws import same

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

LONGEST = 300
"""Windows of more positions are not filled, since it would take too long."""

AT_ONCE = 12
"""The most tokens that are read at once and one by one."""

Row = tuple[int, int, list[int], int]
"""A parent, how much of it is kept, the new tokens, and after how many of them logits are wanted."""


def _tensor(logits: Tensor | np.ndarray) -> Tensor:
    import torch

    return torch.as_tensor(logits)


@dataclass(frozen=True)
class ModelSubject:
    """A model on trial."""

    model: LanguageModel
    label: str

    @property
    def slack(self) -> float:
        """How far two ways to compute the same may differ, as a share of the largest logit."""
        return 1e-3 if self.model.dtype == "float32" else 0.1

    @property
    def verifies(self) -> int:
        """How many tokens a draft may have read at once; 1 if it promises nothing."""
        return getattr(self.model, "verifies", 1) if self.model.reproducible else 1

    def tokens(self, scene: Scene, least: int, most: int) -> list[int]:
        """A row's first tokens: what every prompt begins with, then any others."""
        lead = list(self.model.tokenizer.encode("").tokens)
        return [*lead, *scene.draw(self.more(max(least, not lead), most))]

    def more(self, least: int, most: int) -> st.SearchStrategy[list[int]]:
        """Tokens to go on with."""
        return st.lists(st.sampled_from(self.model.tokenizer.vocabulary.usable), min_size=least, max_size=most)

    def alone(self, *steps: Row) -> Tensor:
        """The logits after the last step of one row."""
        cache = self.model.open(1)
        for parent, keep, new, last in steps:
            logits = self.model.feed(cache, [parent], [keep], [new], [last])
        return _tensor(logits)

    def read(self, tokens: Sequence[int]) -> Tensor:
        """The logits [vocab] after tokens that are read at once."""
        return _tensor(self.model.feed(self.model.open(1), [-1], [0], [list(tokens)]))[-1]

    def near(self, one: Tensor, other: Tensor) -> bool:
        """Whether two results are equal up to rounding."""
        if one.shape != other.shape or not bool((one.isfinite() == other.isfinite()).all()):
            return False
        one, other = one.nan_to_num(0, 0, 0), other.nan_to_num(0, 0, 0)
        scale = max(1.0, float(one.abs().max())) if one.numel() else 1.0
        return float((one - other).abs().max()) <= self.slack * scale if one.numel() else True


def model_subject(given: Any) -> ModelSubject:
    """A language model, or the name or folder of one."""
    if hasattr(given, "feed"):
        return ModelSubject(given, given.name)
    return ModelSubject(load(given).model, str(given))


def is_determined(subject: ModelSubject, scene: Scene) -> None:
    """The same calls twice."""
    tokens, more = subject.tokens(scene, 1, 8), scene.draw(subject.more(1, 3))
    scene.now = f"tokens {tokens}, then {more}"
    steps: list[Row] = [(-1, 0, tokens, 1), (0, len(tokens), more, 1)]
    if not same(subject.alone(*steps), subject.alone(*steps)):
        scene.fail("the same calls give other logits a second time")


def shapes_are_right(subject: ModelSubject, scene: Scene) -> None:
    """The right number of rows in float32, one column per token, and some token is possible."""
    import torch

    count = scene.draw(st.integers(1, 3))
    rows = [subject.tokens(scene, 1, 6) for _ in range(count)]
    last = [scene.draw(st.integers(1, len(row))) for row in rows]
    scene.now = f"fresh rows {rows}, last={last}"
    size = len(subject.model.tokenizer.vocabulary)
    for wanted, total in ((None, count), (last, sum(last))):
        found = _tensor(subject.model.feed(subject.model.open(count), [-1] * count, [0] * count, rows, wanted))
        if tuple(found.shape) != (total, size) or found.dtype != torch.float32:
            scene.fail(f"last={wanted} gives {tuple(found.shape)} of {found.dtype}, and ({total}, {size}) of float32 "
                       "was to be")  # fmt: skip
        if bool(found.isnan().any()):
            scene.fail("a logit is no number")


def cache_is_no_cache(subject: ModelSubject, scene: Scene) -> None:
    """Reading in several calls, and at once."""
    tokens = subject.tokens(scene, 2, 10)
    cuts = sorted(scene.draw(st.sets(st.integers(1, len(tokens) - 1), max_size=3))) if len(tokens) > 1 else []
    scene.now = f"tokens {tokens}, read in parts that end at {[*cuts, len(tokens)]}"
    edges = [0, *cuts, len(tokens)]
    parts = [tokens[a:b] for a, b in pairwise(edges)]
    steps: list[Row] = [(-1 if not edge else 0, edge, part, 1) for edge, part in zip(edges, parts, strict=False)]
    if not subject.near(subject.alone(*steps)[-1], subject.read(tokens)):
        scene.fail("read in parts the logits are others than read at once")


def every_wanted_place(subject: ModelSubject, scene: Scene) -> None:
    """The logits after each of the last tokens equal those after reading up to there."""
    tokens = subject.tokens(scene, 2, 8)
    last = scene.draw(st.integers(1, len(tokens)))
    scene.now = f"tokens {tokens}, last={last}"
    found = subject.alone((-1, 0, tokens, last))
    for place in range(last):
        if not subject.near(found[place], subject.read(tokens[: len(tokens) - last + 1 + place])):
            scene.fail(f"the logits number {place + 1} are not those after {len(tokens) - last + 1 + place} tokens")


def rewinding_is_recomputing(subject: ModelSubject, scene: Scene) -> None:
    """A row that is cut back and continued."""
    tokens, more = subject.tokens(scene, 2, 8), scene.draw(subject.more(1, 4))
    keep = scene.draw(st.integers(1, len(tokens)))
    scene.now = f"tokens {tokens}, cut to {keep}, then {more}"
    found = subject.alone((-1, 0, tokens, 1), (0, keep, more, 1))[-1]
    if not subject.near(found, subject.read([*tokens[:keep], *more])):
        scene.fail("after the cut the logits are others than those of a fresh row")


def what_is_cut_off_leaves_no_trace(subject: ModelSubject, scene: Scene) -> None:
    """A row that went on a few times and is cut back, beside one that goes on, and one that never did.

    The kept part was read in the same calls in both: other calls may give other last bits.
    """
    tokens, more = subject.tokens(scene, 1, 8), scene.draw(subject.more(1, 3))
    room = (subject.model.positions or LONGEST) - len(tokens)
    if len(more) > room:
        return
    gone = scene.draw(subject.more(1, 6))[:room]
    beside = len(gone) < room and subject.model.reproducible and scene.draw(st.booleans())
    scene.now = f"tokens {tokens}, then {gone} one by one, cut off again, then {more}"
    cache = subject.model.open(1)
    subject.model.feed(cache, [-1], [0], [tokens])
    for place, token in enumerate(gone):
        subject.model.feed(cache, [0], [len(tokens) + place], [[token]])
    others = [len(tokens) + len(gone)] if beside else []
    feeds = [*[[gone[0]] for _ in others], more]
    found = _tensor(subject.model.feed(cache, [0] * len(feeds), [*others, len(tokens)], feeds))[-1]
    if not same(found, subject.alone((-1, 0, tokens, 1), (0, len(tokens), more, 1))[-1]):
        scene.fail("the logits are not, to the last bit, those of a row that never was longer")


def what_is_read_at_once_is_read_one_by_one(subject: ModelSubject, scene: Scene) -> None:
    """Some tokens that follow others, in one call and in one call each, and a token behind them.

    A draft relies on it: what it proposes is read at once.
    """
    tokens = subject.tokens(scene, 1, 8)
    room = min((subject.model.positions or LONGEST) - len(tokens) - 1, subject.verifies, AT_ONCE)
    if room < 2:
        return
    new, [then] = scene.draw(subject.more(2, room)), scene.draw(subject.more(1, 1))
    scene.now = f"tokens {tokens}, then {new} at once and one by one, then {then}"
    found: list[list[Tensor]] = []
    for parts in ([new], [[token] for token in new]):
        cache, read = subject.model.open(1), len(tokens)
        subject.model.feed(cache, [-1], [0], [tokens])
        found.append([])
        for part in [*parts, [then]]:
            found[-1] += _tensor(subject.model.feed(cache, [0], [read], [part], [len(part)]))
            read += len(part)
    for place, (one, other) in enumerate(zip(*found, strict=True)):
        if not same(one, other):
            scene.fail(f"after {place + 1} of them the logits are not the same to the last bit")


def schedule(subject: ModelSubject, scene: Scene) -> list[list[Row]]:
    """Calls of several rows, which are continued, cut back, copied, reordered and dropped."""
    calls: list[list[Row]] = []
    lengths: list[int] = []
    for number in range(scene.draw(st.integers(2, 4))):
        rows: list[Row] = []
        for _ in range(scene.draw(st.integers(1, 4))):
            parent = scene.draw(st.integers(-1 if number == 0 or scene.draw(st.booleans()) else 0, len(lengths) - 1))
            keep = scene.draw(st.integers(1, lengths[parent])) if parent >= 0 else 0
            new = scene.draw(subject.more(1, 4)) if parent >= 0 else subject.tokens(scene, 1, 6)
            rows.append((parent, keep, new, 1))
        calls.append(rows)
        lengths = [keep + len(new) for _, keep, new, _ in rows]
    scene.now = f"calls of rows (parent, kept, new tokens) {[[row[:3] for row in rows] for rows in calls]}"
    return calls


def run(model: LanguageModel, calls: list[list[Row]]) -> list[Tensor]:
    """The logits of each call, [rows, vocab]."""
    cache = model.open(1)
    return [
        _tensor(model.feed(cache, [row[0] for row in rows], [row[1] for row in rows], [row[2] for row in rows]))
        for rows in calls
    ]


def line(calls: list[list[Row]], number: int, row: int) -> list[Row]:
    """The calls that lead to a row, with that row alone."""
    parent, keep, new, last = calls[number][row]
    before = line(calls, number - 1, parent) if parent >= 0 else []
    return [*before, (0 if before else -1, keep, new, last)]


def rows_go_where_they_are_sent(subject: ModelSubject, scene: Scene) -> None:
    """Each row continues its parent, wherever that stood, and nothing else."""
    calls = schedule(subject, scene)
    for number, logits in enumerate(run(subject.model, calls)):
        for row in range(len(logits)):
            tokens: list[int] = []
            for _, keep, new, _ in line(calls, number, row):
                tokens = [*tokens[:keep], *new]
            if not subject.near(logits[row], subject.read(tokens)):
                scene.fail(f"row {row} of call {number + 1} has not the logits after {tokens}")


def a_row_is_the_same_among_others(subject: ModelSubject, scene: Scene) -> None:
    """The logits of a row are equal to the last bit, whatever the contents and lengths of its neighbours."""
    calls = schedule(subject, scene)
    exact = subject.model.reproducible
    for number, logits in enumerate(run(subject.model, calls)):
        for row in range(len(logits)):
            alone = subject.alone(*line(calls, number, row))[-1]
            if not (same(logits[row], alone) if exact else subject.near(logits[row], alone)):
                words = "in the last bits" if subject.near(logits[row], alone) else "altogether"
                scene.fail(f"row {row} of call {number + 1} has other logits alone, {words}")


def a_long_row_goes_on(subject: ModelSubject, scene: Scene) -> None:
    """Beyond the model's positions, a row's length alone decides what is read."""
    positions = subject.model.positions or 0
    tokens = subject.tokens(scene, 1, 4)
    filler = subject.model.tokenizer.vocabulary.usable
    tokens += [filler[(7 * i) % len(filler)] for i in range(positions + scene.draw(st.integers(1, 9)))]
    edge = len(tokens) - scene.draw(st.integers(1, 9))
    scene.now = f"{len(tokens)} tokens, {positions} positions, read in parts that end at {edge} and {len(tokens)}"
    found = subject.alone((-1, 0, tokens[:edge], 1), (0, edge, tokens[edge:], 1))[-1]
    if not subject.near(found, subject.read(tokens)):
        scene.fail("read in parts the logits are others than read at once")


def prompts_are_read(subject: ModelSubject, scene: Scene) -> None:
    """A prompt keeps its text, and its tokens say which characters they read."""
    vocabulary = subject.model.tokenizer.vocabulary
    text = scene.draw(st.text(some.writable(vocabulary)[:50] or "a", max_size=6))
    scene.now = f"text {text!r}"
    prompt = subject.model.tokenizer.encode(text)
    if prompt.text != text or len(prompt.spans) != len(prompt.tokens):
        scene.fail(f"it was read as {prompt}")
    if not all(0 <= token < len(vocabulary) for token in prompt.tokens):
        scene.fail(f"the tokens {prompt.tokens} are not all in the vocabulary of {len(vocabulary)}")
    covered = [place for first, after in prompt.spans for place in range(first, after)]
    if sorted(set(covered)) != list(range(len(text))):
        scene.fail(f"the spans {prompt.spans} do not cover it")


DETERMINED = "determinism"
SHAPES = "shapes are right"
CACHE = "cache is no cache"
LAST = "every wanted place"
REWIND = "rewind is recompute"
ROWS = "rows go where they are sent"
BATCH = "batch is alone"
REWINDS = "what is cut off leaves no trace"
VERIFIES = "at once is one by one"
WINDOW = "a long row goes on"
TEXT = "prompts are read whole"

MODEL_LAWS = (
    Law(DETERMINED, "the same calls give the same logits", is_determined, forgives=True),
    Law(SHAPES, "float32 logits [sum(last), vocab], none of them NaN", shapes_are_right, (DETERMINED,)),
    Law(CACHE, "a row read in parts has the logits of one read at once", cache_is_no_cache, (SHAPES,)),
    Law(LAST, "`last` gives the logits after each of the last tokens, in order", every_wanted_place, (SHAPES,)),
    Law(REWIND, "a row that was cut back has the logits of a fresh one", rewinding_is_recomputing, (CACHE,)),
    Law(ROWS, "a row continues the parent it names, and no other", rows_go_where_they_are_sent, (REWIND,)),
    Law(BATCH, "a row has the same logits, to the last bit, among any others", a_row_is_the_same_among_others, (ROWS,)),
    Law(REWINDS, "`rewinds` says that a row cut back has the logits, to the last bit, of one that never was longer",
        what_is_cut_off_leaves_no_trace, (BATCH,), lambda subject: bool(getattr(subject.model, "rewinds", False))),
    Law(VERIFIES, "`verifies` says how many tokens read at once have the logits, to the last bit, of single ones",
        what_is_read_at_once_is_read_one_by_one, (BATCH, LAST), lambda subject: subject.verifies > 1),
    Law(WINDOW, "beyond its positions a row is read as its length alone says", a_long_row_goes_on, (CACHE,),
        lambda subject: 0 < (subject.model.positions or 0) <= LONGEST, share=0.2),
    Law(TEXT, "a prompt keeps its text, and each character is read by some token", prompts_are_read, (SHAPES,)),
)  # fmt: skip
