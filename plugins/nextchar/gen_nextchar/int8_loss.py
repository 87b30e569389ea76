"""What int8 costs a next-character model: its distributions beside those of the same tensors in float32."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gen_engine.compiled.arithmetic import ACTIVATIONS, Array, normalise
from gen_engine.decoding.generation import uniform
from gen_nextchar.int8_layers import EMBEDDINGS, Arrays, Int8Kind, affine, read_place, softmax
from gen_nextchar.shapes import ModelShape

TEXTS, TOKENS, PLACES = 8, 48, 6
"""The loss is measured on so many texts of at most so many characters, after so many of these."""

Ask = Callable[[list[list[int]]], Array]
"""The int8 model's logits [texts, vocab] after texts."""


def measure_loss(ask: Ask, found: Arrays, shape: ModelShape, kind: Int8Kind) -> float:
    """The mean divergence of the int8 model's distributions from float32's on texts that it writes, in nats.

    The perplexity of float32's own texts grows by the exponential of it. Kullback and Leibler (1951).
    """
    length = min(TOKENS, shape.framing.window)
    marks = (shape.framing.cls, shape.framing.sep, shape.framing.mask, shape.framing.pad)
    known = [token for token in range(shape.encoder.vocabulary) if token not in marks] or [shape.framing.cls]
    texts = [[known[text * 7919 % len(known)]] for text in range(TEXTS)]
    measured = {-(-length * part // PLACES) for part in range(1, PLACES + 1)}
    losses = []
    for place in range(1, length + 1):
        told = _log_softmax(ask(texts))
        if place in measured:
            framed = np.array([shape.framing.frame(text) for text in texts])
            exact = _log_softmax(float_logits(found, shape, kind, framed))
            losses.append(np.sum(np.exp(exact) * (exact - told), -1))
        sums = np.exp(told)[:, known].cumsum(-1)
        for text, row in enumerate(sums):
            drawn = np.searchsorted(row, uniform(0, text, place, 0, "loss") * row[-1], side="right")
            texts[text].append(known[min(int(drawn), len(known) - 1)])
    return float(np.mean(losses))


def float_logits(found: Arrays, shape: ModelShape, kind: Int8Kind, windows: Array) -> Array:
    """The logits [windows, vocab] of framed windows [windows, tokens] of one length, in float32."""
    settings = shape.settings
    states = _states(found, shape, windows)
    pooled = np.tanh(affine(states[:, 0], found, "encoder.pooler.dense")) if settings.pooler else None
    hidden = kind.exact(settings, found, states, pooled, read_place(windows.shape[1], kind.before_sep(settings)))
    if not settings.tie:
        return np.asarray(hidden @ found["output.weight"].T)
    hidden = _norm(affine(hidden, found, "project.0"), found, "project.1", 1e-5)
    return np.asarray(hidden @ found[EMBEDDINGS].T)


def _states(found: Arrays, shape: ModelShape, windows: Array) -> Array:
    """The encoder's states [windows, tokens, size]. Devlin et al. (2019), "BERT"."""
    sizes, count = shape.encoder, windows.shape[1]
    places = found["encoder.embeddings.position_embeddings.weight"][:count]
    hidden = found[EMBEDDINGS][windows] + places + found["encoder.embeddings.token_type_embeddings.weight"][0]
    hidden = _norm(hidden, found, "encoder.embeddings.LayerNorm", sizes.epsilon)
    unseen = np.triu(np.full((count, count), -np.inf, np.float32), 1) if sizes.left_only else np.float32(0)
    for layer in range(sizes.layers):
        name = f"encoder.encoder.layer.{layer}"
        parts = [affine(hidden, found, f"{name}.attention.self.{part}") for part in ("query", "key", "value")]
        queries, keys, values = (part.reshape(*part.shape[:2], sizes.heads, -1).swapaxes(1, 2) for part in parts)
        shares = softmax(queries @ keys.swapaxes(2, 3) * np.float32(queries.shape[-1] ** -0.5) + unseen)
        mixed = (shares @ values).swapaxes(1, 2).reshape(hidden.shape)
        hidden = hidden + affine(mixed, found, f"{name}.attention.output.dense")
        hidden = _norm(hidden, found, f"{name}.attention.output.LayerNorm", sizes.epsilon)
        inner = ACTIVATIONS[sizes.activation][1](affine(hidden, found, f"{name}.intermediate.dense"))
        hidden = hidden + affine(inner, found, f"{name}.output.dense")
        hidden = _norm(hidden, found, f"{name}.output.LayerNorm", sizes.epsilon)
    return hidden


def _norm(rows: Array, found: Arrays, name: str, epsilon: float) -> Array:
    return normalise(rows, epsilon, found[f"{name}.weight"], found[f"{name}.bias"])


def _log_softmax(logits: Array) -> Array:
    return np.asarray(np.log(np.maximum(softmax(logits.astype(np.float64)), 1e-300)))
