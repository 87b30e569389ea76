"""The patterns of regulated verse: 粘对, rhyme, marks, and what strict permits beside loose."""

import re
from itertools import pairwise, product

import pytest

from gen_engine.errors import GenError
from gen_poem.verse.patterns import FORMS, SHAPES, patterns

REGULATED = [form for form in FORMS if SHAPES[form].regulated]


def texts(line):
    """Every string of tones that a line permits."""
    return {"".join(each) for tones in line.tones for each in product(*("平仄" if t == "中" else t for t in tones))}


@pytest.mark.parametrize("form", REGULATED)
def test_there_are_four_patterns_by_beginning_and_first_line(form):
    names = [pattern.name for pattern in patterns(form)]
    assert names == ["平起首句入韵", "平起首句不入韵", "仄起首句入韵", "仄起首句不入韵"]
    assert [p.name for p in patterns(form, start="仄起", first="rhymed")] == ["仄起首句入韵"]


@pytest.mark.parametrize("tones", ["strict", "loose"])
@pytest.mark.parametrize("form", REGULATED)
def test_second_places_are_opposed_in_couplets_and_alike_between_them(form, tones):
    for pattern in patterns(form, tones=tones):
        seconds = [line.tones[0][1] for line in pattern.lines]
        assert seconds[0] == pattern.name[0]
        assert all((a == b) == (i % 2 == 1) for i, (a, b) in enumerate(pairwise(seconds)))


@pytest.mark.parametrize("tones", ["strict", "loose"])
@pytest.mark.parametrize("form", REGULATED)
def test_lines_that_rhyme_end_level_and_all_others_oblique(form, tones):
    for pattern in patterns(form, tones=tones):
        for number, line in enumerate(pattern.lines):
            assert bool(line.rhyme) == (number % 2 == 1 or (number == 0 and "不" not in pattern.name))
            assert {text[-1] for text in texts(line)} == {"平" if line.rhyme else "仄"}


@pytest.mark.parametrize("form", REGULATED)
def test_what_is_strict_is_loose(form):
    for strict, loose in zip(patterns(form, tones="strict"), patterns(form), strict=True):
        assert all(texts(a) <= texts(b) for a, b in zip(strict.lines, loose.lines, strict=True))
        assert strict.name == loose.name


@pytest.mark.parametrize("form", ["五律", "七律"])
def test_strict_lines_have_neither_lonely_nor_three_final_level_tones(form):
    lines = {text[-5:] for pattern in patterns(form, tones="strict") for line in pattern.lines for text in texts(line)}
    assert not lines & {"仄平仄仄平", "仄仄平平平", "平仄平平平"}
    assert {"仄平平仄平", "平平仄平仄", "仄仄仄平仄"} <= lines
    assert "仄平仄平仄" not in lines


@pytest.mark.parametrize("cols", [5, 6, 7])
def test_loose_tones_are_free_at_odd_places_but_one(cols):
    form = {5: "五绝", 6: "六绝", 7: "七绝"}[cols]
    for line in (line for pattern in patterns(form) for line in pattern.lines):
        assert all(sign == "中" for sign in line.tones[0][:-1:2])
        assert "中" not in line.tones[0][1::2] + line.tones[0][-1]
        assert line.tones[1:] in ((), ("平平仄平仄",), ("中仄平平仄平仄",))


@pytest.mark.parametrize("form", FORMS)
def test_commas_follow_odd_lines_and_full_stops_even_ones(form):
    lines = patterns(form)[0].lines
    assert "".join(line.mark for line in lines) == "，。" * (len(lines) // 2)
    assert {line.length for line in lines} == {SHAPES[form].cols}


def test_old_verse_has_any_number_of_lines_and_no_tones():
    for pattern in patterns("五古", rows=7, tones="strict"):
        assert [line.mark for line in pattern.lines] == list("，。，。，。。")
        assert {line.tones for line in pattern.lines} == {("中中中中中",)}
        assert [line.rhyme for line in pattern.lines][1:] == ["A", "", "A", "", "A", ""]


def test_long_regulated_verse_goes_on_as_it_began():
    long, short = patterns("七排", rows=14, start="平起", first="rhymed")[0], patterns("七律")[0]
    assert long.lines[:8] == short.lines
    assert [line.tones for line in long.lines[2:10]] == [line.tones for line in long.lines[6:14]]


@pytest.mark.parametrize(
    ("said", "form"), [("七言律诗", "七律"), ("五絕", "五绝"), ("五言古诗", "五古"), ("七言排律", "七排")]
)
def test_forms_go_by_their_long_names_too(said, form):
    assert patterns(said) == patterns(form)


@pytest.mark.parametrize(
    ("form", "wishes", "remedy"),
    [("八律", {}, "choose one of 五绝"), ("七律", {"rows": 6}, "8 lines, not 6"), ("五排", {"rows": 8}, "at least 10"),
     ("五排", {"rows": 11}, "even"), ("五古", {"rows": 1}, "at least 2"), ("七律", {"tones": "x"}, "strict, loose"),
     ("七律", {"start": "x"}, "平起, 仄起"), ("七律", {"first": "x"}, "rhymed, unrhymed"),
     ("五古", {"start": "平起"}, "leave it out"), ("七律", {"tones": "off", "start": "平起"}, "leave it out")],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_the_remedy(form, wishes, remedy):
    with pytest.raises(GenError, match=re.escape(remedy)):
        patterns(form, **wishes)
