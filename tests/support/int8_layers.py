"""What tests of the compiled layers share: random weights, and the same computed by every kernel."""

import numpy as np

from gen_engine.compiled.library import VARIABLE, kernels
from gen_engine.compiled.linear import quantise_linear
from gen_engine.compiled.stages import Stage

THREADS = ("1", "2", "3")


def noise(*shape, seed=0):
    """Float32 numbers of this shape, always the same."""
    return (np.random.default_rng([*shape, seed]).standard_normal(shape) * 0.3).astype(np.float32)


def bits(*arrays):
    """Float32 arrays as one string of bytes."""
    return b"".join(np.ascontiguousarray(array, np.float32).tobytes() for array in arrays)


def by_kernels(monkeypatch, compute):
    """What `compute` gives with each kernel of this processor and several numbers of threads: a set of bytes."""
    found = set()
    for kernel in kernels():
        for threads in THREADS:
            monkeypatch.setenv(VARIABLE, kernel)
            monkeypatch.setenv("OMP_NUM_THREADS", threads)
            found.add(bits(*compute()))
    return found


def stage(inputs, outputs, activation="none", normalised=False):
    """A stage of random weights."""
    norm = (noise(outputs, seed=1), noise(outputs, seed=2)) if normalised else None
    return Stage(quantise_linear(noise(outputs, inputs), noise(outputs)), activation, norm)


def lstm_weights(size, hidden, layers):
    """Random weights of an LSTM as torch has them, small enough that its states stay tame."""
    sizes = [size, *[hidden] * (layers - 1)]
    return [
        (noise(4 * hidden, each), noise(4 * hidden, hidden) * np.float32(hidden**-0.5), noise(4 * hidden),
         noise(4 * hidden, seed=1)) for each in sizes
    ]  # fmt: skip
