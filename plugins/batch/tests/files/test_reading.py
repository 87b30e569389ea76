"""Requests are read one by one, whatever the file holds; what cannot be a request is told with its line."""

import gzip
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from told_runs import ENDINGS, write_requests

from gen_batch.files import bounded, csv_rows, reading
from gen_batch.files.kinds import kind_of
from gen_batch.files.places import place_of
from gen_batch.files.reading import Blocks, covered, opened
from gen_engine.errors import GenError


def read(path):
    """The requests of a file, each with its problem."""
    with opened(place_of(str(path)), kind_of(str(path))) as source:
        return [source.understand(entry) for entry in source.entries]


def written(tmp_path, content, name="in.jsonl"):
    """A file of these bytes."""
    path = tmp_path / name
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return path


@pytest.mark.parametrize("ending", ENDINGS)
def test_every_form_holds_the_same_requests(tmp_path, ending):
    asked = [{"id": "a", "command": "poem", "rows": 2, "prompt": '白"\n,'}, {"id": "b", "command": "text", "seed": 7}]
    assert read(write_requests(tmp_path / f"in.{ending}", asked)) == [(each, "") for each in asked]


@pytest.mark.parametrize("name", ["in.jsonl", "in.jsonl.gz", "in.ndjson", "IN.JSONL"])
def test_blank_lines_a_bom_and_line_ends_are_passed_over(tmp_path, name):
    path = written(tmp_path, b'\xef\xbb\xbf\r\n{"id": 1}\r\n\n \t\n{"id": 2}\n{"id": 3}', name)
    assert read(path) == [({"id": number}, "") for number in (1, 2, 3)]


BAD = {
    b"\xff\xfe{}": "Line 2 is not UTF-8 (byte 1)",
    b'{"id": 1': "Line 2 is no JSON",
    b'{"a": NaN}': "NaN is no number of JSON",
    b"[1]": "Line 2 holds [1], no JSON object",
    b"null": "no JSON object",
    b"[" * 200_000: "nested too deeply",
    b'{"a": ' + b"9" * 5000 + b"}": "Line 2 is no JSON (a whole number has more than 4,300 digits); write one",
    b'{"a": [{"b": 1, "b": 2}]}': "Line 2: 'b' occurs twice in an object; give it once.",
    b"\0": "Line 2 is no JSON",
}


@pytest.mark.parametrize(("line", "told"), BAD.items(), ids=range(len(BAD)))
def test_a_bad_line_is_told_and_the_others_are_read(tmp_path, line, told):
    first, bad, last = read(written(tmp_path, b'{"id": 1}\n' + line + b'\n{"id": 3}\n'))
    assert (first[0], last[0]) == ({"id": 1}, {"id": 3})
    assert told in bad[1]
    assert bad[0] == {}


def test_a_huge_line_is_told_and_not_held(tmp_path, monkeypatch):
    monkeypatch.setattr(bounded.raw_lines, "__defaults__", (20,))
    path = written(tmp_path, b'{"id": 1}\n{"id": "' + b"x" * 90 + b'"}\n{"id": 3}\n')
    first, bad, last = read(path)
    assert "longer than" in bad[1]
    assert (first[0], last[0]) == ({"id": 1}, {"id": 3})


CELLS = {
    "1,2,3": "has 3 cells for 2 columns",
    '1,"open\n2,3': "has an open quote",
    '1,"a"b': "is no CSV",
}


@pytest.mark.parametrize(("row", "told"), CELLS.items())
def test_a_bad_row_is_told(tmp_path, row, told):
    [*_, bad] = read(written(tmp_path, f"id,prompt\n7,x\n{row}".encode(), "in.csv"))
    assert told in bad[1]


def test_a_quote_that_stays_open_ends_at_the_bound():
    lines = [bounded.RawLine(number, line) for number, line in enumerate([b'a,"b\n', b"c" * 9 + b"\n", b"d,e\n"], 1)]
    assert [row.is_cut for row in csv_rows.raw_rows(lines, most=10)] == [True, False]


