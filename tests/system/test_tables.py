"""Tables on terminals of any width, and for programs."""

import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from terminals import CODE, as_terminal, bare

from gen_engine.cli import main as cli
from gen_engine.system.screen import cells
from gen_engine.system.tables import table

words = st.text("abc春风，.", min_size=1, max_size=12)
cell = st.lists(words, max_size=9).map(" ".join)


@st.composite
def tables(draw):
    columns = draw(st.lists(words, min_size=1, max_size=6, unique=True))
    rows = draw(st.lists(st.tuples(*[cell] * len(columns)), min_size=1, max_size=4))
    return columns, rows


def shown(columns, rows, width, **given):
    """The lines of a table on a terminal."""
    file = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        as_terminal(patch, width, NO_COLOR="1")
        table("A title", columns, rows, file=file, **given)
    return file.getvalue().split("\n")[:-1]


@given(tables(), st.integers(40, 130), st.booleans())
def test_a_table_fits_the_terminal_and_has_no_trailing_blanks(made, width, turn):
    lines = shown(*made, width, turn=turn, right=made[0][1:2], legend=["what the signs of the table mean"])
    assert [line for line in lines if cells(line) > width or line != line.rstrip()] == []


@given(tables(), st.integers(40, 130), st.booleans())
def test_no_word_of_a_table_is_cut(made, width, turn):
    columns, rows = made
    told = set(" ".join(shown(columns, rows, width, turn=turn)).replace(": ", " ").split())
    wanted = {word for row in rows for text in row for word in text.split() if word.isascii()}
    assert wanted - told == set()


@given(tables())
def test_a_pipe_gets_cells_between_tabs_and_nothing_else(made):
    columns, rows = made
    file = io.StringIO()
    table("A title", columns, rows, legend=["for people"], right=columns, file=file)
    assert file.getvalue() == "".join("\t".join(row) + "\n" for row in [["# A title"], columns, *rows])


def test_columns_line_up_with_chinese_in_them():
    assert shown(["name", "what"], [["诗", "verse"], ["novel", "散文"]], 80)[2:] == ["诗     verse", "novel  散文"]


def test_figures_end_at_their_right_edge():
    assert shown(["what", "nats"], [["a", "1.5"], ["b", "12.25"]], 80, right=["nats"])[2:] == [
        "a       1.5",
        "b     12.25",
    ]


ROW = ["ban", "core", "ban=ITEMS", "Forbid characters, strings and classes of characters in the new text."]
BESIDE = "ban   core    ban=ITEMS"


@pytest.mark.parametrize(
    ("width", "lines"),
    [
        (120, [f"{BESIDE}    {ROW[3]}"]),
        (79, [f"{BESIDE}    Forbid characters, strings and classes of characters", " " * 27 + "in the new text."]),
        (50, [BESIDE, "    Forbid characters, strings and classes of", "    characters in the new text."]),
    ],
)
def test_what_does_not_fit_beside_stands_below(width, lines):
    columns = ["name", "plugin", "write it as", "what it does"]
    assert shown(columns, [ROW], width, nameless=columns[2:])[2:] == lines


def test_what_stands_below_has_its_name():
    rows = [["poem", "add_commands add_evaluators add_trainers models processors", "works"]]
    assert shown(["name", "hooks", "state"], rows, 40)[1:] == [
        "name  state",
        "poem  works",
        "    hooks: add_commands add_evaluators",
        "      add_trainers models processors",
    ]


def test_a_table_of_few_rows_and_many_figures_may_turn():
    columns, rows = ["model", *(f"figure {n}" for n in range(8))], [["a", *"12345678"], ["b", *"87654321"]]
    assert shown(columns, rows, 40, turn=True)[1:3] == ["model     a  b", "figure 0  1  8"]
    assert shown(columns, rows, 120, turn=True)[2].split() == ["a", *"12345678"]


@pytest.mark.parametrize("width", [44, 48, 52, 56])
def test_columns_give_way_as_far_as_their_words_allow(width):
    rows = [["a_word_of_some_thirty_characters", "a few words more"], ["short one", "some words that need room"]]
    told = " ".join(shown(["one", "two"], rows, width)).split()
    assert [word for row in rows for text in row for word in text.split() if word not in told] == []


def test_what_would_move_the_cursor_is_escaped():
    row = ["a\x1b[31m\tb\n", "\u202ec"]
    assert shown(["one", "two"], [row], 80)[2] == "a\\x1b[31m b   \\u202ec"
    file = io.StringIO()
    table("t", ["one", "two"], [row], file=file)
    assert file.getvalue().splitlines()[2] == "a\\x1b[31m b \t\\u202ec"


LISTS = [["processors"], ["decoders"], ["recipes"], ["models"], ["plugins"], ["doctor"], ["forms"], ["forms", "七律"],
         ["forms", "满江红"], ["forms", "花"]]  # fmt: skip


@pytest.mark.parametrize("columns", [60, 80, 120])
@pytest.mark.parametrize("words", LISTS, ids=" ".join)
def test_every_list_fits_and_cuts_no_word(monkeypatch, capsys, words, columns):
    cli.main(words)
    piped = capsys.readouterr().out
    as_terminal(monkeypatch, columns)
    assert cli.main(words) == 0
    lines = bare(capsys.readouterr().out).splitlines()
    assert [line for line in lines if cells(line) > columns or line != line.rstrip()] == []
    told = set(" ".join(lines).split())
    cells_told = re.sub(r"^# .*\n.*", "", piped, flags=re.MULTILINE)  # a title and the names of columns
    assert [word for word in cells_told.split() if word.isascii() and word.isalnum() and word not in told] == []


@pytest.mark.parametrize("words", LISTS, ids=" ".join)
def test_every_list_is_the_same_in_every_pipe(monkeypatch, capsys, words):
    monkeypatch.setenv("COLUMNS", "50")
    assert cli.main(words) == 0
    printed = capsys.readouterr().out
    monkeypatch.setenv("COLUMNS", "150")
    cli.main(words)
    if words != ["doctor"]:  # which measures times
        assert printed == capsys.readouterr().out
    assert not CODE.search(printed)
    assert "  " not in printed.replace("\n#   ", "\n# ")
