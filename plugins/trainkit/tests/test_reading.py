import gzip
import lzma

import pytest

from gen_engine.errors import GenError
from gen_trainkit.reading import read_texts


def write(path, text, encoding="utf-8"):
    path.write_bytes(text.encode(encoding))
    return [path]


def test_lines_are_texts_and_empty_ones_are_none(tmp_path):
    assert read_texts(write(tmp_path / "a.txt", "春眠\r\n\n不觉晓\n")) == ["春眠", "不觉晓"]


def test_a_bom_is_dropped(tmp_path):
    assert read_texts(write(tmp_path / "a.txt", "春\n", "utf-8-sig")) == ["春"]
    assert read_texts(write(tmp_path / "a.csv", "text\n春\n", "utf-8-sig")) == ["春"]


def test_gb18030_is_read_when_asked_for(tmp_path):
    assert read_texts(write(tmp_path / "a.txt", "春𬳽\n", "gb18030"), encoding="gb18030") == ["春𬳽"]


def test_a_csv_column_may_be_quoted_and_span_lines(tmp_path):
    file = write(tmp_path / "a.csv", 'label,text\n1,"春,\n眠"\n0,晓\n')
    assert read_texts(file) == ["春,\n眠", "晓"]


def test_a_tsv_column_takes_quotes_literally(tmp_path):
    file = write(tmp_path / "a.tsv", 'label\treview\n1\t"春\n0\t晓"\n')
    assert read_texts(file, column="review") == ['"春', '晓"']


def test_a_column_by_number_needs_no_header(tmp_path):
    assert read_texts(write(tmp_path / "a.tsv", "1\t春\n0\t晓\n"), column="2") == ["春", "晓"]


def test_a_jsonl_field_is_read(tmp_path):
    assert read_texts(write(tmp_path / "a.jsonl", '{"text": "春"}\n\n{"text": "晓"}\n')) == ["春", "晓"]


@pytest.mark.parametrize(("suffix", "pack"), [(".xz", lzma.compress), (".gz", gzip.compress)])
def test_packed_files_are_unpacked(tmp_path, suffix, pack):
    path = tmp_path / f"a.tsv{suffix}"
    path.write_bytes(pack("text\n春\n".encode()))
    assert read_texts([path]) == ["春"]


def test_files_follow_each_other(tmp_path):
    assert read_texts(write(tmp_path / "b.txt", "春") + write(tmp_path / "a.txt", "晓")) == ["春", "晓"]


@pytest.mark.parametrize(
    ("name", "content", "column", "message"),
    [
        ("a.csv", "label,text\n", "body", "has no column 'body' .label, text.. Choose one with --column"),
        ("a.jsonl", '{"body": 1}\n', None, "Line 1 of .* has no field 'text' .body.. Choose one"),
        ("a.jsonl", "[1]\n", None, "has no field"),
        ("a.jsonl", "{\n", None, "Line 1 of .* is not JSON"),
        ("a.jsonl", "[" * 100_000, None, "Line 1 of .* is not JSON"),
        ("a.jsonl", '{"text": "\\ud83d"}', None, "Line 1 of .* holds half a character"),
        ("a.jsonl", '{"text": null}', None, "There is no text in"),
        ("a.csv", "text\n" + "x" * 200_000, None, "is no table .field larger than field limit"),
        ("a.tsv", "label\ttext\n1\n", None, "Row 1 of .* has 1 columns"),
        ("a.tsv", "label\ttext\n1\t春\n", "0", "There is no column 0. Columns are counted from 1."),
        ("a.tsv", "label\ttext\n1\t春\n", "²", "has no column '²'"),
        ("a.txt", " \n", None, "There is no text in .* Give a file"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(tmp_path, name, content, column, message):
    with pytest.raises(GenError, match=message):
        read_texts(write(tmp_path / name, content), column=column)


def test_a_missing_file_a_folder_and_a_torn_archive_are_named(tmp_path):
    (tmp_path / "a.xz").write_bytes(lzma.compress(b"a" * 100)[:-8])
    for path, message in ((tmp_path / "b", "no file"), (tmp_path, "is a folder"), (tmp_path / "a.xz", "unpacked")):
        with pytest.raises(GenError, match=message):
            read_texts([path])


def test_an_archive_damaged_in_its_middle_is_named(tmp_path):
    packed = gzip.compress(bytes(range(256)) * 20)
    (tmp_path / "a.gz").write_bytes(packed[:20] + b"\xff" * 10 + packed[30:])
    with pytest.raises(GenError, match="cannot be unpacked"):
        read_texts([tmp_path / "a.gz"], encoding="latin-1")


@pytest.mark.parametrize("encoding", ["utf-16", "undefined", "hex", "klingon"])
def test_what_cannot_be_the_encoding_is_named(tmp_path, encoding):
    with pytest.raises(GenError, match="Name its encoding"):
        read_texts(write(tmp_path / "a.txt", "春眠"), encoding=encoding)


def test_a_wrong_encoding_is_named_with_the_remedy(tmp_path):
    with pytest.raises(GenError, match=r"is not utf-8.* text\. Name its encoding"):
        read_texts(write(tmp_path / "a.txt", "春眠", "gb18030"))