@pytest.mark.parametrize("header", ["id,id", "id,,x", "\xff", ","])
def test_a_bad_header_is_refused(tmp_path, header):
    with pytest.raises(GenError, match="first row"):
        read(written(tmp_path, header.encode("latin-1") + b"\n1,2\n", "in.csv"))


def test_cells_are_what_their_command_wants(tmp_path):
    names = b'command,rows,tones,with,custom_id,body\npoem,4,strict,"[""top_k=5""]",007,"{""n"": 1}"\npoem,four,,,,x\n'
    [good, bad] = read(written(tmp_path, names, "in.csv"))
    told = {"rows": 4, "tones": "strict", "with": ["top_k=5"], "custom_id": "007", "body": {"n": 1}}
    assert good == ({"command": "poem", **told}, "")
    assert bad == ({"command": "poem", "rows": "four", "body": "x"}, "")


WRONG = {
    "in.jsonl": (b"PK\x03\x04....", "zip archive"),
    "in.csv": ("id,prompt\n1,白\n".encode("utf-16"), "utf-16"),
    "in.jsonl.gz": (None, "cannot be unpacked"),
    "in.parquet": (b"PAR1 no", "cannot be read as Parquet"),
    "in.txt": (b"", "end it in .jsonl, .csv or .parquet"),
    "in.parquet.gz": (b"", "unpack the .gz"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_file_is_refused_by_what_it_is(tmp_path, name):
    content, told = WRONG[name]
    path = tmp_path / name
    path.write_bytes(gzip.compress(b'{"id": 1}\n' * 99)[:-9] if content is None else content)
    with pytest.raises(GenError, match=told):
        read(path)


@pytest.mark.parametrize("name", ["missing.jsonl", "missing.parquet"])
def test_a_missing_file_is_told(tmp_path, name):
    with pytest.raises(GenError, match="There is no file"):
        read(tmp_path / name)


def test_an_empty_file_has_no_requests(tmp_path):
    assert read(written(tmp_path, b"")) == read(written(tmp_path, b"", "in.csv")) == []


@pytest.mark.parametrize("body", ['{"n": 1, "n": 2}', '{"n": NaN}', "[" * 100_000])
@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_body_in_a_cell_is_read_strictly(tmp_path, body, form):
    source = write_requests(tmp_path / f"in.{form}", [{"custom_id": "a", "body": body}])
    assert read(source) == [({"custom_id": "a", "body": body}, "")]


def test_numbers_with_gaps_in_a_table_are_whole_again(tmp_path):
    import pyarrow
    from pyarrow import parquet

    columns = {"rows": [4.0, float("nan"), None], "top_p": [0.5, 1.0, None], "body": ['{"n": 1}', "x", None]}
    parquet.write_table(pyarrow.table(columns), tmp_path / "in.parquet")
    first, second, third = read(tmp_path / "in.parquet")
    assert first == ({"rows": 4, "top_p": 0.5, "body": {"n": 1}}, "")
    assert (second, third) == (({"top_p": 1, "body": "x"}, ""), ({}, ""))


@settings(deadline=None)
@given(
    st.lists(st.text("白 é{\rA", max_size=8).map(lambda text: f"{{{text}".encode()), max_size=20), st.integers(0, 25)
)
def test_what_is_covered_does_not_depend_on_blocks(tmp_path_factory, lines, number):
    path = written(tmp_path_factory.mktemp("in"), b"\n".join(lines))
    with opened(place_of(str(path)), kind_of(str(path))) as source:
        blocks = Blocks(source, waits=True)
        found = [blocks.covered, *(blocks.covered for _ in blocks)]
    with opened(place_of(str(path)), kind_of(str(path))) as source:
        told = []
        assert covered(source, number, told.append) == found[min(number, len(lines))]
        assert len(told) == min(number, len(lines))


def test_large_requests_are_read_ahead_in_small_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "BLOCK_BYTES", 20)
    path = written(tmp_path, b'{"prompt": 1}\n' * 5)
    with opened(place_of(str(path)), kind_of(str(path))) as source:
        blocks = Blocks(source)
        assert [blocks.covered.count for _ in blocks] == [2, 2, 4, 4, 5]


def test_progress_reaches_the_end(tmp_path):
    path = written(tmp_path, json.dumps({"id": 1}).encode() + b"\n" + b'{"id": 2}\n')
    with opened(place_of(str(path)), kind_of(str(path))) as source:
        assert [entry.progress for entry in source.entries] == [0.5, 1.0]


NUMBERED = {
    "in.jsonl": (b'\xef\xbb\xbf\n{"id": 1}\r\n\n\xff\n{"id": 2}', [2, 4, 5]),
    "in.csv": (b'\nid,prompt\n1,"a\nb"\n\n2,c\r\n3,"open\n', [3, 6, 7]),
    "in.csv.gz": (b"id\n1\n2\n", [2, 3]),
}


@pytest.mark.parametrize("name", NUMBERED)
def test_requests_have_the_lines_of_an_editor(tmp_path, name):
    content, numbers = NUMBERED[name]
    with opened(place_of(str(written(tmp_path, content, name))), kind_of(name)) as source:
        assert [entry.line for entry in source.entries] == numbers


def test_rows_of_a_table_are_counted(tmp_path):
    path = write_requests(tmp_path / "in.parquet", [{"prompt": str(number)} for number in range(3)])
    with opened(place_of(str(path)), kind_of(str(path))) as source:
        assert [entry.line for entry in source.entries] == [1, 2, 3]


def test_a_huge_line_has_its_number(tmp_path, monkeypatch):
    monkeypatch.setattr(bounded.raw_lines, "__defaults__", (20,))
    path = written(tmp_path, b"\n" + b"x" * 90 + b"\n")
    with opened(place_of(str(path)), kind_of(str(path))) as source:
        assert [entry.line for entry in source.entries] == [2]


HEADERS = {
    b'"id,command\n1,poem\n': "has an open quote",
    b"id;command\n1;poem\n": "has semicolons between its names",
    b"id\tcommand\n1\tpoem\n": "has tabs between its names",
}


@pytest.mark.parametrize(("content", "told"), HEADERS.items())
def test_a_header_that_names_no_fields_is_refused(tmp_path, content, told):
    with pytest.raises(GenError, match=f"{told}.*; save it as CSV with commas"):
        read(written(tmp_path, content, "in.csv"))


def unreadable(pyarrow):
    """Arrays whose values Python has not."""
    offsets, text = pyarrow.py_buffer(b"\0\0\0\0\1\0\0\0"), pyarrow.py_buffer(b"\xff")
    twins = [pyarrow.array([1]), pyarrow.array([2])]
    return {
        "a text that is no UTF-8": pyarrow.Array.from_buffers(pyarrow.string(), 1, [None, offsets, text]),
        "a time of another age": pyarrow.array([2**60], pyarrow.timestamp("us")),
        "an endless duration": pyarrow.array([2**62], pyarrow.duration("s")),
        "an object with twins": pyarrow.StructArray.from_arrays(twins, names=["a", "a"]),
    }


ODD = ("a text that is no UTF-8", "a time of another age", "an endless duration", "an object with twins")


@pytest.mark.parametrize("what", ODD)
def test_a_value_that_cannot_be_read_is_told(tmp_path, what):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    parquet.write_table(pyarrow.table({"odd": unreadable(pyarrow)[what]}), tmp_path / "in.parquet")
    with pytest.raises(GenError, match="Rows 1 to 1 of .* hold a value that cannot be read"):
        read(tmp_path / "in.parquet")


def test_two_columns_of_one_name_are_refused(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    one = pyarrow.array([1])
    parquet.write_table(pyarrow.table([one, one], names=["id", "id"]), tmp_path / "in.parquet")
    with pytest.raises(GenError, match="two columns 'id'"):
        read(tmp_path / "in.parquet")
