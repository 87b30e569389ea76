"""The tune book: names, forms, rhymes, and what was mended in it."""

import json
import os
import tarfile
from pathlib import Path

import pytest

from gen_engine.errors import GenError
from gen_poem.judging.check import judge
from gen_poem.verse.tunes import every_tune, number_of, search, tune, tunes

JOKE = ("贺新郎", 12)
"""A form of the source that is none."""


def signs(pattern):
    return "".join("/".join(line.tones) + line.rhyme + line.mark for line in pattern.lines)


def test_the_books_have_817_tunes_with_2293_and_26_forms():
    assert len(tunes()) == len(set(tunes())) == 817
    forms = [number_of(pattern) for each in every_tune() for pattern in each.variants]
    assert (sum(number < 101 for number in forms), sum(number > 100 for number in forms)) == (2293, 26)


def test_a_tune_has_its_forms_with_signs_marks_and_rhymes():
    assert signs(tune("归字谣").variants[0]) == "平A。中仄平平中仄平A。平平仄，中仄仄平平A。"
    assert signs(tune("浣溪沙").variants[0]).startswith("中仄中平中仄平A。中平中仄仄平平A。")


def test_every_line_has_tones_a_mark_and_perhaps_a_rhyme():
    for pattern in (pattern for each in every_tune() for pattern in each.variants):
        assert pattern.lines[-1].mark == "。"
        for line in pattern.lines:
            assert {len(tones) for tones in line.tones} == {line.length}
            assert set("".join(line.tones)) <= set("平仄中")
            assert line.mark in "，、。"
            assert not line.rhyme or {tones[-1] for tones in line.tones} in ({"平"}, {"仄"})


def test_a_changed_rhyme_is_another_letter_an_oblique_answer_not():
    changed = [line.rhyme for line in tune("菩萨蛮").variants[0].lines]
    answered = {(line.rhyme, line.tones[0][-1]) for line in tune("西江月").variants[0].lines if line.rhyme}
    assert changed == list("AABBCCDD")
    assert answered == {("A", "平"), ("A", "仄")}


@pytest.mark.parametrize("name", ["念奴娇", "酹江月", "大江东去", "百字令", "念奴嬌", " 念奴娇 "])
def test_a_tune_goes_by_all_its_names_in_both_scripts(name):
    assert tune(name).names[0] == "念奴娇"


@pytest.mark.parametrize(
    ("name", "meant"),
    [("浪淘沙", ["浪淘沙", "浪淘沙令", "浪淘沙慢"]), ("于中好", ["端正好", "鹧鸪天"]), ("乌夜啼", ["乌夜啼", "相见欢"]),
     ("诉衷情", ["诉衷情", "诉衷情令"]), ("喜迁莺令", ["喜迁莺"]), ("竹马子", ["竹马儿"]), ("添字采桑子", ["采桑子"])],
)  # fmt: skip
def test_a_name_means_all_its_tunes_the_usual_one_first(name, meant):
    assert list(dict.fromkeys(each.form for each in tune(name).variants)) == meant
    assert tune(name).variant(1).form == meant[0]


def test_forms_are_found_by_number_and_missing_ones_refused():
    assert tune("浣溪沙").variant(5).name == "第5体"
    with pytest.raises(GenError, match="choose one of 1, 2, 3, 4, 5"):
        tune("浣溪沙").variant(6)


def test_a_modern_joke_is_left_out_and_numbers_remain():
    assert [each.name for each in tune("贺新郎").variants][-1] == "第11体"


def test_a_refrain_is_a_line_that_follows_closely():
    lines = tune("水龙吟").variant(24).lines
    assert [(line.rhyme, line.mark) for line in lines[:2]] == [("A", "、"), ("", "。")]


@pytest.mark.parametrize(("name", "place"), [("锦帐春", -3), ("过涧歇", 4)])
def test_a_rhyme_that_the_source_forgot_is_there(name, place):
    assert tune(name).variant(2).lines[place].rhyme == "A"


def test_a_nearly_right_name_is_answered_with_near_ones():
    with pytest.raises(GenError, match="浣溪沙"):
        tune("浣溪纱沙")
    with pytest.raises(GenError, match="gen forms"):
        tune("xyz")


def test_parts_of_names_find_tunes():
    assert [each.names[0] for each in search("江月")] == ["西江月", "江月晃重山", "念奴娇", "西江月慢"]
    assert search("xyz") == []


def samples(book):
    """(tune, sample, number in the book) of every form of a raw tune book."""
    with tarfile.open(Path(os.environ["GEN_DATA"]) / "rhyme.tar.xz") as tar:
        file = tar.extractfile(next(each for each in tar if each.name.endswith(f"cipu_{book}.json")))
        tunes = json.load(file)
    return [(t["names"][0], f["origin"], n) for t in tunes for n, f in enumerate(t["forms"], 1)]


@pytest.mark.slow
@pytest.mark.skipif("GEN_DATA" not in os.environ, reason="set GEN_DATA to the folder with the raw tables")
def test_samples_of_the_tune_book_fit_but_for_11_words():
    found = [judge(text, tune_name=name, variant=n) for name, text, n in samples("qinding") if (name, n) != JOKE]
    assert sum(report.format_ok for report in found) >= 2292
    assert sum(report.tones_ok for report in found) >= 2282


@pytest.mark.slow
@pytest.mark.skipif("GEN_DATA" not in os.environ, reason="set GEN_DATA to the folder with the raw tables")
def test_samples_of_the_second_book_are_right_but_for_exceptions():
    found = [judge(text, tune_name=name) for name, text, _ in samples("longyusheng")]
    assert all(report.format_ok for report in found)
    assert sum(report.tones_ok for report in found) >= 229
    assert sum(report.ok for report in found) >= 217


@pytest.mark.parametrize(
    ("name", "number", "shown"),
    [("卜算子", 102, "龙2"), ("满江红", 101, "龙1"), ("眉妩", 101, "龙1"), ("浪淘沙", 2, "第2体")],
)
def test_forms_of_the_second_book_count_from_101(name, number, shown):
    assert tune(name).variant(number).name == shown
    assert number_of(tune(name).variant(number)) == number
