from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerFast

from gen_nextchar.data import (
    Corpus,
    Cut,
    asked_place,
    collate_windows,
    cut_window,
    encode_corpus,
    window_lengths,
)
from gen_trainkit.losses import IGNORED
from gen_trainkit.vocab import character_tokenizer

PAD, UNK, CLS, SEP = range(4)
MANY = settings(max_examples=60, deadline=None, derandomize=True, database=None)


def corpus_of(*lengths):
    """Texts of these lengths whose ids all differ, so that an id tells its place."""
    starts = [sum(lengths[:count]) for count in range(len(lengths) + 1)]
    return Corpus(torch.arange(10, 10 + starts[-1], dtype=torch.int32), starts, UNK)


def frame(ids):
    return [CLS, *ids]


def bert_frame(ids):
    return [CLS, *ids, SEP]


def asked(corpus, cut, epoch):
    """(window, target) of an epoch, those past the end left out."""
    lengths = window_lengths(corpus, cut)
    batch = collate_windows(corpus, cut, range(len(lengths)), epoch=epoch, lengths=lengths, frame=frame, pad=PAD)
    rows = [row[mask.bool()][1:].tolist() for row, mask in zip(*batch.inputs.values(), strict=True)]
    return [(row, int(label)) for row, label in zip(rows, batch.labels, strict=True) if label != IGNORED]


corpora = st.lists(st.integers(1, 12), min_size=1, max_size=4).map(lambda lengths: corpus_of(*lengths))
cuts = st.builds(
    Cut,
    st.integers(1, 6),
    st.integers(1, 7),
    variable=st.booleans(),
    short_share=st.sampled_from([0.0, 0.5]),
    shift=st.booleans(),
    seed=st.integers(0, 5),
)


@MANY
@given(corpora, cuts, st.integers(0, 20))
def test_the_target_is_the_character_after_its_window(corpus, cut, epoch):
    for window, target in asked(corpus, cut, epoch):
        assert window == list(range(target - len(window), target))
        begins = max(start for start in corpus.starts if start + 10 <= target) + 10
        assert begins <= target - len(window)
        assert target == begins or 1 <= len(window) <= cut.window


@MANY
@given(corpora, st.integers(1, 6), st.integers(0, 6))
def test_contiguous_windows_never_overlap_and_drop_only_ends_of_texts(corpus, window, epoch):
    seen = [i for row, _ in asked(corpus, Cut(window, window), epoch) for i in row]
    assert len(seen) == len(set(seen))
    for start, end in zip(corpus.starts, corpus.starts[1:], strict=False):
        inside = [i - 10 for i in seen if start <= i - 10 < end]
        assert inside == list(range(start, start + len(inside)))
        assert end - start - len(inside) <= window


@MANY
@given(corpora, cuts.filter(lambda cut: cut.shift), st.integers(0, 3))
def test_after_stride_epochs_each_character_was_asked_for_once(corpus, cut, cycle):
    epochs = range(cycle * cut.stride, (cycle + 1) * cut.stride)
    targets = sorted(target for epoch in epochs for _, target in asked(corpus, cut, epoch))
    assert targets == corpus.ids.tolist()


@MANY
@given(corpora, cuts, st.integers(0, 20))
def test_only_windows_drawn_short_or_beginning_a_text_are_short(corpus, cut, epoch):
    if cut.variable or cut.short_share:
        return
    for window, target in asked(corpus, cut, epoch):
        begins = max(start for start in corpus.starts if start + 10 <= target) + 10
        assert len(window) == min(cut.window, target - begins)


def test_unshifted_windows_are_whole_and_the_same_in_every_epoch():
    corpus, cut = corpus_of(9), Cut(4, 4, shift=False)
    assert asked(corpus, cut, 0) == [([], 10), ([10, 11, 12, 13], 14), ([14, 15, 16, 17], 18)]
    assert asked(corpus, cut, 7) == asked(corpus, cut, 0)


def test_variable_windows_take_every_length_and_keep_it_each_epoch():
    lengths = window_lengths(corpus_of(2000), Cut(8, 1, variable=True))
    assert all(lengths.count(length) > 150 for length in range(1, 9))
    assert lengths == window_lengths(corpus_of(2000), Cut(8, 1, variable=True))


def test_about_the_share_asked_for_is_short():
    lengths = window_lengths(corpus_of(4000), Cut(16, 1, short_share=0.2))
    assert 0.15 < sum(length < 16 for length in lengths) / 4000 < 0.22


