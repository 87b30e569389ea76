import json

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from gen_engine.engine import load
from gen_engine.errors import GenError
from gen_engine.models.notes import read_note, read_note_file
from gen_gpt2.data import collate_windows, encode_windows
from gen_gpt2.data_texts import Data, split_texts
from gen_gpt2.data_vocab import build_tokenizer
from gen_gpt2.train_command import gpt2_command
from gen_trainkit.losses import IGNORED
from gen_trainkit.tally import Tally

CHARS = "春夏秋冬风花雪月"
TOKENIZER = build_tokenizer([CHARS], "chars", size=None, min_count=1, positions=64)
PAD, UNK, CLS, SEP = range(4)
WORDS = st.text(CHARS, max_size=12)


def ids(text):
    return TOKENIZER(text, add_special_tokens=False)["input_ids"]


def rows(texts, positions):
    """(inputs, labels) of each window alone."""
    windows = encode_windows(TOKENIZER, texts, positions)
    batches = [collate_windows(windows, [row], pad=PAD, unknown=UNK) for row in range(len(windows.lengths))]
    return [(batch.inputs["input_ids"][0].tolist(), batch.labels[0].tolist()) for batch in batches]


@given(WORDS, WORDS)
def test_a_context_is_read_and_not_learnt(context, text):
    [(inputs, labels)] = rows([f"{context}\0{text}"], 64)
    assert inputs == [CLS, *ids(context + text)]
    assert labels == [IGNORED] * len(context) + [*ids(text), SEP]


@given(WORDS)
def test_a_text_without_context_is_learnt_as_ever(text):
    assert rows([f"\0{text}"], 64) == rows([text], 64)


@given(WORDS, st.text(CHARS, min_size=1, max_size=40), st.integers(8, 20))
def test_each_window_of_a_long_text_begins_with_the_context(context, text, positions):
    found = rows([f"{context}\0{text}"], positions)
    kept = ids(context)[: (positions - 1) // 2]
    assert all(inputs[: 1 + len(kept)] == [CLS, *kept] for inputs, _ in found)
    assert [label for _, labels in found for label in labels if label != IGNORED][-1] == SEP
    assert sum(len(labels) - len(kept) for _, labels in found) == len(text) + 1


def test_windows_of_both_kinds_go_together():
    windows = encode_windows(TOKENIZER, ["春\0夏", "秋冬风"], 9)
    batch = collate_windows(windows, [0, 1], pad=PAD, unknown=UNK)
    assert batch.labels.tolist() == [[IGNORED, *ids("夏"), SEP, IGNORED], [*ids("秋冬风"), SEP]]


def test_the_same_tokens_with_another_context_are_other_data():
    cut = [encode_windows(TOKENIZER, [text], 9).digest for text in ("春\0夏秋", "春夏\0秋", "\0春夏秋")]
    assert len(set(cut)) == 3


def written(folder, *lines):
    path = folder / "verse.jsonl"
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")
    return path


def test_contexts_come_from_a_column_and_may_lack(tmp_path):
    path = written(tmp_path, {"about": "春", "text": "夏"}, {"about": "", "text": "秋"}, {"about": "冬", "text": " "})
    assert split_texts(Data((path,), context="about", valid_share=0), 0)[0] == ["春\0夏", "\0秋"]


def test_a_context_needs_a_column(tmp_path):
    lines = tmp_path / "a.txt"
    lines.write_text("春\n", encoding="utf-8")
    with pytest.raises(GenError, match="leave out --context"):
        split_texts(Data((lines,), context="about"), 0)


@pytest.mark.parametrize("row", [{"text": "春"}, {"text": "春", "about": 5}, {"text": "春", "about": ["夏"]}])
@pytest.mark.parametrize("option", ["context", "column2"])
def test_what_is_wrong_with_a_second_column_names_its_option(tmp_path, row, option):
    with pytest.raises(GenError, match=f"--{option}[.]"):
        split_texts(Data((written(tmp_path, row),), **{option: "about"}), 0)


def test_rows_without_text_are_counted(tmp_path):
    path = written(tmp_path, {"about": "春", "text": "夏"}, {"about": "冬", "text": " "})
    split_texts(Data((path,), context="about", valid_share=0), 0, tally := Tally())
    assert (tally.used, tally.empty) == (1, 1)


@pytest.mark.parametrize("other", [{"column2": "b"}, {"split_at": "-"}])
def test_a_context_and_another_way_of_joining_are_refused(tmp_path, other):
    path = written(tmp_path, {"about": "春", "text": "夏", "b": "秋"})
    with pytest.raises(GenError, match="--context and --(column2|split-at)"):
        split_texts(Data((path,), context="about", **other), 0)


def test_a_context_is_no_character_of_the_vocabulary():
    assert "\0" not in build_tokenizer(["春\0夏"], "chars", size=None, min_count=1, positions=9).get_vocab()


# ------------------------------------------------------------------------------------------------------ the note

NOTE = {"order": ["title"], "parts": {"title": "《{}》"}, "end": "：", "known": {"title": ["春", "夏"]}}
SMALL = ["--from-scratch", "--layers=1", "--width=8", "--heads=2", "--positions=16", "--steps=2"]


@pytest.fixture
def poems(tmp_path):
    rows = [{"about": f"《{title}》：", "text": "风花雪月" * 2} for title in CHARS]
    path = tmp_path / "poems.jsonl"
    path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")
    return path


def train(*words):
    return CliRunner().invoke(gpt2_command, list(map(str, words)), catch_exceptions=False)


def test_the_note_is_kept_in_the_model_folder(poems, tmp_path):
    (tmp_path / "note.json").write_text(json.dumps(NOTE), encoding="utf-8")
    done = train(poems, "--context=about", "--context-note", tmp_path / "note.json", *SMALL, "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    assert read_note(tmp_path / "out") == read_note_file(tmp_path / "note.json")
    assert load(tmp_path / "out").note.write({"title": "春"}) == "《春》："


def test_a_note_that_is_given_later_is_kept_too(poems, tmp_path):
    (tmp_path / "note.json").write_text(json.dumps(NOTE), encoding="utf-8")
    wish = [poems, "--context=about", *SMALL, "--out", tmp_path / "out"]
    train(*wish)
    train(*wish, "--context-note", tmp_path / "note.json", "--resume")
    assert read_note(tmp_path / "out") == read_note_file(tmp_path / "note.json")


def test_a_wrong_or_unused_note_is_refused_before_training(poems, tmp_path):
    (tmp_path / "note.json").write_text(json.dumps({**NOTE, "parts": {}}), encoding="utf-8")
    wish = ["--context-note", tmp_path / "note.json", *SMALL, "--out", tmp_path / "out"]
    with pytest.raises(GenError, match=r"note.json is no note of a model: .parts. does not say"):
        train(poems, "--context=about", *wish)
    with pytest.raises(GenError, match="--context-note .*without --context"):
        train(poems, *wish)
    assert not (tmp_path / "out" / "config.json").exists()
