import math
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gen_engine.testing.models import table_model
from gen_engine.text import Vocabulary
from gen_engine.types import Prompt
from gen_evaluate import scoring
from gen_evaluate.figures import compute_figures, counted_places
from gen_evaluate.scoring import count_tokens, score_texts

EXAMPLES = settings(deadline=None, max_examples=60, derandomize=True, database=None)
UNIFORM = {(): [0.0] * 5}


def measured(model, *texts):
    scored = score_texts(model, texts)
    return compute_figures(scored, counted_places([scored]))


def test_a_uniform_model_has_the_perplexity_of_its_vocabularys_size():
    figures = measured(table_model("", "a", "b", "c", "d", table=UNIFORM), "abcd", "dd")
    assert figures.perplexity == pytest.approx(5)
    assert figures.nats_per_character == pytest.approx(math.log(5))
    assert (figures.characters, figures.unknown) == (6, 0)


def test_a_model_that_always_hopes_for_one_character_guesses_it():
    model = table_model("", "a", "b", table={(): [0.0, 3.0, 0.0]})
    figures = measured(model, "aabab")
    assert figures.accuracy == pytest.approx(3 / 5)
    norm = math.log(2 + math.exp(3))
    assert figures.nats_per_token == pytest.approx((3 * (norm - 3) + 2 * norm) / 5)


def by_hand(model, text):
    """The nats of each token, each asked for by itself."""
    tokens = list(model.tokenizer.encode(text).tokens)
    rows = [model.feed(model.open(1), [-1], [0], [tokens[:i]])[0] for i in range(1, len(tokens))]
    return [-row.log_softmax(0)[token].item() for row, token in zip(rows, tokens[1:], strict=True)]


@EXAMPLES
@given(st.lists(st.text("abc", max_size=7), max_size=5), st.integers(1, 4), st.integers(1, 3), st.integers(0, 9))
def test_texts_cost_the_same_however_they_are_fed(texts, stretch, together, salt):
    model = table_model("", "a", "b", "ab", "c", salt=salt)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scoring, "STRETCH", stretch)
        patch.setattr(scoring, "TOGETHER", together)
        found = score_texts(model, texts)
    for each, text in zip(found, texts, strict=True):
        assert each.nats == pytest.approx(by_hand(model, text), abs=1e-5)
    assert count_tokens(found) == sum(len(each.nats) for each in found)


@dataclass(frozen=True)
class LongestBytes:
    """A tokenizer that takes the longest surface at each byte and says nothing of characters."""

    vocabulary: Vocabulary

    def encode(self, text):
        data, tokens, surfaces = text.encode(), [0], self.vocabulary.surfaces
        while data:
            tokens.append(surfaces.index(max((s for s in surfaces if s and data.startswith(s)), key=len)))
            data = data[len(surfaces[tokens[-1]]) :]
        return Prompt(text, tuple(tokens), ((0, 0),) * len(tokens))


@EXAMPLES
@given(st.lists(st.text("a春é", max_size=7), min_size=1, max_size=4))
def test_partial_and_merged_tokens_are_charged_to_what_they_print(texts):
    parts = [bytes([byte]) for byte in dict.fromkeys("春é".encode())]
    model = table_model("", "a", "aa", "a春", *parts)
    model.tokenizer = LongestBytes(model.tokenizer.vocabulary)
    figures, scored = measured(model, *texts), score_texts(model, texts)
    assert [reading.known.all() for reading in scored] == [True] * len(texts)
    total = sum(reading.nats.sum() for reading in scored)
    assert figures.characters == sum(map(len, texts))
    assert total == pytest.approx(figures.nats_per_character * figures.characters if figures.characters else 0)


def test_a_token_of_two_characters_shares_its_nats_out_evenly():
    model = table_model("", "a", "山水", table={(): [0.0] * 3})
    scored = score_texts(model, ["a山水"])
    figures = compute_figures(scored, [np.array([True, False, True])])
    assert figures.characters == 2
    assert figures.nats_per_character == pytest.approx(1.5 * math.log(3) / 2)
    assert figures.nats_per_han == pytest.approx(0.5 * math.log(3))
    assert figures.perplexity == pytest.approx(3)


def test_what_one_model_does_not_know_counts_for_none():
    one = table_model("", "[UNK]", "a", "b", unk=1)
    other = table_model("", "[UNK]", "a", "c", unk=1)
    scored = [score_texts(model, ["abca"]) for model in (one, other)]
    places = counted_places(scored)
    assert places[0].tolist() == [True, False, False, True]
    assert [compute_figures(each, places).characters for each in scored] == [2, 2]
    assert [compute_figures(each, places).unknown for each in scored] == [0.25, 0.25]


def test_without_a_leading_token_the_first_character_is_not_foretold():
    model = table_model("a", "b", end=None)
    [reading] = score_texts(model, ["ab"])
    assert reading.known.tolist() == [False, True]
    assert len(reading.nats) == 1


def test_masked_tokens_cost_infinity_and_an_empty_text_nan():
    model = table_model("", "a", "b", table={(): [0.0, 0.0, -math.inf]})
    assert measured(model, "b").perplexity == math.inf
    assert math.isnan(measured(model, "").perplexity)
