"""Any sequence of commands keeps the law: fixed characters stay, undo is exact, kept texts are never lost."""

import random
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gen_engine.errors import GenError
from gen_poem.commands.ci import ci
from gen_poem.commands.couplet import couplet_command
from gen_poem.commands.poem import poem
from gen_poem.interactive import session as law
from gen_poem.interactive.grid import BLANK, couplets_of, lines_of, pattern_of, place_of, position_of
from gen_poem.interactive.session import Ask, Session
from gen_poem.interactive.wishes import changeable
from gen_poem.interactive.words import HELP, NAMES, TAKES, parse

HAN = "春江花月夜白日依山尽黄河入海流"
SHAPE = "□□□，□□□。□□□，□□□。"
START = "春"


def write(ask):
    """What a model might write: any characters at the blanks."""
    dice = random.Random(ask.seed)
    pattern = ask.pattern or START + SHAPE[1:]
    return START + "".join(dice.choice(HAN) if sign == BLANK else sign for sign in pattern[1:])


def do(session, command):
    """The session after a command such as ("l", 2), as the loop has it."""
    name, *more = command
    steps = {"d": law.free, "u": law.undone, "r": law.redone, "k": law.keep, "b": law.brought_back}
    more = [(("title", tuple(more)),)] if name == "o" else more
    if name in steps:
        return steps[name](session, *more)
    asks = {
        "n": law.another,
        "l": law.line_anew,
        "c": law.couplet_anew,
        "x": law.place_anew,
        "f": law.fixing,
        "o": law.by_wishes,
    }
    found = asks[name](session, *more)
    ask = found if isinstance(found, Ask) else random.Random(session.asked).choice(found)
    text = write(ask)
    return law.took(session, ask, written=text, shown=text, start=START)


PLACE = (st.integers(0, 5), st.integers(0, 4))
COMMANDS = st.one_of(
    st.tuples(st.sampled_from("nk")),
    st.tuples(st.sampled_from("urd")),
    st.tuples(st.sampled_from("lcb"), st.integers(0, 5)),
    st.tuples(st.sampled_from("xd"), *PLACE),
    st.tuples(st.just("o"), st.sampled_from("春秋")),
    st.tuples(st.just("f"), *PLACE, st.text(HAN, max_size=3)),
)


def steps(commands):
    """The sessions before and after each command that was carried out."""
    session = do(Session(7), ("n",))
    for command in commands:
        with suppress(GenError):
            after = do(session, command)
            yield session, command, after
            session = after


SCRIPTS = st.lists(COMMANDS, max_size=30)


@given(SCRIPTS)
def test_every_text_has_its_prompt_and_its_fixed_characters(commands):
    for _, _, after in steps(commands):
        draft = after.draft
        assert draft.written.startswith(START)
        assert len(draft.written) == len(SHAPE)
        assert all(draft.written[position] == char for position, char in draft.fixed.items())


@given(SCRIPTS)
def test_fixed_characters_stay_until_they_are_freed(commands):
    for before, (name, *_), after in steps(commands):
        if name in "nlcxfo":
            same = {at: char for at, char in after.draft.fixed.items() if at in before.draft.fixed}
            assert before.draft.fixed.keys() == same.keys()
            assert name == "f" or same == before.draft.fixed


@given(SCRIPTS)
def test_undo_and_redo_are_exact(commands):
    for before, (name, *_), after in steps(commands):
        if name not in "urk":
            assert law.undone(after).draft == before.draft
            assert law.redone(law.undone(after)) == after
        if name == "u":
            assert law.redone(after) == before


@given(SCRIPTS)
def test_wishes_stay_until_they_are_changed(commands):
    for before, (name, *value), after in steps(commands):
        if name == "o":
            assert (after.wishes, law.undone(after).wishes) == ((("title", tuple(value)),), before.wishes)
        if name in "nlcxfd":
            assert after.wishes == before.wishes


def test_a_kept_text_comes_back_with_its_wishes():
    session = do(do(do(begun(), ("o", "春")), ("k",)), ("o", "秋"))
    assert do(session, ("b", 1)).wishes == (("title", ("春",)),)


@given(SCRIPTS)
def test_what_is_kept_is_never_lost(commands):
    for before, _, after in steps(commands):
        assert after.kept[: len(before.kept)] == before.kept
    assert all(after.kept.count(each) == 1 for _, _, after in steps(commands) for each in after.kept)


@given(SCRIPTS)
def test_no_seed_comes_twice_and_scripts_repeat(commands):
    asked = [after.draft.seed for _, (name, *_), after in steps(commands) if name in "nlcxfo"]
    assert len(set(asked)) == len(asked)
    assert list(steps(commands)) == list(steps(commands))


