"""Acrostics, templates, required characters and none twice: what is accepted, by trying every text."""

import re
from dataclasses import replace

import machine_laws as laws
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gen_engine.chain import make_chain
from gen_engine.constraints.bans import ban
from gen_engine.errors import ConflictError, GenError
from gen_engine.text import Vocabulary
from gen_engine.types import Named, Prompt
from gen_poem.rules.characters import TailAcrostic, acrostic, distinct, require
from gen_poem.rules.templates import template
from gen_poem.verse.resolve import Wish, resolve

AT = ["head", "tail", "diagonal"]
ALPHABET = "春夏，、"
MERGED = ["春", "夏", "，", "春夏", "，春", "夏，"]
words = st.text("春夏", min_size=1, max_size=3)


def lines(text):
    """The lines that a mark ends, and the beginning of one more; other punctuation is not looked at."""
    parts = re.split("[，。]", text.replace("、", ""))
    return [part for part in parts[:-1] if part], parts[-1]


def is_acrostic(text, wanted, at):
    ended, open_line = lines(text)
    if at == "tail":
        return len(ended) >= len(wanted) and all(line[-1] == char for line, char in zip(ended, wanted, strict=False))
    every = [*ended, open_line] if open_line else ended
    place = {"head": lambda i: 0, "diagonal": lambda i: i}[at]
    return len(every) >= len(wanted) and all(every[i][place(i) :][:1] == char for i, char in enumerate(wanted))


def fits(text, pattern):
    same = {"，": ",，", ",": ",，"}
    pairs = list(zip(text, pattern, strict=False))
    return len(text) == len(pattern) and all(a in "春夏" if b in "□_○" else a in same.get(b, b) for a, b in pairs)


@pytest.mark.parametrize("at", AT)
@pytest.mark.parametrize("wanted", ["春", "夏夏", "春夏", "春夏春"])
def test_an_acrostic_is_accepted_if_each_line_has_its_character(at, wanted):
    found = laws.accepted(acrostic(wanted, at=at), ALPHABET, 6)
    assert found == {text for text in laws.texts(ALPHABET, 6) if is_acrostic(text, wanted, at)}


@pytest.mark.parametrize("pattern", ["□", "春□，夏", "_,○", "□□□□", "、春"])
def test_a_template_is_accepted_if_the_text_is_exactly_that(pattern):
    alphabet = "春夏，,、"
    found = laws.accepted(template(pattern), alphabet, 5)
    assert found == {text for text in laws.texts(alphabet, 5) if fits(text, pattern)}


@pytest.mark.parametrize("wanted", [("春",), ("夏", "秋"), ("春夏秋",), ("，",)])
def test_required_characters_are_all_there(wanted):
    found = laws.accepted(require(wanted), "春夏秋，", 5)
    assert found == {text for text in laws.texts("春夏秋，", 5) if set("".join(wanted)) <= set(text)}


@pytest.mark.parametrize("exempt", [(), ("punctuation",), ("春",), ("夏春",)])
def test_no_chinese_character_stands_twice_but_the_exempt(exempt):
    judged = [char for char in "春夏秋" if char not in "".join(exempt)]
    found = laws.accepted(distinct(exempt=exempt), "春夏秋，a", 5)
    assert found == {text for text in laws.texts("春夏秋，a", 5) if all(text.count(char) < 2 for char in judged)}


MACHINES = [
    *(acrostic(word, at=at) for at in AT for word in ("春", "春夏", "夏春夏")),
    *(template(pattern) for pattern in ("□", "春□，夏。", "_夏_,")),
    *(require((chars,)) for chars in ("春", "夏春", "春，夏")),
    distinct(),
    distinct(exempt=("夏",)),
]


@pytest.mark.parametrize("machine", MACHINES, ids=str)
def test_allowed_moves_and_kinds_say_what_step_does(machine):
    laws.check_answers(machine, "春夏秋，。,、", 6)


@pytest.mark.parametrize("machine", MACHINES, ids=str)
def test_least_is_the_shortest_way_tails_one_less_at_most(machine):
    longest = 12 if hasattr(machine, "transitions") else 4
    laws.check_least(machine, "春夏秋，。", longest, slack=isinstance(machine, TailAcrostic))


@pytest.mark.parametrize("exempt", [(), ("夏",)])
def test_characters_that_are_new_or_exempt_never_stand_twice(exempt):
    laws.check_spent(distinct(exempt=exempt), "春夏秋，", 4, "甲乙丙丁")


