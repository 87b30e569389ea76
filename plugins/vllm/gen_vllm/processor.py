"""The logits processor that vLLM loads: one class for both of its interfaces.

Importing this needs no vLLM, and nothing heavy of ours: vLLM loads it at every start.
"""

from __future__ import annotations

from collections.abc import Sequence
from logging import getLogger
from typing import TYPE_CHECKING, Any

from .asking import is_asked
from .interfaces import found_interfaces, made_subclass

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from .rows import Placed, Row

logger = getLogger(__name__)


class Constraining:
    """Keeps the rules that a request asks for in `vllm_xargs`: `{"gen_with": ["length=20"]}`.

    Every finished text obeys, within `max_tokens`. Other requests are not touched. `unlike` names what of vLLM's
    interfaces is not as expected; if anything, requests that ask are refused.

    V1 calls `update_state` with changes of the batch, and `apply(logits)`. V2 calls `add_request` with slots, and
    `apply(logits, ctx)`.
    """

    unlike = ""

    def __init__(self, vllm_config: Any, device_or_states: Any, is_pin_memory: bool = False) -> None:
        self.config = vllm_config
        self.states = device_or_states
        self.rows: dict[int, Row] = {}  # at most one for each place of the batch (V1) or slot (V2)

    @classmethod
    def validate_params(cls, sampling_params: Any) -> None:
        """Raise ValueError for a request that cannot be fulfilled, which vLLM answers with status 400."""
        if not is_asked(sampling_params):
            return
        if cls.unlike:
            raise ValueError(f"gen_with is not kept by this version of vLLM ({cls.unlike}); take 0.33.")
        from gen_engine.errors import GenError

        from .serving import admit

        try:
            admit(sampling_params)
        except GenError as error:
            raise ValueError(str(error)) from error

    def is_argmax_invariant(self) -> bool:
        """No: the likeliest token may be forbidden."""
        return False

    def update_state(self, batch_update: Any) -> None:
        """Follow what the batch of V1 removed, added and moved."""
        if batch_update is None:
            return
        for index in batch_update.removed:
            self.rows.pop(index, None)
        for index, sampling_params, prompt, output in batch_update.added:
            self._add(index, sampling_params, output, len(prompt or ()))
        for one, other, direction in batch_update.moved:
            here, there = self.rows.pop(one, None), self.rows.pop(other, None)
            if here is not None:
                self.rows[other] = here
            if there is not None and direction.name == "SWAP":
                self.rows[one] = there

    def add_request(self, req_idx: int, sampling_params: Any) -> bool:
        """Take over a slot of V2; whether the request asks for anything."""
        return self._add(req_idx, sampling_params)

    def apply_staged_writes(self) -> None:
        """Nothing is staged."""

    def apply(self, logits: Tensor, ctx: Any = None) -> Tensor:
        """The logits [rows, vocab], with -inf in place where a token may not follow."""
        if not self.rows:
            return logits
        from .rows import forbid

        found = self._in_batch() if ctx is None else self._in_slots(ctx, logits.shape[0])
        if not found:
            return logits
        size = logits.shape[-1]
        return forbid(logits, [at for at, _, _ in found], [_allowed(row, new, size) for _, row, new in found])

    def _add(self, index: int, sampling_params: Any, output: Sequence[int] = (), prompt_length: int = 0) -> bool:
        self.rows.pop(index, None)
        if self.unlike or not is_asked(sampling_params):
            return False
        from .rows import Row

        self.rows[index] = Row(self.config, sampling_params, output, prompt_length)
        return True

    def _in_batch(self) -> list[Placed]:
        """V1: the place of each row among the logits, and its new tokens."""
        return [(index, row, list(row.output)) for index, row in self.rows.items()]

    def _in_slots(self, ctx: Any, count: int) -> list[Placed]:
        """V2: the same of the rows that are in this step."""
        slots = ctx.idx_mapping_np if len(ctx.idx_mapping_np) == count else ctx.expanded_idx_mapping.tolist()
        mine = [(at, int(slot)) for at, slot in enumerate(slots) if int(slot) in self.rows]
        if not mine:
            return []
        from .rows import read_slots

        try:
            return read_slots(self.rows, self.states, ctx, mine)
        except Exception:  # vLLM's own objects, which may be others in other versions
            logger.exception("the tokens of texts could not be read from vLLM; these texts end")
            for _, slot in mine:
                self.rows[slot].failed = True
            return [(at, self.rows[slot], []) for at, slot in mine]


def _allowed(row: Row, new: list[int], size: int) -> np.ndarray:
    """What may follow. A row that fails is told and ends, since an error here would end all requests of vLLM."""
    if not row.failed:
        try:
            return row.allowed(new)
        except Exception:  # rules of plugins run here
            logger.exception("a text cannot go on, and ends: %s", row.sampling_params.extra_args)
            row.failed = True
    from gen_engine.text.token_sets import marked

    return marked([token for token in row.stops if token < size] or [0], size)


GenLogitsProcessor: Any = made_subclass("GenLogitsProcessor", Constraining, found_interfaces())
