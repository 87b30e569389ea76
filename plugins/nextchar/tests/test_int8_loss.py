"""What int8 costs: the reference in float32 is torch's, and the loss is a divergence."""

import numpy as np
import pytest
import torch
from nextchar_int8 import KINDS, load_int8
from nextchar_models import ALL, CLS, SEP, WINDOW, label, model_of, write

from gen_engine.models.arrays import read_arrays
from gen_nextchar.fc import int8 as fc
from gen_nextchar.int8_loss import float_logits, measure_loss
from gen_nextchar.lstm import int8 as lstm
from gen_nextchar.shapes import read_model_shape


def read_model(options, folder):
    kind = {"fc": fc, "lstm": lstm}[options["kind"]].KIND
    write(folder, options)
    return read_arrays(folder), read_model_shape(folder, kind.shape), kind


@pytest.mark.parametrize("options", [*ALL[::3], *KINDS], ids=label)
def test_float32_is_that_of_transformers(options, tmp_path):
    found, shape, kind = read_model(options, tmp_path)
    texts = [[7, 9, 12], [30, 14, 22]]
    logits = float_logits(found, shape, kind, np.array([shape.framing.frame(text) for text in texts]))
    with torch.no_grad():
        expected = model_of(options)(torch.tensor([[CLS, *text] for text in texts])).logits[:, 0]
    assert np.allclose(logits, expected, atol=1e-4)


@pytest.mark.parametrize("options", KINDS[:4], ids=label)
def test_the_loss_is_small_but_not_nothing(options):
    assert 0 < load_int8(options).loss < 0.05


def test_float32_itself_loses_nothing_and_noise_loses_much(tmp_path):
    found, shape, kind = read_model(KINDS[0], tmp_path)

    def exact(texts):
        return float_logits(found, shape, kind, np.array([shape.framing.frame(text) for text in texts]))

    assert abs(measure_loss(exact, found, shape, kind)) < 1e-6
    assert measure_loss(lambda texts: exact(texts)[:, ::-1], found, shape, kind) > 0.1


def test_its_texts_fill_the_window_and_hold_no_marks(tmp_path):
    found, shape, kind = read_model(KINDS[0], tmp_path)
    lengths, tokens = [], set()

    def ask(texts):
        lengths.append(len(texts[0]))
        tokens.update(token for text in texts for token in text)
        return np.zeros((len(texts), shape.encoder.vocabulary), np.float32)

    measure_loss(ask, found, shape, kind)
    assert lengths == list(range(1, WINDOW + 1))
    assert not tokens & {CLS, SEP}
