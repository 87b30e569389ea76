"""A journal holds whole records, even when the disk is full."""

import os

import pytest

from gen_batch.files.journal import Tally, appending, mend
from gen_batch.files.rows import CSV_ROWS, JSON_LINES
from gen_engine.errors import GenError


def filling(number, data, write=os.write):
    """A disk that takes a part of each write, and nothing of the end."""
    if len(data) < 5:
        raise OSError(28, "No space left on device")
    return write(number, data[:7])


def test_a_full_disk_leaves_whole_records_and_is_told(tmp_path, monkeypatch):
    path = tmp_path / "out.jsonl"
    with pytest.raises(GenError, match="make room, and run the same command again"), appending(path, JSON_LINES) as out:
        out.put(b'{"id": 1}\n')
        monkeypatch.setattr("os.write", filling)
        out.put(b'{"id": 2}\n')
    assert path.read_bytes() == b'{"id": 1}\n'


def test_errors_are_counted_when_a_file_is_mended(tmp_path):
    path = tmp_path / "out.jsonl"
    path.write_bytes(b'{"id": 1}\n{"id": 2, "error": {"message": "no"}}\n{"id": 3')
    assert mend(path, JSON_LINES) == Tally(2, 1)
    assert path.read_bytes().endswith(b'"no"}}\n')
    assert mend(tmp_path / "missing", JSON_LINES) == Tally()


def test_another_table_is_no_output_of_ours(tmp_path):
    path = tmp_path / "out.csv"
    path.write_bytes(b"id,name\n1,x\n")
    with pytest.raises(GenError, match="no output of ours"):
        mend(path, CSV_ROWS)
    assert path.read_bytes() == b"id,name\n1,x\n"


@pytest.mark.parametrize("rows", [JSON_LINES, CSV_ROWS], ids=["jsonl", "csv"])
def test_the_head_stands_once_before_all_records(tmp_path, rows):
    for number in range(2):
        with appending(tmp_path / "out", rows) as out:
            out.put(rows.encode({"id": number}))
    assert (tmp_path / "out").read_bytes() == rows.head + rows.encode({"id": 0}) + rows.encode({"id": 1})
