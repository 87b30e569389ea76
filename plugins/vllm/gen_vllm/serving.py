"""The model that vLLM serves, as far as rules need it: its vocabulary, and what is planned over it.

Plans are made twice: by the process that admits a request, which refuses what has no text, and by the one that
computes. Both get the same, since a plan is a function of the request and the vocabulary alone.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from threading import Lock
from types import FrameType
from typing import Any, NoReturn

from gen_engine.decoding.viable import Viable
from gen_engine.engine import Engine
from gen_engine.errors import GenError, brief
from gen_engine.interop import tokenizer_around
from gen_engine.memory import Memory, remembered
from gen_engine.patience import SECONDS, Patience
from gen_engine.types import Tokenizer

from .asking import Asked, asked_of

PLANS = 1024
"""For how many different requests the plan is remembered."""

MODELS = 4
"""How many vocabularies are remembered."""

UNLIMITED = 1e9
"""Seconds: searches in the engine are bounded by their steps alone, since it cannot refuse a request any more."""


@dataclass(frozen=True, eq=False)
class Elsewhere:
    """A model of which we have the tokenizer only, since vLLM computes it."""

    name: str
    tokenizer: Tokenizer
    dtype: str = "vLLM's"
    positions: int | None = None
    reproducible: bool = False

    def open(self, capacity: int) -> NoReturn:
        """Refuse to compute."""
        raise GenError(f"{brief(self.name)} is computed by vLLM; ask that.")

    def feed(
        self,
        cache: Any,
        parents: Sequence[int],
        keep: Sequence[int],
        tokens: Sequence[Sequence[int]],
        last: Sequence[int] | None = None,
        pinned: Sequence[int] | None = None,
    ) -> NoReturn:
        """Refuse to compute."""
        self.open(len(parents))


@dataclass(frozen=True, eq=False)
class Served:
    """The vocabulary of a served model, and the plans over it."""

    engine: Engine
    _plans: Memory[Asked, Viable] = remembered(PLANS)
    _lock: Lock = field(default_factory=Lock, repr=False)

    @cached_property
    def ends(self) -> frozenset[int]:
        """The tokens that end a text."""
        vocabulary = self.engine.tokenizer.vocabulary
        return frozenset(vocabulary.every_end) if vocabulary.end is not None else frozenset()

    def plan(self, asked: Asked, patience: float = UNLIMITED) -> Viable:
        """What may follow in texts of this request.

        Raises ConflictError if there is no text, UndecidedError if that is not known after `patience` seconds, and
        GenError for processors that cannot be kept here.
        """
        with self._lock:
            known = self._plans.get(asked)
            if known is not None:
                return known
            chain = self.engine.chain(asked.processors)
            if chain.shapers:
                raise GenError(f"{chain.shapers[0].label} is no constraint; give vLLM's own sampling parameters.")
            if chain.product.stops:
                raise GenError("stop=... cuts a text, which vLLM would not do; ask for a pattern (regex=...).")
            plan = chain.plan(self.engine.read(asked.prompt), asked.max_new, Patience(patience))
            return self._plans.put(asked, Viable(replace(plan, patience=Patience(UNLIMITED))))


_models: Memory[tuple[Any, ...], Served] = Memory(MODELS)
_opening = Lock()


def served_by(vllm_config: Any) -> Served:
    """The model of a configuration of vLLM; one object for all who ask. Raises GenError without a fast tokenizer."""
    model = vllm_config.model_config
    key = (model.tokenizer, model.tokenizer_revision, model.model, model.revision, model.get_vocab_size())
    with _opening:
        return _models.get(key) or _models.put(key, Served(Engine(Elsewhere(str(model.model), _tokenizer(model)))))


def _tokenizer(model: Any) -> Tokenizer:
    from transformers import AutoTokenizer

    try:
        found = AutoTokenizer.from_pretrained(
            model.tokenizer, revision=model.tokenizer_revision, trust_remote_code=False
        )
    except (OSError, ValueError, KeyError, ImportError) as error:
        reason = str(error).strip().split("\n")[0]
        raise GenError(
            f"{brief(str(model.tokenizer))} has no tokenizer that can be read ({reason}); give one by --tokenizer."
        ) from error
    settings = [model.hf_text_config.to_dict(), dict(model.try_get_generation_config() or {})]
    return tokenizer_around(found, settings, model.get_vocab_size())


def admit(sampling_params: Any) -> None:
    """Raise GenError for a request that the vLLM that calls cannot fulfil: what is wrong or which rules conflict."""
    asked = asked_of(sampling_params)
    config = calling_config()
    if config is None:
        raise GenError("This version of vLLM does not show its configuration; take one that gen-engine-vllm names.")
    refuse_unsupported(config)
    served = served_by(config)
    if not served.ends:
        raise GenError("The model has no end token, by which a text could end; take another model.")
    others = set(sampling_params.stop_token_ids or ()) - served.ends
    if others:
        raise GenError(f"stop_token_ids {sorted(others)} end texts that the rules have not finished; leave them out.")
    served.plan(asked, SECONDS)


def calling_config() -> Any:
    """The configuration of the vLLM that called us, which hands over none; None if no caller shows one.

    `validate_params` is a class method, and one process may hold several engines. The one that asks is found among the
    callers.
    """
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        config = getattr(frame.f_locals.get("self"), "vllm_config", None)
        if config is not None:
            return config
        frame = frame.f_back
    return None


def refuse_unsupported(config: Any) -> None:
    """Raise GenError if vLLM is configured so that it would not ask us, or ask too little."""
    if config.speculative_config is not None:
        raise GenError("gen_with is not kept under speculative decoding; start vLLM without --speculative-config.")
    if getattr(config.model_config, "is_diffusion", False):
        raise GenError("gen_with is not kept by diffusion models, which do not write token by token; take another one.")
    named = config.model_config.logits_processors
    if config.scheduler_config.async_scheduling and not named and not config.use_v2_model_runner:
        raise GenError(
            "vLLM's V1 model runner does not show the tokens of a text while it schedules ahead; start it with "
            "--no-async-scheduling, or with --logits-processors gen_vllm.processor:GenLogitsProcessor."
        )
