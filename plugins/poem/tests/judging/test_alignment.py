"""A text beside a pattern: commas are no part of a tune, and what is missing or too many is one fault at its place."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gen_poem.judging.alignment import align
from gen_poem.judging.check import judge
from gen_poem.judging.tune import GAP, weight
from gen_poem.verse.books import book
from gen_poem.verse.patterns import Line
from gen_poem.verse.segments import segments

TRIES = settings(deadline=None, max_examples=40, derandomize=True, database=None)
STORK = "白日依山尽，黄河入海流。欲穷千里目，更上一层楼。"
HEIGHTS = (
    "风急天高猿啸哀，渚清沙白鸟飞回。无边落木萧萧下，不尽长江滚滚来。"
    "万里悲秋常作客，百年多病独登台。艰难苦恨繁霜鬓，潦倒新停浊酒杯。"
)
SEEKING = (
    "寻寻觅觅，冷冷清清，凄凄惨惨戚戚。乍暖还寒时候，最难将息。三杯两盏淡酒，怎敌他、晚来风急。雁过也，正伤心，却是旧时"
    "相识。满地黄花堆积。憔悴损，如今有谁堪摘。守着窗儿，独自怎生得黑。梧桐更兼细雨，到黄昏、点点滴滴。这次第，怎一个"
    "愁字了得。"
)
SONG = "我住长江头，君住长江尾。日日思君不见君，共饮长江水。此水几时休，此恨何时已。只愿君心似我心，定不负相思意。"
PATTERN = (Line(("中中中",), "，"), Line(("中中中中",), "。", "A"), Line(("中中中中中",), "。", "A"))
WAYS = {"七律": ({"form": "七律"}, HEIGHTS), "五绝": ({"form": "五绝"}, STORK),
        "声声慢": ({"tune_name": "声声慢"}, SEEKING), "卜算子": ({"tune_name": "卜算子"}, SONG)}  # fmt: skip


def laid(text, *, is_ci):
    found = align(segments(text)[0], PATTERN, book("cilin"), is_ci=is_ci)
    return [row.chars for row in found.rows], [fault[:2] for fault in found.faults]


@pytest.mark.parametrize("text", ["一二三，四五六七。八九十百千。", "一二三四五六七。八九，十百千",
                                  "一二、三四，五六七\n八九十百千", "一二三四五六七八九十百千",
                                  "“一二三，四五六七。”八九十百千！"])  # fmt: skip
def test_commas_between_rhymes_are_no_part_of_a_tune(text):
    assert laid(text, is_ci=True) == (["一二三", "四五六七", "八九十百千"], [])


@pytest.mark.parametrize("text", ["一二三，四五六。七八九十百千。", "一二三，四五六七八。九十百千。"])
def test_how_many_characters_stand_between_rhymes_is(text):
    assert laid(text, is_ci=True)[1] != []


@pytest.mark.parametrize(
    ("text", "found"), [("一二，三四五六七。八九十百千。", [(1, 3)]), ("一二三四五六七。八九十百千。", [])]
)
def test_lines_of_verse_end_where_the_text_pauses(text, found):
    assert laid(text, is_ci=False) == (["一二三", "四五六七", "八九十百千"], found)


@TRIES
@given(st.sampled_from(["七律", "五绝", "声声慢"]), st.data())
def test_one_missing_character_is_one_fault_and_no_cascade(name, data):
    wishes, text = WAYS[name]
    place = data.draw(st.sampled_from([i for i, char in enumerate(text) if char.isalpha()]))
    report = judge(text[:place] + text[place + 1 :], **wishes)
    [fault] = [each for each in report.faults if each.rule == "format"]
    assert "missing" in fault.words
    assert len(report.faults) <= 2


@TRIES
@given(st.sampled_from(["七律", "五绝", "声声慢"]), st.data())
def test_one_character_too_many_is_one_fault_and_no_cascade(name, data):
    wishes, text = WAYS[name]
    place = data.draw(st.sampled_from([i for i, char in enumerate(text) if char.isalpha()]))
    report = judge(text[:place] + text[place] + text[place:], **wishes)
    [fault] = [each for each in report.faults if each.rule == "format"]
    assert "too many" in fault.words
    assert len([each for each in report.faults if each.rule != "重韵"]) <= 2


@TRIES
@given(st.sampled_from(sorted(WAYS)), st.data())
def test_one_character_off_never_beats_a_gap_of_another_form(name, data):
    wishes, text = WAYS[name]
    place = data.draw(st.sampled_from([i for i, char in enumerate(text) if char.isalpha()]))
    for changed in (text[:place] + text[place + 1 :], text[:place] + text[place] + text[place:]):
        assert weight(judge(changed, **wishes)) <= GAP + 1


@pytest.mark.parametrize(
    ("text", "words"),
    [(STORK[:18], "line 4 is missing"), (STORK + "更上一层楼。", "line 5 is one more than the form has"),
     (STORK.replace("欲穷千里目，", ""), "line 3 is missing"),
     (STORK.replace("河", ""), "line 2, place 2: a character is missing"),
     (STORK.replace("依，", "").replace("日依", "日依，"), "line 1, place 4: a pause within the line")],
)  # fmt: skip
def test_what_is_wrong_with_the_format_is_said_once(text, words):
    report = judge(text, "五绝")
    assert [fault.words.startswith(words) for fault in report.faults if fault.rule == "format"] == [True]


@pytest.mark.parametrize("name", sorted(WAYS))
def test_marks_quotes_and_breaks_of_stanzas_change_nothing(name):
    wishes, text = WAYS[name]
    half = text.index("。", len(text) // 2) + 1
    plain = re.sub("[，。、]", "", text)
    for changed in (text[:half] + "\n\n" + text[half:], f"「{text}」", re.sub("[，。、]", "\n", text), plain):
        assert judge(changed, **wishes).faults == judge(text, **wishes).faults == ()
