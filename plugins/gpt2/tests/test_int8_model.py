"""A GPT-2 in int8: near float32, the same bits whatever stands beside, by every kernel; hostile weights are refused."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from gpt2_folders import gpt2_config, gpt2_tensors, write_gpt2

from gen_engine.compiled.library import NUMPY, VARIABLE, kernels
from gen_engine.engine import Engine
from gen_engine.errors import GenError
from gen_engine.models.int8 import MOST_LOSS
from gen_engine.testing import check_model
from gen_gpt2 import load_gpt2
from gen_gpt2.int8_model import load_int8
from gen_gpt2.int8_weights import float_logits
from gen_gpt2.model import load
from gen_gpt2.shape import own_tensors, read_shape

VARIANTS = {
    "plain": {},
    "inner": {"n_inner": 48},
    "relu": {"activation_function": "relu"},
    "gelu": {"activation_function": "gelu"},
    "unscaled": {"scale_attn_weights": False},
    "by layer": {"scale_attn_by_inverse_layer_idx": True},
    "epsilon": {"layer_norm_epsilon": 0.1},
    "odd": {"size": 60, "heads": 3, "vocab": 37},
}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("GEN_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def folder(tmp_path):
    return write_gpt2(tmp_path / "model")


def tokens_of(seed, count, vocab=37):
    return [2, *np.random.default_rng(seed).integers(4, vocab, count).tolist()]


def read(model, *texts):
    return model.feed(model.open(len(texts)), [-1] * len(texts), [0] * len(texts), texts)


@pytest.mark.parametrize("options", VARIANTS.values(), ids=VARIANTS)
def test_logits_are_near_those_of_float32(tmp_path, options):
    folder = write_gpt2(tmp_path / "model", **options)
    text = tokens_of(1, 40)
    exact = read(load(folder, name="tiny", dtype="float32"), text)[0].numpy()
    found = read(load_int8(folder, name="tiny"), text)[0]
    assert np.corrcoef(exact, found)[0, 1] > 0.99
    assert np.abs(exact - found).max() < 0.15 * exact.std() + 0.1


@pytest.mark.parametrize("options", VARIANTS.values(), ids=VARIANTS)
def test_the_loss_is_measured_against_the_exact_logits(tmp_path, options):
    folder = write_gpt2(tmp_path / "model", **options)
    shape, text = read_shape(folder), tokens_of(2, 30)
    found = own_tensors(
        {name: tensor.numpy() for name, tensor in gpt2_tensors(gpt2_config(**options)).items()}, shape, ""
    )
    exact = read(load(folder, name="tiny", dtype="float32"), text)[0].numpy()
    assert np.allclose(float_logits(found, shape, np.array([text]))[0, -1], exact, atol=1e-3)


@pytest.mark.parametrize("kernel", kernels())
def test_the_laws_of_models_hold(folder, monkeypatch, kernel):
    monkeypatch.setenv(VARIABLE, kernel)
    check_model(load_int8(folder, name="tiny"), examples=10)


@pytest.mark.parametrize("kernel", [name for name in kernels() if name != NUMPY])
@pytest.mark.parametrize("rows", [1, 3, 16, 64])
def test_kernels_give_the_bits_of_numpy(folder, monkeypatch, kernel, rows):
    model, texts = load_int8(folder, name="tiny"), [tokens_of(seed, 3 + seed % 50) for seed in range(rows)]
    found = {}
    for name in (kernel, NUMPY):
        monkeypatch.setenv(VARIABLE, name)
        cache = model.open(rows)
        first = model.feed(cache, [-1] * rows, [0] * rows, texts)
        second = model.feed(cache, range(rows), [len(text) for text in texts], [[9]] * rows)
        found[name] = first.tobytes() + second.tobytes()
    assert found[kernel] == found[NUMPY]


@pytest.mark.parametrize("length", [63, 64, 65, 97, 130])
def test_a_long_text_is_read_as_if_step_by_step(folder, length):
    model, text = load_int8(folder, name="tiny"), tokens_of(5, length)
    cache = model.open(1)
    steps = [model.feed(cache, [-1], [0], [text[:31]])]
    steps += [model.feed(cache, [0], [i], [text[i : i + 1]]) for i in range(31, len(text))]
    whole = model.feed(model.open(1), [-1], [0], [text], [len(text) - 30])
    assert np.concatenate(steps).tobytes() == whole.tobytes()


def test_a_row_that_ten_continue_is_shared(folder):
    model, text = load_int8(folder, name="tiny"), tokens_of(3, 20)
    cache = model.open(1)
    model.feed(cache, [-1], [0], [text])
    forked = model.feed(cache, [0] * 10, [len(text) - row for row in range(10)], [[9 + row] for row in range(10)])
    alone = [read(model, [*text[: len(text) - row], 9 + row])[0] for row in range(10)]
    assert forked.tobytes() == np.stack(alone).tobytes()


def test_texts_say_that_they_are_portable(folder):
    (found,) = Engine(load_int8(folder, name="tiny")).generate("一", max_new=5, seed=1, processors=["top_k=5"])
    assert (found.portable, found.dtype) == (True, "int8")
    (found,) = Engine(load_int8(folder, name="tiny")).generate("一", max_new=5, seed=1, processors=["typical=0.5"])
    assert not found.portable  # torch's sums may depend on the processor


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["h.0.mlp.c_fc.weight", "wte.weight", "ln_f.bias"])
def test_weights_that_are_no_numbers_are_refused(tmp_path, value, name):
    tensors = gpt2_tensors(gpt2_config())
    tensors[f"transformer.{name}"].view(-1)[-1] = value
    with pytest.raises(GenError, match=f"numbers in {name} that are none or infinite"):
        load_int8(write_gpt2(tmp_path / "model", tensors=tensors), name="tiny")


def test_a_model_without_tokens_is_refused(tmp_path):
    tensors = gpt2_tensors(gpt2_config())
    tensors["transformer.wte.weight"] = tensors["transformer.wte.weight"][:0]
    tensors.pop("lm_head.weight", None)
    with pytest.raises(GenError, match="no token in wte.weight"):
        load_int8(write_gpt2(tmp_path / "model", tensors=tensors), name="tiny")


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("part", ["c_attn.weight", "ln_f", ""])
def test_weights_that_overflow_are_refused(tmp_path, part):
    tensors = {name: 1e38 * found if part in name else found for name, found in gpt2_tensors(gpt2_config()).items()}
    folder = write_gpt2(tmp_path / "model", tensors=tensors)
    with pytest.raises(GenError, match="tiny overflow when it computes; train or fetch it again"):
        load_gpt2(folder, name="tiny", dtype="int8")


@pytest.mark.parametrize("name", ["h.1.attn.c_attn.weight", "wpe.weight", "h.0.ln_1.bias"])
def test_weights_of_wrong_shapes_are_refused(tmp_path, name):
    tensors = gpt2_tensors(gpt2_config())
    tensors[f"transformer.{name}"] = torch.zeros(3, 2)
    with pytest.raises(GenError, match=f"{name} of shape"):
        load_int8(write_gpt2(tmp_path / "model", tensors=tensors), name="tiny")


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_weights_of_any_precision_are_read(tmp_path, dtype):
    folder = write_gpt2(tmp_path / "model", dtype=dtype)
    exact = read(load(folder, name="tiny", dtype="float32"), tokens_of(1, 9))[0].numpy()
    assert np.corrcoef(exact, read(load_int8(folder, name="tiny"), tokens_of(1, 9))[0])[0, 1] > 0.99


def test_auto_takes_int8_where_it_costs_little(folder, monkeypatch):
    loss = load_int8(folder, name="tiny").loss
    monkeypatch.setattr("gen_engine.models.int8.MOST_LOSS", loss * 1.01)
    assert load_gpt2(folder, name="tiny").dtype == "int8"
    monkeypatch.setattr("gen_engine.models.int8.MOST_LOSS", loss * 0.99)
    model = load_gpt2(folder, name="tiny")
    assert model.dtype in ("float32", "bfloat16")
    assert "more than 0.5%" in model.dtype_reason
    assert load_gpt2(folder, name="tiny", dtype="int8").dtype_reason.startswith("asked for; the perplexity of its own")
    assert 0.004 < MOST_LOSS < 0.005


def test_no_torch_is_imported(folder):
    code = (
        "import sys; from pathlib import Path; from gen_gpt2 import load_gpt2; "
        f"model = load_gpt2(Path({str(folder)!r}), name='tiny', dtype='int8'); "
        "model.feed(model.open(1), [-1], [0], [[2, 5]]); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
