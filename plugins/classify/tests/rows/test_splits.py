import csv
from collections import Counter

import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from tokenizers import Regex, Tokenizer, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from gen_classify.rows.balance import balance_rows, class_weights
from gen_classify.rows.cache import cached_rows
from gen_classify.rows.encoding import collate_rows, encode_rows, frame_lengths
from gen_classify.rows.reading import Table
from gen_classify.rows.splits import read_shares, sample_rows, split_rows, write_splits
from gen_engine.errors import GenError

HEALTH = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much]
EXAMPLES = settings(deadline=None, max_examples=80, derandomize=True, database=None, suppress_health_check=HEALTH)
LABELS = st.lists(st.sampled_from("abc"), min_size=6, max_size=60)
SHARES = st.sampled_from([(0.9, 0.1), (0.7, 0.1, 0.2), (0.5, 0.5), (0.34, 0.33, 0.33)])
SEEDS = st.integers(0, 99)


@EXAMPLES
@given(LABELS, SHARES, SEEDS)
def test_a_split_takes_each_row_once_and_keeps_class_shares(labels, shares, seed):
    counts = Counter(labels)
    assume(min(counts.values()) >= len(shares))
    parts = split_rows(labels, shares, seed=seed)
    assert sorted(row for part in parts for row in part) == list(range(len(labels)))
    for part, share in zip(parts, shares, strict=True):
        found = Counter(labels[row] for row in part)
        assert set(found) == set(counts)
        # a part that was given its only row of a class took it from the largest part
        exact = {label: share * counts[label] for label in counts if found[label] > 1 and share < max(shares)}
        assert all(abs(found[label] - exact[label]) < 1 for label in exact)


@EXAMPLES
@given(LABELS, SHARES, SEEDS)
def test_the_same_seed_splits_alike_whatever_the_other_classes_are(labels, shares, seed):
    assume(min(Counter(labels).values()) >= len(shares))
    more = [*labels, *["z"] * 9]
    one, other = split_rows(labels, shares, seed=seed), split_rows(more, shares, seed=seed)
    assert one == [[row for row in part if row < len(labels)] for part in other]


def test_another_seed_splits_otherwise():
    assert split_rows("ab" * 30, (0.5, 0.5), seed=0) != split_rows("ab" * 30, (0.5, 0.5), seed=1)


def test_a_class_of_fewer_rows_than_parts_is_refused():
    with pytest.raises(GenError, match="'b' has 2 rows, too few to stratify into 3 parts. Leave it out"):
        split_rows("aaabb", (0.7, 0.1, 0.2), seed=0)


@EXAMPLES
@given(LABELS, SEEDS, st.integers(3, 40))
def test_a_sample_has_its_size_and_keeps_class_shares(labels, seed, count):
    counts = Counter(labels)
    assume(count >= len(counts))
    rows = sample_rows(labels, count, least=1, seed=seed)
    assert len(rows) == min(count, len(labels)) == len(set(rows))
    found = Counter(labels[row] for row in rows)
    exact = {label: min(count, len(labels)) * counts[label] / len(labels) for label in counts}
    assert all(found[label] >= 1 for label in counts)
    assert all(found[label] > exact[label] - len(counts) for label in counts)


def test_shares_are_read_and_nonsense_is_refused():
    assert read_shares("70/10/20") == pytest.approx((0.7, 0.1, 0.2))
    for text in ("100", "a/b", "50/0", "1/2/3/4", "nan/1", "inf/1"):
        with pytest.raises(GenError, match="is no split. Give shares"):
            read_shares(text)


@EXAMPLES
@given(LABELS, SEEDS)
def test_balanced_classes_are_equally_frequent_and_repeat_no_row_needlessly(labels, seed):
    counts, rows = Counter(labels), list(range(len(labels)))
    under, over = (balance_rows(rows, labels, balance, seed=seed) for balance in ("undersample", "oversample"))
    assert set(Counter(labels[row] for row in under).values()) == {min(counts.values())}
    assert set(Counter(labels[row] for row in over).values()) == {max(counts.values())}
    assert len(under) == len(set(under))
    assert set(over) == set(rows)
    for label in counts:
        times = Counter(row for row in over if labels[row] == label).values()
        assert max(times) - min(times) <= 1


