"""What `gen check` says of regulated and old verse, held against the literature and against texts made for it."""

import random
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gen_engine.errors import GenError
from gen_poem.judging.check import judge
from gen_poem.judging.old_rhyme import ALIKE, sounds_of, stanzas
from gen_poem.judging.regulated import loose_joints, unstuck
from gen_poem.verse.books import NEIGHBOURS, book, neighbours
from gen_poem.verse.patterns import SHAPES, of_kinds, patterns
from gen_poem.verse.resolve import Wish, resolve
from gen_poem.verse.traditional import to_traditional
from gen_poem.verse.tunes import tune

TRIES = settings(deadline=None, max_examples=30, derandomize=True, database=None)
LEVEL_GROUPS = "东冬江支微鱼虞齐佳灰真文元寒删先萧肴豪歌麻阳庚青蒸尤侵覃盐咸"
WORDS = {
    group: [c for c, r in book("pingshui").entries.items() if {x.group for x in r} == {group} and c.isalpha()]
    for group in book("pingshui").groups
}


SAMPLE = "，。" + "".join(char for words in WORDS.values() for char in words[:12])


def line(signs, draw, end=""):
    """A line of characters of just these tones; the last one of the group `end`, if it is given."""
    chars = [draw.choice(WORDS[draw.choice("东支先" if sign == "平" else "董纸质")]) for sign in signs]
    return "".join(chars[:-1]) + (draw.choice(WORDS[end]) if end else chars[-1])


def verdicts():
    """(title, form, pattern, rhyme, notes, faults, text) of each entry of the table."""
    blocks = (Path(__file__).parent / "verdicts.txt").read_text(encoding="utf-8").split("\n\n")
    entries = [block.strip().split("\n") for block in blocks if block.strip() and not block.startswith("#")]
    return [(*map(str.strip, head.split("|")), text) for head, text in entries]


@pytest.mark.parametrize("script", [str, to_traditional], ids=["simplified", "traditional"])
@pytest.mark.parametrize("verdict", verdicts(), ids=lambda verdict: verdict[0])
def test_famous_poems_are_what_the_literature_says(verdict, script):
    _, form, name, group, notes, faults, text = verdict
    report = judge(script(text))
    assert (report.pattern.form, report.pattern.name, report.group) == (form, name, group)
    assert {note.kind for note in report.notes} == set(notes.split()) - {"-"}
    assert {fault.rule for fault in report.faults} == set(faults.split()) - {"-"}


# ------------------------------------------------------------------------------------------- neighbouring rhymes


def test_neighbours_are_mutual_and_none_is_its_own():
    near = neighbours()
    assert all(group in near[other] for group, others in near.items() for other in others)
    assert all(group not in others for group, others in near.items())
    assert set(near) == set("".join(NEIGHBOURS)) <= set(LEVEL_GROUPS)


@pytest.mark.parametrize("first", LEVEL_GROUPS)
def test_a_first_line_borrows_from_neighbouring_groups_alone(first):
    draw = random.Random(first)
    signs = ["仄仄仄平平", "平平仄仄平", "平平平仄仄", "仄仄仄平平"]
    for group in LEVEL_GROUPS:
        rows = [line(*each) for each in zip(signs, [draw] * 4, [first, group, "", group], strict=True)]
        wrong = {fault.rule for fault in judge("，".join(rows), "五绝").faults} - {"重韵"}
        assert (wrong == set()) == (first == group or first in neighbours().get(group, ())), rows


@pytest.mark.parametrize("wishes", [{"first": "rhymed"}, {"first": "unrhymed"}, {"rhyme_book": "cilin"}])
def test_a_first_line_told_how_to_rhyme_borrows_none(wishes):
    text = "清明时节雨纷纷，路上行人欲断魂。借问酒家何处有，牧童遥指杏花村。"
    assert judge(text, first="neighbour").ok
    report = judge(text, "七绝", **wishes)
    assert not any(note.kind == "首句借邻韵" for note in report.notes)


@TRIES
@given(
    st.sampled_from(["五绝", "七绝", "五律", "七律"]),
    st.sampled_from(["strict", "loose", "off"]),
    st.sampled_from([(), ("东",), ("先",), ("麻",)]),
    st.data(),
)
def test_what_first_neighbour_admits_is_what_check_calls_so(form, tones, rhymes, data):
    verse = resolve(Wish(form, tones=tones, rhymes=rhymes, first="neighbour"))
    draw = random.Random(data.draw(st.integers(0, 10**6)))
    state, text = verse.opening, ""
    while not verse.accepts(state):
        text += draw.choice([char for char in SAMPLE if verse.step(state, char) is not None])
        state = verse.step(state, text[-1])
    report = judge(text, form, tones=tones, first="neighbour", rhyme="".join(rhymes))
    assert {fault.rule for fault in report.faults} <= {"重韵"}
    assert "借邻韵" in report.pattern.name


