"""A text that vLLM is writing, and the masks over a batch of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import islice
from logging import getLogger
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gen_engine.decoding import standing
from gen_engine.decoding.standing import Standing
from gen_engine.decoding.viable import Viable
from gen_engine.errors import GenError

from .asking import Asked, asked_of
from .serving import Served, served_by

logger = getLogger(__name__)

Placed = tuple[int, "Row", list[int]]
"""The place of a row among the logits, the row, and its new tokens."""


@dataclass(eq=False)
class Row:
    """A request under way. Where it stands is found by its tokens, so it may be moved, put off and taken up again.

    `output` are its new tokens, where vLLM keeps a list of them up to date. Nothing is planned or loaded before the
    first mask, so that a process that draws nothing does no work.
    """

    config: Any
    sampling_params: Any
    output: Sequence[int] = ()
    prompt_length: int = 0
    failed: bool = False
    tokens: list[int] = field(default_factory=list)
    _viable: Viable | None = None
    _standing: Standing | None = None

    @property
    def stops(self) -> list[int]:
        """The tokens at which vLLM ends this text."""
        return sorted(getattr(self.sampling_params, "all_stop_token_ids", ()))

    @cached_property
    def served(self) -> Served:
        """The model."""
        return served_by(self.config)

    @cached_property
    def asked(self) -> Asked:
        """What the request asks."""
        return asked_of(self.sampling_params)

    def allowed(self, output: Sequence[int]) -> np.ndarray:
        """What may follow these new tokens, as a bool array [vocab]; it is never empty."""
        viable, place = self._followed(output)
        vocabulary = viable.plan.chain.vocabulary
        found = standing.live(viable, place, viable.plan.budget - len(output))
        may_end = found is None or bool(found[vocabulary.end])
        found = np.zeros(len(vocabulary), dtype=bool) if found is None else found
        found[list(vocabulary.every_end)] = False
        found[self.ends] = may_end
        return found

    @property
    def ends(self) -> list[int]:
        """The tokens by which the text may end: those of the model that vLLM stops at."""
        return sorted(self.served.ends.intersection(self.stops)) or sorted(self.served.ends)

    def _followed(self, output: Sequence[int]) -> tuple[Viable, Standing]:
        """What may follow, and where the text stands after these tokens."""
        viable = self._viable = self._viable or self._planned()
        place, known = self._standing, len(self.tokens)
        if place is None or self.tokens != list(output[:known]):  # it was taken up again, with fewer tokens
            place, known = standing.at_start(viable.plan), 0
        for i, token in enumerate(output[known:], known):
            if token < 0:
                raise GenError("vLLM shows a placeholder for a token of the text; start it with --no-async-scheduling.")
            place = standing.after(viable.plan, place, token, viable.plan.budget - i)
        self.tokens, self._standing = list(output), place
        return viable, place

    def _planned(self) -> Viable:
        """The plan, for as many tokens as the model's window has room for."""
        window = self.config.model_config.max_model_len
        room = window - self.prompt_length
        if room < self.asked.max_new:
            try:
                return self.served.plan(replace(self.asked, max_new=room))
            except GenError as error:
                logger.warning("vLLM will cut a text at the end of the window of %d tokens: %s", window, error)
        return self.served.plan(self.asked)


def read_slots(rows: Mapping[int, Row], states: Any, ctx: Any, mine: Sequence[tuple[int, int]]) -> list[Placed]:
    """The rows in these places and slots of V2, with their new tokens, which are read from the device in one copy.

    Rows whose prompt is not read to its end are left out, since nothing is drawn for them.
    """
    found: list[Placed] = []
    wanted: list[tuple[int, int]] = []
    for at, slot in mine:
        row, visible = rows[slot], int(ctx.seq_lens_upper_bound_np[at])
        row.prompt_length = int(states.prompt_len.np[slot])
        if visible < int(states.prefill_len.np[slot]):
            continue
        known = row.tokens if len(row.tokens) <= visible - row.prompt_length else []
        wanted += [(slot, column) for column in range(row.prompt_length + len(known), visible)]
        found.append((at, row, list(known)))
    if wanted:
        places = torch.tensor(wanted, dtype=torch.long).to(states.all_token_ids.gpu.device)
        unread = iter(states.all_token_ids.gpu[places[:, 0], places[:, 1]].tolist())
        for at, row, new in found:
            missing = int(ctx.seq_lens_upper_bound_np[at]) - row.prompt_length - len(new)
            new.extend(islice(unread, missing))
    return found


def forbid(logits: Tensor, rows: Sequence[int], allowed: Sequence[np.ndarray]) -> Tensor:
    """The logits [rows, vocab], changed in place: -inf where a token may not follow, in these `rows`.

    Where the model gives no finite logit to any token that may follow, all of them have the same. The host waits for
    nothing.
    """
    size = logits.shape[-1]
    keep = np.zeros((len(rows), size), dtype=bool)
    for row, array in zip(keep, allowed, strict=True):
        row[: len(array)] = array[:size]
    kept = torch.from_numpy(keep).to(logits.device)
    index = torch.tensor(list(rows), dtype=torch.long, device=logits.device)
    found = logits[index]
    found = found.masked_fill(~kept | found.isnan(), -torch.inf)
    is_empty = ~found.amax(-1, keepdim=True).isfinite()
    logits[index] = found.masked_fill(is_empty & kept, 0.0)
    return logits