def test_balanced_weights_have_a_mean_of_one_over_rows():
    weights = class_weights("balanced", Counter("aaab"), "ab")
    assert weights == [4 / 6, 2.0]
    assert 3 * weights[0] + weights[1] == pytest.approx(4)
    assert class_weights("1,2.5", Counter("ab"), "ab") == [1.0, 2.5]
    assert class_weights(None, Counter("ab"), "ab") is None


@EXAMPLES
@given(st.lists(st.tuples(st.text(st.characters(exclude_categories=["Cs"])), st.sampled_from("ab")), max_size=6))
def test_csv_files_of_splits_give_back_every_text(tmp_path, rows):
    table = Table([text for text, _ in rows], labels=[label for _, label in rows])
    write_splits(table, {"train": range(len(rows))}, tmp_path)
    with (tmp_path / "train.csv").open(encoding="utf-8", newline="") as file:
        assert [(row["text"], row["label"]) for row in csv.DictReader(file)] == rows


NAMES = ["input_ids", "token_type_ids", "attention_mask"]


def characters(frame):
    words = {word: index for index, word in enumerate(["[PAD]", "[CLS]", "[SEP]", *"abcd"])}
    core = Tokenizer(models.WordLevel(words, unk_token="d"))
    core.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    core.post_processor = processors.TemplateProcessing(
        single=frame, pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    return PreTrainedTokenizerFast(tokenizer_object=core, pad_token="[PAD]", model_input_names=NAMES)


@pytest.mark.parametrize("frame, lengths", [("[CLS] $A [SEP]", (1, 1)), ("[CLS] $A", (1, 0)), ("$A", (0, 0))])
def test_the_frame_of_a_tokenizer_is_known(frame, lengths):
    assert frame_lengths(characters(frame)) == lengths


def whole(places, row):
    return places


@EXAMPLES
@given(st.lists(st.text("abc", min_size=1, max_size=9), min_size=1, max_size=5), st.booleans())
def test_a_batch_is_what_the_tokenizer_pads(texts, pairs):
    tokenizer = characters("[CLS] $A [SEP]")
    table = Table(texts, texts[::-1] if pairs else [])
    encoded = encode_rows(tokenizer, table, 9)
    batch = collate_rows(encoded, range(len(texts)), torch.zeros(len(texts)), pad=0, masked=True, keep=whole)
    expected = tokenizer(texts, table.seconds or None, truncation=True, max_length=9, padding=True, return_tensors="pt")
    assert all(torch.equal(batch.inputs[name], expected[name]) for name in batch.inputs)
    assert ("attention_mask" in batch.inputs) == bool((expected["attention_mask"] == 0).any())
    assert ("token_type_ids" in batch.inputs) == pairs


def test_texts_that_were_cut_are_counted():
    encoded = encode_rows(characters("[CLS] $A [SEP]"), Table(["abc", "abcd", "a"]), 5)
    assert (encoded.cut, encoded.lengths) == (1, [5, 5, 3])


def test_token_ids_are_cached_by_text_tokenizer_and_length(tmp_path, monkeypatch):
    tokenizer, table = characters("[CLS] $A [SEP]"), Table(["ab", "abcd"], ["b", "c"])
    first = cached_rows(tokenizer, table, 6, folder=tmp_path)
    cached_rows(tokenizer, table, 5, folder=tmp_path)
    cached_rows(characters("$A"), table, 6, folder=tmp_path)
    assert len(list(tmp_path.iterdir())) == 3
    monkeypatch.setattr("gen_classify.rows.cache.encode_rows", None)
    again = cached_rows(tokenizer, table, 6, folder=tmp_path)
    assert torch.equal(again.ids, first.ids)
    assert torch.equal(again.types, first.types)
    assert (again.starts, again.cut) == (first.starts, first.cut)


def test_damaged_token_ids_are_made_again(tmp_path):
    tokenizer, table = characters("[CLS] $A [SEP]"), Table(["ab"])
    first = cached_rows(tokenizer, table, 6, folder=tmp_path)
    [path] = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:-3])
    assert torch.equal(cached_rows(tokenizer, table, 6, folder=tmp_path).ids, first.ids)
    assert torch.equal(cached_rows(tokenizer, table, 6, folder=tmp_path / "no" / "such").ids, first.ids)


def test_a_folder_that_cannot_be_written_merely_keeps_nothing(tmp_path):
    (tmp_path / "file").touch()
    assert cached_rows(characters("$A"), Table(["ab"]), 6, folder=tmp_path / "file").ids.tolist() == [3, 4]
