"""The machine of tones and rhyme: exactly the texts that the rules allow, however they may still be read."""

import gc

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from verses import CHARS, MARKS, RICH, accepted, books, examples, explore, patterns, texts_of

from gen_engine.errors import GenError
from gen_poem.rules.couplet import couplet
from gen_poem.rules.parallel import parallel
from gen_poem.rules.rhyme_words import RhymeWords
from gen_poem.verse.books import Book, Reading, book
from gen_poem.verse.patterns import Line, Pattern
from gen_poem.verse.patterns import patterns as patterns_of
from gen_poem.verse.resolve import Wish, resolve
from gen_poem.verse.verse import Verse

DENGGAO = (
    "风急天高猿啸哀，渚清沙白鸟飞回。无边落木萧萧下，不尽长江滚滚来。"
    "万里悲秋常作客，百年多病独登台。艰难苦恨繁霜鬓，潦倒新停浊酒杯。"
)


@examples(120)
@given(st.lists(patterns(), min_size=1, max_size=2), books(), st.data())
def test_accepted_texts_obey_one_pattern_in_some_reading(several, tiny, data):
    rhymes = data.draw(st.sampled_from([(), (), (), ("东",), ("江", "东")]))
    chars = CHARS[:4]
    expected = set().union(*(texts_of(pattern, chars, tiny, rhymes) for pattern in several))
    verse = Verse(tuple(several), tiny, rhymes)
    found = accepted(verse, chars + MARKS) if verse.opening is not None else set()
    assert found == expected


@pytest.mark.parametrize("held", [1, 2, 5])
@examples(10)
@given(pattern=patterns(), tiny=books())
def test_a_verse_that_remembers_little_is_the_same_machine(held, pattern, tiny):
    chars, whole = CHARS[:4] + MARKS, Verse((pattern,), tiny)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gen_poem.verse.verse.STATES", held)
        small = Verse((pattern,), tiny)
        assert (small.opening is None) == (whole.opening is None)
        assert whole.opening is None or accepted(small, chars) == accepted(whole, chars)
        assert len(small._remembering) <= held


def test_states_that_nobody_holds_and_none_remembers_are_gone(monkeypatch):
    monkeypatch.setattr("gen_poem.verse.verse.STATES", 3)
    verse = Verse(patterns_of("七律"), book("pingshui"))
    for end in range(len(DENGGAO)):
        verse.transitions(verse.start(DENGGAO[:end]))
    gc.collect()
    assert len(verse._remembering) == 3
    assert len(verse._states) <= 1 + sum(1 + len(set(state.after.values())) for state in verse._remembering)
    assert verse.start(DENGGAO) is verse.start(DENGGAO)


@examples(40)
@given(st.lists(patterns(), min_size=1, max_size=3), books())
def test_least_is_the_distance_to_the_end_everywhere(several, tiny):
    verse = Verse(tuple(several), tiny)
    if verse.opening is None:
        return
    _, found = explore(verse, CHARS[:4] + MARKS)
    for state, after in found.items():
        distance = min((verse.min_remaining(there) for there in after.values()), default=None)
        assert verse.accepts(state) or distance is not None
        assert verse.min_remaining(state) == (0 if verse.accepts(state) else distance + 1)


@examples(40)
@given(st.lists(patterns(), min_size=1, max_size=3), books())
def test_moves_and_allowed_say_what_step_says(several, tiny):
    verse = Verse(tuple(several), tiny)
    for state in explore(verse, CHARS + MARKS)[1] if verse.opening is not None else ():
        for char in CHARS + MARKS + ",.a ":
            moves = [there for chars, there in verse.transitions(state) if char in chars]
            assert moves == ([verse.step(state, char)] if verse.step(state, char) is not None else [])
            assert (char in verse.allowed(state)) is bool(moves)


@examples(40)
@given(st.lists(patterns(), min_size=1, max_size=3), books())
def test_characters_of_one_kind_lead_to_one_state(several, tiny):
    verse = Verse(tuple(several), tiny)
    for state in explore(verse, CHARS + MARKS)[1] if verse.opening is not None else ():
        after = {}
        for char in CHARS + MARKS + ",.a":
            assert after.setdefault(verse.kind(char), verse.step(state, char)) is verse.step(state, char)


@examples(100)
@given(patterns())
def test_states_with_the_same_future_are_one_state(pattern):
    assume(all(len(line.tones) == 1 for line in pattern.lines))  # several ways through a line are not always joined
    verse = Verse((pattern,), RICH)
    _, found = explore(verse, CHARS + MARKS)
    future = dict.fromkeys(found, 0)
    for _ in found:  # refine until nothing more is told apart (Moore 1956)
        told = {
            state: (verse.accepts(state), *sorted((c, future[s]) for c, s in found[state].items())) for state in found
        }
        numbers = {what: number for number, what in enumerate(dict.fromkeys(told.values()))}
        future = {state: numbers[told[state]] for state in found}
    assert len(set(future.values())) == len(found)


def test_a_rhyme_word_has_tone_and_rhyme_in_one_reading():
    two_ways = Book(
        "two", ("东", "江"), {"春": (Reading("平", "东"), Reading("仄", "江")), "夏": (Reading("平", "江"),)}, {}
    )
    verse = Verse((Pattern("tiny", "one", (Line(("平",), "，", "A"), Line(("平",), "。", "A"))),), two_ways)
    assert accepted(verse, "春夏，。") == {"春，春。", "夏，夏。"}


