"""`transformers.generate` under the constraints of a poem, in the form that costs it least."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor
from transformers import AutoModelForCausalLM, PreTrainedModel
from transformers.utils.logging import disable_progress_bar

from gen_engine.text import Vocabulary, is_han
from gen_poem.rules.form import HAN
from gen_poem.verse.marks import PRINTED

FREE = "任"
"""The sign for a place of any single character."""


def load_peer(folder: Path, dtype: str) -> PreTrainedModel:
    """The model of a folder as transformers has it."""
    disable_progress_bar()
    return AutoModelForCausalLM.from_pretrained(folder, dtype=getattr(torch, dtype)).eval()


def forbidden_at(sign: str, vocabulary: Vocabulary) -> Tensor:
    """What may not stand at a place of a pattern, [vocab]: also [UNK], special and unused tokens."""
    texts = [None if i in vocabulary.unused else text for i, text in enumerate(vocabulary.texts)]
    return torch.tensor([not _fits(sign, text) for text in texts])


class PatternMask:
    """Masks what a pattern has no place for: one lookup and one fill a step, with every ban folded in.

    Punctuation at a character's place, characters at a mark's, [UNK], special and unused tokens are all forbidden.
    """

    def __init__(self, pattern: str, vocabulary: Vocabulary, leading: int) -> None:
        masks = {sign: forbidden_at(sign, vocabulary) for sign in set(pattern)}
        self.forbidden = [masks[sign] for sign in pattern]
        self.leading = leading

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        return scores.masked_fill(self.forbidden[input_ids.shape[1] - self.leading], -torch.inf)


def _fits(sign: str, text: str | None) -> bool:
    if text is None or len(text) != 1:
        return False
    if sign == FREE:
        return True
    return is_han(text) if sign == HAN else text in PRINTED[sign]


class TransformersPoet:
    """Writes the same texts as the engine does: same weights, prompt, form and top-k, sampling with a cache.

    `pattern` has a sign for each place of the whole text, the prompt's included.
    """

    def __init__(self, model: PreTrainedModel, pattern: str, vocabulary: Vocabulary, prompt: Sequence[int]) -> None:
        self.model = model
        written = sum(1 for token in prompt if vocabulary.surfaces[token])
        self.mask = PatternMask(pattern, vocabulary, len(prompt) - written)
        self.new = len(pattern) - written
        self.prompt = torch.tensor([list(prompt)])

    def write(self, rows: int) -> Tensor:
        """`rows` texts, [rows, tokens]."""
        tokens = self.prompt.expand(rows, -1)
        return self.model.generate(
            tokens,
            attention_mask=torch.ones_like(tokens),
            do_sample=True,
            top_k=50,
            use_cache=True,
            max_new_tokens=self.new,
            logits_processor=[self.mask],
            pad_token_id=0,
        )


class PaddedBatch:
    """Different requests in one call of `generate`: padded on the left, and at the end until the longest is done.

    Each request is its prompt's tokens and the signs of the places that follow.
    """

    def __init__(
        self, model: PreTrainedModel, requests: Sequence[tuple[Sequence[int], str]], vocabulary: Vocabulary, end: int
    ) -> None:
        self.model, self.end = model, end
        width = max(len(tokens) for tokens, _ in requests)
        self.new = max(len(signs) for _, signs in requests)
        padded = [([0] * (width - len(tokens)), list(tokens)) for tokens, _ in requests]
        self.tokens = torch.tensor([[*pads, *tokens] for pads, tokens in padded])  # [rows, width]
        self.read = torch.tensor([[0] * len(pads) + [1] * len(tokens) for pads, tokens in padded])
        kinds = sorted({sign for _, signs in requests for sign in signs})
        only_end = torch.ones(len(vocabulary), dtype=torch.bool)
        only_end[end] = False
        self.masks = torch.stack([*(forbidden_at(sign, vocabulary) for sign in kinds), only_end])  # [kinds + 1, vocab]
        places = [[kinds.index(sign) for sign in signs] for _, signs in requests]
        self.kinds = torch.tensor([row + [len(kinds)] * (self.new - len(row)) for row in places])  # [rows, new]

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        at = self.kinds[:, input_ids.shape[1] - self.tokens.shape[1]]
        return scores.masked_fill(self.masks[at], -torch.inf)

    def write(self) -> Tensor:
        """All texts, [rows, width + new]; those that are done are filled up with the padding."""
        return self.model.generate(
            self.tokens,
            attention_mask=self.read,
            do_sample=True,
            top_k=50,
            use_cache=True,
            max_new_tokens=self.new,
            logits_processor=[self],
            pad_token_id=0,
            eos_token_id=self.end,
        )