@pytest.mark.parametrize(
    ("wish", "remedy"),
    [(Wish("五古", first="neighbour"), "old verse"), (Wish("五绝", first="neighbour", book="cilin"), "leave out cilin"),
     (Wish("五绝", first="neighbour", book="xinyun"), "leave out xinyun"),
     (Wish("五绝", first="neighbour", book="none"), "leave one of them out"),
     (Wish("五绝", first="neighbour", rhymes=("尤",)), "尤 has none"),
     (Wish("浣溪沙", first="neighbour"), "is a tune")],
)  # fmt: skip
def test_a_neighbour_that_cannot_be_is_refused_with_the_remedy(wish, remedy):
    with pytest.raises(GenError, match=remedy):
        resolve(wish)


# ------------------------------------------------------------------------------------------------ saved and loose


@TRIES
@given(st.sampled_from(["五绝", "七绝"]), st.booleans(), st.booleans(), st.integers(0, 10**6))
def test_only_the_answer_saves_an_oblique_place_before_the_last(form, third, saves, seed):
    draw = random.Random(seed)
    a = "仄仄" + "平仄"[third] + "仄仄"
    b = "平平" + ("平" if saves else "仄") + "仄平"
    before = {"五绝": ("", ""), "七绝": ("平平", "仄仄")}[form]
    rows = [before[0] + a, before[1] + b, before[1] + "平平平仄仄", before[0] + "仄仄仄平平"]
    text = "，".join(line(signs, draw, "先" if i % 2 else "") for i, signs in enumerate(rows))
    report = judge(text, form, tones="strict", first="unrhymed")
    place = SHAPES[form].cols - 1
    assert (("tone", 1, place) in {(f.rule, f.line, f.place) for f in report.faults}) is not saves
    assert ("拗救" in {note.kind for note in report.notes}) >= saves


@TRIES
@given(st.sampled_from(["五绝", "七绝", "五律", "七律"]), st.integers(1, 3), st.integers(0, 10**6))
def test_couplets_that_do_not_stick_are_one_fault_each(form, number, seed):
    draw = random.Random(seed)
    rows = SHAPES[form].rows
    number = 1 if rows == 4 else number
    kinds = ("abcd" * 3)[:rows]
    kinds = kinds[: 2 * number] + ("cdab" * 3 if number % 2 == 0 else "abcd" * 3)[: rows - 2 * number]
    pattern = of_kinds(form, "loose", kinds, "unrhymed")
    signs = [each.tones[0].replace("中", "仄") for each in pattern.lines]
    ends = ["先" if each.rhyme else "" for each in pattern.lines]
    text = "，".join(line(each, draw, end) for each, end in zip(signs, ends, strict=True))
    faults = [(f.rule, f.line) for f in judge(text, form, tones="loose").faults if f.rule != "重韵"]
    assert faults == [("失粘", 2 * number + 1)]


@TRIES
@given(st.sampled_from(["五绝", "七绝"]), st.integers(0, 10**6))
def test_lines_that_are_not_opposed_are_one_fault(form, seed):
    draw = random.Random(seed)
    signs = [each.tones[0].replace("中", "仄") for each in of_kinds(form, "loose", "adad", "unrhymed").lines]
    text = "，".join(line(each, draw, "先" if i % 2 else "") for i, each in enumerate(signs))
    found = [(f.rule, f.line) for f in judge(text, form).faults if f.rule != "重韵"]
    assert found == [("失对", 2), ("失对", 4)]


@pytest.mark.parametrize("first", ["", "rhymed", "unrhymed", "neighbour"])
def test_couplets_stick_together_where_nothing_speaks_against_it(first):
    for rows in (4, 8, 12):
        pattern = unstuck("七排", "loose", first, lambda number, kinds: 1, rows)
        assert loose_joints(pattern, 7) == []
        assert len(pattern.lines) == rows


def test_no_pattern_of_a_form_has_loose_joints():
    for form in ("五绝", "七律", "五排"):
        for pattern in patterns(form):
            seconds = [each.tones[0][1] for each in pattern.lines]
            assert all((a == b) == (i % 2 == 1) for i, (a, b) in enumerate(pairwise(seconds)))


