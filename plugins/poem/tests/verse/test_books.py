"""Rhyme books: readings, groups and their names, and that the tables are what the script builds."""

import lzma
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gen_engine.errors import GenError
from gen_poem.verse.books import BOOKS, TABLES, Reading, book

SCRIPT = Path(__file__).parents[2] / "tables" / "build.py"


def readings(name, char):
    return {(each.tone, each.group, each.entering) for each in book(name).readings(char)}


def test_a_character_of_two_readings_has_both():
    assert readings("pingshui", "看") == {("平", "寒", False), ("仄", "翰", False)}
    assert readings("cilin", "看") == {("平", "第七部", False), ("仄", "第七部", False)}


def test_entering_tones_are_oblique_in_old_books_alone():
    assert book("pingshui").readings("白") == (Reading("仄", "陌", True),)
    assert book("cilin").readings("白") == (Reading("仄", "第十七部", True),)
    assert book("xinyun").readings("白") == (Reading("平", "开"),)
    assert book("tongyun").readings("白") == (Reading("平", "哀"),)


@pytest.mark.parametrize("name", BOOKS)
@pytest.mark.parametrize("pair", ["东東", "发發", "发髮", "后後", "云雲", "里裏", "干乾", "干幹", "斗鬥"])
def test_a_simplified_character_reads_all_that_its_traditional_ones_read(name, pair):
    simple, full = pair
    assert readings(name, full)
    assert readings(name, full) <= readings(name, simple)


@pytest.mark.parametrize("name", BOOKS)
def test_what_a_book_does_not_know_has_no_reading(name):
    assert book(name).readings("，") == book(name).readings("a") == ()


@pytest.mark.parametrize(("name", "count"), [("pingshui", 106), ("cilin", 19), ("xinyun", 14), ("tongyun", 16)])
def test_every_group_has_characters_and_is_found_by_name(name, count):
    known = book(name)
    used = {each.group for readings in known.entries.values() for each in readings}
    assert set(known.groups) == used
    assert len(known.groups) == len(set(known.groups)) == count
    assert [known.find(group) for group in known.groups] == list(known.groups)
    assert [known.find(str(i + 1)) for i in range(count)] == list(known.groups)


def test_groups_of_the_pingshui_book_are_of_one_tone_each():
    tones = {(each.group, each.tone) for all_ in book("pingshui").entries.values() for each in all_}
    assert len(tones) == 106
    assert sum(tone == "平" for _, tone in tones) == 30


@pytest.mark.parametrize("name", ["东", "一东", "上平一东", "东韵", " 東 ", "1"])
def test_a_rhyme_goes_by_all_its_usual_names(name):
    assert book("pingshui").find(name) == "东"


@pytest.mark.parametrize(
    ("name", "said", "group"),
    [("cilin", "一", "第一部"), ("cilin", "东", "第一部"), ("cilin", "第三部", "第三部"), ("cilin", "19", "第十九部"),
     ("xinyun", "十唐", "唐"), ("xinyun", "ang", "唐"), ("tongyun", "ü", "迂"), ("平水韵", "尤", "尤")],
)  # fmt: skip
def test_the_other_books_have_their_own_names(name, said, group):
    assert book(name).find(said) == group


@pytest.mark.parametrize(("name", "said"), [("pingshui", "x"), ("pingshui", "107"), ("cilin", "佳"), ("xinyun", "")])
def test_an_unknown_or_ambiguous_group_is_refused_with_the_choices(name, said):
    with pytest.raises(GenError, match=book(name).groups[-1]):
        book(name).find(said)


def test_an_unknown_book_is_refused_with_the_choices():
    with pytest.raises(GenError, match="pingshui, cilin, xinyun, tongyun"):
        book("guangyun")


def test_the_tables_are_small():
    assert sum(path.stat().st_size for path in TABLES.glob("*.xz")) < 300_000
    assert (TABLES / "real_lines.bin").stat().st_size < 4_000_000


@pytest.mark.skipif("GEN_DATA" not in os.environ, reason="needs rhyme.tar.xz: set GEN_DATA to its folder")
def test_the_tables_are_what_the_script_builds(tmp_path):
    subprocess.run([sys.executable, SCRIPT, "--to", tmp_path], check=True, capture_output=True)
    names = sorted(path.name for path in TABLES.glob("*.xz") if path.stem != "parallelism.txt")  # by a recipe
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    for name in names:
        assert lzma.decompress((tmp_path / name).read_bytes()) == lzma.decompress((TABLES / name).read_bytes())