def test_windows_do_not_depend_on_how_they_are_batched():
    corpus, cut = corpus_of(40, 7), Cut(5, 2, variable=True)
    lengths = window_lengths(corpus, cut)
    rows = range(len(lengths))
    given = {"epoch": 3, "lengths": lengths, "frame": frame, "pad": PAD}
    whole = collate_windows(corpus, cut, rows, **given)
    alone = [collate_windows(corpus, cut, [row], **given) for row in rows]
    assert whole.labels.tolist() == [int(batch.labels) for batch in alone]
    found = [row[mask.bool()].tolist() for row, mask in zip(*whole.inputs.values(), strict=True)]
    assert found == [batch.inputs["input_ids"][0].tolist() for batch in alone]


def test_unknown_characters_are_seen_but_never_asked_for():
    corpus = Corpus(torch.tensor([10, UNK, 11, 12], dtype=torch.int32), [0, 4], UNK)
    assert corpus.unknown_share == pytest.approx(0.25)
    assert asked(corpus, Cut(2, 1), 0) == [([], 10), ([10, UNK], 11), ([UNK, 11], 12)]


def test_texts_are_encoded_without_special_tokens_and_empty_ones_dropped():
    core = character_tokenizer(["甲乙丙"], ["[PAD]", "[UNK]", "[CLS]"], unknown="[UNK]")
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=core, unk_token="[UNK]")
    corpus = encode_corpus(tokenizer, ["甲乙丙", "甲", "", "丙丁"])
    names = tokenizer.convert_ids_to_tokens(corpus.ids.tolist())
    assert (names, corpus.starts) == (["甲", "乙", "丙", "甲", "丙", "[UNK]"], [0, 3, 4, 6])


def test_the_name_of_a_mark_is_text_like_any_other():
    core = character_tokenizer(["[SEP]甲"], ["[PAD]", "[UNK]", "[CLS]", "[SEP]"], unknown="[UNK]")
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=core, unk_token="[UNK]", sep_token="[SEP]")
    ids = encode_corpus(tokenizer, ["甲[SEP]"]).ids.tolist()
    assert tokenizer.convert_ids_to_tokens(ids) == ["甲", "[", "S", "E", "P", "]"]


def test_the_digest_tells_texts_apart_by_where_they_begin():
    assert corpus_of(3, 4).digest == corpus_of(3, 4).digest != corpus_of(4, 3).digest


def test_a_window_never_reaches_into_the_text_before():
    corpus, cut = corpus_of(3, 5), Cut(4, 3, shift=False)
    assert [asked_place(corpus, cut, i, epoch=0) for i in range(4)] == [0, 3, 6, None]
    assert [cut_window(corpus, place, length=4).tolist() for place in (3, 5)] == [[], [13, 14]]


@MANY
@given(corpora, cuts.map(lambda cut: replace(cut, dense=True)), st.integers(0, 6))
def test_dense_labels_stand_where_the_character_before_does(corpus, cut, epoch):
    lengths = window_lengths(corpus, cut)
    batch = collate_windows(corpus, cut, range(len(lengths)), epoch=epoch, lengths=lengths, frame=bert_frame, pad=PAD)
    last = dict(enumerate(asked(corpus, replace(cut, dense=False), epoch)))
    for row, labels in zip(batch.inputs["input_ids"].tolist(), batch.labels.tolist(), strict=True):
        pairs = [(seen, label) for seen, label in zip(row, labels, strict=True) if label != IGNORED]
        assert all(label == seen + 1 for seen, label in pairs if seen not in (CLS, SEP))
    assert {int(row.max()) for row in batch.labels} - {IGNORED} >= {target for _, target in last.values()}


def test_a_dense_window_asks_for_known_characters_and_the_next():
    corpus, cut = Corpus(torch.tensor([10, UNK, 11, 12], dtype=torch.int32), [0, 4], UNK), Cut(3, 3, dense=True)
    batch = collate_windows(
        corpus, replace(cut, shift=False), [0, 1], epoch=0, lengths=[3, 3], frame=bert_frame, pad=PAD
    )
    assert batch.inputs["input_ids"].tolist() == [[CLS, SEP, PAD, PAD, PAD], [CLS, 10, UNK, 11, SEP]]
    assert batch.labels.tolist() == [[-100, 10, -100, -100, -100], [-100, -100, 11, 12, -100]]
