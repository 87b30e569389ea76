"""Both ways between this engine and transformers.

Its logits processors work as shapers here: `from_transformers`.

Our chain works as one of its logits processors: `as_logits_processor`. The result goes into `model.generate`:

    engine = engine_around(model, tokenizer)
    chain = as_logits_processor(engine, "白日", processors=["no_special", "length=20"], max_new=20)
    ids = model.generate(**chain.inputs, logits_processor=[chain], do_sample=True)
    print([chain.text(row) for row in ids])
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from .blame import blaming
from .chain import Chain, Plan
from .decoding import standing
from .decoding.ends import fold_ends_of_tensor, unfold_ends_of_tensor
from .decoding.generation import uniform
from .decoding.standing import Standing
from .decoding.viable import Viable
from .engine import Engine
from .errors import GenError
from .models.abilities import find_abilities
from .models.adapter import TransformersLM
from .models.tokenizer import FolderTokenizer, make_tokenizer
from .patience import SECONDS, Patience
from .shapers.shaping import NamedShaper, keep
from .text.chats import Chat
from .text.token_sets import Blocked, TokenSet
from .types import Prompt, Step

STATEFUL = (
    "SynthIDTextWatermarkLogitsProcessor",
    "UnbatchedClassifierFreeGuidanceLogitsProcessor",
    "WhisperNoSpeechDetection",
)
"""Processors of transformers that remember the rows of one batch, and so cannot serve rows of many requests."""

# --------------------------------------------------------------------------------------- theirs as a shaper of ours


def from_transformers(processor: Callable[[Any, Any], Tensor]) -> NamedShaper:
    """A transformers `LogitsProcessor`, a list of them, or a function of (input_ids, scores), as a shaper.

    It is called for each row alone, with that row's history, prompt included, as `input_ids` [1, length]. So rows of
    different lengths need no padding, and no row depends on another. It must keep nothing between calls; those known to
    do so are refused with GenError. Whatever it returns, masked tokens stay masked.
    """
    name = _name(processor)
    if name in STATEFUL:
        raise GenError(f"{name} remembers the rows of one batch, which rows of many requests are not; leave it out.")
    if not callable(processor):
        raise GenError(f"{name} is no logits processor; give a function of input_ids and scores.")

    def shape(step: Step, logits: Tensor) -> Tensor:
        shaped = [
            processor(torch.tensor([list(history)], dtype=torch.long, device=logits.device), logits[i : i + 1].clone())
            for i, history in enumerate(step.histories)
        ]
        if any(getattr(row, "shape", None) != logits[:1].shape for row in shaped):
            raise GenError(f"{name} returned no scores of the shape it was given; mend it, or leave it out.")
        return keep(torch.cat(shaped), logits > -torch.inf)

    return NamedShaper(name, True, shape)


def _name(processor: Any) -> str:
    if isinstance(processor, list):
        return "+".join(_name(each) for each in processor) or "no processors"
    return getattr(processor, "__name__", None) or type(processor).__name__


# ---------------------------------------------------------------------------------------- ours as a processor of theirs


def engine_around(model: Any, tokenizer: Any) -> Engine:
    """An engine around a transformers model and its (fast) tokenizer in memory.

    The model is put into evaluation mode. Raises GenError for a tokenizer without a tokenizer.json, or one with more
    tokens than the model.
    """
    config = model.config.get_text_config()
    settings = [config.to_dict(), model.generation_config.to_dict() if model.can_generate() else {}]
    model.eval()
    columns = int(model.get_output_embeddings().weight.shape[0])
    return Engine(
        TransformersLM(
            name=config.name_or_path or type(model).__name__,
            dtype=str(model.dtype).removeprefix("torch."),
            dtype_reason="the model's own",
            positions=getattr(config, "max_position_embeddings", None),
            reproducible=True,
            tokenizer=tokenizer_around(tokenizer, settings, columns),
            model=model,
            abilities=find_abilities(model, patch=False),
        )
    )


def tokenizer_around(tokenizer: Any, settings: Sequence[Mapping[str, Any]], columns: int) -> FolderTokenizer:
    """Our tokenizer around a (fast) tokenizer of transformers, for a model of `columns` logits.

    `settings` are the model's config and its generation config, which name the ends. Raises GenError for a tokenizer
    without a tokenizer.json.
    """
    from tokenizers import Tokenizer as Backend

    found = getattr(tokenizer, "backend_tokenizer", None)
    if found is None:
        raise GenError(
            "The tokenizer is none of the fast ones; load it with AutoTokenizer, or give it a tokenizer.json."
        )
    backend = Backend.from_str(found.to_str())  # a copy, so that it can be configured differently
    backend.no_truncation()
    backend.no_padding()
    settings = [{key: value for key, value in each.items() if value is not None} for each in settings]
    return make_tokenizer(backend, dict(tokenizer.special_tokens_map), settings, columns)


@blaming()
def as_logits_processor(
    source: Engine | Chain,
    prompt: str | Prompt,
    *,
    processors: Sequence[Any] = (),
    max_new: int = 256,
    shapers: bool = True,
    seed: int = 0,
    patience: float = SECONDS,
    context: str | Prompt | Chat = "",
) -> ChainProcessor:
    """Our chain as an object for `logits_processor=[...]` of `model.generate`: greedy, sampling and beams.

    `source` is an engine, or a chain made before, for which `engine.read` has read `prompt`. With an engine, processors
    and context are written as for `engine.generate`. `shapers` says whether the chain's shapers count, too; beams rank
    by what they return. `seed` is for shapers that draw numbers. `patience` limits its searches, in seconds in all.
    `generate` truncates after the chain as it is configured (top_k=50 by default).

    Raises ConflictError before the first token if there is no text. Raises UndecidedError when patience runs out,
    perhaps between two tokens. Raises GenError for a model without an end token, since `generate` could not end a text.
    """
    if isinstance(source, Engine):
        prompt = source.read(prompt, context)
        source = source.chain(processors)
    elif processors or context or isinstance(prompt, str):
        raise GenError(
            "A chain has its processors, and encodes nothing; give it what engine.read returns alone, or an engine."
        )
    if source.vocabulary.end is None:
        raise GenError("The model has no end token, by which generate could end a text; use engine.generate instead.")
    plan = source.plan(prompt, max_new, Patience(patience))
    return ChainProcessor(plan, source if shapers else replace(source, shapers=()), seed)


@dataclass(frozen=True, eq=False)
class Place:
    """Where a row stands, what the shapers remember, and the logits last given.

    The joint state is None for rows that left the rules long ago, as beams of no weight do.
    """

    standing: Standing
    memory: tuple[Any, ...] = ()
    given: Tensor | None = None


@dataclass(eq=False)
class ChainProcessor:
    """A chain for one prompt, in the form that `model.generate` calls; made by `as_logits_processor`.

    A row's state is found by its tokens, not by its number. So beams may be reordered and rows dropped. Every token
    that is not masked has a witness behind it. The end is allowed where every constraint accepts; of several ends each
    has its own score, and shapers see one end with the probability of all. A finished text is followed by nothing but
    the end, at no cost. `chain` is the plan's, perhaps without shapers. `exact` says whether
    every token so far was masked by a proof, not by the limit of a search.
    """

    plan: Plan
    chain: Chain
    seed: int
    exact: bool = True
    # at most one for each row of the last call
    _places: dict[tuple[int, ...], Place] = field(default_factory=dict, repr=False)

    @property
    def inputs(self) -> dict[str, Any]:
        """Further arguments for `generate`: the prompt as the chain reads it, and the maximum length."""
        ids = torch.tensor([self.plan.prompt.read], dtype=torch.long)
        ends = self.plan.chain.vocabulary.every_end
        return {
            "input_ids": ids,
            "attention_mask": torch.ones_like(ids),
            "max_new_tokens": max(1, self.plan.budget),
            "eos_token_id": list(ends) if len(ends) > 1 else ends[0],
            "pad_token_id": ends[0],
        }

    @cached_property
    def viable(self) -> Viable:
        """Finds the tokens that have a witness behind them."""
        return Viable(self.plan)

    def text(self, row: Sequence[int] | Tensor) -> str:
        """The text of a row that `generate` returned: up to the end or a stop string, prompt included."""
        tokens = self._new([int(token) for token in row])
        vocabulary = self.plan.chain.vocabulary
        written: list[int] = []
        joint = self.plan.start
        for token in tokens:
            if token in vocabulary.every_end or self.plan.product.cut(joint):
                break
            joint = self.plan.product.next(joint, token)
            written.append(token)
        return self.plan.prompt.text + vocabulary.text_of(written[: len(written) - self.plan.product.cut(joint)])

    @blaming()
    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """The scores [rows, vocab] of what may follow each row of `input_ids` [rows, length]; the rest is -inf."""
        vocabulary = self.plan.chain.vocabulary
        if scores.shape[-1] != len(vocabulary):
            raise GenError(
                f"The scores are of {scores.shape[-1]} tokens, the chain of {len(vocabulary)}; give the model's engine."
            )
        rows = [self._new(row) for row in input_ids.tolist()]
        places = [self._place(row) for row in rows]
        lefts = [self.plan.budget - len(row) for row in rows]
        allowed = [standing.allowed(self.plan, place.standing, left) for place, left in zip(places, lefts, strict=True)]
        found = torch.full_like(scores, -torch.inf)
        found[:, vocabulary.end] = 0.0
        folded = fold_ends_of_tensor(scores.clone(), vocabulary) if vocabulary.ends else scores
        going = [i for i, tokens in enumerate(allowed) if tokens is not None]
        for i in going:
            tokens = allowed[i]
            assert tokens is not None
            found[i] = self._shaped(i, rows[i], places[i], tokens, folded[i : i + 1])
        self._places = {
            row: replace(place, given=found[i]) for i, (row, place) in enumerate(zip(rows, places, strict=True))
        }
        return unfold_ends_of_tensor(found, scores, vocabulary, rows=going)

    def _new(self, row: Sequence[int]) -> tuple[int, ...]:
        """The tokens of a row that follow the prompt."""
        prompt = self.plan.prompt.read
        if tuple(row[: len(prompt)]) != prompt:
            raise GenError("generate was given another prompt than the chain; pass **processor.inputs to it.")
        return tuple(row[len(prompt) :])

    def _place(self, row: tuple[int, ...]) -> Place:
        """Where the row stands: one token further than in the last call, or else computed from the prompt."""
        if row in self._places:
            return self._places[row]
        place = self._places.get(row[:-1]) if row else None
        rest = row[-1:] if place is not None else row
        place = place or Place(standing.at_start(self.plan), self.chain.first_memory)
        for i, token in enumerate(rest, len(row) - len(rest)):
            place = self._after(place, token, self.plan.budget - i)
        return place

    def _after(self, place: Place, token: int, left: int) -> Place:
        after = standing.after(self.plan, place.standing, token, left)
        if after.joint is None or after.ended or not place.memory:
            return replace(place, standing=after)
        logprob = 0.0 if place.given is None else float(place.given.float().log_softmax(-1)[token])
        return Place(after, self.chain.remember(place.memory, token, logprob))

    def _shaped(self, number: int, row: tuple[int, ...], place: Place, allowed: TokenSet, scores: Tensor) -> Tensor:
        """The row's scores [vocab] once all dead tokens are struck. `generate` cannot be asked to draw again. So dead
        tokens are searched for before a draw, whereas decoders search after it.
        """
        joint, rest = place.standing.joint, place.standing.rest
        assert joint is not None
        left = self.plan.budget - len(row)
        end = self.plan.chain.vocabulary.end
        step = self._step(number, row, place)
        while not allowed.is_empty():
            shaped = self._shape(step, scores, allowed)[0]
            likely = [token for token in (shaped > -torch.inf).nonzero().flatten().tolist() if token != end]
            dead, undecided = self.viable.dead(joint, left, likely, rest)
            self.exact = self.exact and not undecided
            shaped[list(dead)] = -torch.inf
            if not dead or (not self.chain.truncates and (shaped > -torch.inf).any()):
                return shaped
            allowed = allowed.without(dead)
        only = torch.full_like(scores[0], -torch.inf)
        only[self.viable.trusted(joint, left, rest).token] = 0.0
        return only

    def _step(self, number: int, row: tuple[int, ...], place: Place) -> Step:
        return Step(
            histories=[(*self.plan.prompt.tokens, *row)],
            prompt_lengths=[len(self.plan.prompt.tokens)],
            vocabulary=self.plan.chain.vocabulary,
            draw=lambda name: torch.tensor([uniform(self.seed, number, len(row), 0, name)], dtype=torch.float64),
            memories=[place.memory] if place.memory else (),
        )

    def _shape(self, step: Step, scores: Tensor, allowed: TokenSet) -> Tensor:
        out = Blocked([allowed], scores.shape[-1])
        shaped = self.chain.shape(step, scores, out)
        if bool(shaped.amax().isfinite()):
            return shaped
        return self.chain.shape_warily(step, scores, out.tensor.to(scores.device))[0]
