"""GPT-2 checkpoints in int8: their layers packed once, and what int8 costs, measured on the model's own texts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from gen_engine.compiled.arithmetic import ACTIVATIONS, Array, normalise
from gen_engine.compiled.linear import quantise_linear
from gen_engine.compiled.pages import PagedRow, Pages, continued
from gen_engine.compiled.storing import Packed, linear_arrays, packed_once
from gen_engine.compiled.transformer import Call, Int8Block, Int8Transformer
from gen_engine.decoding.generation import uniform
from gen_engine.models.arrays import read_arrays
from gen_gpt2.shape import Shape, own_tensors

TEXTS, TOKENS = 8, 48
"""The loss is measured on so many texts of so many tokens."""


def read_int8(folder: Path, shape: Shape) -> tuple[Int8Transformer, float]:
    """The layers of a folder, and their loss: by how many nats a token they are worse than float32.

    Raises GenError for tensors that are missing, damaged, of wrong shapes or not finite.
    """

    def pack() -> dict[str, Array]:
        found = own_tensors(read_arrays(folder), shape, str(folder))
        with np.errstate(all="ignore"):  # of weights that overflow no loss is known, which is all that is said of them
            return _pack(found, shape)

    packed = packed_once(folder, "gpt2", pack)
    return _restore(packed, shape), float(packed.arrays["loss"][0])


def _pack(found: Mapping[str, Array], shape: Shape) -> dict[str, Array]:
    """All arrays of the packed model.

    The gains of a normalisation become part of the layer after it.
    """
    arrays: dict[str, Array] = {"tokens": found["wte.weight"], "places": found["wpe.weight"]}
    for layer in range(shape.layers):
        name = f"h.{layer}."
        for own, (theirs, norm) in PARTS.items():
            weight, bias = found[f"{name}{theirs}.weight"].T, found[f"{name}{theirs}.bias"]
            before = () if norm is None else (found[f"{name}{norm}.weight"], found[f"{name}{norm}.bias"])
            arrays |= linear_arrays(name + own, quantise_linear(weight, bias, *before))
    last = found["ln_f.weight"], found["ln_f.bias"]
    arrays |= linear_arrays("head", quantise_linear(found["lm_head.weight"], None, *last))
    loss = measure_loss(
        _restore(Packed({name: np.ravel(array) for name, array in arrays.items()}), shape), found, shape
    )
    return arrays | {"loss": np.array([loss], np.float32)}


PARTS: dict[str, tuple[str, str | None]] = {
    "attend": ("attn.c_attn", "ln_1"),
    "project": ("attn.c_proj", None),
    "expand": ("mlp.c_fc", "ln_2"),
    "contract": ("mlp.c_proj", None),
}
"""The layers of a block: a GPT-2's name, and the normalisation before it."""


def _restore(packed: Packed, shape: Shape) -> Int8Transformer:
    size, inner = shape.size, shape.inner
    sizes = {"attend": (3 * size, size), "project": (size, size), "expand": (inner, size), "contract": (size, inner)}
    tokens = packed.table("tokens", size)

    def block(name: str) -> Int8Block:
        attend, project, expand, contract = (packed.linear(f"{name}.{part}", *sizes[part]) for part in PARTS)
        return Int8Block(attend, project, expand, contract)

    return Int8Transformer(
        heads=shape.heads,
        tokens=tokens,
        places=packed.table("places", size),
        blocks=tuple(block(f"h.{layer}") for layer in range(shape.layers)),
        scales=shape.scales,
        epsilon=shape.epsilon,
        activation=shape.activation,
        norm_first=True,
        left_only=True,
        head=packed.linear("head", len(tokens), size),
    )


# ------------------------------------------------------------------------------------------------------ the loss


def measure_loss(model: Int8Transformer, found: Mapping[str, Array], shape: Shape) -> float:
    """The mean divergence of the int8 model's distributions from float32's on texts that it writes, in nats a token.

    The perplexity of float32's own texts grows by the exponential of it. Kullback and Leibler (1951).
    """
    texts = _write(model, min(TOKENS, shape.positions))
    columns = len(found["wte.weight"])
    cached = [PagedRow() for _ in texts]
    pages = Pages(*model.pages)
    int8 = _read(
        model,
        pages,
        continued(pages, [None] * len(texts), [0] * len(texts), [texts.shape[1]] * len(texts), cached),
        texts,
    )
    exact = _log_softmax(float_logits(found, shape, texts).reshape(-1, columns))
    return float(np.mean(np.sum(np.exp(exact) * (exact - _log_softmax(int8)), -1)))


