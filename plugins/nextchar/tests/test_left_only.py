"""Next-character models whose encoder looks left only: all places of a window at once tell what each tells alone."""

import json
from itertools import product

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from nextchar_models import CLS, ENCODER, PAD, SEP, SIZE, WINDOW, build, char_tokenizer, examples, label

from gen_engine.engine import load
from gen_engine.testing import check_model

LEFT_ONLY = ENCODER | {"is_decoder": True, "use_cache": False}
NAMES = ("attention", "skip_special", "tie")
KINDS = [{"kind": "fc", "tie": tie} for tie in (False, True)] + [
    {"kind": "lstm", **dict(zip(NAMES, on, strict=True))} for on in product((False, True), repeat=3)
]
EACH = pytest.mark.parametrize("model", [build(options | {"encoder": LEFT_ONLY}) for options in KINDS],
                               ids=[label(options) for options in KINDS])  # fmt: skip
texts = st.lists(st.integers(5, SIZE - 1), min_size=1, max_size=WINDOW)


@EACH
@examples(10)
@given(rows=st.lists(texts, min_size=1, max_size=3))
@torch.no_grad()
def test_predictions_after_each_character_are_those_of_the_prefix_alone(model, rows):
    longest = max(map(len, rows))
    ids = torch.tensor([[CLS, *row, SEP, *[PAD] * (longest - len(row))] for row in rows])
    found = model.all_hidden(ids, (ids != PAD).long()) @ model.output_weight().T
    for at, row in enumerate(rows):
        for count in range(1, len(row) + 1):
            alone = model(torch.tensor([[CLS, *row[:count]]])).logits[0, 0]
            torch.testing.assert_close(found[at, count], alone, atol=1e-4, rtol=1e-4)


@EACH
def test_the_runner_computes_it_and_keeps_the_laws_of_models(model, tmp_path):
    model.save_pretrained(tmp_path)
    (tmp_path / "tokenizer.json").write_text(json.dumps(char_tokenizer()), encoding="utf-8")
    runner = load(tmp_path, dtype="float32").model
    rows = [[CLS, *range(10, 10 + count)] for count in (0, 1, 5, 20)]
    with torch.no_grad():
        expected = torch.cat([model(torch.tensor([row])).logits[:, 0] for row in rows])
    torch.testing.assert_close(runner.feed(runner.open(4), [-1] * 4, [0] * 4, rows), expected, atol=1e-4, rtol=1e-4)
    check_model(runner, examples=2)
