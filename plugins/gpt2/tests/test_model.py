"""The GPT-2 runner: it computes what transformers computes, and a row never sees its neighbours."""

import subprocess
import sys

import pytest
import torch
from gpt2_folders import gpt2_config, gpt2_tensors, write_gpt2
from hypothesis import given, settings
from hypothesis import strategies as st

from gen_engine.decoding.drafts import ModelDraft
from gen_engine.engine import Engine
from gen_engine.errors import GenError
from gen_engine.models import kernels
from gen_gpt2.model import load

DTYPES = ["float32", "bfloat16"]
TOLERANCE = {"float32": 1e-4, "bfloat16": 0.2}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_gpt2(tmp_path_factory.mktemp("gpt2") / "plain")


@pytest.fixture(scope="module")
def models(folder):
    return {dtype: load(folder, name="tiny", dtype=dtype) for dtype in DTYPES}


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def alone(model, steps):
    """Logits after each step of one row: (how much is kept, what is added)."""
    cache = model.open(1)
    found = [model.feed(cache, [-1], [0], [steps[0][1]])]
    found += [model.feed(cache, [0], [keep], [new]) for keep, new in steps[1:]]
    return [logits[0] for logits in found]


def read(model, tokens):
    """Logits after `tokens`, read at once."""
    return model.feed(model.open(1), [-1], [0], [tokens])[0]


def expected(folder, tokens, **options):
    """What transformers makes of `tokens`."""
    from transformers import GPT2LMHeadModel

    model = GPT2LMHeadModel.from_pretrained(folder, dtype=torch.float32, **options).eval()
    with torch.no_grad():
        return model(torch.tensor([tokens])).logits[0]


def tokens_of(seed, count, vocab=211):
    return [2, *torch.randint(4, vocab, (count,), generator=torch.Generator().manual_seed(seed)).tolist()]


# ------------------------------------------------------------------------------------------ equal to transformers

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


@pytest.mark.parametrize("options", VARIANTS.values(), ids=VARIANTS)
def test_logits_are_those_of_transformers(tmp_path, options):
    folder = write_gpt2(tmp_path / "model", **options)
    tokens = tokens_of(1, 40, options.get("vocab", 211))
    model = load(folder, name="tiny", dtype="float32")
    steps = [(0, tokens[:20]), *((i, tokens[i : i + 1]) for i in range(20, 40)), (40, tokens[40:])]
    torch.testing.assert_close(torch.stack(alone(model, steps)), expected(folder, tokens)[19:], atol=1e-4, rtol=0)


@pytest.mark.parametrize("stored", [torch.bfloat16, torch.float16])
def test_weights_in_half_precision_are_computed_in_float32(tmp_path, stored):
    folder = write_gpt2(tmp_path / "model", dtype=stored)
    found = read(load(folder, name="tiny", dtype="float32"), tokens_of(1, 9))
    torch.testing.assert_close(found, expected(folder, tokens_of(1, 9))[-1], atol=1e-4, rtol=0)


def test_an_untied_head_is_used(tmp_path):
    config = gpt2_config(tie_word_embeddings=False)
    tensors = gpt2_tensors(config) | {"lm_head.weight": torch.randn(211, 32)}
    folder = write_gpt2(tmp_path / "model", tensors=tensors, tie_word_embeddings=False)
    found = read(load(folder, name="tiny", dtype="float32"), tokens_of(1, 9))
    torch.testing.assert_close(found, expected(folder, tokens_of(1, 9))[-1], atol=1e-4, rtol=0)


def test_names_without_their_prefix_are_read(tmp_path, folder, models):
    tensors = {name.removeprefix("transformer."): t for name, t in gpt2_tensors(gpt2_config()).items()}
    bare = load(write_gpt2(tmp_path / "bare", tensors=tensors), name="bare", dtype="float32")
    assert torch.equal(read(bare, [2, 5]), read(models["float32"], [2, 5]))


def test_bfloat16_is_near_float32(models):
    found, exact = (read(models[dtype], tokens_of(1, 30)) for dtype in reversed(DTYPES))
    assert (found - exact).abs().max() < 0.05 * exact.abs().max()


# ------------------------------------------------------------------------------------------ what a row depends on


@st.composite
def schedules(draw):
    """Calls of up to 6 rows: (parent, how much of it is kept, new tokens, how many logits are asked)."""
    calls, lengths = [], []
    for _ in range(draw(st.integers(1, 6))):
        rows = []
        for _ in range(draw(st.integers(1, 6))):
            parent = draw(st.integers(-1, len(lengths) - 1))
            keep = draw(st.one_of(st.just(lengths[parent]), st.integers(1, lengths[parent]))) if parent >= 0 else 0
            new = draw(st.lists(st.integers(4, 210), min_size=1, max_size=draw(st.sampled_from([1, 1, 1, 3, 40]))))
            lead = [] if keep else [draw(st.sampled_from([2, 2, 7]))]
            rows.append((parent, keep, lead + new, draw(st.integers(1, len(new)))))
        calls.append(rows)
        lengths = [keep + len(new) for _, keep, new, _ in rows]
    return calls


