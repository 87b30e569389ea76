"""No rhyme word twice: refused as soon as some way to read the text that is still open has it twice, and not else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from verses import CHARS, MARKS, books, examples, explore, patterns, texts_of

from gen_engine.errors import GenError
from gen_poem.rules.form import distinct_rhymes
from gen_poem.rules.rhyme_words import RhymeWords, outline
from gen_poem.verse.verse import Verse


def repeats(pattern, text):
    """Whether two lines of one letter, among those that the text completes, end in one word."""
    ends, place = set(), 0
    for line in pattern.lines:
        place += line.length
        if line.rhyme and place <= len(text):
            end = (line.rhyme, text[place - 1])
            if end in ends:
                return True
            ends.add(end)
        place += 1
    return False


def refused(several, tiny):
    """Each text that obeys a pattern, and whether on the way an open way to read its lines had repeated a word."""
    texts, shown = {}, {}
    for pattern in several:
        texts.setdefault(outline(pattern), set()).update(texts_of(pattern, CHARS[:3], tiny))
        shown[outline(pattern)] = pattern
    for text in set().union(*texts.values()):
        begun = [text[: i + 1] for i in range(len(text))]
        yield text, any(
            repeats(shown[lines], start) and any(whole.startswith(start) for whole in texts[lines])
            for start in begun for lines in texts
        )  # fmt: skip


@examples(80)
@given(st.lists(patterns(), min_size=1, max_size=2), books())
def test_any_reading_that_repeats_a_rhyme_word_is_refused(several, tiny):
    several = [pattern for pattern in several if texts_of(pattern, CHARS[:3], tiny)]
    rule = RhymeWords.of(Verse(tuple(several), tiny))
    for text, expected in refused(several, tiny):
        assert refuses(rule, text) is expected


def refuses(rule, text):
    try:
        rule.start(text)
    except GenError:
        return True
    return False


@examples(40)
@given(st.lists(patterns(), min_size=1, max_size=2), books())
def test_nothing_but_what_is_spent_is_ever_forbidden(several, tiny):
    rule = RhymeWords.of(Verse(tuple(several), tiny))
    for state in explore(rule, CHARS[:4] + MARKS)[1]:
        forbidden = {char for char in CHARS + MARKS + "a" if rule.step(state, char) is None}
        assert forbidden <= rule.only_forbids_repeats_of(state) == rule.mentions(state)
        assert forbidden == {char for char in CHARS + MARKS + "a" if char not in rule.allowed(state)}
        assert len(forbidden) <= rule.removes_at_most(100)
        assert rule.accepts(state)
        assert not any(rule.never_forbids(char) for char in forbidden)


@examples(40)
@given(patterns(), books(), st.permutations(CHARS[:4]))
def test_unmentioned_characters_of_one_kind_are_interchangeable(pattern, tiny, order):
    rule = RhymeWords.of(Verse((pattern,), tiny))
    swap = {a: b for a, b in zip(CHARS[:4], order, strict=True) if rule.kind(a) == rule.kind(b)}
    swap = str.maketrans(swap if set(swap) == set(swap.values()) else {})
    for text in texts_of(pattern, CHARS[:4], tiny):
        assert refuses(rule, text) is refuses(rule, text.translate(swap))


POEM = "朝辞白帝彩云间，千里江陵一日还。两岸猿声啼不住，轻舟已过万重"


def test_a_rhyme_word_does_not_end_another_line():
    rule = distinct_rhymes("七绝")
    state = rule.start(POEM)
    assert [rule.step(state, char) is None for char in "山还间住"] == [False, True, True, False]
    assert rule.describe_next(state) == "a rhyme word other than 还、间"


def test_a_word_that_did_not_rhyme_may_end_another_line():
    rule = distinct_rhymes("五绝")
    state = rule.start("白日依山难，黄河入海流。")  # 难 may be level or oblique, and the first line rhymed or not
    assert rule.mentions(state) == {"流"}


def test_rhyme_words_are_forgotten_after_their_last_line():
    rule = distinct_rhymes("五绝")
    ended = rule.start("白日依山尽，黄河入海流。欲穷千里目，更上一层楼。")
    assert rule.mentions(ended) == frozenset()


def test_a_prompt_that_has_a_rhyme_word_twice_is_refused():
    with pytest.raises(GenError, match="ends a line in 流 at place 23"):
        distinct_rhymes("五绝").start("白日依山尽，黄河入海流。欲穷千里目，更上一层流")
