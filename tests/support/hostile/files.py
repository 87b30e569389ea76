"""Hostile files, where texts, tables, verse, couplets and chains are read."""

import codecs
import gzip
import io
import json
import zipfile

from .case import JUDGE, MODEL, Case, big, case, each, fifo, folder, link, refused

POEM = "白日依山尽，黄河入海流。欲穷千里目，更上一层楼。"
ROWS = "label,text\n好,月白\n坏,风花\n好,春夏\n坏,秋冬\n"


def zipped() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("poems.txt", POEM)
    return file.getvalue()


BYTES = {
    "empty": b"",
    "only a byte order mark": codecs.BOM_UTF8,
    "blanks": b" \n\t\n\xe3\x80\x80\n",
    "NUL bytes": b"\0" * 4096,
    "NUL within": POEM.encode().replace(b"\xef\xbc\x8c", b"\0"),
    "random": bytes(i * 7 % 256 for i in range(5000)),
    "GB18030": POEM.encode("gb18030"),
    "UTF-16": POEM.encode("utf-16"),
    "UTF-16 without a mark": POEM.encode("utf-16-be"),
    "UTF-32": POEM.encode("utf-32"),
    "Latin-1": "é\xa0ü\n".encode("latin-1") * 9,
    "cut UTF-8": POEM.encode()[:-1],
    "surrogates": b"\xed\xa0\x80" * 9,
    "overlong": b"\xc0\xaf\xe0\x80\xaf",
    "gzip": gzip.compress(POEM.encode()),
    "zip": zipped(),
    "PNG": b"\x89PNG\r\n\x1a\n" + bytes(200),
    "controls": "白日\x1b]0;x\x07依山\u202e尽，".encode(),
    "old line ends": POEM.replace("。", "。\r").encode(),
    "Unicode line ends": "白\u2028日\u2029依\x85山\x0c尽".encode(),
}

KINDS = {
    "a folder": folder,
    "a named pipe": fifo,
    "a loop of links": link("file"),
    "a link to nothing": link("nothing"),
    "/dev/zero": link("/dev/zero"),
    "/dev/null": link("/dev/null"),
    "/dev/full": link("/dev/full"),
    "30 MB in a line": big(10 * 2**20),
    "100 MB of lines": big(20 * 2**20, "月白\n".encode()[:5] + b"\n"),
    "3 million line breaks": big(3 * 10**6, b"\n"),
}

ALL = {**BYTES, **KINDS}
FAST = [
    case(f"{name}, gen check", "check", "file", files={"file": made}, codes=frozenset({0, 1, 2}))
    for name, made in ALL.items()
]

READERS = {
    ("text", "--model", MODEL, "--max-new", 2, "--file", "file"): (
        "UTF-16",
        "NUL bytes",
        "random",
        "a named pipe",
        "/dev/zero",
        "30 MB in a line",
        "cut UTF-8",
        "a folder",
    ),
    ("classify", "--model", JUDGE, "--file", "file"): (
        "empty",
        "UTF-16",
        "/dev/zero",
        "a named pipe",
        "30 MB in a line",
        "GB18030",
        "a loop of links",
    ),
    ("eval", "poem", "file"): ("empty", "random", "gzip", "/dev/zero", "30 MB in a line", "a folder", "UTF-16"),
    ("eval", "lm", "file", "--model", MODEL): ("empty", "NUL bytes", "/dev/zero", "UTF-32", "a named pipe"),
    ("couplet", "--model", MODEL, "--first", "白日依山尽", "--not-in", "file"): (
        "random",
        "/dev/zero",
        "a named pipe",
        "a folder",
        "UTF-16",
    ),
    ("train", "gpt2", "file", "--from-scratch", "--out", "out"): (
        "empty",
        "random",
        "UTF-16",
        "/dev/zero",
        "a named pipe",
        "NUL bytes",
        "a loop of links",
        "blanks",
    ),
    ("train", "mlm", "file", "--from-scratch", "--out", "out"): ("empty", "surrogates", "/dev/zero", "zip", "a folder"),
    ("train", "classifier", "file", "--from-scratch", "--out", "out"): (
        "empty",
        "PNG",
        "/dev/zero",
        "a named pipe",
        "GB18030",
    ),
    ("lint", "--chain", "file"): ("empty", "random", "/dev/zero", "a named pipe", "a folder", "UTF-16"),
    ("eval", "couplet", "file", "--model", MODEL): ("empty", "/dev/zero", "random"),
    ("eval", "classifier", "file", "--model", JUDGE): ("empty", "random", "/dev/zero"),
}
READ = [
    case(f"{name}, gen {' '.join(map(str, words[:2]))}", *words, files={"file": ALL[name]})
    for words, names in READERS.items()
    for name in names
]