def run(model, calls):
    """The logits of each row of each call."""
    cache, found = model.open(1), []
    for rows in calls:
        parents, keep, new, last = zip(*rows, strict=True)
        found.append(model.feed(cache, parents, keep, new, last).split(list(last)))
    return found


def line_of(calls, number, row):
    """The calls that lead to a row of call `number`, with that row alone."""
    parent, keep, new, last = calls[number][row]
    return [*(line_of(calls, number - 1, parent) if parent >= 0 else []), [(0 if parent >= 0 else -1, keep, new, last)]]


def text_of(calls, number, row):
    parent, keep, new, _ = calls[number][row]
    return [*(text_of(calls, number - 1, parent)[:keep] if parent >= 0 else []), *new]


@pytest.mark.parametrize("dtype", DTYPES)
@settings(max_examples=25, deadline=None, derandomize=True, database=None)
@given(calls=schedules())
def test_a_row_is_bit_equal_to_itself_alone(models, dtype, calls):
    for number, rows in enumerate(run(models[dtype], calls)):
        for row, logits in enumerate(rows):
            assert torch.equal(run(models[dtype], line_of(calls, number, row))[-1][0], logits)


@pytest.mark.parametrize("dtype", DTYPES)
@settings(max_examples=25, deadline=None, derandomize=True, database=None)
@given(calls=schedules())
def test_a_row_is_what_its_text_makes_it(models, dtype, calls):
    for row, logits in enumerate(run(models[dtype], calls)[-1]):
        text, asked = text_of(calls, len(calls) - 1, row), len(logits)
        texts = [text[: len(text) - back] for back in range(asked)[::-1]]
        again = torch.stack([read(models[dtype], prefix) for prefix in texts])
        torch.testing.assert_close(logits, again, atol=TOLERANCE[dtype], rtol=0.02 if dtype == "bfloat16" else 0)


SIZES = {"odd": {"size": 60, "heads": 3}, "one head": {"size": 8, "heads": 1}, "wide": {"n_inner": 4096}}


def check_rows(model):
    """Assert that three rows are bit-equal to themselves alone among 3, 16 and 64 rows of other lengths."""
    texts = [tokens_of(seed, 1 + seed * 7 % 50) for seed in range(64)]
    single = [alone(model, [(0, text), (len(text), [9])]) for text in texts[:3]]
    for count in (3, 16, 64):
        cache, keep = model.open(count), [len(text) for text in texts[:count]][::-1]
        first = model.feed(cache, [-1] * count, [0] * count, texts[:count][::-1]).flip(0)
        second = model.feed(cache, range(count), keep, [[9]] * count).flip(0)
        for row, found in enumerate(single):
            assert torch.equal(torch.stack(found), torch.stack([first[row], second[row]]))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)
def test_any_number_of_rows_leaves_each_as_it_is(tmp_path, sizes, dtype):
    check_rows(load(write_gpt2(tmp_path / "model", **sizes), name="tiny", dtype=dtype))


@pytest.mark.parametrize("dtype", DTYPES)
def test_two_threads_leave_a_row_as_it_is(tmp_path, two_threads, dtype):
    check_rows(load(write_gpt2(tmp_path / "model", layers=1, **SIZES["odd"]), name="tiny", dtype=dtype))


@pytest.mark.parametrize("dtype", DTYPES)
def test_with_one_head_rows_are_the_same_in_any_batch(tmp_path, two_threads, dtype):
    model = load(write_gpt2(tmp_path / "model", layers=1, size=8, heads=1, positions=600), name="tiny", dtype=dtype)
    texts = [tokens_of(seed, 500) for seed in range(3)]
    found = model.feed(cache := model.open(3), [-1] * 3, [0] * 3, texts)
    found = model.feed(cache, range(3), [500] * 3, [[9]] * 3)
    for text, row in zip(texts, found, strict=True):
        assert torch.equal(alone(model, [(0, text), (500, [9])])[-1], row)


@pytest.mark.parametrize("dtype", DTYPES)
def test_without_packed_weights_rows_are_as_independent(folder, monkeypatch, dtype):
    monkeypatch.setattr(kernels, "_pack", lambda weight: None)
    kernels._kernel_of.cache_clear()
    model = load(folder, name="tiny", dtype=dtype)
    kernels._kernel_of.cache_clear()
    assert model.reproducible
    check_rows(model)


