import gzip
import json
import lzma

import pytest

from gen_engine.errors import GenError
from gen_trainkit.reading import read_texts
from gen_trainkit.tables import Reading
from gen_trainkit.tally import Bad, Tally


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
        ("a.jsonl", "[1]\n", None, "Line 1 of .* is no JSON object"),
        ("a.jsonl", "{\n", None, "Line 1 of .* is no JSON object"),
        ("a.jsonl", "[" * 100_000, None, "Line 1 of .* is no JSON object"),
        ("a.jsonl", '{"text": "\\ud83d"}', None, "Line 1 of .* holds half a character"),
        ("a.jsonl", '{"text": null}', None, "There is no text in"),
        ("a.tsv", "label\ttext\n1\n", None, "Line 2 of .* cannot be used: it has 1 columns only"),
        ("a.tsv", "label\ttext\n1\t春\n", "0", "There is no column 0. Columns are counted from 1."),
        ("a.tsv", "label\ttext\n1\t春\n", "²", "has no column '²'"),
        ("a.txt", " \n", None, "There is no text in .* Give a file"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(tmp_path, name, content, column, message):
    with pytest.raises(GenError, match=message):
        read_texts(write(tmp_path / name, content), column=column)


def test_missing_files_folders_and_torn_archives_are_told_apart(tmp_path):
    (tmp_path / "a.xz").write_bytes(lzma.compress(b"a" * 100)[:-8])
    for path, message in ((tmp_path / "b", "no file"), (tmp_path, "is a folder"), (tmp_path / "a.xz", "unpacked")):
        with pytest.raises(GenError, match=message):
            read_texts([path])


def test_an_archive_damaged_in_its_middle_is_named(tmp_path):
    packed = gzip.compress(bytes(range(256)) * 20)
    (tmp_path / "a.gz").write_bytes(packed[:20] + b"\xff" * 10 + packed[30:])
    with pytest.raises(GenError, match="cannot be unpacked"):
        read_texts([tmp_path / "a.gz"], encoding="latin-1")


@pytest.mark.parametrize("encoding", ["undefined", "hex", "klingon", "punycode2"])
def test_what_cannot_be_the_encoding_is_named(tmp_path, encoding):
    with pytest.raises(GenError, match=f"There is no encoding '{encoding}' of text. Give one"):
        read_texts(write(tmp_path / "a.txt", "春眠"), encoding=encoding)


SONG = "text,label\n春眠不觉晓，处处闻啼鸟。,1\n夜来风雨声，花落知多少。,0\n"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "gb18030", "gbk"])
def test_the_encoding_is_named_that_a_file_is_in(tmp_path, encoding):
    seen = "gb18030" if encoding == "gbk" else encoding
    with pytest.raises(GenError, match=f"[Gg]ive --encoding {seen}") as told:
        read_texts(write(tmp_path / "a.csv", SONG, encoding))
    assert "utf-8-sig" not in str(told.value)
    assert read_texts([tmp_path / "a.csv"], encoding=seen) == ["春眠不觉晓，处处闻啼鸟。", "夜来风雨声，花落知多少。"]


def test_big5_is_told_from_gb18030(tmp_path):
    with pytest.raises(GenError, match="It looks like big5: give --encoding big5"):
        read_texts(write(tmp_path / "a.txt", "春眠不覺曉，處處聞啼鳥。\n夜來風雨聲，花落知多少。\n", "big5"))


def test_what_looks_like_nothing_is_told_without_a_guess(tmp_path):
    (tmp_path / "a.txt").write_bytes(bytes(range(128, 256)) * 9)
    with pytest.raises(GenError, match="is not utf-8 text. Mend it, or name its encoding, such as --encoding gb18030"):
        read_texts([tmp_path / "a.txt"])


@pytest.mark.parametrize(
    ("begin", "what"), [(b"PK\x03\x04", "zip"), (b"%PDF-1.7", "PDF"), (b"PAR1", "Parquet"), (b"\x1f\x8b\x08", "gzip")]
)
def test_files_that_are_no_text_are_told_what_they_are(tmp_path, begin, what):
    (tmp_path / "a.csv").write_bytes(begin + b"text\nabc\n")
    with pytest.raises(GenError, match=f"{what}.*, no text"):
        read_texts([tmp_path / "a.csv"])


