"""Whatever stands in a file: its readers give rows, or say in a GenError what is wrong."""

import csv
import gzip
import io
import json
import lzma
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gen_classify.rows.reading import Columns, read_tables
from gen_engine.errors import GenError
from gen_trainkit.reading import read_texts
from gen_trainkit.tables import Reading

HEALTH = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
EXAMPLES = settings(deadline=None, max_examples=60, derandomize=True, database=None, suppress_health_check=HEALTH)
KINDS = (".csv", ".tsv", ".jsonl", ".txt", "", ".csv.gz", ".tsv.xz", ".jsonl.gz")
MARKS = [
    b",",
    b"\t",
    b"\n",
    b"\r",
    b'"',
    b"\0",
    b"\xff",
    b"\xef\xbb\xbf",
    b"{",
    b"}",
    b"[",
    b":",
    b"\x1f\x8b",
    b"PK\x03\x04",
]
WORDS = [b"text", b"label", b"1", b"1e999", b"null", b"NaN", b"9" * 5000, b"\\ud800", *("好".encode(each) for each in
         ("utf-8", "gb18030", "utf-16")), b'{"text": "a", "label": 1}', b"text,label\n", b"text\tlabel\n"]  # fmt: skip
PIECES = st.sampled_from(MARKS + WORDS)
ENCODINGS = st.sampled_from(
    ["utf-8", "utf-16", "gb18030", "utf-32", "ascii", "utf-7", "idna", "punycode", "rot13", "mbcs2"]
)


def packed(kind, data):
    return {".gz": gzip.compress, ".xz": lzma.compress}.get(kind[-3:], bytes)(data)


def is_text(value):
    return isinstance(value, str) and "\0" not in value and bool(value.strip()) and value.encode() != b""


def read(path, encoding, quotes):
    """All readers of one file; what they take for texts are texts."""
    reading = Reading(encoding, quotes=quotes)
    with suppress(GenError):
        assert all(map(is_text, read_texts([path], reading=reading)))
    with suppress(GenError):
        table = read_tables([path], Columns(), reading=reading)
        assert len(table.texts) == len(table.labels) == len(table.places)
        assert table.tally.read == len(table.texts) + len(table.bad)
        assert all(map(is_text, [*table.labels, *table.texts]))


@pytest.mark.parametrize("kind", KINDS)
@EXAMPLES
@given(
    pieces=st.lists(PIECES, max_size=12),
    encoding=st.just("utf-8") | ENCODINGS,
    quotes=st.sampled_from(["check", "trust", "repair"]),
)
def test_any_bytes_are_rows_or_one_sentence(tmp_path, kind, pieces, encoding, quotes):
    path = tmp_path / f"a{kind}"
    path.write_bytes(packed(kind, b"".join(pieces)))
    read(path, encoding, quotes)


@EXAMPLES
@given(data=st.binary(max_size=80), kind=st.sampled_from(KINDS))
def test_random_bytes_are_rows_or_one_sentence(tmp_path, data, kind):
    path = tmp_path / f"a{kind}"
    path.write_bytes(data)
    read(path, "utf-8", "check")


STRANGE = st.text(st.sampled_from("a好 \0\ud800"), max_size=3)
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | STRANGE,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner, max_size=2),
    max_leaves=4,
)


@EXAMPLES
@given(rows=st.lists(st.fixed_dictionaries({"text": STRANGE | JSON, "label": STRANGE | JSON}), min_size=1, max_size=4))
def test_any_json_is_a_row_or_a_bad_one(tmp_path, rows):
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    read(path, "utf-8", "check")


CELL = st.text(st.sampled_from('好a1 ,"\n'), min_size=1, max_size=5)


@EXAMPLES
@given(rows=st.lists(st.tuples(CELL, st.sampled_from("01")), min_size=1, max_size=6), cut=st.integers(0, 80))
def test_a_csv_cut_off_anywhere_is_rows_or_one_sentence(tmp_path, rows, cut):
    written = io.StringIO(newline="")
    csv.writer(written).writerows([("text", "label"), *rows])
    (tmp_path / "a.csv").write_text(written.getvalue()[:cut], encoding="utf-8", newline="")
    read(tmp_path / "a.csv", "utf-8", "check")
