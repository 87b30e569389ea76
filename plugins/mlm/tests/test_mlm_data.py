from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gen_engine.errors import GenError
from gen_mlm import vocab
from gen_mlm.data import Masking, encode_windows, read_columns
from gen_mlm.vocab import read_tokenizer, write_vocabulary
from gen_trainkit.losses import IGNORED
from gen_trainkit.vocab import BERT_SPECIALS, bert_tokenizer

KNOWN = "春夏秋冬山水 \n"
TOKENIZER = bert_tokenizer([KNOWN], size=None, min_count=1, positions=9)
EXAMPLES = settings(deadline=None, max_examples=40, derandomize=True, database=None)
PAD, UNK, CLS, SEP, MASK = range(5)
texts_of_all_sizes = st.lists(st.text(KNOWN + "鬱", min_size=1, max_size=20), min_size=1, max_size=6)


def cut(windows):
    return [windows.ids[start:end].tolist() for start, end in pairwise(windows.starts)]


def many(text, *, share=0.15, seed=0):
    return Masking(TOKENIZER, share, seed), encode_windows(TOKENIZER, [text] * 400, 9)


@EXAMPLES
@given(texts_of_all_sizes, st.integers(3, 12), st.booleans())
def test_windows_hold_every_token_once_in_order_and_fit(texts, positions, pack):
    windows = cut(encode_windows(TOKENIZER, texts, positions, pack=pack))
    assert all(window[0] == CLS and window[-1] == SEP and len(window) <= positions for window in windows)
    inside = [token for window in windows for token in window if token not in (CLS, SEP)]
    assert inside == TOKENIZER("".join(texts), add_special_tokens=False)["input_ids"]


@EXAMPLES
@given(texts_of_all_sizes, st.integers(3, 12))
def test_packed_windows_could_not_hold_the_next_text_too(texts, positions):
    windows = cut(encode_windows(TOKENIZER, texts, positions, pack=True))
    for window, after in pairwise(windows):
        assert len(window) + after.index(SEP) > positions


def test_an_unpacked_window_has_the_tokenizers_own_frame():
    [window] = cut(encode_windows(TOKENIZER, ["春山"], 9))
    assert window == TOKENIZER("春山")["input_ids"]


@EXAMPLES
@given(texts_of_all_sizes, st.integers(0, 3), st.integers(0, 3), st.data())
def test_which_tokens_are_hidden_does_not_depend_on_the_batch(texts, seed, epoch, data):
    masking, windows = Masking(TOKENIZER, 0.4, seed), encode_windows(TOKENIZER, texts, 9)
    indices = data.draw(st.lists(st.integers(0, len(windows.lengths) - 1), min_size=1, max_size=5))
    together = masking.collate(windows, indices, epoch)
    for row, index in enumerate(indices):
        alone, length = masking.collate(windows, [index], epoch), windows.lengths[index]
        assert torch.equal(together.inputs["input_ids"][row, :length], alone.inputs["input_ids"][0])
        assert torch.equal(together.labels[row, :length], alone.labels[0])
        assert (together.labels[row, length:] == IGNORED).all()


@EXAMPLES
@given(texts_of_all_sizes, st.floats(0.1, 0.9))
def test_only_known_characters_are_hidden_and_labels_are_the_originals(texts, share):
    windows = encode_windows(TOKENIZER, texts, 9)
    for index, ids in enumerate(cut(windows)):
        batch = Masking(TOKENIZER, share, 0).collate(windows, [index], 0)
        for token, seen, label in zip(ids, batch.inputs["input_ids"][0], batch.labels[0], strict=True):
            assert label == (IGNORED if token < len(BERT_SPECIALS) else token) or (label == IGNORED and seen == token)
            assert seen in (token, MASK) or seen >= len(BERT_SPECIALS)


def test_the_attention_mask_hides_padding_and_is_absent_without_it():
    windows = encode_windows(TOKENIZER, ["春", "山水"], 9)
    batch = Masking(TOKENIZER, 0.15, 0).collate(windows, [0, 1], 0)
    assert batch.inputs["attention_mask"].tolist() == [[1, 1, 1, 0], [1, 1, 1, 1]]
    assert "attention_mask" not in Masking(TOKENIZER, 0.15, 0).collate(windows, [1], 0).inputs