def _write(model: Int8Transformer, length: int) -> Array:
    """Texts [TEXTS, length] drawn from the model itself, each after a different first token."""
    pages = Pages(*model.pages)
    texts = (np.arange(TEXTS)[:, None] * 7919 % len(model.tokens)).astype(np.int32)
    rows: list[PagedRow] = []
    while texts.shape[1] < length:
        parents: list[PagedRow | None] = [*rows] or [None] * TEXTS
        kept, new = [texts.shape[1] - 1 if rows else 0] * TEXTS, [1 if rows else texts.shape[1]] * TEXTS
        rows = continued(pages, parents, kept, new, rows)
        logits = _read(model, pages, rows, texts[:, -new[0] :], at=kept[0])[new[0] - 1 :: new[0]]
        sums = np.exp(_log_softmax(logits)).cumsum(-1)
        places = np.array([uniform(0, text, texts.shape[1], 0, "loss") for text in range(TEXTS)])
        drawn = (sums < places[:, None] * sums[:, -1:]).sum(-1)
        texts = np.concatenate([texts, np.minimum(drawn, logits.shape[1] - 1)[:, None].astype(np.int32)], 1)
    return texts


def _read(model: Int8Transformer, pages: Pages, rows: list[PagedRow], tokens: Array, at: int = 0) -> Array:
    """The logits after each of the new tokens [rows, count], which stand at `at` and after; [rows * count, vocab]."""
    count = tokens.shape[1]
    places = np.tile(np.arange(at, at + count, dtype=np.int32), len(rows))
    return model.step(
        Call(
            ids=np.ascontiguousarray(tokens, np.int32).reshape(-1),
            places=places,
            rows=np.repeat(np.arange(len(rows), dtype=np.int32), count),
            at=places,
            lengths=np.array([row.length for row in rows], np.int32),
            pages=[row.pages for row in rows],
            chosen=np.arange(tokens.size, dtype=np.int32),
            store=pages,
        )
    )


def _log_softmax(logits: Array) -> Array:
    exact = logits.astype(np.float64)
    exact -= exact.max(-1, keepdims=True)
    found: Array = exact - np.log(np.exp(exact).sum(-1, keepdims=True))
    return found


def float_logits(found: Mapping[str, Array], shape: Shape, texts: Array) -> Array:
    """The logits [texts, length, vocab] of a GPT-2 in float32. Radford et al. (2019), "Language models are unsupervised
    multitask learners"."""
    length = texts.shape[1]
    hidden = found["wte.weight"][texts] + found["wpe.weight"][:length]
    later = np.triu(np.full((length, length), -np.inf, np.float32), 1)
    for layer in range(shape.layers):
        name = f"h.{layer}."
        read = _affine(_norm(hidden, found, f"{name}ln_1", shape), found, f"{name}attn.c_attn")
        parts = read.reshape(len(texts), length, 3, shape.heads, shape.width).transpose(2, 0, 3, 1, 4)
        scores = parts[0] @ parts[1].transpose(0, 1, 3, 2) * np.float32(shape.scales[layer]) + later
        shares = np.exp(_log_softmax(scores)).astype(np.float32)
        mixed = (shares @ parts[2]).transpose(0, 2, 1, 3).reshape(len(texts), length, -1)
        hidden = hidden + _affine(mixed, found, f"{name}attn.c_proj")
        inner = _affine(_norm(hidden, found, f"{name}ln_2", shape), found, f"{name}mlp.c_fc")
        hidden = hidden + _affine(ACTIVATIONS[shape.activation][1](inner), found, f"{name}mlp.c_proj")
    return _norm(hidden, found, "ln_f", shape) @ found["lm_head.weight"].T


def _affine(x: Array, found: Mapping[str, Array], name: str) -> Array:
    flat = x.reshape(-1, x.shape[-1]) @ found[f"{name}.weight"]
    return flat.reshape(*x.shape[:-1], -1) + found[f"{name}.bias"]


def _norm(x: Array, found: Mapping[str, Array], name: str, shape: Shape) -> Array:
    return normalise(x, shape.epsilon, found[f"{name}.weight"], found[f"{name}.bias"])
