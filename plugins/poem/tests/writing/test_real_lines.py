"""The recipe of the shipped lines: famous poems first, nothing that is held out; and it makes the shipped file."""

import json
import lzma
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gen_poem.writing.line_index import read_line_index
from gen_poem.writing.nearest import FILE

SCRIPT = Path(__file__).parents[2] / "recipe" / "real_lines.py"
POEMS = [
    ("宋", "陆游", "示儿", "死去元知万事空,但悲不见九州同."),
    ("宋", "无名之人", "无题", "不在其中的一句,也不在其中的."),
    ("唐", "杜甫", "春望 其一", "国破山河在,城春草木深."), ("唐", "王维", "鹿柴", "空山不见人,但闻人语响."),
    ("唐", "杜甫", "缺", "国破□河在,城春草木深."), ("唐", "杜甫", "留", "留作评判的,另外一句话."),
]  # fmt: skip
FAMOUS = [{"author": "王维", "title": "鹿柴", "lines": ["空山不见人，", "《但》闻人语响。"], "tags": ["现代的话"]}]
CI = [
    ("苏轼", "念奴娇", "大江东去，浪淘尽，千古风流人物。"), ("苏轼", "卜算子", "缺月挂疏桐，漏断人初静。"),
    ("苏轼", "醉", "缺月挂疏桐，此句第二也，此句第三也。"), ("某", "某", "此人不在其中。"),
]  # fmt: skip
DATA = {
    "tang_anthologies": FAMOUS,
    "poems": [dict(zip(("dynasty", "author", "title", "text"), row, strict=True)) for row in POEMS],
    "ci": [dict(zip(("author", "cipai", "text"), row, strict=True)) for row in CI],
    "eval/poems": [{"text": "留作评判的,评判之二者."}],
    "eval/ci": [{"text": "缺月挂疏桐。"}],
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    (folder / "eval").mkdir()
    for name, rows in DATA.items():
        with lzma.open(folder / f"{name}.jsonl.xz", "wt", encoding="utf-8") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)
    command = [sys.executable, SCRIPT, folder / "lines.bin"]
    done = subprocess.run(command, env={**os.environ, "GEN_DATA": str(folder)}, check=True, capture_output=True)
    return read_line_index(folder / "lines.bin"), done.stdout.decode()


def test_famous_poems_come_first_and_no_other_lines_at_all(made):
    index, _ = made
    assert [index.line(number) for number in range(len(index))] == [
        "空山不见人", "但闻人语响", "国破山河在", "城春草木深", "大江东去", "千古风流人物",
        "缺月挂疏桐", "此句第二也", "此句第三也", "死去元知万事空", "但悲不见九州同",
    ]  # fmt: skip


def test_titles_and_authors_are_told(made):
    index, _ = made
    assert [index.source(number) for number in (0, 2, 4)] == [
        ("鹿柴", "王维", "唐"), ("春望", "杜甫", "唐"), ("念奴娇", "苏轼", "宋"),
    ]  # fmt: skip


def test_it_says_what_it_wrote(made):
    assert "lines.bin: 11 lines of 5 poems in" in made[1]
    assert "2 poems were left out" in made[1]


@pytest.mark.slow
def test_the_shipped_lines_are_those_of_the_recipe(tmp_path):
    if not os.environ.get("GEN_DATA"):
        pytest.skip("GEN_DATA names no folder of data")
    subprocess.run([sys.executable, SCRIPT, tmp_path / "lines.bin"], check=True)
    made, shipped = read_line_index(tmp_path / "lines.bin"), read_line_index(FILE)
    assert made.characters == shipped.characters
    assert all((a == b).all() for a, b in ((made.codes, shipped.codes), (made.titles, shipped.titles)))
    assert (made.authors, made.poem_ends) == (shipped.authors, shipped.poem_ends)
