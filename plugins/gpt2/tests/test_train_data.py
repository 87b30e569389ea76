import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from gen_engine.errors import GenError
from gen_gpt2.data import Windows, collate_windows, encode_windows, special_frame
from gen_gpt2.data_vocab import SPECIALS, build_tokenizer
from gen_trainkit import portions

POEMS = ["白日依山尽，\n黄河入海流。", "白日𬳽依山", "尽尽山"]
PAD, UNK, CLS, SEP = range(4)


def characters(size=None, min_count=1):
    return build_tokenizer(POEMS, "chars", size=size, min_count=min_count, positions=16)


def byte_level():
    core = Tokenizer(models.BPE({**{char: i for i, char in enumerate("abcd")}, "<end>": 4}, []))
    core.pre_tokenizer, core.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=core, bos_token="<end>", eos_token="<end>", unk_token="<end>")


def test_newlines_and_rare_characters_are_single_tokens_and_decode_back():
    tokenizer = characters()
    ids = tokenizer(POEMS[0] + POEMS[1])["input_ids"]
    assert (ids[0], len(ids)) == (CLS, len(POEMS[0] + POEMS[1]) + 1)
    assert tokenizer.decode(ids, skip_special_tokens=True) == POEMS[0] + POEMS[1]


def test_frequent_characters_come_first_and_ties_by_code_point():
    assert characters().convert_ids_to_tokens(range(8)) == [*SPECIALS, "尽", "山", "依", "日"]


def test_size_and_count_leave_the_rarest_out():
    assert len(characters(size=6)) == 6
    assert len(characters(min_count=3)) == 6
    assert characters(size=6)("尽白")["input_ids"] == [CLS, 4, UNK]


def test_bpe_has_the_requested_size_and_any_text_comes_back():
    tokenizer = build_tokenizer(POEMS * 5, "bpe:280", size=None, min_count=1, positions=16)
    ids = tokenizer("白日，\nnew😀")["input_ids"]
    assert len(tokenizer) == 280
    assert ids[0] == CLS
    assert SEP not in ids
    assert tokenizer.decode(ids, skip_special_tokens=True) == "白日，\nnew😀"


@pytest.mark.parametrize("vocab", ["words", "bpe:", "bpe:x", "bpe:²", "bpe:259", "bpe:9999999999"])
def test_other_vocabularies_are_refused(vocab):
    with pytest.raises(GenError, match=r"chars|bpe:260\.|at most"):
        build_tokenizer(POEMS, vocab, size=None, min_count=1, positions=16)


def test_texts_get_the_tokenizers_special_tokens_and_always_an_end():
    assert special_frame(characters()) == ([CLS], [SEP])
    assert special_frame(byte_level()) == ([], [4])


def test_each_window_of_a_long_text_begins_like_a_prompt():
    windows = encode_windows(characters(), ["尽尽尽尽尽", "山"], 4)
    parts = [windows.ids[a:b].tolist() for a, b in zip(windows.starts, windows.starts[1:], strict=False)]
    assert parts == [[CLS, 4, 4, 4], [CLS, 4, 4, SEP], [CLS, 5, SEP]]
    assert windows.lengths == [4, 4, 3]


def test_padding_and_unknown_characters_are_no_labels():
    windows = Windows(torch.tensor([CLS, 4, UNK, SEP, CLS, 5, SEP], dtype=torch.int32), [0, 4, 7])
    batch = collate_windows(windows, [0, 1], pad=PAD, unknown=UNK)
    assert batch.inputs["input_ids"].tolist() == [[CLS, 4, UNK], [CLS, 5, PAD]]
    assert batch.labels.tolist() == [[4, -100, SEP], [5, SEP, -100]]


@pytest.mark.parametrize("longer", ["split", "cut", "drop"])
@pytest.mark.parametrize("size", [1, 9, 30])
def test_tokenising_fewer_texts_at_once_gives_the_same_windows(monkeypatch, longer, size):
    whole = encode_windows(characters(), POEMS * 3, 6, longer=longer)
    monkeypatch.setattr(portions, "CHARACTERS", size)
    found = encode_windows(characters(), POEMS * 3, 6, longer=longer)
    assert (found.ids.tolist(), found.starts, found.dropped) == (whole.ids.tolist(), whole.starts, whole.dropped)