def test_hidden_tokens_are_80_percent_masked_10_replaced_10_kept():
    masking, windows = many("春夏秋冬山水春")
    batch = masking.collate(windows, range(400), 0)
    hidden, seen = batch.labels != IGNORED, batch.inputs["input_ids"]
    assert hidden[:, 1:-1].float().mean() == pytest.approx(0.15, abs=0.02)
    assert (seen[hidden] == MASK).float().mean() == pytest.approx(0.8, abs=0.05)
    assert (seen[hidden] == batch.labels[hidden]).float().mean() == pytest.approx(0.1 + 0.1 / 2, abs=0.06)


@pytest.mark.parametrize(("seed", "epoch"), [(0, 1), (1, 0)])
def test_another_epoch_and_another_seed_hide_other_tokens(seed, epoch):
    one, windows = many("春夏秋冬山水春")
    other, _ = many("春夏秋冬山水春", seed=seed)
    assert not torch.equal(one.collate(windows, range(9), 0).labels, other.collate(windows, range(9), epoch).labels)


@pytest.fixture
def tables(tmp_path):
    (tmp_path / "a.tsv").write_text("label\ttext\n1\t春\n0\t夏\n")
    (tmp_path / "b.jsonl").write_text('{"one": "秋", "two": "冬"}\n{"one": "", "two": "山"}\n')
    (tmp_path / "c.txt").write_text("水\n\n")
    return [tmp_path / name for name in ("a.tsv", "b.jsonl", "c.txt")]


def test_every_file_gives_the_columns_it_has(tables):
    texts = read_columns(tables, columns=("text", "one", "two"))
    assert texts == ["春", "夏", "秋", "冬", "山", "水"]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (("text",), "has no field 'text'"),
        (("text", "one", "three"), "No file has a column 'three'"),
        (("1", "one", "three"), "No file has a column 'three'"),
    ],
)
def test_unknown_columns_and_files_without_any_wanted_column_are_refused(tables, columns, message):
    with pytest.raises(GenError, match=message):
        read_columns(tables[:2], columns=columns)


def test_missing_and_empty_files_are_refused(tables, tmp_path):
    with pytest.raises(GenError, match="There is no file .*none.tsv"):
        read_columns([tmp_path / "none.tsv"], columns=())
    (tmp_path / "empty.txt").write_text("\n")
    with pytest.raises(GenError, match="There is no text in .*empty.txt"):
        read_columns([tmp_path / "empty.txt"], columns=())


def test_a_vocabulary_file_makes_berts_own_tokenizer(tmp_path):
    (tmp_path / "vocab.txt").write_text("\n".join([*BERT_SPECIALS, "春", "spring", "##s"]))
    tokenizer = read_tokenizer(tmp_path / "vocab.txt", positions=9, lower_case=True)
    assert tokenizer("春 Springs 鬱")["input_ids"] == [CLS, 5, 6, 7, UNK, SEP]
    assert tokenizer("春", "春")["token_type_ids"] == [0, 0, 0, 1, 1]


@pytest.mark.parametrize(
    ("tokens", "message"), [("[PAD] 春", r"lacks \[UNK\], \[CLS\]"), ("春 夏 春", "has the token '春' twice")]
)
def test_a_vocabulary_file_that_cannot_serve_is_refused(tmp_path, tokens, message):
    (tmp_path / "vocab.txt").write_text(tokens.replace(" ", "\n"))
    with pytest.raises(GenError, match=message):
        read_tokenizer(tmp_path / "vocab.txt", positions=9, lower_case=True)


def test_a_vocabulary_of_too_many_tokens_is_read_no_further(tmp_path, monkeypatch):
    monkeypatch.setattr(vocab, "MOST", 7)
    (tmp_path / "vocab.txt").write_text("\n".join([*BERT_SPECIALS, *"春夏秋冬"]))
    with pytest.raises(GenError, match="vocab.txt has more than 7 lines. Give a vocabulary with one token a line"):
        read_tokenizer(tmp_path / "vocab.txt", positions=9, lower_case=True)


def test_a_vocabulary_is_written_unless_a_token_is_a_newline(tmp_path):
    write_vocabulary(TOKENIZER, tmp_path)
    assert not (tmp_path / "vocab.txt").exists()
    write_vocabulary(bert_tokenizer(["山水"], size=None, min_count=1, positions=9), tmp_path)
    assert (tmp_path / "vocab.txt").read_text(encoding="utf-8").split() == [*BERT_SPECIALS, "山", "水"]
