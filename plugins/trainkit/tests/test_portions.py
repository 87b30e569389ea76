"""Texts a few at a time: nothing is lost, and what is made of them is the same as of all at once."""

import os
import subprocess
import sys
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import BertTokenizer

from gen_nextchar.data import encode_corpus
from gen_trainkit import portions
from gen_trainkit.portions import at_line_breaks, in_portions

MANY = settings(max_examples=100, deadline=None, derandomize=True, database=None)
LETTERS = "春眠 \n不觉晓"
lines = st.lists(st.text(LETTERS, max_size=9), max_size=12).map("\n".join)
texts = st.lists(st.text(LETTERS, max_size=9) | lines, max_size=12)
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"春眠不觉"]


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(portions, "CHARACTERS", 20)


@MANY
@given(texts, st.integers(1, 5))
def test_portions_hold_all_texts_in_order_and_stay_within_bounds(texts, most):
    found = list(in_portions(texts, most=most))
    assert [text for portion in found for text in portion] == texts
    assert all(0 < len(portion) <= most for portion in found)
    assert all(len(portion) == 1 or sum(map(len, portion)) <= 20 for portion in found)


@MANY
@given(texts)
def test_the_next_text_would_not_have_fitted(texts):
    found = list(in_portions(texts))
    for portion, after in pairwise(found):
        assert sum(map(len, portion)) + len(after[0]) > 20


def test_an_endless_stream_is_taken_no_further_than_a_portion():
    taken = []
    endless = (taken.append(1) or "春" * 10 for _ in range(10**9))
    assert next(in_portions(endless)) == ["春" * 10] * 2
    assert len(taken) == 3


@MANY
@given(lines)
def test_pieces_are_the_text_and_end_where_lines_end(text):
    *most, last = at_line_breaks(text)
    assert "".join(most) + last == text
    assert all(piece.endswith("\n") and len(piece) > 20 for piece in most)
    assert len(last) <= 20 or "\n" not in last[20:]


@MANY
@given(texts)
def test_a_joined_novel_has_the_same_ids_in_pieces(texts):
    tokenizer = BertTokenizer({token: i for i, token in enumerate(VOCABULARY)})
    pieces = encode_corpus(tokenizer, texts)
    whole = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in texts]
    assert pieces.ids.tolist() == [i for ids in whole for i in ids]
    assert len(pieces.starts) == 1 + sum(map(bool, whole))


@pytest.fixture(scope="module")
def novels(tmp_path_factory):
    """Fifteen novels, each a line of 900,000 characters or, in the table, a cell."""
    lines = ["白日依山尽黄河入海流春眠"[number % 12] * 3 + "更上一层楼。" * 150_000 for number in range(15)]
    folder = tmp_path_factory.mktemp("novels")
    (folder / "novels.txt").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    rows = [f"{line},{number % 2}\n" for number, line in enumerate(lines)]
    (folder / "novels.csv").write_text("text,label\n" + "".join(rows), encoding="utf-8")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("words", [
    "gpt2 novels.txt --layers 1", "mlm novels.txt --layers 1", "bert-lstm novels.txt --encoder-layers 1 --hidden 8",
    "bert-fc novels.txt --join --encoder-layers 1 --hidden 8", "classifier novels.csv --layers 1 --cache cache",
])  # fmt: skip
def test_the_longest_lines_are_trained_on_in_two_gigabytes(novels, words):
    shape = ["--from-scratch", "--width", "8", "--heads", "1", "--out", "m", "--dry-run"]
    command = [sys.executable, "-P", "-m", "gen_engine", "train", *words.split(), *shape]
    with subprocess.Popen(command, cwd=novels, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as running:
        said = running.stderr.read()
        _, status, used = os.wait4(running.pid, 0)
        running.returncode = os.waitstatus_to_exitcode(status)
    assert running.returncode == 0, said
    assert used.ru_maxrss * 1024 < 2 * 10**9
