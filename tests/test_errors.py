"""What an error echoes is short and cannot be obeyed by a terminal, whoever wrote it."""

import io
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny import chars, engine_of

from gen_engine.cli.main import main
from gen_engine.cli.output import stream, write
from gen_engine.errors import ECHO, LONGEST, GenError, brief, quoted, readable, tame

UNSEEN = "\x1b[31m\x07\x9b\r\n\u202e\u2066\u2069\u200e\u200f\u200b\ufeff\udc9f"


@given(st.text())
def test_no_message_holds_what_a_terminal_obeys(text):
    assert str(GenError(text)).isprintable()
    assert len(str(GenError(text))) <= 8 * LONGEST


@given(st.text(min_size=ECHO + 1))
def test_what_is_quoted_is_cut_and_says_so(text):
    assert eval(quoted(text)) == text[: ECHO - 1] + "…"
    assert brief(text).endswith("…")


def test_what_is_short_and_plain_is_echoed_as_it_is():
    assert [quoted("春风"), brief("春风"), quoted(5), readable("The word 春风 is short.")] == [
        "'春风'", "春风", "5", "The word 春风 is short.",
    ]  # fmt: skip


def test_a_long_message_keeps_its_beginning_and_its_remedy():
    for echo in ("x" * 10_000, "x y " * 2500, "/".join(["folder"] * 2000)):
        told = str(GenError(f"There is no file {echo}; check the path."))
        assert len(told) <= LONGEST
        assert told.startswith("There is no file")
        assert told.endswith("check the path.")


LONG = "春" * 10_000
ECHOED = [
    ["processors", "{}"],
    ["nothing{}"],
    ["text", "--{}"],
    ["text", "--num", "{}"],
    ["text", "--dtype", "{}"],
    ["text", "--model", "{}"],
    ["poem", "--model", "novel:{}"],
    ["poem", "--form", "{}"],
    ["poem", "--with", "{}"],
    ["poem", "--with", "{}=1"],
    ["poem", "--with", "ban=a,{}=1"],
    ["poem", "--with", "regex=({}"],
    ["poem", "--with", "length={}"],
    ["poem", "--decoder", "{}"],
    ["poem", "--rhyme", "{}"],
    ["poem", "--explain", "{}"],
    ["ci", "{}"],
    ["check", "{}"],
    ["convert", "{}", "out", "--base", "."],
    ["eval", "lm", "{}"],
    ["classify", "--model", "{}", "text"],
]


@pytest.mark.parametrize("words", ECHOED, ids=" ".join)
@pytest.mark.parametrize("echo", [LONG, UNSEEN + "x", "a b " * 3000], ids=["long", "unseen", "blanks"])
def test_whatever_a_command_echoes_is_short_and_harmless(words, echo, capsys):
    main([word.format(echo) for word in words])
    told = capsys.readouterr().err
    assert told.startswith("gen: ")
    assert told.removesuffix("\n").isprintable()
    assert len(told) < LONGEST + 100
    assert not re.search(r"\S{300}", told)


class Terminal(io.StringIO):
    def isatty(self):
        return True


OBEYED = ["\x1b[2J", "\x07", "\x9b31m", "\r", "\b\b", "\x7f", "\u202e", "\u2066", "\u200f", "\udc9f"]
KEPT = "白日\t依山\n👩‍👩‍👧 naïve　"


@pytest.mark.parametrize("char", OBEYED)
def test_a_terminal_gets_no_control_codes_and_a_pipe_all(char):
    for file in (Terminal(), io.StringIO()):
        tamed = tame(f"{KEPT}{char}", file)
        assert (char[0] in tamed) == (not file.isatty())
        assert tamed.startswith(KEPT)
        assert json.loads(tame(json.dumps(char, ensure_ascii=False), file)) == char


@pytest.mark.parametrize("as_json", [True, False])
def test_no_text_reaches_a_terminal_with_a_raw_control(as_json):
    terminal, engine = Terminal(), engine_of(chars("\x1b\x9b\u202e"))
    write(terminal, engine.completions("\u202e", num=2, seed=1, max_new=5), as_json=as_json)
    stream(terminal, "\x1b[2J", engine.stream("", seed=1, max_new=5))
    assert terminal.getvalue().replace("\n", "").isprintable()
    assert "\\u001b[2J" in terminal.getvalue()
