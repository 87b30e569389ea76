"""The compiled step: every kernel of this processor gives the bits of numpy, whatever stands beside a row."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_transformers import bits, feed, read, small_transformer

from gen_engine.compiled.library import NUMPY, VARIABLE, kernels
from gen_engine.compiled.pages import Pages
from gen_engine.errors import GenError

COMPILED = [name for name in kernels() if name != NUMPY]

SHAPES = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 999),
        "layers": st.integers(1, 2),
        "heads": st.integers(1, 3),
        "size": st.integers(1, 30).map(lambda n: 6 * n),
        "inner": st.integers(1, 200),
        "vocab": st.integers(1, 70),
        "activation": st.sampled_from(["gelu_new", "gelu", "relu", "tanh"]),
        "head": st.booleans(),
        "norm_first": st.booleans(),
    }
)
LENGTHS = st.lists(st.integers(1, 40), min_size=1, max_size=7)


def texts_of(lengths, vocab, seed=0):
    return [np.random.default_rng(seed + i).integers(0, vocab, length).tolist() for i, length in enumerate(lengths)]


def with_kernel(monkeypatch, name, threads="1"):
    monkeypatch.setenv(VARIABLE, name)
    monkeypatch.setenv("OMP_NUM_THREADS", threads)


@pytest.mark.parametrize("kernel", COMPILED)
@pytest.mark.parametrize("threads", ["1", "3"])
@settings(max_examples=8, deadline=None)
@given(shape=SHAPES, lengths=LENGTHS, left_only=st.booleans())
def test_a_kernel_gives_the_bits_of_numpy(kernel, threads, shape, lengths, left_only):
    model = small_transformer(**shape, left_only=left_only)
    texts = texts_of(lengths, shape["vocab"])
    with pytest.MonkeyPatch.context() as patch:
        with_kernel(patch, kernel, threads)
        found = read(model, texts)
        with_kernel(patch, NUMPY)
        assert bits(found) == bits(read(model, texts))


@pytest.mark.parametrize("kernel", COMPILED)
@pytest.mark.parametrize("rows", [1, 3, 16, 64])
def test_steps_of_many_rows_are_those_of_numpy(monkeypatch, kernel, rows):
    model, found = small_transformer(size=64, inner=256, heads=4, vocab=100), {}
    for name in (kernel, NUMPY):
        with_kernel(monkeypatch, name, "2")
        pages = Pages(*model.pages)
        begun, cached = feed(model, pages, [None] * rows, texts_of([5] * rows, 100))
        stepped, _ = feed(model, pages, cached, texts_of([1] * rows, 100, 7), cached)
        found[name] = bits(begun) + bits(stepped)
    assert found[kernel] == found[NUMPY]


@pytest.mark.parametrize("name", kernels())
@settings(max_examples=8, deadline=None)
@given(lengths=LENGTHS, seed=st.integers(0, 99))
def test_a_row_never_sees_its_neighbours(name, lengths, seed):
    model, texts = small_transformer(seed=seed), texts_of(lengths, 37, seed)
    with pytest.MonkeyPatch.context() as patch:
        with_kernel(patch, name)
        assert bits(read(model, texts)) == b"".join(bits(read(model, [text])) for text in texts)


@pytest.mark.parametrize("name", kernels())
@settings(max_examples=8, deadline=None)
@given(text=st.lists(st.integers(0, 36), min_size=2, max_size=40), cut=st.integers(1, 39))
def test_a_text_in_parts_is_the_text_at_once(name, text, cut):
    model, cut = small_transformer(), min(cut, len(text) - 1)
    with pytest.MonkeyPatch.context() as patch:
        with_kernel(patch, name)
        pages = Pages(*model.pages)
        first, rows = feed(model, pages, [None], [text[:cut]])
        second, _ = feed(model, pages, rows, [text[cut:]], rows)
        assert bits(first) + bits(second) == bits(read(model, [text]))


@pytest.mark.parametrize("name", kernels())
def test_only_chosen_tokens_are_computed_to_the_end(monkeypatch, name):
    with_kernel(monkeypatch, name)
    model = small_transformer()
    pages = Pages(*model.pages)
    everything, _ = feed(model, pages, [None], [[1, 2, 3]])
    some, _ = feed(model, pages, [None], [[1, 2, 3]], chosen=[2, 0])
    assert bits(some) == bits(everything[[2, 0]])


def test_no_tokens_give_no_logits():
    model = small_transformer()
    assert read(model, []).shape == (0, 37)


@pytest.mark.parametrize("kernel", COMPILED)
def test_a_forked_process_computes_on(kernel, monkeypatch):
    with_kernel(monkeypatch, kernel, "2")
    model = small_transformer(size=192, inner=768)
    expected = bits(read(model, [[1, 2, 3]]))
    child = os.fork()
    if not child:
        os._exit(0 if bits(read(model, [[1, 2, 3]])) == expected else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.parametrize("kernel", COMPILED)
def test_a_process_forked_within_a_step_computes_on(kernel, monkeypatch):
    with_kernel(monkeypatch, kernel)
    model, long = small_transformer(size=192, inner=768), [[1, 2, 3] * 16] * 64
    expected = bits(read(model, [[1, 2, 3]]))
    with ThreadPoolExecutor(1) as other:
        for step in [other.submit(read, model, long) for _ in range(8)]:
            child = os.fork()
            if not child:
                signal.alarm(20)
                os._exit(0 if bits(read(model, [[1, 2, 3]])) == expected else 1)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
            step.result()


@pytest.mark.parametrize("token", [-1, 37, 10**9])
@pytest.mark.parametrize("kernel", kernels())
def test_tokens_beyond_the_vocabulary_are_refused(kernel, token, monkeypatch):
    with_kernel(monkeypatch, kernel)
    with pytest.raises(GenError, match="numbers from 0 to 36; give no others"):
        read(small_transformer(), [[1, token]])