# ------------------------------------------------------------------------------------------------------ polyphones


@pytest.mark.parametrize(
    ("text", "where", "tone", "why"),
    [("离离原上草，一岁一枯荣。野火烧不尽，春风吹又生。", (1, 2), "平", "平 is wanted"),
     ("众鸟高飞尽，孤云独去闲。相看两不厌，只有敬亭山。", (3, 2), "平", "平 is wanted"),
     ("烽火连三月，家书抵万金。白头搔更短，浑欲不胜簪。", (4, 4), "平", "平 is wanted"),
     ("晓镜但愁云鬓改，夜吟应觉月光寒。蓬山此去无多路，青鸟殷勤为探看。", (4, 7), "平", "it rhymes in 寒"),
     ("离离原上草，一岁一枯荣。野火烧不尽，春风吹又生。", (3, 4), "仄", "仄 here is 拗, and saved")],
)  # fmt: skip
def test_a_character_of_two_tones_tells_the_reading_taken(text, where, tone, why):
    place = judge(text).rows[where[0] - 1][where[1] - 1]
    assert place.taken is not None
    assert place.char != "不" or place.taken.entering
    assert place.taken.tone == tone
    assert why in place.why
    assert any(each.tone != tone for each in place.readings) or "rhymes" in why


# ------------------------------------------------------------------------------------------------------- old verse


@pytest.mark.parametrize("ends", ["白怕", "一意", "月夜", "天电", "东送"])
def test_level_oblique_and_entering_tones_never_rhyme_together(ends):
    chars = ends * 2
    text = "，".join("人人人人" + char for pair in zip("何多山春", chars, strict=True) for char in pair)
    report = judge(text, "五古")
    assert not report.ok


@pytest.mark.parametrize("seed", range(12))
def test_a_quatrain_is_never_taken_for_a_tune(seed):
    draw = random.Random(seed)
    for name in ("啰唝曲", "纥那曲", "竹枝", "浪淘沙", "杨柳枝"):
        for pattern in tune(name).variants:
            if {each.length for each in pattern.lines} in ({5}, {7}) and len(pattern.lines) == 4:
                signs = [draw.choice(each.tones).replace("中", draw.choice("平仄")) for each in pattern.lines]
                text = "，".join(
                    line(s, draw, "先" if each.rhyme else "") for s, each in zip(signs, pattern.lines, strict=True)
                )
                assert judge(text).pattern.form in ("五绝", "七绝", "五古", "七古")


def test_groups_that_count_as_one_are_of_one_voice():
    voices = {r.group: (r.tone, r.entering) for rs in book("pingshui").entries.values() for r in rs}
    for alike in ALIKE:
        assert len({voices[group] for group in alike}) == 1


@TRIES
@given(st.lists(st.tuples(st.sampled_from("东歌尤侵马有屋缉"), st.sampled_from([2, 4, 6])), min_size=1, max_size=4),
       st.integers(0, 10**6))  # fmt: skip
def test_the_rhyme_of_old_verse_is_found_where_it_changes(parts, seed):
    parts = [each for i, each in enumerate(parts) if i == 0 or each[0] != parts[i - 1][0]]
    draw = random.Random(seed)
    ends = [group if i % 2 or size == 2 else draw.choice("覃沃") for group, size in parts for i in range(size)]
    readings = [book("pingshui").readings(draw.choice(WORDS[group])) for group in ends]
    found = stanzas([sounds_of(each) for each in readings], by_couplets=True)
    assert [stanza.groups for stanza in found] == [(group,) for group, _ in parts]
    assert not any(stanza.missing for stanza in found)


@pytest.mark.parametrize(
    "text",
    ["白日依山尽，黄河入海水。欲穷千里目，更上一层楼。", "江碧鸟逾白，山青花欲燃。今春看又过，何日是归期。",
     "一去二三里，烟村四五家。亭台六七座，八九十枝梅。"],
)  # fmt: skip
def test_what_does_not_rhyme_is_never_right(text):
    for form in ("", "五绝", "五古"):
        report = judge(text, form)
        assert not report.ok
        assert not (report.rhyme_ok and report.has_rhyme)


def test_shuffled_line_ends_hardly_ever_rhyme_as_old_verse():
    draw = random.Random(1)
    chars = [draw.choice(WORDS[draw.choice(book("pingshui").groups)]) for _ in range(8 * 200)]
    poems = ["，".join("人人人人" + char for char in chars[i : i + 8]) for i in range(0, len(chars), 8)]
    right = [judge(text) for text in poems]
    assert sum(report.ok for report in right) <= 2
