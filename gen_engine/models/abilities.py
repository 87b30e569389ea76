"""What a transformers model can do, found out by trying when it is loaded: on two short rows of random tokens.

A way to compute rows together is taken only if it gives what the model itself gives to each row alone, as exactly as
the model's own cache does. Whether it gives the same bits is tried, too.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from .architectures import quiet
from .joined import CACHES, Batch, Kept, arguments, is_plain, join, signature
from .layers import free_copied, put_kernels_into
from .packed import ATTENTION, Move, Row, Slots, register, run
from .window import WHOLE

MOST = 64
"""How many rows are joined at most where no bits are promised."""

ALIKE = 8
"""How many rows are joined at most where bits are promised. All smaller numbers are tried."""

FAILS = (NotImplementedError, RuntimeError, ValueError, TypeError, LookupError, AttributeError)
"""What the code of a model raises if it cannot be called in some way."""


@dataclass(frozen=True)
class Abilities:
    """How a model is called.

    `cache` is the argument by which it takes a cache (None: it has none). `takes` are all its arguments. `packs`: rows
    of any lengths stand in one sequence (`packed.py`), with keys and values in dtype `keeps` (None: the model's), and
    positions from `first` on. Else rows are joined by the model's own caches (`joined.py`). `extends`: several tokens
    may come on top of a cache at once. `pads`: rows of different lengths can be padded. `alike` rows of equal lengths
    have the same bits as alone. `rewinds`: a row can be cut back. `exact`: no row depends on its neighbours.
    `frees`: it reads packed weights alone, so its own were freed.
    """

    takes: frozenset[str]
    cache: str | None = None
    packs: bool = False
    keeps: torch.dtype | None = None
    first: int = 0
    extends: bool = False
    pads: bool = False
    joins: bool = True
    alike: int = 1
    rewinds: bool = False
    exact: bool = True
    frees: bool = False

    @staticmethod
    def of(model: Any) -> Abilities:
        """Those of a model of which nothing is known."""
        return Abilities(frozenset(inspect.signature(model.forward).parameters))

    @property
    def cuts(self) -> bool:
        """Whether it can be asked for the logits of the last tokens only."""
        return "logits_to_keep" in self.takes

    def together(self, reproducible: bool) -> int:
        """How many rows are joined at most."""
        return self.alike if reproducible else MOST if self.joins else 1

    def forward(
        self, model: Any, ids: Tensor, batch: Batch | None, more: dict[str, Tensor], wanted: int
    ) -> tuple[Tensor, Any]:
        """The logits [rows, wanted or more, vocab] of new tokens `ids` [rows, tokens] after a batch, and its cache."""
        options: dict[str, Any] = {name: value for name, value in more.items() if name in self.takes}
        if self.cuts:
            options["logits_to_keep"] = wanted
        if self.cache is not None:
            options["use_cache"] = True
            options[self.cache] = batch.cache if batch is not None else None
        out = model(input_ids=ids, return_dict=True, **options)
        return out.logits, None if self.cache is None else out.get(self.cache)


# --------------------------------------------------------------------------------------------------------- trying


@dataclass(frozen=True, eq=False)
class Trial:
    """A model that is tried, two rows of tokens, what the model gives after each by itself, and how exact that is."""

    model: Any
    rows: tuple[list[int], list[int]]
    expected: Tensor
    noise: float

    def holds(self, found: Tensor) -> bool:
        """Whether logits [2, vocab] are the expected ones, as far as the dtype allows."""
        return distance(found, self.expected) <= max(4 * self.noise, 1e-3)


def distance(found: Tensor, expected: Tensor) -> float:
    """By how much logits differ, as a share of how much the expected ones vary; 1 and more is nothing alike."""
    found, expected = found.float(), expected.float()
    spread = (expected - expected.mean(-1, keepdim=True)).norm()
    apart = float((found - expected).norm() / spread.clamp_min(1e-30))
    return apart if apart == apart else torch.inf


def some_rows(model: Any, lengths: Sequence[int]) -> list[list[int]]:
    """Rows of these lengths of random tokens, none of which marks a beginning, an end or padding."""
    config = model.config.get_text_config()
    named = [getattr(config, f"{kind}_token_id", None) for kind in ("pad", "bos", "eos")]
    marks = {mark for each in named for mark in (each if isinstance(each, list) else [each])}
    usable = [token for token in range(min(config.vocab_size, 1000)) if token not in marks] or [0]
    generator = torch.Generator().manual_seed(0)
    places = [torch.randint(len(usable), (length,), generator=generator).tolist() for length in lengths]
    return [[usable[place] for place in row] for row in places]


@torch.inference_mode()
def find_abilities(model: Any, *, fast: bool = False, attention: bool = False, patch: bool = True) -> Abilities:
    """What `model` can do. On a CPU its linear layers are replaced by our kernels, and its attention by ours (`patch`).

    `attention` says that the user chose an attention function, which is kept. With `fast` no bits are promised.
    """
    on_cpu = model.device.type == "cpu"
    with quiet():
        found = replace(Abilities.of(model), cache=_cache_of(model))
        if model.device.type == "meta":  # it has no numbers that could be compared
            return replace(found, extends=True, joins=False)
        trial, found = _try_cache(model, found)
        patch = patch and found.cache is not None
        copied = put_kernels_into(model, fast=fast) if patch and on_cpu else []
        packed = None
        if patch and not attention:
            keeps = torch.float32 if on_cpu else None
            packed = _try_packed(trial, replace(found, keeps=keeps), inexact=fast or not on_cpu)
        if packed is not None:
            return replace(packed, frees=free_copied(copied, lambda: _packs(trial, packed)))
        joined = _try_joined(trial, found)
        return replace(joined, frees=free_copied(copied, lambda: _works_alone(trial, joined)))


def make_ready(model: Any, abilities: Abilities, *, fast: bool) -> None:
    """Change a model as `find_abilities` does that found these."""
    with quiet():
        on_cpu = model.device.type == "cpu" and abilities.cache is not None
        copied = put_kernels_into(model, fast=fast) if on_cpu else []
        if abilities.packs:
            register()
            model.set_attn_implementation(ATTENTION)
        if abilities.frees:
            free_copied(copied, lambda: True)


def _cache_of(model: Any) -> str | None:
    """The argument by which the model takes a cache that it returned."""
    takes = Abilities.of(model).takes
    [row] = some_rows(model, [3])
    options = {"use_cache": True} if "use_cache" in takes else {}
    out = model(input_ids=torch.tensor([row], device=model.device), return_dict=True, **options)
    return next((name for name in CACHES if name in takes and out.get(name) is not None), None)


def _try_cache(model: Any, found: Abilities) -> tuple[Trial, Abilities]:
    """What the model gives to two rows alone, and whether its cache can be used for one token, and for several."""
    rows = some_rows(model, [7, 4])
    plain = replace(found, cache=None)
    expected = torch.stack([_alone(model, plain, row, [len(row)]) for row in rows])
    if found.cache is None:
        return Trial(model, (rows[0], rows[1]), expected, 0.0), found
    loose = Trial(model, (rows[0], rows[1]), expected, 0.15)  # its own cache may be off by no more than 0.6
    by_one = _tried(lambda: torch.stack([_alone(model, found, row, [len(row) - 2, 1, 1]) for row in rows]))
    if by_one is None or not loose.holds(by_one):
        return replace(loose, noise=0.0), plain
    trial = replace(loose, noise=min(distance(by_one, expected), 0.15))
    several = _tried(lambda: torch.stack([_alone(model, found, row, [len(row) - 3, 3]) for row in rows]))
    return trial, replace(found, extends=several is not None and trial.holds(several))


def _alone(model: Any, abilities: Abilities, row: list[int], parts: Sequence[int]) -> Tensor:
    """The logits [vocab] after a row that is read in parts."""
    batch: Batch | None = None
    done = 0
    out = torch.empty(0)
    for count in parts:
        ids = torch.tensor([row[done : done + count]], device=model.device)
        out, cache = abilities.forward(model, ids, batch, {}, 1)
        batch = None if cache is None else Batch(cache, (0,))
        done += count
    return out[0, -1]


def _tried(compute: Callable[[], Tensor]) -> Tensor | None:
    """What `compute` returns, None if the model's code fails."""
    try:
        return compute()
    except FAILS:
        return None


# ------------------------------------------------------------------------------------------------------ packed


def _try_packed(trial: Trial, abilities: Abilities, *, inexact: bool) -> Abilities | None:
    """The abilities of a model whose rows can stand in one sequence, None if they cannot. Its attention is replaced.

    `inexact` says that rows may depend on their neighbours.
    """
    model, before = trial.model, trial.model.config._attn_implementation
    if "position_ids" not in abilities.takes or not getattr(model, "_can_set_attn_implementation", bool)():
        return None
    register()
    model.set_attn_implementation(ATTENTION)
    pad = getattr(model.config.get_text_config(), "pad_token_id", None)
    for first in dict.fromkeys((0, *([pad + 1] if isinstance(pad, int) and pad >= 0 else ()))):
        made = replace(abilities, packs=True, first=first, extends=True, pads=True, rewinds=True)
        if _packs(trial, made):
            made = replace(made, exact=_packs_exactly(trial, made))
            if made.exact or inexact:
                return made
            break
    model.set_attn_implementation(before)
    return None


def _packs(trial: Trial, abilities: Abilities) -> bool:
    """Whether both rows in one sequence give what is expected."""
    together = _tried(partial(_in_slots, trial, abilities, trial.rows))
    return together is not None and trial.holds(together)


def _in_slots(trial: Trial, abilities: Abilities, rows: Iterable[list[int]]) -> Tensor:
    """The logits [rows, vocab] after rows that are read together: all but two tokens, then one by one."""
    slots = Slots(abilities.keeps)
    rows = list(rows)
    logits = torch.empty(0)
    for left in (2, 1, 0):
        moves = []
        for number, row in enumerate(rows):
            source = slots.rows[number] if slots.rows else None
            moves.append(Move(Row(row[: len(row) - left], WHOLE), source, len(source.tokens) if source else 0))
        slots.settle(moves)
        logits = run(trial.model, slots, moves, [1] * len(rows), abilities)
    return logits


def _packs_exactly(trial: Trial, abilities: Abilities) -> bool:
    """Whether rows have the same bits alone, and among others, in any number and order that is tried."""
    one, other = trial.rows
    first, second = (_in_slots(trial, abilities, [row])[0] for row in trial.rows)
    for count in (2, 17):
        rows = [other if number % 3 else one for number in range(count)]
        found = _in_slots(trial, abilities, rows)
        if not all(torch.equal(each, second if number % 3 else first) for number, each in enumerate(found)):
            return False
    return True


# ------------------------------------------------------------------------------------------------------ joined


def _try_joined(trial: Trial, abilities: Abilities) -> Abilities:
    """The abilities of a model whose rows are joined by its own caches.

    Bits are promised of joined rows only if their cache has a fixed size, as recurrent states have. What kernels of
    attention give depends on more than two short rows can show.
    """
    model = trial.model
    if abilities.cache is None:
        return replace(abilities, joins=False)
    caches = [_begin(model, abilities, row).batch for row in trial.rows]
    equal = [row[:4] for row in trial.rows]
    alone = torch.stack([_alone(model, abilities, row, [3, 1]) for row in equal])
    together = _tried(partial(_stepped, model, abilities, equal))
    joins = together is not None and replace(trial, expected=alone).holds(together)
    plain = caches[0] is not None and is_plain(caches[0].cache)
    is_state = signature(caches[0], lengths=True) == signature(caches[1], lengths=True)
    padded = _tried(partial(_stepped, model, abilities, trial.rows)) if "attention_mask" in abilities.takes else None
    alike = _alike(model, abilities, equal[0]) if is_state and joins else 1
    return replace(
        abilities,
        joins=joins,
        alike=alike,
        pads=joins and plain and padded is not None and trial.holds(padded),
        rewinds=plain,
        exact=model.device.type == "cpu" or alike > 1,
    )


def _alike(model: Any, abilities: Abilities, row: list[int]) -> int:
    """How many rows at most have the same bits together as alone, in all smaller numbers, too."""
    alone = _stepped(model, abilities, [row])
    for count in range(2, ALIKE + 1):
        found = _stepped(model, abilities, [row] * count)
        if not all(torch.equal(each, alone[0]) for each in found):
            return count - 1
    return ALIKE


def _begin(model: Any, abilities: Abilities, row: list[int]) -> Kept:
    """A row of which all but the last token is read."""
    ids = torch.tensor([row[:-1]], device=model.device)
    return Kept(row[:-1], WHOLE, Batch(abilities.forward(model, ids, None, {}, 1)[1], (0,)), 0)


def _stepped(model: Any, abilities: Abilities, rows: Sequence[list[int]]) -> Tensor:
    """The logits [rows, vocab] after rows that are read alone but for the last token, which is read together."""
    kept = [_begin(model, abilities, row) for row in rows]
    lengths = [len(each.tokens) for each in kept]
    batch = join(kept, lengths, alone=False)
    step = torch.tensor([row[-1:] for row in rows], device=model.device)
    return abilities.forward(model, step, batch, arguments(batch, max(lengths), 1, step.device), 1)[0][:, -1]


def _works_alone(trial: Trial, abilities: Abilities) -> bool:
    """Whether each row by itself still gives what is expected."""
    parts = [1, 1] if abilities.cache is not None else []
    found = _tried(
        lambda: torch.stack(
            [_alone(trial.model, abilities, row, [len(row) - len(parts), *parts]) for row in trial.rows]
        )
    )
    return found is not None and trial.holds(found)