@given(SCRIPTS, st.integers(1, 4))
def test_a_line_anew_keeps_all_other_lines(commands, line):
    session = [begun(), *(after for _, _, after in steps(commands))][-1]
    with suppress(GenError):
        after = do(session, ("l", line))
        own = lines_of(SHAPE.replace(BLANK, "汉"))[line - 1]
        changed = [
            at for at, (a, b) in enumerate(zip(session.draft.written, after.draft.written, strict=True)) if a != b
        ]
        assert set(changed) <= set(own) - set(session.draft.fixed)


def test_fixing_changes_as_little_as_it_can_first():
    session = do(Session(7), ("n",))
    first, line, whole = law.fixing(session, 2, 3, "月")
    assert [ask.pattern.count(BLANK) for ask in (first, line, whole)] == [0, 2, 10]
    assert all(ask.pattern[6] == "月" and ask.pattern.startswith(START) for ask in (first, line, whole))


def begun():
    return do(Session(7), ("n",))


def test_what_was_undone_comes_again_in_its_order():
    second = do(begun(), ("n",))
    third = do(second, ("n",))
    back = law.undone(law.undone(third))
    assert law.redone(back).draft == second.draft
    assert law.redone(law.redone(back)) == third


def test_after_a_change_nothing_is_done_again():
    session = do(law.undone(do(begun(), ("n",))), ("n",))
    with pytest.raises(GenError, match="nothing to do again"):
        law.redone(session)


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("u",), "nothing to undo"),
        (("r",), "nothing to do again"),
        (("l", 5), "lines 1 to 4"),
        (("c", 3), "couplets 1 to 2"),
        (("x", 2, 4), "places 1 to 3"),
        (("x", 1, 1), "given by --prompt"),
        (("f", 1, 1, "月"), "prompt TEXT asks"),
        (("f", 1, 2, "月a"), "Chinese characters"),
        (("f", 1, 2, "月月月"), "beyond"),
        (("d", 2, 2), "Nothing is fixed"),
        (("b", 1), "0 are kept"),
    ],
)
def test_what_cannot_be_done_is_said(command, said):
    with pytest.raises(GenError, match=said):
        do(begun(), command)


def test_nothing_is_there_before_the_first_text():
    for command in (("l", 1), ("k",), ("d",), ("x", 1, 1)):
        with pytest.raises(GenError, match="no text yet"):
            do(Session(7), command)


@given(st.text("春江，。、“”", max_size=30))
def test_every_character_has_one_place(text):
    places = [position for line in lines_of(text) for position in line]
    assert places == [position for couplet in couplets_of(text) for position in couplet]
    for position in places:
        line, place = map(int, place_of(text, position).split("."))
        assert position_of(text, line, place) == position
    assert pattern_of(text, places, {}) == "".join(BLANK if char in "春江" else char for char in text)


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("", ("n", 0, 0, "")),
        ("f 2.3 月", ("f", 2, 3, "月")),
        ("F2.3月", ("f", 2, 3, "月")),
        ("f　2。3　月 明", ("f", 2, 3, "月明")),
        ("l2", ("l", 2, 0, "")),
        ("d", ("d", 0, 0, "")),
        ("d 2", ("d", 2, 0, "")),
        ("s my poems.txt", ("s", 0, 0, "my poems.txt")),
        ("save 2.txt", ("s", 0, 0, "2.txt")),
        ("quit", ("q", 0, 0, "")),
        ("title 秋 夜", ("o", 0, 0, "秋 夜")),
        ("--TITLE  -", ("o", 0, 0, "-")),
        ("rows8", ("o", 0, 0, "8")),
        ("top_k 5", ("o", 0, 0, "5")),
    ],
)
def test_commands_are_read_as_they_are_typed(typed, expected):
    found = parse(typed, ("title", "rows", "top-k"))
    assert (found.name, found.line, found.place, found.text) == expected


@pytest.mark.parametrize(
    "typed", ["zz", "l", "l x", "l 2.3", "x 2", "x 2.3 月", "f 月", "n 2", "s", "b", "1", "\x1b[A"]
)
def test_what_is_no_command_is_refused_with_an_example(typed):
    with pytest.raises(GenError, match=r"\? lists|takes"):
        parse(typed)


@given(st.text(max_size=20))
def test_whatever_is_typed_is_a_command_or_refused(typed):
    with suppress(GenError):
        assert parse(typed).name in NAMES.values()


def test_no_option_has_the_name_of_a_command():
    for command in (poem, ci, couplet_command):
        assert not NAMES.keys() & changeable(command.make_context("x", [], resilient_parsing=True)).keys()


def test_the_help_names_every_command_in_80_columns():
    told = {word for typed, _ in HELP for part in typed.split(",") for word in part.split()[:1]}
    assert {"n", "Enter", "a", "title", *TAKES} - {"s!"} <= told
    assert all(len(does) <= 80 - 17 for _, does in HELP)
