"""How wide texts are, where their lines break, and where they are coloured."""

import io
import re
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st
from terminals import CODE, as_terminal, bare

from gen_engine.cli.output import dump
from gen_engine.system.screen import (
    STYLES,
    cells,
    cut,
    fold,
    hang,
    is_coloured,
    longest_word,
    note,
    paint,
    plain,
    results_kept,
    say,
    width_of,
)

texts = st.text("ab春风，。 ,|[=-é\u0301😀", max_size=60)
styled_texts = st.lists(st.tuples(texts, st.sampled_from(sorted(STYLES))), max_size=5)


@pytest.mark.parametrize(
    ("text", "columns"),
    [("abc", 3), ("春风", 4), ("，", 2), ("e\u0301", 1), ("兼？", 4), ("…×█", 3), ("😀", 2), ("", 0)],
)
def test_texts_are_as_wide_as_terminals_show_them(text, columns):
    assert cells(text) == columns


@given(texts, st.integers(2, 40))
def test_no_line_is_wider_than_asked_and_nothing_is_lost(text, width):
    lines = list(map(plain, fold(text, width)))
    assert max(map(cells, lines)) <= width
    assert all(map(str.strip, lines)) or lines == [text.rstrip(" ")] or not text.strip(" ")
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


@given(texts, st.integers(2, 40))
def test_no_word_is_cut_that_fits_a_line(text, width):
    pieces = {word for line in fold(text, width) for word in plain(line).split()}
    whole = [word for word in text.split() if word.isascii() and cells(word) <= width]
    assert [word for word in whole if word not in pieces] == []


@given(styled_texts, st.integers(2, 40))
def test_styles_stay_with_their_characters(words, width):
    told = [(char, style) for line in fold(words, width) for text, style in line for char in text if char != " "]
    assert told == [(char, style) for text, style in words for char in text if char != " "]


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("write no_repeat=N[,exempt=text|...] there", 20, ["write no_repeat=N", "[,exempt=text|...]", "there"]),
        ("old/weights/of/a/model", 10, ["old/", "weights/", "of/a/model"]),
        ("平平仄，仄平平。", 9, ["平平仄，", "仄平平。"]),
        ("浣溪沙、山花子", 8, ["浣溪沙、", "山花子"]),
        ("x" * 7, 3, ["xxx", "xxx", "x"]),
        ("a  b", 2, ["a", "b"]),
        ("=== \u0301", 3, ["===", "\u0301"]),
        ("ab  \u0301b", 3, ["ab", "\u0301b"]),
        ("", 5, [""]),
    ],
)
def test_a_line_breaks_where_people_would_break_it(text, width, lines):
    assert list(map(plain, fold(text, width))) == lines


def test_the_longest_word_is_what_must_not_be_cut():
    assert longest_word([("a word of ", ""), ("春风，然后 b", "name")]) == 6


def test_later_lines_hang():
    lines = [plain(line) for line in hang("one two three", 9, indent="  ", hanging="    ")]
    assert lines == ["  one", "    two", "    three"]
    assert hang("one two", None, indent="  ") == [[("  ", ""), ("one two", "")]]


@pytest.mark.parametrize(("text", "short"), [("loss 1", "loss 1"), ("loss 1.5", "loss…"), ("春风又绿", "春风…")])
def test_what_is_too_long_is_cut_and_says_so(text, short):
    assert cut(text, 6) == short


@pytest.mark.parametrize(
    ("env", "there"),
    [
        ({}, True),
        ({"NO_COLOR": "1"}, False),
        ({"NO_COLOR": ""}, True),
        ({"TERM": "dumb"}, False),
        ({"CLICOLOR": "0"}, False),
        ({"FORCE_COLOR": "0"}, False),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        ({"TERM": "dumb", "CLICOLOR_FORCE": "1"}, True),
    ],
)
def test_a_terminal_is_coloured_as_its_user_wants(monkeypatch, env, there):
    as_terminal(monkeypatch, **env)
    assert is_coloured(sys.stdout) is there
    assert bool(CODE.search(paint([("wrong", "wrong")], sys.stdout))) is there


@pytest.mark.parametrize(("env", "there"), [({}, False), ({"FORCE_COLOR": "1"}, True), ({"CLICOLOR_FORCE": "1"}, True)])
def test_a_pipe_is_coloured_only_on_request_a_file_never(monkeypatch, env, there):
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    assert is_coloured(sys.stdout) is there
    assert not is_coloured(io.StringIO())
    assert paint([("right", "right")], io.StringIO()) == "right"


def test_neighbours_of_one_style_share_their_codes(monkeypatch):
    as_terminal(monkeypatch)
    assert paint([("白", "name"), ("", ""), ("日", "name"), ("，", "")], sys.stdout) == "\x1b[1m白日\x1b[0m，"


def test_the_width_is_the_terminals_and_a_pipe_has_none(monkeypatch):
    monkeypatch.setenv("COLUMNS", "70")
    assert width_of(io.StringIO()) is None
    as_terminal(monkeypatch, 60)
    assert width_of(sys.stdout) == 60
    monkeypatch.setenv("COLUMNS", "")
    assert width_of(io.StringIO()) == 80


NOTES = [
    "Nothing fits here; try `gen poem --prompt 白 --rows 4` instead of this.",
    "a/path/that/is/longer/than/a/line/of/the/terminal.txt cannot be read; name another file.",
    "短句，然后是另一个比较长的句子，最后给出补救办法：改用 `gen forms` 列出的名字。",
]


@pytest.mark.parametrize("words", NOTES)
@pytest.mark.parametrize("head", ["gen:", "note:", ""])
def test_a_note_breaks_neither_words_nor_commands_to_copy(monkeypatch, capsys, words, head):
    note(words, head)
    piped = capsys.readouterr().err
    assert piped == f"{head} {words}\n".lstrip()
    as_terminal(monkeypatch, 40)
    note(words, head)
    shown = bare(capsys.readouterr().err)
    assert [line for line in shown.splitlines() if cells(line) > 40 and " " in line] == []
    assert [part for part in re.findall("`.*?`|[a-z/.]{5,}", words) if part not in shown] == []


def test_a_style_is_never_all_that_is_said(monkeypatch, capsys):
    as_terminal(monkeypatch, 20)
    say([("format ", ""), ("wrong", "wrong"), (" and more of that", "quiet")], indent=" ")
    assert bare(capsys.readouterr().out) == " format wrong and\n   more of that\n"


def test_what_commands_print_can_be_kept_in_each_thread(capsys):
    def kept(words):
        with results_kept() as out:
            say(words)
            dump([words])
        return out.getvalue()

    with ThreadPoolExecutor(2) as threads:
        assert [*threads.map(kept, ["a", "b"])] == ['a\n[\n  "a"\n]\n', 'b\n[\n  "b"\n]\n']
    say("c")
    assert capsys.readouterr().out == "c\n"
