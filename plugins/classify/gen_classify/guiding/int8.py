"""Classifiers that guide, in int8 by the compiled step: the answer for a text never depends on the other texts.

A GPT-2 keeps what it read in the last call. So the candidates for one place share their beginning, and the next place
costs one token a candidate. A BERT reads each text whole.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from math import sqrt
from threading import Lock
from typing import Any

import numpy as np

from gen_engine.compiled.arithmetic import ACTIVATIONS, Array
from gen_engine.compiled.library import as_int32, library
from gen_engine.compiled.linear import Int8Linear, quantise_linear
from gen_engine.compiled.pages import PagedRow, Pages, continued
from gen_engine.compiled.stages import Int8Stages, Stage
from gen_engine.compiled.transformer import Call, Int8Block, Int8Transformer
from gen_engine.models.int8_bert import BertSizes, int8_bert

AT_ONCE = 4096
"""So many tokens are computed together, or one text."""

Tokens = tuple[int, ...]
Judge = Callable[[Sequence[Tokens]], Array]
"""`texts as tokens -> logits [texts, outputs]`."""


@dataclass(frozen=True, eq=False)
class BertJudge:
    """A BERT and its head, which reads the state of the first token."""

    encoder: Int8Transformer
    head: Int8Stages

    def __call__(self, texts: Sequence[Tokens]) -> Array:
        """Logits [texts, outputs]."""
        pages, states = Pages(*self.encoder.pages), []
        for portion in in_portions(texts):
            rows = continued(pages, [None] * len(portion), [0] * len(portion), list(map(len, portion)), [])
            firsts = np.cumsum([0, *map(len, portion)])[:-1]
            states.append(self.encoder.step(_call(pages, rows, portion, [0] * len(portion), firsts.tolist())))
            for row in rows:
                pages.drop(row.pages)
        return self.head(np.concatenate(states)) if states else np.empty((0, self.head.columns), np.float32)


@dataclass(eq=False)
class Gpt2Judge:
    """A GPT-2 with its head. `known` are the texts of the last call with their keys and values, and their beginnings
    without the last token."""

    transformer: Int8Transformer
    pages: Pages
    rows: list[PagedRow] = field(default_factory=list)
    known: dict[Tokens, PagedRow] = field(default_factory=dict)
    alone: Lock = field(default_factory=Lock)

    def __call__(self, texts: Sequence[Tokens]) -> Array:
        """Logits [texts, outputs] after the last token of each text; each has one at least."""
        with self.alone:
            return self._judge(texts)

    def _judge(self, texts: Sequence[Tokens]) -> Array:
        known, self.known = self.known, {}  # if this fails, nothing is known
        beginnings = list(dict.fromkeys(text[:-1] for text in texts))
        lengths = [known_length(text, known) for text in beginnings]
        parents = [known[text[:length]] if length else None for text, length in zip(beginnings, lengths, strict=True)]
        self._read(parents, [text[length:] for text, length in zip(beginnings, lengths, strict=True)], lengths)
        begun = dict(zip(beginnings, self.rows, strict=True))
        kept = [len(text) - 1 for text in texts]
        found = self._read([begun[text[:-1]] for text in texts], [text[-1:] for text in texts], kept)
        for text, row in zip(texts, self.rows, strict=True):
            self.known[text] = row
            self.known.setdefault(text[:-1], row)
        return found

    def _read(self, parents: Sequence[PagedRow | None], new: Sequence[Tokens], kept: Sequence[int]) -> Array:
        """Logits [rows, outputs] after new tokens of rows, which take the place of all rows; 0 where a row has none."""
        self.rows = continued(self.pages, parents, kept, list(map(len, new)), self.rows)
        found = np.zeros((len(new), self.transformer.columns), np.float32)
        busy = [row for row, tokens in enumerate(new) if tokens]
        for portion in in_portions(busy, lambda row: len(new[row])):
            part = [new[row] for row in portion]
            ends = (np.cumsum(list(map(len, part))) - 1).tolist()
            rows = [self.rows[row] for row in portion]
            found[portion] = self.transformer.step(_call(self.pages, rows, part, [kept[row] for row in portion], ends))
        return found


def known_length(text: Tokens, known: Container[Tokens]) -> int:
    """How many first tokens of a text are known."""
    return next((length for length in range(len(text), 0, -1) if text[:length] in known), 0)


def _call(
    pages: Pages, rows: Sequence[PagedRow], new: Sequence[Tokens], kept: Sequence[int], chosen: Sequence[int]
) -> Call:
    at = np.concatenate([np.arange(a, a + len(b), dtype=np.int32) for a, b in zip(kept, new, strict=True)])
    return Call(
        ids=as_int32([token for tokens in new for token in tokens]),
        places=at,
        rows=np.repeat(np.arange(len(rows), dtype=np.int32), list(map(len, new))),
        at=at,
        lengths=as_int32([row.length for row in rows]),
        pages=[row.pages for row in rows],
        chosen=as_int32(chosen),
        store=pages,
    )


def in_portions(items: Sequence[Any], size: Callable[[Any], int] = len) -> Iterator[list[Any]]:
    """The items in parts to be computed together."""
    portion: list[Any] = []
    tokens = 0
    for item in items:
        tokens += size(item)
        if portion and tokens > AT_ONCE:
            yield portion
            portion, tokens = [], size(item)
        portion.append(item)
    if portion:
        yield portion


# ------------------------------------------------------------------------------------------------ what is supported


def int8_judge(model: Any) -> Judge | None:
    """The classifier in int8; None for architectures that are not known here, or without the compiled step."""
    config = model.config
    if library() is None or not config.num_labels:
        return None
    found = {
        name: np.ascontiguousarray(tensor.detach().float().cpu().numpy()) for name, tensor in model.named_parameters()
    }
    if config.model_type in ("bert", "bert-head") and _is_plain_bert(config, found):
        return _bert(config, found)
    if config.model_type == "gpt2" and "score.weight" in found and _is_plain_gpt2(config):
        return _gpt2(config, found)
    return None


def _is_plain_bert(config: Any, found: Mapping[str, Array]) -> bool:
    odd = config.add_cross_attention or getattr(config, "position_embedding_type", "absolute") != "absolute"
    return (
        config.hidden_act in ACTIVATIONS
        and not odd
        and "classifier.weight" in found
        and "bert.embeddings.word_embeddings.weight" in found
    )


def _is_plain_gpt2(config: Any) -> bool:
    odd = config.scale_attn_by_inverse_layer_idx or config.reorder_and_upcast_attn or config.add_cross_attention
    return bool(config.activation_function in ACTIVATIONS and not odd and config.scale_attn_weights)


def _linear(found: Mapping[str, Array], *names: str) -> Int8Linear:
    weight = np.concatenate([found[f"{name}.weight"] for name in names])
    return quantise_linear(weight, np.concatenate([found[f"{name}.bias"] for name in names]))


def _bert(config: Any, found: Mapping[str, Array]) -> BertJudge:
    sizes = BertSizes(
        config.num_hidden_layers,
        config.num_attention_heads,
        config.layer_norm_eps,
        config.hidden_act,
        config.is_decoder,
    )
    linear = partial(_linear, found)
    encoder = int8_bert("bert.", sizes, found.__getitem__, linear)
    stages = [Stage(linear("bert.pooler.dense"), "tanh")] if "bert.pooler.dense.weight" in found else []
    stages += [Stage(linear("between"), "relu")] if "between.weight" in found else []
    return BertJudge(encoder, Int8Stages((*stages, Stage(linear("classifier")))))


def _gpt2(config: Any, found: Mapping[str, Array]) -> Gpt2Judge:
    def linear(name: str, norm: str = "") -> Int8Linear:
        before = (found[f"{norm}.weight"], found[f"{norm}.bias"]) if norm else ()
        return quantise_linear(found[f"{name}.weight"].T, found[f"{name}.bias"], *before)

    def block(name: str) -> Int8Block:
        return Int8Block(
            attend=linear(f"{name}.attn.c_attn", f"{name}.ln_1"),
            project=linear(f"{name}.attn.c_proj"),
            expand=linear(f"{name}.mlp.c_fc", f"{name}.ln_2"),
            contract=linear(f"{name}.mlp.c_proj"),
        )

    last = found["transformer.ln_f.weight"], found["transformer.ln_f.bias"]
    transformer = Int8Transformer(
        heads=config.n_head,
        tokens=found["transformer.wte.weight"],
        places=found["transformer.wpe.weight"],
        blocks=tuple(block(f"transformer.h.{layer}") for layer in range(config.n_layer)),
        scales=(1 / sqrt(config.n_embd // config.n_head),) * config.n_layer,
        epsilon=config.layer_norm_epsilon,
        activation=config.activation_function,
        norm_first=True,
        left_only=True,
        head=quantise_linear(found["score.weight"], None, *last),
    )
    return Gpt2Judge(transformer, Pages(*transformer.pages))