@given(words, st.sampled_from(AT), st.integers(0, 5), st.integers(0, 9))
@laws.examples(25)
def test_a_model_writes_acrostics_with_merged_tokens(wanted, at, budget, seed):
    laws.check_engine(acrostic(wanted, at=at), MERGED, budget, lambda text: is_acrostic(text, wanted, at), seed=seed)


@given(st.text("春夏□，", min_size=1, max_size=6), st.integers(0, 5), st.integers(0, 9))
@laws.examples(20)
def test_a_model_fills_templates_with_merged_tokens(pattern, budget, seed):
    laws.check_engine(template(pattern), MERGED, budget, lambda text: fits(text, pattern), seed=seed)


@given(st.text("春夏，秋", min_size=1, max_size=4), st.integers(0, 4), st.integers(0, 9))
@laws.examples(20)
def test_a_model_writes_what_is_required_with_merged_tokens(wanted, budget, seed):
    laws.check_engine(require((wanted,)), MERGED, budget, lambda text: set(wanted) <= set(text), seed=seed)


@given(st.integers(0, 4), st.integers(0, 9))
@laws.examples(10)
def test_a_model_repeats_nothing_with_merged_tokens(budget, seed):
    def is_right(text):
        return text.count("春") < 2 and text.count("夏") < 2

    laws.check_engine(distinct(), MERGED, budget, is_right, seed=seed)


REFUSED = [
    (acrostic("春夏"), "白日", "白 at line 1, place 1, where acrostic=春夏 wants 春 at line 1, place 1"),
    (acrostic("春夏", at="tail"), "春，白，", "， at line 2, place 2, where acrostic=春夏,at=tail wants 夏 at the end"),
    (acrostic("春夏", at="diagonal"), "春，日，", "， at line 2, place 2, where acrostic=春夏 wants 夏 at line 2"),
    (template("床前□"), "床下", "下 at line 1, place 2, where template wants 前 at line 1, place 2"),
    (template("床前□，"), "床前a", "wants a Chinese character at line 1, place 3"),
    (template("床"), "床前", "wants nothing more"),
    (distinct(), "白日白", "白 at line 1, place 3, where distinct wants a character that has not occurred"),
]


@pytest.mark.parametrize(("machine", "prompt", "words"), REFUSED, ids=str)
def test_a_prompt_that_breaks_a_rule_is_told_where(machine, prompt, words):
    with pytest.raises(GenError) as told:
        machine.start(prompt)
    assert words in str(told.value)
    assert str(told.value).endswith("change one of them.")


@pytest.mark.parametrize("bad", ["", " ", "春，夏", "春|夏", "《春》"])
def test_an_acrostic_of_no_characters_is_refused(bad):
    with pytest.raises(GenError, match=r"acrostic.*(write|leave)"):
        acrostic(bad)


def test_a_template_and_a_requirement_of_nothing_are_refused():
    for factory, nothing in ((template, ""), (require, ()), (require, ("", " "))):
        with pytest.raises(GenError, match="write"):
            factory(nothing)


def test_no_more_characters_are_required_than_there_are_states_for():
    assert len(require(("春夏秋冬风花雪月山水云雨",)).chars) == 12
    with pytest.raises(GenError, match="13 different characters"):
        require(("春夏秋冬风花雪月山水云雨日",))


def test_a_forbidden_one_of_many_required_characters_is_found():
    wanted, chars = "春夏秋冬风花雪月", "春夏秋冬风花雪月，。山"
    vocabulary = Vocabulary(tuple(c.encode() for c in chars), tuple(chars))
    rules = [Named("form", resolve(Wish("五绝"))), Named("require", require((wanted,))), Named("ban", ban(("月",)))]
    chain = replace(make_chain(vocabulary, rules), nodes=1)
    with pytest.raises(ConflictError, match="require wants 月 somewhere"):
        chain.plan(Prompt("", (), ()), 24)


@pytest.mark.parametrize(
    ("mark", "both"), [("。", "。.｡"), ("！", "!！"), ("?", "?？"), ("、", "、､"), ("：", ":："), ("《", "《")]
)
def test_marks_of_a_template_are_taken_in_either_width(mark, both):
    machine = template(mark)
    assert {char for char in "。.｡!！?？、､:：《〈，," if machine.step(0, char)} == set(both)
