"""Files that commands take for text: read, or told what they are."""

import gzip
import io
import lzma
import pickle
import tarfile
import zipfile

import numpy as np
import pytest

from gen_engine.cli.options import read_text
from gen_engine.errors import GenError
from gen_engine.system.text_files import other_kind, text_field

POEM = "白日依山尽，黄河入海流。\n欲穷千里目，更上一层楼。\n"


def zipped(pack):
    found = io.BytesIO()
    pack(found)
    return found.getvalue()


def tarred(file):
    with tarfile.open(fileobj=file, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("poem.txt"))


BINARY = {
    "picture": b"\x89PNG\r\n\x1a\n" + bytes(range(256)),
    "zip": zipped(lambda file: zipfile.ZipFile(file, "w").writestr("a", POEM)),
    "Parquet": b"PAR1" + bytes(80),
    "tar": zipped(tarred),
    "pickle": pickle.dumps([POEM]),
    "NumPy": zipped(lambda file: np.save(file, np.zeros(3))),
    "RTF": b"{\\rtf1\\ansi}",
    "GGUF": b"GGUF\x03" + bytes(30),
    "7-Zip": b"7z\xbc\xaf\x27\x1c" + bytes(20),
    "seems to be no text": bytes(range(256)) * 5,
}


@pytest.mark.parametrize("what", BINARY)
def test_a_file_not_of_text_is_called_what_it_is(tmp_path, what):
    (tmp_path / "poem.txt").write_bytes(BINARY[what])
    with pytest.raises(GenError, match=what) as told:
        read_text(str(tmp_path / "poem.txt"))
    assert "CSV" not in str(told.value)
    assert "--encoding" not in str(told.value)


@pytest.mark.parametrize("encoding", ["gb18030", "utf-16", "utf-16-le", "utf-32", "big5"])
def test_another_encoding_is_named_with_the_command_that_converts_it(tmp_path, encoding):
    text = "春眠不覺曉，處處聞啼鳥。\n夜來風雨聲，花落知多少。\n" if encoding == "big5" else POEM
    (tmp_path / "poem").write_bytes(text.encode(encoding))
    with pytest.raises(GenError, match=f"onvert it, as in `iconv -f {encoding.upper()} -t UTF-8`"):
        read_text(str(tmp_path / "poem"))


@pytest.mark.parametrize(("suffix", "pack"), [("", bytes), (".gz", gzip.compress), (".xz", lzma.compress)])
def test_text_is_read_packed_or_not_without_its_mark(tmp_path, suffix, pack):
    (tmp_path / f"a{suffix}").write_bytes(pack(POEM.encode("utf-8-sig")))
    assert read_text(str(tmp_path / f"a{suffix}")) == POEM


def test_a_nul_is_told_with_its_line(tmp_path):
    for text, line in (("\0", 1), (f"{POEM}a\0", 3), ("\r\n\n\0\n", 3)):
        (tmp_path / "a").write_bytes(text.encode())
        with pytest.raises(GenError, match=f"Line {line} of .* holds a NUL character"):
            read_text(str(tmp_path / "a"))


def test_impossible_names_and_folders_are_told(tmp_path):
    for name, message in ((str(tmp_path), "is a folder"), ("a\0b", "name of a file"), ("a" * 5000, "cannot be read")):
        with pytest.raises(GenError, match=message):
            read_text(name)


@pytest.mark.parametrize(
    ("name", "text", "kind"),
    [
        ("a.csv", POEM, "a table"),
        ("a.tsv.xz", POEM, "a table"),
        ("a", "text,label\n白日,1\n", "a table"),
        ("a", "id\ttitle\ttext\n1\t春\t白日\n", "a table"),
        ("a", '[{"text": "白日"}]', "a list of JSON"),
        ("a.json", '[\n  "白日"\n]', "a list of JSON"),
        ("a", "<!DOCTYPE html><p>白日", "a page of HTML or XML"),
        ("a", '<?xml version="1.0"?>', "a page of HTML or XML"),
        ("a.txt", POEM, ""),
        ("a.txt", POEM.replace("，", ","), ""),
        ("a", "春,夏\n秋,冬\n", ""),
        ("a", "Hello, world\n白日依山尽\n", ""),
        ("a", "[春]夏\n", ""),
        ("a", '{"text": "白日"}\n', ""),
        ("a", "", ""),
    ],
)
def test_what_has_more_than_lines_is_known(name, text, kind):
    assert other_kind(name, text) == kind


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ('{"text": 5}', "a number .5."),
        ('{"text": ["a"]}', "a list"),
        ('{"text": {"a": 1}}', "an object"),
        ('{"text": false}', "a truth value"),
        ('{"text": null}', "nothing"),
        ('{"text": "\\ud83d"}', "half a character"),
        ('{"text": "a\\u0000"}', "a NUL"),
        ('{"texts": "a"}', "is no JSON object with a .text."),
        ('["text"]', "is no JSON object"),
        ('{"text": ' + "[" * 100_000, "is no JSON object"),
        ('{"text": ' + str([1] * 10_000) + "}", "a list .*…"),
    ],
)
def test_a_field_without_text_is_told_with_its_line(line, what):
    with pytest.raises(GenError, match=f"Line 7 of poems .*{what}"):
        text_field(line, 7, "poems")
