"""What every shaper promises: a row's result depends on that row alone, and a mask stays a mask."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from ..chain import has_memory
from ..text.vocabulary import Vocabulary
from ..types import Step
from . import strategies as some
from .laws import Law, Scene
from .models import tiny_vocabulary
from .subjects import Subject, picture

if TYPE_CHECKING:
    from torch import Tensor

SIZES = (2, 3, 7, 40, 300)
"""Sizes of vocabularies; shapers may use other code paths in larger ones."""


@dataclass(frozen=True)
class Rows:
    """Some rows to be shaped: logits [rows, vocab], a history for each, and what the shaper remembers of each."""

    shaper: Any
    vocabulary: Vocabulary
    logits: Tensor
    histories: tuple[tuple[int, ...], ...]
    prompts: tuple[int, ...]
    states: tuple[Any, ...]
    numbers: tuple[int, ...]

    def __str__(self) -> str:
        rows = [
            f"{_short(row)} after {list(history)}" for row, history in zip(self.logits, self.histories, strict=True)
        ]
        return f"{len(self.vocabulary)} tokens, logits " + "; ".join(rows)

    def step(self, rows: Sequence[int]) -> Step:
        """What a shaper is told about these rows."""
        return Step(
            histories=[list(self.histories[row]) for row in rows],
            prompt_lengths=[self.prompts[row] for row in rows],
            vocabulary=self.vocabulary,
            draw=lambda name: self._uniform(name, rows),
            states=[self.states[row] for row in rows] if has_memory(self.shaper) else (),
        )

    def _uniform(self, name: str, rows: Sequence[int]) -> Tensor:
        import torch

        keys = [f"{name} {self.numbers[row]}".encode() for row in rows]
        drawn = [int.from_bytes(hashlib.blake2b(key, digest_size=4).digest()) / 2**32 for key in keys]
        return torch.tensor(drawn, dtype=torch.float64)

    def shaped(self, rows: Sequence[int] | None = None) -> Tensor:
        """The shaper's result for these rows (None: all), given copies of its own."""
        rows = range(len(self.logits)) if rows is None else rows
        found: Tensor = self.shaper(self.step(rows), self.logits[list(rows)].clone())
        return found


def _short(row: Tensor) -> list[float]:
    return [round(number, 4) for number in row.tolist()[:8]]


def rows_of(subject: Subject, scene: Scene) -> Rows:
    """Random rows, reported to the scene."""
    import torch

    letters = dict.fromkeys([*(subject.alphabet or scene.draw(st.sampled_from(some.ALPHABETS)))])
    size = max(scene.draw(st.sampled_from(SIZES)), len(letters) + 1 if subject.alphabet else 0)
    letters |= dict.fromkeys(chr(0x4E00 + i) for i in range(size))
    vocabulary = tiny_vocabulary("", *list(letters)[: size - 1], end=0)
    shaper = subject.make(vocabulary)
    count = scene.draw(st.integers(1, 4))
    tokens = st.lists(st.integers(0, size - 1), max_size=8).map(tuple)
    histories = tuple(scene.draw(tokens) for _ in range(count))
    prompts = tuple(scene.draw(st.integers(0, len(history))) for history in histories)
    states = tuple(_remembered(shaper, history[prompt:]) for history, prompt in zip(histories, prompts, strict=True))
    torch.manual_seed(0)
    found = Rows(
        shaper, vocabulary, scene.draw(some.logits(count, size)), histories, prompts, states, tuple(range(count))
    )
    scene.now = str(found)
    return found


def _remembered(shaper: Any, tokens: Sequence[int]) -> Any:
    if not has_memory(shaper):
        return None
    state = shaper.start()
    for place, token in enumerate(tokens):
        state = shaper.next(state, token, -0.5 * place)
    return state


def same(one: Tensor, other: Tensor) -> bool:
    """Whether two results are equal to the last bit."""
    import torch

    if one.shape != other.shape or one.dtype != other.dtype:
        return False
    return torch.equal(one.nan_to_num(nan=7e7, posinf=8e8, neginf=-8e8), other.nan_to_num(7e7, 8e8, -8e8))


def is_determined(subject: Subject, scene: Scene) -> None:
    """The same rows twice, and by another shaper that was made alike."""
    rows = rows_of(subject, scene)
    first = rows.shaped()
    rows.shaped([0])
    again, other = rows.shaped(), subject.make(rows.vocabulary)(rows.step(range(len(rows.logits))), rows.logits.clone())
    if not same(first, again):
        scene.fail("asked twice, it answers differently")
    if not same(first, other):
        scene.fail("two that were made alike answer differently")


