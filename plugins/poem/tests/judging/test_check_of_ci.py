"""What `gen check` says of ci, held against the literature, and of rhymes that other books know."""

from collections import Counter
from pathlib import Path

import pytest

from gen_poem.judging.check import judge
from gen_poem.verse.books import book
from gen_poem.verse.other_books import elsewhere, rhyme_of_verse
from gen_poem.verse.traditional import to_traditional
from gen_poem.verse.tunes import tune


def verdicts():
    """(title, tune named, tune and form, rhymes, notes, faults, text) of each entry of the table."""
    blocks = (Path(__file__).parent / "verdicts_ci.txt").read_text(encoding="utf-8").split("\n\n")
    entries = [block.strip().split("\n") for block in blocks if not block.startswith("#")]
    return [(*map(str.strip, head.split("|")), text) for head, text in entries]


@pytest.mark.parametrize("script", [str, to_traditional], ids=["simplified", "traditional"])
@pytest.mark.parametrize("verdict", verdicts(), ids=lambda verdict: verdict[0])
def test_famous_ci_are_what_the_literature_says(verdict, script):
    _, named, form, groups, notes, faults, text = verdict
    report = judge(script(text), tune_name=script(named))
    assert f"{report.pattern.form} {report.pattern.name}" == form
    assert " ".join(group for _, group in report.groups) == groups
    assert {note.kind for note in report.notes} == set(notes.split()) - {"-"}
    assert {fault.rule for fault in report.faults} == set(faults.split()) - {"-"}


@pytest.mark.parametrize("verdict", verdicts(), ids=lambda verdict: verdict[0])
def test_famous_ci_are_known_without_their_names(verdict):
    _, named, form, *_, text = verdict
    assert judge(text).pattern.form in {each.form for each in tune(named).variants}


def test_a_missing_character_is_one_fault_though_editions_differ():
    [fault] = judge(next(v[-1] for v in verdicts() if "寒蝉" in v[0]), tune_name="雨霖铃").faults
    assert (fault.rule, fault.line) == ("format", 5)


def test_a_ci_with_few_wrong_tones_is_recognised_by_itself():
    text = (
        next(v[-1] for v in verdicts() if "明月几时有" in v[0]).replace("问青天", "望青天").replace("不胜寒", "怯霜寒")
    )
    report = judge(text.replace("琼楼", "玉阙"))
    assert (report.pattern.form, report.tones_ok, report.format_ok) == ("水调歌头", False, True)


def test_two_wrong_tones_are_less_than_a_character_too_many():
    text = next(v[-1] for v in verdicts() if "我住长江头" in v[0]).replace("只愿君心", "只愿君君心")
    report = judge(text, tune_name="卜算子")
    assert (report.format_ok, len(report.faults)) == (True, 2)


# ------------------------------------------------------------------------------------------------- free places


@pytest.mark.parametrize(
    ("name", "line", "wrong", "right"),
    [("鹧鸪天", 0, "春春春春春春东", "彩袖殷勤捧玉钟"), ("卜算子", 0, "春春春春春", "缺月挂疏桐"),
     ("忆秦娥", 5, "春春春春春春月", "乐游原上清秋节"),
     ("清平乐", 4, "春春春春春春", "大儿锄豆溪东"), ("浣溪沙", 0, "春春春春春春东", "一曲新词酒一杯")],
)  # fmt: skip
def test_a_line_free_in_one_form_is_its_kind(name, line, wrong, right):
    def misses(words):
        signs = (zip(words, tones, strict=True) for tones in tune(name).variants[0].lines[line].tones)
        known = {char: {r.tone for r in book("cilin").readings(char)} for char in words}
        return min(sum(sign not in ("中", *known[char]) for char, sign in each) for each in signs)

    assert (misses(wrong) > 0, misses(right)) == (True, 0)


@pytest.mark.parametrize("name", ["临江仙", "卜算子", "满江红", "水调歌头", "念奴娇"])
def test_later_forms_have_free_places_too(name):
    signs = Counter(sign for form in tune(name).variants[1:] for line in form.lines for sign in line.tones[0])
    assert signs["中"] > 0.15 * signs.total()


# -------------------------------------------------------------------------------------------- rhymes of other books


@pytest.mark.parametrize(
    ("char", "wanted", "fellows", "told"),
    [("台", "平", "回杯", "it does in 平水韵 (灰); poets often join 第五部 to 第三部 (通押)"),
     ("展", "仄", "染敛", "it does in 中华新韵 (寒) and 中华通韵 (安); poets often join 第七部 to 第十四部 (通押)"),
     ("真", "平", "清明", "poets often join 第六部 to 第十一部 (通押)"),
     ("壁", "仄", "雪月", "poets often join 第十七部 to 第十八部 (通押)"),
     ("东", "平", "花家", ""), ("风", "平", "清明", "it does in 中华新韵 (庚)")],
)  # fmt: skip
def test_a_word_out_of_rhyme_is_told_its_rhyme(char, wanted, fellows, told):
    found = elsewhere(char, wanted, [(each, wanted) for each in fellows], book("cilin"))
    assert found.startswith(told)
    assert bool(found) == bool(told)


def test_one_rhyme_of_verse_is_right_without_a_book():
    text = next(v[-1] for v in verdicts() if "一曲新词" in v[0])
    assert judge(text, tune_name="浣溪沙").rhyme_ok
    assert not judge(text, tune_name="浣溪沙", rhyme_book="cilin").rhyme_ok
    assert rhyme_of_verse([("杯", "平"), ("台", "平")]) == "灰"
    assert rhyme_of_verse([("杯", "平"), ("东", "平")]) == rhyme_of_verse([]) == ""