TABLES = {
    "only a header.csv": b"label,text\n",
    "one column.csv": "月\n日\n".encode(),
    "twice a name.csv": b"text,text\na,b\n",
    "a stray quote.csv": ROWS.replace("风", '"风').encode(),
    "ragged.csv": (ROWS + "好,月,日,风\n坏\n").encode(),
    "a cell of 3 MB.csv": (ROWS + "好," + "月" * 10**6 + "\n").encode(),
    "NUL.csv": ROWS.encode() + b"\0\0,\0\n",
    "controls.csv": (ROWS + "好\x1b[31m,月\u202e\n").encode(),
    "labels one.csv": b"label,text\n1,a\n1.0,b\n 1,c\n",
    "is gzip.csv": gzip.compress(ROWS.encode()),
    "is a zip.jsonl": zipped(),
    "deep.jsonl": b"[" * 100_000 + b"\n",
    "deep object.jsonl": b'{"text":' * 20_000 + b"1" + b"}" * 20_000,
    "numbers.jsonl": b'{"text": 5, "label": 1}\n{"text": ["a"], "label": {}}\n',
    "no objects.jsonl": b"1\n2\nnull\n",
    "twice a key.jsonl": b'{"text": "a", "text": "b", "label": 1}\n',
    "nan.jsonl": b'{"text": NaN, "label": Infinity}\n',
    "cut.jsonl": b'{"text": "a", "lab',
    "surrogates.jsonl": b'{"text": "\\ud800", "label": "\\udfff"}\n',
    "huge number.jsonl": b'{"text": "a", "label": ' + b"9" * 5000 + b"}\n",
    "one object.json": b'{"text": "a"}',
    "empty.tsv": b"",
    "tabs.tsv": b"\t\t\t\n" * 50,
}
TABLED = [
    case(f"{name}, gen {' '.join(map(str, words[:2]))}", *words, name, *rest, files={name: made})
    for number, (name, made) in enumerate(TABLES.items())
    for words, rest in [
        (("train", "classifier"), ("--from-scratch", "--out", "out", "--dry-run")),
        [
            (("classify", "--model", JUDGE, "--file"), ()),
            (("eval", "classifier"), ("--model", JUDGE)),
            (("train", "gpt2"), ("--from-scratch", "--out", "out", "--dry-run")),
        ][number % 3],
    ]
]

CHAINS = {
    "deep.json": b"[" * 50_000,
    "a list.json": b"[1, 2]",
    "numbers.json": b'{"model": 5, "with": 7}',
    "nulls.json": b'{"model": null, "with": [null, []], "max_new": "x"}',
    "cut.toml": b'model = "po',
    "huge.json": json.dumps({"model": "poem", "max_new": 10**30, "with": ["ban=x"] * 3}).encode(),
    "twice.toml": b'model = "poem"\nmodel = "novel"\n',
}
CHAINED = [
    case(f"a chain, {name}", "lint", "--chain", name, files={name: made}, codes=frozenset({1, 2}))
    for name, made in CHAINS.items()
]

DATA = {
    "an empty folder": {"data/nothing": b""},
    "no state.json": {"data/dataset_dict.json": b'{"splits": ["train"]}'},
    "splits that are not there": {"data/dataset_dict.json": b'{"splits": ["train", "../../etc"]}'},
    "a dict of nothing": {"data/dataset_dict.json": b"[]"},
    "a named pipe": {"data/dataset_info.json": fifo},
    "damaged arrow": {
        "data/state.json": b'{"_data_files": [{"filename": "data-00000-of-00001.arrow"}]}',
        "data/dataset_info.json": b"{}",
        "data/data-00000-of-00001.arrow": b"ARROW1\0\0" + bytes(100),
    },
}
DATASETS = [
    refused(f"datasets, {name}", "train", "classifier", "data", "--from-scratch", "--out", "out", files=made)
    for name, made in DATA.items()
]

NAMES = [
    refused("a name of 300 characters", "check", "x" * 300),
    refused("a name of 100,000 characters", "check", "月" * 30_000),
    refused("a name of bidirectional characters", "check", "a\u202eb"),
    refused("a name of controls", "check", "a\x1b[31m\nb"),
    refused("a name that is no UTF-8", "check", b"\xff\xfe"),
    refused("a folder that is a file", "check", "file/x", files={"file": b""}),
    refused("too many folders", "check", "x/" * 2000),
    refused("standard input that is closed", "check", "-", into=None),
    refused("standard input that is endless", "check", "-", into="/dev/zero"),
    refused("standard input that is a folder", "text", "--model", MODEL, "--file", "-", into="/dev/full"),
]

CASES: list[Case] = each("file", [*FAST, *READ, *TABLED, *CHAINED, *DATASETS, *NAMES])