def test_where_signs_are_open_rhyme_words_share_tone_and_entering():
    mixed = Book("mixed", ("东",), {"春": (Reading("平", "东"),), "夏": (Reading("仄", "东"),),
                                    "秋": (Reading("仄", "东", True),)}, {})  # fmt: skip
    verse = Verse((Pattern("tiny", "one", (Line(("中",), "，", "A"), Line(("中",), "。", "A"))),), mixed)
    assert accepted(verse, "春夏秋，。") == {"春，春。", "夏，夏。", "秋，秋。"}


def test_a_rhyme_is_forgotten_after_its_last_line():
    verse = Verse(
        (Pattern("tiny", "one", (Line(("平",), "，", "A"), Line(("平",), "，", "A"), Line(("中",), "。"))),), RICH
    )
    assert verse.start("春，春，") is verse.start("秋，秋，")


def test_readings_that_agree_from_some_place_on_are_one():
    verse = resolve(Wish("五绝"))
    both, unrhymed = verse.start("白日依山看，"), verse.start("白日依山尽，")  # 看 may rhyme; it need not
    assert both is unrhymed
    assert verse.start("白日依山东，") is not unrhymed


def test_two_lines_of_different_lengths_may_be_open_at_once():
    short, long = Line(("平",), "。"), Line(("平平",), "。")
    verse = Verse((Pattern("tiny", "1", (short, short)), Pattern("tiny", "2", (long, short))), RICH)
    assert accepted(verse, "春秋。") == {
        f"{a}。{b}。" for a in ("春", "秋", "春春", "春秋", "秋春", "秋秋") for b in "春秋"
    }


def test_a_pattern_no_characters_fit_is_no_reading():
    only_level = Book("level", ("东",), {"春": (Reading("平", "东"),)}, {})
    with pytest.raises(GenError, match="ask for another"):
        Verse((Pattern("tiny", "one", (Line(("平",), "，"), Line(("仄",), "。"))),), only_level).start("")


@pytest.mark.parametrize("tones", ["strict", "loose", "off"])
def test_a_poem_of_du_fu_is_regulated_verse(tones):
    verse = Verse(patterns_of("七律", tones=tones), book("pingshui"))
    assert verse.accepts(verse.start(DENGGAO))
    assert verse.accepts(verse.start(DENGGAO.replace("，", ",").replace("。", ".")))


@pytest.mark.parametrize(("wish", "text", "words"), [
    (Wish("五绝"), "白日依山尽，黄河入海流。欲穷千里目，更上一层来", "来 at line 4, place 5: .* in rhyme with 尤"),
    (Wish("七律", start="平起"), "白日", "日 at line 1, place 2: a level tone is wanted there .日 is 入 → 仄 .质..;"),
    (Wish("五绝", tones="off", rhymes=("东",)), "白日依山尽，黄河入海流", "流 .* in rhyme with 东 is wanted there"),
    (Wish("五绝"), "白日x", "x at line 1, place 3: .* .x is no Chinese character"),
    (Wish("五绝"), "白日依山尽黄", "黄 after line 1: ， is wanted there"),
])  # fmt: skip
def test_a_prompt_that_breaks_the_form_learns_where_and_why(wish, text, words):
    with pytest.raises(GenError, match=words):
        resolve(wish).start(text)


def test_wants_names_place_tone_and_rhyme():
    verse = resolve(Wish("五绝", first="unrhymed", start="仄起"))
    wants = {
        text: verse.describe_next(verse.start(text))
        for text in ["白", "白日依山尽", "白日依山尽，黄河入海流。欲穷千里目，更上一层"]
    }
    assert [*wants.values()] == [
        "an oblique tone at line 1, place 2",
        "， after line 1",
        "a level tone in rhyme with 尤 at line 4, place 5",
    ]


def test_a_text_goes_no_further_than_its_form():
    with pytest.raises(GenError, match="after the end of the form; leave out '春'"):
        resolve(Wish("五绝")).start("白日依山尽，黄河入海流。欲穷千里目，更上一层楼。春")


@pytest.mark.parametrize(("wish", "words"), [
    (Wish("七律", rows=6), "8 lines"), (Wish("七律", variant=2), "is for tunes"),
    (Wish("浣溪沙", first="rhymed"), "is a tune"), (Wish("浣溪纱纱"), "no form and no tune"),
    (Wish("五绝", rhymes=("东",), book="none"), "without a rhyme book"),
    (Wish("五绝", rhymes=("龙宫",)), "no rhyme of"), (Wish("五绝", book="x"), "no rhyme book"),
    (Wish("浣溪沙", variant=99), "choose one of"),
])  # fmt: skip
def test_unknown_wishes_are_refused_with_what_there_is(wish, words):
    with pytest.raises(GenError, match=words):
        resolve(wish)


def test_without_tones_and_rhyme_the_lines_remain():
    verse = resolve(Wish("五绝", tones="off", book="none"))
    assert verse.accepts(verse.start("春春春春春，春春春春春。春春春春春，春春春春春。"))


def test_tunes_without_tones_keep_those_of_their_rhyme_words():
    verse = resolve(Wish("忆江南", tones="off", variant=1))
    assert verse.accepts(verse.start("江江江，风风风风风。日日日日日日日，春春春春春春红。能不忆江东。"))
    with pytest.raises(GenError, match="an? .* in rhyme|that rhymes"):
        verse.start("江江江，风风风风月。")


def test_rules_of_verse_print_in_a_line_whatever_they_know():
    verse = resolve(Wish("浣溪沙"))
    verse.transitions(verse.start("一曲新词酒一杯。"))
    assert repr(verse) == "Verse(浣溪沙, cilin)"
    assert max(len(repr(rule)) for rule in (RhymeWords.of(verse), parallel(), couplet("7"), book("cilin"))) < 300