def shape_is_kept(subject: Subject, scene: Scene) -> None:
    """Logits come back as they were given: a tensor of the same shape and dtype."""
    import torch

    rows = rows_of(subject, scene)
    found = rows.shaped()
    if not isinstance(found, torch.Tensor) or found.shape != rows.logits.shape or found.dtype != rows.logits.dtype:
        what = getattr(found, "shape", type(found).__name__), getattr(found, "dtype", "")
        scene.fail(f"it was given {tuple(rows.logits.shape)} of float32 and returned {what}")


def inputs_stay(subject: Subject, scene: Scene) -> None:
    """Neither the logits nor the histories are modified."""
    rows = rows_of(subject, scene)
    step = rows.step(range(len(rows.logits)))
    given, before = rows.logits.clone(), picture([step.histories, step.prompt_lengths, step.states])
    rows.shaper(step, given)
    if not same(given, rows.logits):
        scene.fail("it wrote into the logits that it was given")
    if picture([step.histories, step.prompt_lengths, step.states]) != before:
        scene.fail("it changed the step that it was told")


def a_mask_stays(subject: Subject, scene: Scene) -> None:
    """What is -inf stays -inf."""
    rows = rows_of(subject, scene)
    found = rows.shaped()
    revived = ((found != float("-inf")) & (rows.logits == float("-inf"))).nonzero().tolist()
    if revived:
        scene.fail(f"token {revived[0][1]} of row {revived[0][0]} was -inf and came back as {found[tuple(revived[0])]}")


def no_nan(subject: Subject, scene: Scene) -> None:
    """Numbers give numbers, never NaN or positive infinity."""
    rows = rows_of(subject, scene)
    found = rows.shaped()
    odd = (found.isnan() | (found == float("inf"))).nonzero().tolist()
    if odd:
        scene.fail(f"token {odd[0][1]} of row {odd[0][0]} came back as {found[tuple(odd[0])]}")


def something_is_left(subject: Subject, scene: Scene) -> None:
    """A row from which something could be chosen still has something."""
    rows = rows_of(subject, scene)
    found = rows.shaped()
    empty = (~found.amax(dim=-1).isfinite()).nonzero().flatten().tolist()
    if empty:
        scene.fail(f"nothing is left of row {empty[0]}")


def rows_are_independent(subject: Subject, scene: Scene) -> None:
    """A row has the same result to the last bit alone, and among others in another order."""
    rows = rows_of(subject, scene)
    together = rows.shaped()
    order = scene.draw(st.permutations(range(len(rows.logits))))
    mixed = rows.shaped(order)
    for place, row in enumerate(order):
        if not same(together[row], mixed[place]):
            scene.fail(f"row {row} has another result when the rows are ordered {order}")
        if not same(together[row], rows.shaped([row])[0]):
            scene.fail(f"row {row} has another result alone")


def memory_is_a_state(subject: Subject, scene: Scene) -> None:
    """`start` and `next` give the same answers each time, with hashable states that do not change."""
    shaper = rows_of(subject, scene).shaper
    state, again = shaper.start(), shaper.start()
    for place in range(scene.draw(st.integers(0, 4))):
        token, logprob = scene.draw(st.integers(0, 1)), scene.draw(st.sampled_from([0.0, -0.1, -3.0, -60.0]))
        before = picture(state)
        state, again, old = shaper.next(state, token, logprob), shaper.next(again, token, logprob), state
        scene.now = f"after {place + 1} tokens"
        if picture(old) != before:
            scene.fail("`next` changed the state that it was given")
        if state != again:
            scene.fail(f"`next` leads to {state!r} and, a second time, to {again!r}")
    try:
        hash(state)
    except TypeError:
        scene.fail(f"the state {state!r} cannot be hashed")
    if state != again:
        scene.fail(f"`start` answers {state!r} and, a second time, {again!r}")


DETERMINED = "determinism"
SHAPE = "shape and dtype are kept"
INPUTS = "inputs are untouched"
MASK = "a mask is never revived"
NUMBERS = "numbers stay numbers"
LEFT = "something is left"
ROWS = "rows are independent"
MEMORY = "memory is a state"

SHAPER_LAWS = (
    Law(DETERMINED, "the same rows get the same result each time", is_determined, forgives=True),
    Law(SHAPE, "nothing is raised, and logits come back in the shape and dtype they were given in", shape_is_kept,
        (DETERMINED,)),
    Law(INPUTS, "the logits and the step are never written to", inputs_stay, (SHAPE,)),
    Law(NUMBERS, "out of numbers come numbers, no NaN and no infinity", no_nan, (SHAPE,)),
    Law(MASK, "what is -inf stays -inf", a_mask_stays, (NUMBERS,)),
    Law(LEFT, "where a token could be chosen, one still can", something_is_left, (NUMBERS,)),
    Law(ROWS, "a row's result is the same to the last bit alone and among any others", rows_are_independent, (SHAPE,)),
    Law(MEMORY, "`start` and `next` are functions, with states that can be hashed and are never changed",
        memory_is_a_state, (SHAPE,), lambda subject: has_memory(subject.sample)),
)  # fmt: skip
