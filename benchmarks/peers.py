"""`transformers.generate` under the constraints of a poem, in the form that costs it least."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor
from transformers import AutoModelForCausalLM, PreTrainedModel
from transformers.utils.logging import disable_progress_bar

from gen_engine.text import Vocabulary, is_han
from gen_poem.rules.form import HAN, Form
from gen_poem.verse.marks import PRINTED


class FormMask:
    """Masks what the form has no place for: one lookup and one fill a step, with every ban folded in.

    Punctuation at a character's place, characters at a mark's, [UNK], special and unused tokens are all forbidden.
    """

    def __init__(self, form: Form, vocabulary: Vocabulary, leading: int) -> None:
        texts = [None if i in vocabulary.unused else text for i, text in enumerate(vocabulary.texts)]
        fits = {sign: torch.tensor([_fits(sign, text) for text in texts]) for sign in set(form.pattern)}
        self.forbidden = [~fits[sign] for sign in form.pattern]
        self.leading = leading

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        return scores.masked_fill(self.forbidden[input_ids.shape[1] - self.leading], -torch.inf)


def _fits(sign: str, text: str | None) -> bool:
    if text is None or len(text) != 1:
        return False
    return is_han(text) if sign == HAN else text in PRINTED[sign]


class TransformersPoet:
    """Writes the same poems as the engine does: same weights, dtype, prompt, form and top-k, sampling with a cache."""

    def __init__(self, folder: Path, dtype: str, form: Form, vocabulary: Vocabulary, prompt: tuple[int, ...]) -> None:
        disable_progress_bar()
        self.model: PreTrainedModel = AutoModelForCausalLM.from_pretrained(folder, dtype=getattr(torch, dtype)).eval()
        written = sum(1 for token in prompt if vocabulary.surfaces[token])
        self.mask = FormMask(form, vocabulary, len(prompt) - written)
        self.new = len(form.pattern) - written
        self.prompt = torch.tensor([prompt])

    def write(self, rows: int) -> Tensor:
        """`rows` poems, [rows, tokens]."""
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
