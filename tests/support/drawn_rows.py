"""Rows of logits, masks and operations to draw from, as hypothesis makes them."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from gen_engine.compiled.drawing import Allowed, Operation, draw
from gen_engine.compiled.library import VARIABLE, kernels

inf, nan = np.inf, np.nan
SPECIAL = (-inf, inf, nan, 0.0, -0.0, -3.2e38, 3.2e38)
SIZES = (1, 2, 15, 40, 256, 257, 700, 4099, 20_001)
PLACE = st.none() | st.floats(0, 1, exclude_max=True) | st.sampled_from([0.0, 1 - 2**-53])


@st.composite
def rows_of_logits(draw, special=SPECIAL, scales=(0.0, 0.01, 3.0, 60.0, 1e37), sizes=SIZES):
    """Rows with ties, with few allowed tokens, with a stretch of some special number, flat or peaked."""
    rows, size = draw(st.integers(1, 5)), draw(st.sampled_from(sizes))
    noise = np.random.default_rng(draw(st.integers(0, 2**32)))
    logits = (noise.standard_normal((rows, size)) * draw(st.sampled_from(scales))).astype(np.float32)
    logits = np.round(logits, draw(st.sampled_from([0, 1, 9]))) if abs(logits).max() < 1e6 else logits
    for row in draw(st.lists(st.integers(0, rows - 1), max_size=3)):
        share = draw(st.sampled_from([0.0, 0.5, 0.99, 1.0]))
        logits[row, noise.random(size) < share] = draw(st.sampled_from(special))
    return logits


@st.composite
def allowed_sets(draw, rows, size):
    """What may follow in each row, or None for everything."""
    if draw(st.integers(0, 4)) == 0:
        return None
    noise = np.random.default_rng(draw(st.integers(0, 2**32)))
    shares = draw(st.lists(st.sampled_from([0.0, 0.02, 0.5, 1.0]), min_size=1, max_size=3))
    masks = [noise.random(size) < share for share in shares]
    own = [masks[row % len(masks)] for row in range(rows)]
    odd = noise.integers(0, rows * size, 2 * draw(st.integers(0, 6)))
    return Allowed(own, [mask.ctypes.data for mask in own], odd[::2], odd[1::2])


def edits(noise, rows, size):
    """Up to 11 tokens of each row with amounts."""
    return [
        dict(
            zip(
                noise.integers(0, size, int(noise.integers(0, 12))).tolist(),
                noise.normal(0, 3, 12).tolist(),
                strict=False,
            )
        )
        for _ in range(rows)
    ]


@st.composite
def chains(draw, rows, size):
    """A list of operations in any order."""
    noise = np.random.default_rng(draw(st.integers(0, 2**32)))
    makers = (
        st.builds(lambda t: Operation("divide", t), st.sampled_from([0.001, 0.7, 1.3, 1000])),
        st.builds(lambda k: Operation("largest", count=k), st.sampled_from([1, 2, 50, 200, 3000, 2**31 - 1])),
        st.builds(lambda d: Operation("above", d), st.sampled_from([0, -0.1, -3, -20])),
        st.builds(lambda p: Operation("mass", mass=p), st.sampled_from([0.01, 0.5, 0.9, 0.999999])),
        st.builds(lambda: Operation("remove", edits=edits(noise, rows, size))),
        st.builds(lambda f: Operation("scale", f, edits=edits(noise, rows, size)), st.sampled_from([0.01, 1.3, 100])),
        st.builds(lambda: Operation("add", edits=edits(noise, rows, size))),
    )
    return draw(st.lists(st.one_of(*makers), max_size=4))


@st.composite
def asked(draw, **how):
    """Logits, operations, places and what is allowed: the arguments of `draw`."""
    logits = draw(rows_of_logits(**how))
    places = draw(st.lists(PLACE, min_size=len(logits), max_size=len(logits)))
    return logits, draw(chains(*logits.shape)), places, draw(allowed_sets(*logits.shape))


def by_each_kernel(monkeypatch, ask, **wanted):
    """What each kernel of this processor draws, by its name; numpy is the last."""
    found = {}
    for name in kernels():
        monkeypatch.setenv(VARIABLE, name)
        found[name] = draw(*ask, **wanted)
    return found


def bits(array):
    """The bytes of an array; what is no number equals what is none."""
    return np.where(np.isnan(array), np.float32(7e37), array).astype(array.dtype).tobytes()


def told(drawn):
    """All that was drawn, to be compared; rows that were not drawn have no more to tell."""
    sound = np.flatnonzero(drawn.tokens >= 0).tolist()
    kept = [drawn.kept[row, : drawn.counts[row]].tolist() for row in sound]
    own = bits(drawn.largest + np.float32(0)), bits(drawn.sums)
    return drawn.tokens.tolist(), drawn.counts.tolist(), kept, own, bits(drawn.shaped[sound])
