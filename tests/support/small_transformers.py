"""Small int8 transformers with random weights, and calls for them."""

import numpy as np

from gen_engine.compiled.linear import quantise_linear
from gen_engine.compiled.pages import Pages, continued
from gen_engine.compiled.transformer import Call, Int8Block, Int8Transformer


def noise(generator, *shape):
    return generator.standard_normal(shape, dtype=np.float32) * np.float32(0.3)


def small_transformer(
    *, seed=0, layers=2, heads=2, size=48, inner=80, vocab=37, positions=64, norm_first=True, left_only=True,
    activation="gelu_new", head=True,
):  # fmt: skip
    given = np.random.default_rng(seed)

    def layer(outputs, inputs):
        return quantise_linear(noise(given, outputs, inputs), noise(given, outputs))

    def norm():
        return noise(given, size) + np.float32(1), noise(given, size)

    def block():
        layers = layer(3 * size, size), layer(size, size), layer(inner, size), layer(size, inner)
        return Int8Block(*layers) if norm_first else Int8Block(*layers, norm(), norm())

    return Int8Transformer(
        heads=heads,
        tokens=noise(given, vocab, size),
        places=noise(given, positions, size),
        blocks=tuple(block() for _ in range(layers)),
        scales=((size // heads) ** -0.5,) * layers,
        epsilon=1e-5,
        activation=activation,
        norm_first=norm_first,
        left_only=left_only,
        head=quantise_linear(noise(given, vocab, size)) if head else None,
        **({} if norm_first else {"embedded": norm()}),
    )


def feed(model, pages, rows, texts, old=(), chosen=None):
    """The results after the `chosen` of the new tokens `texts` of `rows` (None: a fresh row), and the rows after
    that."""
    kept = [row.length if row is not None else 0 for row in rows]
    new = [len(text) for text in texts]
    rows = continued(pages, rows, kept, new, old)
    at = np.array([k + j for k, n in zip(kept, new, strict=True) for j in range(n)], np.int32)
    call = Call(
        ids=np.array([token for text in texts for token in text], np.int32),
        places=at,
        rows=np.repeat(np.arange(len(rows), dtype=np.int32), new),
        at=at,
        lengths=np.array([row.length for row in rows], np.int32),
        pages=[row.pages for row in rows],
        chosen=np.array(range(sum(new)) if chosen is None else chosen, np.int32),
        store=pages,
    )
    return model.step(call), rows


def read(model, texts):
    """The results after each token of fresh texts, read at once."""
    return feed(model, Pages(*model.pages), [None] * len(texts), texts)[0]


def bits(array):
    return np.ascontiguousarray(array).view(np.uint8).tobytes()
