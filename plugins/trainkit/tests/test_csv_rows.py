import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gen_engine.errors import GenError
from gen_trainkit.csv_rows import csv_records, split_line

EXAMPLES = settings(deadline=None, max_examples=150, derandomize=True, database=None)
CELL = st.text(st.sampled_from('春眠ab1,"\n '), max_size=6)
ROWS = st.lists(st.lists(CELL, min_size=2, max_size=3), max_size=6)


def records(text, quotes="check"):
    return list(csv_records(io.StringIO(text, newline=""), "a.csv", quotes))


def cells(text, quotes="check"):
    return [record.cells for record in records(text, quotes)]


@EXAMPLES
@given(ROWS)
def test_trusted_quotes_read_back_whatever_the_csv_module_writes(rows):
    written = io.StringIO(newline="")
    csv.writer(written).writerows(rows)
    assert cells(written.getvalue(), "trust") == rows


@EXAMPLES
@given(st.lists(st.lists(st.text(st.sampled_from("春眠ab1 '"), min_size=1, max_size=5), min_size=2, max_size=2)))
def test_without_quotes_every_way_reads_alike(rows):
    written = "".join(",".join(row) + "\n" for row in rows)
    assert cells(written) == cells(written, "trust") == cells(written, "repair") == rows


@EXAMPLES
@given(st.text(st.sampled_from('春a,"\n'), max_size=40))
def test_repairing_never_fails_and_loses_no_line(text):
    found = records(text, "repair")
    assert sum(record.lines for record in found) == len(io.StringIO(text).readlines())


def reviews(count, **broken):
    """Rows of text and label, of which some are `broken`: the text of row n by the name rn."""
    lines = [broken.get(f"r{n}", f"好{n}") + f",{n % 2}" for n in range(count)]
    return "text,label\n" + "\n".join(lines) + "\n"


@pytest.mark.parametrize("first, last", [(20, 50), (0, 1), (3, 4), (0, 61), (58, 61)])
def test_a_pair_of_stray_quotes_is_told_with_its_lines(first, last):
    text = reviews(62, **{f"r{first}": f'"好{first}', f"r{last}": f'好{last}"'})
    told = f"lines {first + 2} to {last + 2} of a.csv looks like {last - first + 1} rows in one.*--quotes repair"
    with pytest.raises(GenError, match=told):
        records(text)
    assert len(cells(text, "trust")) == 1 + 62 - (last - first)
    assert [row[1] for row in cells(text, "repair")] == ["label", *("01" * 31)]
    assert [record.line for record in records(text, "repair") if record.mended] == [first + 2]


@pytest.mark.parametrize("row", [0, 7, 30, 61])
def test_a_quote_that_never_closes_is_told_with_its_line(row):
    text = reviews(62, **{f"r{row}": f'"好{row}'})
    for quotes in ("check", "trust"):
        with pytest.raises(GenError, match=f"opens in line {row + 2} of a.csv never closes. Mend it, or give --quotes"):
            records(text, quotes)
    assert cells(text, "repair")[row + 1] == [f'"好{row}', str(row % 2)]
    assert len(cells(text, "repair")) == 63


@pytest.mark.parametrize("cell", ['"好"的', '"好" ', '"a"b"c"', '""好"'])
def test_a_quote_that_closes_before_its_cell_ends_is_told(cell):
    text = reviews(9, r4=cell)
    with pytest.raises(GenError, match=r"A quote closes in lines? 6.* of a.csv before its cell ends"):
        records(text)
    assert [row[1] for row in cells(text, "repair")] == ["label", *"010101010"]


@pytest.mark.parametrize(
    "cell", ['"第一行\n第二行"', '"Nice,\nbut small"', '"a, b\nc, d\ne"', '"\n\n好"', '"他说""好""\n走了"', '"x\r\ny"']
)
@pytest.mark.parametrize("place", [0, 5, 8])
def test_a_text_of_several_lines_is_one_text(cell, place):
    text = reviews(9, **{f"r{place}": cell})
    assert cells(text) == cells(text, "trust")
    assert [record.lines > 1 for record in records(text)].count(True) == 1


def test_labels_before_texts_and_other_columns_do_not_matter():
    rows = [f"{n},{n % 2},好{n}" for n in range(30)]
    rows[10], rows[15] = '10,0,"好10', '15,1,好15"'
    with pytest.raises(GenError, match="lines 12 to 17 of a.csv looks like 6 rows"):
        records("id,label,text\n" + "\n".join(rows))


def test_cells_may_exceed_the_csv_modules_limit_which_stays_unchanged():
    before = csv.field_size_limit()
    assert cells(f'text,label\n"{"好" * 200_000}",1\n')[1][0] == "好" * 200_000
    assert csv.field_size_limit() == before


@pytest.mark.parametrize(
    "line, found",
    [
        ("a,b", ["a", "b"]), ("a,", ["a", ""]), ("", [""]), ('"a,b",c\n', ["a,b", "c"]), ('"a"b,c', ['"a"b', "c"]),
        ('a,"b', ["a", '"b']), ('"a""b",c\r\n', ['a"b', "c"]), ('a"b",c', ['a"b"', "c"]), ('"a,b', ['"a', "b"]),
    ],
)  # fmt: skip
def test_a_quote_that_closes_no_cell_is_a_character(line, found):
    assert split_line(line) == found
