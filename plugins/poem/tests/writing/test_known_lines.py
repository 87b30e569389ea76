"""Lines that a model was trained on: none is forgotten, few others are taken for one, and a damaged file is refused."""

import json
import random
import re
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gen_engine.cli.main import main
from gen_engine.errors import GenError
from gen_poem import WEIGHTS
from gen_poem.writing import known_lines
from gen_poem.writing.known_lines import FILE, KnownLines, lines_of, read_known_lines, write_known_lines

SCRIPT = Path(__file__).parents[2] / "recipe" / "known_lines.py"
HERON = "白日依山尽，黄河入海流。欲穷千里目，更上一层楼。"
COMMON = "春风花月山水云雨江天人来去不无有一万千里白青日夜秋寒声心归客梦楼台"


def random_lines(count, size=7, seed=0):
    dice = random.Random(seed)
    return ["".join(dice.choices(COMMON, k=size)) for _ in range(count)]


@given(st.sets(st.text("天地玄黄𠀀", min_size=5, max_size=7), max_size=30))
def test_every_line_is_known_and_comes_back_from_a_file(tmp_path_factory, lines):
    folder = tmp_path_factory.mktemp("model")
    write_known_lines(folder, known_lines.known_lines(lines))
    known = read_known_lines(folder)
    assert all(line in known for line in lines)
    assert known.lines == len(lines)


def test_short_lines_are_not_kept():
    known = known_lines.known_lines(["人不见", "白日依山尽"])
    assert "人不见" not in known
    assert known.lines == 1


def test_a_short_line_is_never_taken_for_a_known_one():
    full = KnownLines(b"\xff" * 5, bits=40, hashes=7, shortest=5, lines=4)
    assert "人不见" not in full
    assert "白日依山尽" in full


def test_few_other_lines_are_taken_for_known_ones():
    known = known_lines.known_lines(random_lines(20_000))
    others = set(random_lines(20_000, seed=1)) - set(random_lines(20_000))
    share = sum(line in known for line in others) / len(others)
    assert 0.005 < known.false_positives < 0.01
    assert share == pytest.approx(known.false_positives, abs=0.003)


def test_the_shipped_lines_are_small_and_have_famous_ones():
    known = read_known_lines(WEIGHTS)
    assert all(line in known for line in lines_of("春眠不觉晓，处处闻啼鸟。夜来风雨声，花落知多少。"))
    assert sum(line in known for line in random_lines(20_000)) / 20_000 < 0.02
    assert (WEIGHTS / FILE).stat().st_size < 2_500_000


def test_the_bits_are_those_that_the_documentation_says():
    from hashlib import blake2b

    known = known_lines.known_lines(["白日依山尽"])
    digest = blake2b("白日依山尽".encode(), digest_size=16).digest()
    a, b = (int.from_bytes(digest[i : i + 8], "little") for i in (0, 8))
    wanted = {(a + i * b) % 2**64 % 10 for i in range(7)}
    assert {bit for bit in range(16) if known.content[bit // 8] >> bit % 8 & 1} == wanted


def test_a_folder_without_the_file_knows_no_lines(tmp_path):
    assert read_known_lines(tmp_path) is None


def whole():
    known = known_lines.known_lines(lines_of(HERON))
    head = {"format": "known lines 1", "lines": 4, "shortest": 5, "bits": 40, "hashes": 7}
    return head | {"crc32": zlib.crc32(known.content)}, known.content


def written(**changed):
    head, content = whole()
    return json.dumps(head | changed).encode() + b"\n" + content


DAMAGED = {
    "cut": written()[:-1], "longer": written() + b"\0", "a bit": written()[:-1] + bytes([written()[-1] ^ 1]),
    "empty": b"", "no line": b"\xff" * 99, "no JSON": b"\xff\n" + whole()[1], "a list": b"[]\n" + whole()[1],
    "deep": b"[" * 900 + b"\n", "another format": written(format="known lines 2"), "no bits": written(bits=0),
    "text for a number": written(bits="40"), "true": written(hashes=True), "many hashes": written(hashes=10**9),
    "more bits": written(bits=49), "fewer bits": written(bits=32),
    "a number with a point": written(shortest=5.0), "nothing said": b"{}\n" + whole()[1],
}  # fmt: skip


@pytest.mark.parametrize("kind", DAMAGED)
def test_a_damaged_file_is_refused(kind, tmp_path):
    (tmp_path / FILE).write_bytes(DAMAGED[kind])
    with pytest.raises(GenError, match=re.escape(f"{FILE} is damaged, or no file of known lines; remove it")):
        read_known_lines(tmp_path)


def test_what_is_no_file_or_too_large_is_refused_unread(tmp_path, monkeypatch):
    (tmp_path / FILE).mkdir()
    with pytest.raises(GenError, match=re.escape("cannot be read")):
        read_known_lines(tmp_path)
    monkeypatch.setattr(known_lines, "LARGEST", 1000)
    (tmp_path / "large").mkdir()
    (tmp_path / "large" / FILE).write_bytes(bytes(1001))
    with pytest.raises(GenError, match="over 1,000 bytes"):
        read_known_lines(tmp_path / "large")


def test_a_command_refuses_a_damaged_file_where_it_scores(tmp_path, capsys):
    for file in WEIGHTS.iterdir():
        (tmp_path / file.name).symlink_to(file)
    (tmp_path / FILE).unlink()
    (tmp_path / FILE).write_bytes(b"{}")
    asked = ["poem", "--model", str(tmp_path), "--rows", "1", "--cols", "2"]
    assert main(asked) == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith(f"gen: {tmp_path / FILE} is damaged")
    assert main([*asked, "--best-of", "1"]) == 0


def test_the_recipe_writes_the_file(tmp_path):
    (tmp_path / "a.txt").write_text(HERON + "\n", encoding="utf-8")
    (tmp_path / "b.jsonl").write_text(json.dumps({"context": "《春晓》：", "text": "春眠不觉晓，处处闻啼鸟。"}))
    command = [sys.executable, SCRIPT, tmp_path, tmp_path / "a.txt", tmp_path / "b.jsonl"]
    done = subprocess.run(command, capture_output=True, check=True, text=True)
    assert "6 lines" in done.stdout
    assert "处处闻啼鸟" in read_known_lines(tmp_path)


def test_known_lines_of_no_line_know_none():
    assert "白日依山尽" not in known_lines.known_lines([])
    assert isinstance(known_lines.known_lines([]), KnownLines)
