"""BERTScore (Zhang et al. 2020): an encoder matches each token greedily to the most similar one of the other text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import AutoModel
from transformers.utils import logging

from gen_engine.models.device import choose_device
from gen_engine.system.underway import counted
from gen_evaluate.overlap import check_pairs
from gen_trainkit.devices import place
from gen_trainkit.publishing import load_pretrained

TOGETHER = 32  # texts at once


@dataclass(frozen=True)
class BertScore:
    """Means over the texts of cosines, -1 to 1: precision (candidates' tokens), recall (references' tokens), and their
    F."""

    precision: float
    recall: float
    f: float


def bert_score(
    candidates: Sequence[str], references: Sequence[Sequence[str]], encoder: str, *, device: str = "auto"
) -> BertScore:
    """How similar candidates are to references under `encoder`, a folder or hub name; of several, the best F counts.

    It compares the last hidden states of all tokens but the special ones, without weights. A text without tokens is
    similar to nothing. The encoder computes on `device`, a name of `choose_device`. Raises GenError if the encoder
    cannot be loaded completely, apart from its head and pooler.
    """
    check_pairs(candidates, references)
    chosen = choose_device(device)
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    model, tokenizer = load_pretrained(AutoModel, encoder, new=("pooler.", "cls.", "lm_head.", "classifier."))
    place(model, chosen)
    texts = list(dict.fromkeys([*candidates, *(text for each in references for text in each)]))
    states = dict(zip(texts, _encode(model.eval(), tokenizer, texts), strict=True))
    found = []
    for candidate, *those in zip(candidates, *references, strict=True):
        found.append(max((match(states[candidate], states[each]) for each in those), key=lambda score: score.f))
    count = max(1, len(found))
    return BertScore(*(sum(getattr(one, name) for one in found) / count for name in ("precision", "recall", "f")))


def match(ours: Tensor, theirs: Tensor) -> BertScore:
    """The score of two texts by the states of their tokens, [tokens, width], of norm 1."""
    if not (len(ours) and len(theirs)):
        return BertScore(0.0, 0.0, 0.0)
    likeness = ours @ theirs.T
    precision, recall = likeness.max(1).values.mean().item(), likeness.max(0).values.mean().item()
    both = precision + recall
    return BertScore(precision, recall, 2 * precision * recall / both if both else 0.0)


@torch.inference_mode()
def _encode(model: Any, tokenizer: Any, texts: Sequence[str]) -> list[Tensor]:
    """The states of each text's tokens, [tokens, width], of norm 1; tokens beyond the positions are cut off."""
    longest = getattr(model.config, "max_position_embeddings", None)
    found: dict[int, Tensor] = {}
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    for first in counted(range(0, len(order), TOGETHER), "reading texts for BERTScore, batches"):
        group = order[first : first + TOGETHER]
        read = tokenizer(
            [texts[i] for i in group], padding=True, truncation=longest is not None, max_length=longest,
            return_tensors="pt", return_special_tokens_mask=True,
        )  # fmt: skip
        real = read["attention_mask"].bool() & ~read.pop("special_tokens_mask").bool()
        states = torch.nn.functional.normalize(model(**read.to(model.device)).last_hidden_state.float(), dim=-1).cpu()
        found |= {i: row[mark] for i, row, mark in zip(group, states, real, strict=True)}
    return [found[i] for i in range(len(texts))]
