"""Records become bytes and records again; torn ones are left out."""

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gen_batch.files.rows import COLUMNS, CSV_ROWS, JSON_LINES, cells, error_of
from gen_engine.errors import GenError

VALUES = st.none() | st.integers(-5, 5) | st.text(max_size=5)
HALF = "\ud800"
RECORDS = st.dictionaries(st.sampled_from(["id", "custom_id", "text", "more"]), VALUES, max_size=4)
BOTH = pytest.mark.parametrize("rows", [JSON_LINES, CSV_ROWS], ids=["jsonl", "csv"])


@BOTH
@settings(deadline=None)
@given(record=RECORDS)
def test_a_record_comes_back_from_its_bytes(rows, record):
    assert rows.decode(rows.encode(record)) == record


@BOTH
def test_half_a_character_comes_back(rows):
    assert rows.decode(rows.encode({"text": HALF})) == {"text": HALF}


@BOTH
@settings(deadline=None)
@given(records=st.lists(RECORDS, max_size=5), cut=st.integers(0, 60))
def test_whole_records_are_those_that_were_not_cut(rows, records, cut):
    written = [rows.encode(each) for each in records]
    whole = b"".join(written)[: max(0, sum(map(len, written)) - cut)]
    found = list(rows.whole(io.BytesIO(whole)))
    assert found == written[: len(found)]
    assert len(b"".join(written[: len(found) + 1])) > len(whole) or found == written


@settings(deadline=None)
@given(RECORDS)
def test_any_reader_of_tables_reads_ours(record):
    text = (CSV_ROWS.head + CSV_ROWS.encode(record)).decode()
    assert list(csv.DictReader(io.StringIO(text, newline=""))) == [cells(record)]


@BOTH
@pytest.mark.parametrize(
    "row", [b"\n", b"\xff\n", b"[1]\n", b'"a","b"\n', b"{\n", b'"a","b","c","[]"\n', b"[" * 99_999]
)
def test_what_is_no_record_is_told(rows, row):
    with pytest.raises(GenError, match="no record of ours.*--fresh"):
        rows.decode(row)


CHAT = {"choices": [{"message": {"content": "白"}}, {"text": "青"}]}
SHOWN = {
    "plain": ({"id": 7, "texts": [{"text": "白"}, {"text": "青"}]}, ("7", "白\n\n青", "")),
    "enveloped": ({"id": "x", "custom_id": "a", "response": {"status_code": 200, "body": CHAT}}, ("a", "白\n\n青", "")),
    "refused": ({"custom_id": "a", "response": {"status_code": 422, "body": {"error": {"message": "no"}}}},
                ("a", "", "no")),
    "failed": ({"id": None, "error": {"message": "no"}}, ("", "", "no")),
    "strange": ({"id": 1, "response": {"status_code": 400}}, ("1", "", "status 400")),
    "with a zero": ({"id": "a\0", "text": "白\0"}, ("a\ufffd", "白\ufffd", "")),
}  # fmt: skip


@pytest.mark.parametrize(("record", "shown"), SHOWN.values(), ids=SHOWN)
def test_columns_show_id_text_and_error(record, shown):
    assert tuple(cells(record)[name] for name in COLUMNS[:3]) == shown
    assert error_of(record) == shown[2]