def test_a_run_of_tokens_scores_each_as_steps_do(models):
    model, tokens = models["float32"], tokens_of(3, 7)
    cache = model.open(1)
    model.feed(cache, [-1], [0], [tokens[:3]])
    together = model.feed(cache, [0], [3], [tokens[3:]], [5])
    steps = alone(model, [(0, tokens[:3]), *((i, tokens[i : i + 1]) for i in range(3, 8))])
    torch.testing.assert_close(together, torch.stack(steps[1:]), atol=1e-5, rtol=0)


# --------------------------------------------------------------------------------------------------- the window


FORCED = "force=" + "|".join(f"{place}:{chr(0x4E00 + place)}" for place in (*range(3, 15), *range(20, 24)))
"""A run of forced tokens that is longer than what a draft may have verified, and one that is shorter."""


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("rules", [("top_k=3",), (FORCED, "top_p=0.7"), (FORCED, "no_repeat_ngram=2")])
def test_a_draft_changes_no_bit_of_a_text(folder, models, dtype, rules):
    engine, small = Engine(models[dtype]), load(folder, name="twin", dtype="float32")
    for draft in ("lookup,tokens=20,least=1", "ngram,tokens=3,order=1", ModelDraft(20, "twin", small)):
        options = {"processors": ["length=75", *rules], "num": 2, "seed": 5, "max_new": 75}
        plain, found = engine.generate("一七", **options), engine.generate("一七", draft=draft, **options)
        assert list(map(repr, found)) == list(map(repr, plain))  # beyond the positions, too
    assert sum(done.drafted[1] for done in found) > 20  # by the model that is nearly the same


@pytest.mark.parametrize("length", [64, 65, 66, 95, 96, 97, 130])
def test_long_texts_are_read_from_their_first_and_latest_tokens(folder, models, length):
    tokens = tokens_of(5, length - 1)
    # After 64 tokens come windows of 1 + 32 tokens, which grow to 64 and are then read anew.
    seen = tokens if length <= 64 else [2, *tokens[length - 32 - (length - 65) % 32 :]]
    steps = alone(models["float32"], [(0, tokens[:60]), *((i, tokens[i : i + 1]) for i in range(60, length))])
    torch.testing.assert_close(steps[-1], expected(folder, seen)[-1], atol=1e-4, rtol=0)


def test_a_long_prompt_is_read_as_if_step_by_step(models):
    tokens = tokens_of(5, 149)
    whole = models["float32"].feed(models["float32"].open(1), [-1], [0], [tokens], [120])
    steps = alone(models["float32"], [(0, tokens[:31]), *((i, tokens[i : i + 1]) for i in range(31, 150))])
    torch.testing.assert_close(whole, torch.stack(steps), atol=1e-4, rtol=0)


# --------------------------------------------------------------------------------------------- loading, refusing


@pytest.mark.parametrize(
    "options, reason",
    [
        ({"activation_function": "swish"}, "activation is swish"),
        ({"reorder_and_upcast_attn": True}, "upcasts"),
        ({"size": 31}, "do not divide"),
        ({"n_head": 0}, "has 0 for n_head"),
        ({"n_head": "x"}, "has 'x' for n_head"),
        ({"layer_norm_epsilon": float("nan")}, "has nan for layer_norm_epsilon"),
    ],
)
def test_variants_it_does_not_compute_are_refused(tmp_path, options, reason):
    with pytest.raises(GenError, match=reason):
        load(write_gpt2(tmp_path / "model", **options), name="tiny")


def test_missing_weights_are_named(tmp_path):
    tensors = gpt2_tensors(gpt2_config())
    del tensors["transformer.h.1.ln_2.bias"]
    with pytest.raises(GenError, match=r"lacks h\.1\.ln_2\.bias"):
        load(write_gpt2(tmp_path / "model", tensors=tensors), name="tiny")


def test_weights_of_other_sizes_are_named(tmp_path):
    with pytest.raises(GenError, match=r"wpe\.weight of shape \(64, 32\)"):
        load(write_gpt2(tmp_path / "model", tensors=gpt2_tensors(gpt2_config()), positions=65), name="tiny")


def test_it_says_what_it_computes_in_and_why(models):
    assert models["float32"].dtype == "float32"
    assert models["float32"].dtype_reason == "asked for"
    assert models["bfloat16"].reproducible


def test_loading_imports_no_transformers(folder):
    code = "import sys; from gen_gpt2 import load_gpt2; from pathlib import Path; assert 'torch' not in sys.modules\n"
    code += f"load_gpt2(Path({str(folder)!r}), name='x'); assert 'transformers' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_named(tmp_path, number):
    tensors = gpt2_tensors(gpt2_config())
    tensors["transformer.ln_f.bias"][3] = number
    with pytest.raises(GenError, match=r"ln_f\.bias that are none or infinite"):
        load(write_gpt2(tmp_path / "model", tensors=tensors), name="tiny")