@pytest.mark.parametrize("name", ["a.txt", "a.csv", "a.tsv", "a.jsonl"])
def test_a_nul_is_told_with_its_line(tmp_path, name):
    rows = {"a.txt": "春\n眠\0晓\n", "a.jsonl": '{"text": "春"}\n{"text": "眠\\u0000"}\n'}
    file = write(tmp_path / name, rows.get(name, "text\n眠\0\n"))
    with pytest.raises(GenError, match="Line 2 of .* holds a NUL character. Mend or remove it"):
        read_texts(file)


@pytest.mark.parametrize(
    ("value", "what"),
    [
        ("5", "a number .5."),
        ('["a"]', "a list"),
        ('{"a": 1}', "an object"),
        ("true", "a truth value"),
        ("0.5", "a number"),
    ],
)
def test_what_is_no_text_is_not_taken_for_one(tmp_path, value, what):
    file = write(tmp_path / "a.jsonl", f'{{"text": "春"}}\n{{"text": {value}}}\n')
    with pytest.raises(GenError, match=f"Line 2 of .* holds {what}.* where a text belongs. Mend"):
        read_texts(file)


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl", "a.txt"])
def test_a_novel_may_stand_in_one_cell(tmp_path, name):
    novel = "春眠不觉晓" * 60_000
    text = json.dumps({"text": novel}) if name == "a.jsonl" else novel if name == "a.txt" else f"text\n{novel}"
    assert read_texts(write(tmp_path / name, text + "\n")) == [novel]


def test_a_deep_line_is_one_sentence(tmp_path):
    for line in ("[" * 100_000, '{"text": ' * 50_000, '{"text": "春"' + ", [" * 70_000):
        with pytest.raises(GenError, match="is no JSON object"):
            read_texts(write(tmp_path / "a.jsonl", line))


def test_rows_are_counted(tmp_path):
    tally = Tally()
    read_texts(write(tmp_path / "a.txt", "春\n\n眠\n \n"), tally=tally)
    assert tally.told("texts") == ["4 texts read, 2 used, 2 without text."]


def test_rows_of_several_lines_and_mended_ones_are_told(tmp_path):
    file = write(tmp_path / "a.csv", 'text,label\n"春\n眠",1\n"晓,0\n"a"b,1\n"好,\n山",0\n,1\n')
    tally = Tally()
    assert len(read_texts(file, reading=Reading(quotes="repair"), tally=tally)) == 4
    assert tally.told() == [
        "5 rows read, 4 used, 1 without text.",
        "2 rows take several lines (the first: a.csv:2 to 3).",
        "2 rows had a quote mended (the first: a.csv:4).",
    ]


def test_counts_of_several_readings_add_up():
    one, other = Tally(read=3, used=1, empty=1), Tally(read=1, bad=[Bad("f:1", "no")])
    one.remark("a"), other.remark("b"), other.remark("a")
    assert (one + other).told() == ["4 rows read, 1 used, 1 without text, 2 left out (f:1: no).", "a", "b"]


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("text,label\n春,1\n", "a table.*ending .csv or .tsv"),
        ("id\ttext\n1\t春\n", "a table"),
        ('{"text": "春"}\n', "JSON lines.*ending .jsonl"),
        ('[\n  {"text": "春"}\n]\n', "a list of JSON.*as .jsonl"),
        ("<!DOCTYPE html>\n<p>春</p>\n", "a page of HTML"),
    ],
)
def test_a_table_under_another_name_is_no_lines_of_text(tmp_path, content, what):
    with pytest.raises(GenError, match=f"looks like {what}"):
        read_texts(write(tmp_path / "a.txt", content))


def test_lines_that_hardly_look_like_a_table_are_texts(tmp_path):
    for lines in (
        ["a,b", "春"],
        ["春,夏", "秋,冬"],
        ["{春}", "夏"],
        ["[春]", "夏"],
        ["<春>", "夏"],
        ["one, two three", "four"],
    ):
        assert read_texts(write(tmp_path / "a.txt", "\n".join(lines))) == lines
