"""Parallel couplets: what is accepted, by trying every text, and which couplets are judged."""

import re

import machine_laws as laws
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gen_engine.engine import Engine
from gen_engine.errors import ConflictError, GenError
from gen_engine.testing.models import table_model
from gen_poem.rules.parallel import LEVEL, NO_TONES, OBLIQUE, Tones, parallel, parallel_by

READ = {"天": LEVEL, "云": LEVEL, "地": OBLIQUE, "雨": OBLIQUE, "中": LEVEL + OBLIQUE}
TINY = Tones(*(frozenset(char for char, tones in READ.items() if tone in tones) for tone in (LEVEL, OBLIQUE)))
OTHER = {LEVEL: OBLIQUE, OBLIQUE: LEVEL}


def machine(*couplets, tones=TINY):
    return parallel_by(frozenset(couplets), tones)


def opposed(above, below):
    tones = READ.get(above, "")
    return len(tones) != 1 or OTHER[tones] in READ.get(below, "")


def is_parallel(first, second, toned=True):
    size = range(len(first))
    return (
        len(first) == len(second)
        and not set(first) & set(second)
        and all((first[i] == first[j]) == (second[i] == second[j]) for i in size for j in size)
        and all(opposed(first[i], second[i]) for i in size if toned and (i % 2 == 1 or i + 1 == len(first)))
    )


def is_right(text, couplets, toned=True):
    lines = [line for line in re.split("[，。]", text.replace("、", "")) if line]
    pairs = list(zip(lines[::2], lines[1::2], strict=False))
    return all(is_parallel(*pair, toned) for number, pair in enumerate(pairs, 1) if not couplets or number in couplets)


TINY_ALPHABETS = [("天地，", 7), ("天地云，", 6), ("天地中，", 6), ("天鬱雨，", 5), ("天地、，", 5), ("天地云雨，", 5)]


@pytest.mark.parametrize(("alphabet", "longest"), TINY_ALPHABETS)
def test_every_couplet_is_parallel(alphabet, longest):
    found = laws.accepted(machine(), alphabet, longest)
    assert found == {text for text in laws.texts(alphabet, longest) if is_right(text, set())}
    assert any("，" in text[2:-2] for text in found)


@pytest.mark.parametrize("couplets", [{1}, {2}, {1, 3}])
def test_only_the_couplets_that_are_named_are_judged(couplets):
    found = laws.accepted(machine(*couplets), "天地，", 8)
    assert found == {text for text in laws.texts("天地，", 8) if is_right(text, couplets)}


def test_without_a_book_tones_are_not_opposed():
    found = laws.accepted(machine(tones=NO_TONES), "天云地，", 5)
    assert found == {text for text in laws.texts("天云地，", 5) if is_right(text, set(), toned=False)}
    assert "天，云" in found


MACHINES = [machine(), machine(1), machine(2), machine(1, tones=NO_TONES)]
PARTS = [part for each in MACHINES for part in each.parts]


@pytest.mark.parametrize("part", PARTS, ids=range(8))
def test_allowed_moves_and_kinds_say_what_step_does(part):
    laws.check_answers(part, "天地中，", 5)


@pytest.mark.parametrize("rule", MACHINES, ids=range(4))
def test_least_is_what_the_second_line_lacks(rule):
    laws.check_least(rule, "天地云雨，", 5)


@pytest.mark.parametrize("rule", MACHINES, ids=range(4))
def test_new_characters_are_never_shared(rule):
    laws.check_spent(rule.parts[0], "天地，", 5, "甲乙丙丁")


def test_nothing_is_promised_while_a_repetition_waits_for_its_answer():
    shared = machine().parts[0]
    spent = {
        text: shared.only_forbids_repeats_of(laws.state_after(shared, text))
        for text in ("天云", "天天", "天天，地", "天天，地地")
    }
    assert spent == {"天云": set("天云"), "天天": None, "天天，地": None, "天天，地地": set("天地")}


@given(st.sampled_from([set(), {1}, {2}]), st.booleans(), st.integers(0, 5), st.integers(0, 9))
@laws.examples(12)
def test_a_model_writes_parallel_couplets_with_merged_tokens(couplets, toned, budget, seed):
    rule = machine(*couplets, tones=TINY if toned else NO_TONES)
    surfaces = ["天", "地", "，", "天，", "，地", "雨地"]
    laws.check_engine(rule, surfaces, budget, lambda text: is_right(text, couplets, toned), seed=seed)


@pytest.mark.parametrize(("first", "second"), [("天天", "地地"), ("天雨", "地云"), ("云天云", "地雨地")])
def test_a_model_finishes_an_answer_that_is_begun(first, second):
    prompt = f"{first}，{second[0]}"
    found = laws.generated(machine(), ["天", "地", "云", "雨", "，"], len(second) - 1, prompt=prompt)
    assert found == {f"{first}，{second}"}


def test_a_conflict_names_the_whole_rule_once():
    engine = Engine(table_model("", "天", "地", "，"))
    for pattern in ("天，天", "天□，地"):
        with pytest.raises(ConflictError) as told:
            engine.generate("", processors=["parallel=all,book=none", f"template={pattern}"], max_new=9)
        assert sorted(told.value.members) == ["parallel=all,book=none", f"template={pattern}"]


def numbers(*items):
    return set(parallel(items, book=None).parts[0].lines.couplets)


def test_couplets_are_named_by_words_numbers_and_ranges():
    assert numbers("middle") == {2, 3}
    assert numbers("1", "3") == {1, 3}
    assert numbers("middle", "5..6") == {2, 3, 5, 6}
    assert numbers("all") == numbers("all", "2") == set()


@pytest.mark.parametrize("bad", ["", "0", "3..2", "x", "1..", "1..9999", "-1"])
def test_couplets_that_are_none_are_refused(bad):
    with pytest.raises(GenError, match=r"parallel.*; write middle"):
        parallel((bad,))


GOOD = ["明月松间照，清泉石上流。", "星垂平野阔，月涌大江流。", "无边落木萧萧下，不尽长江滚滚来。"]


@pytest.mark.parametrize("text", GOOD)
def test_famous_couplets_are_parallel(text):
    rule = parallel(("1",))
    assert rule.accepts(rule.start(text))


WRONG = {
    "无边落木萧萧下，不尽长江滚来来。": "来 at line 2, place 6, where parallel=1 wants 滚 at line 2, place 6",
    "明月松间照，清泉松上流。": "松 at line 2, place 3, where parallel=1 wants a character that is not among",
    "明月松间照，清水石上流。": "水 at line 2, place 2, where parallel=1 wants a level tone",
    "明月松间照，清泉石。": "。 at line 2, place 4, where parallel=1 wants any tone at line 2, place 4",
    "明月松间照，清泉石上流去。": "去 at line 2, place 6, where parallel=1 wants the end of line 2 after 5 characters",
}


@pytest.mark.parametrize("text", WRONG)
def test_a_prompt_that_is_not_parallel_is_told_where(text):
    with pytest.raises(GenError, match=re.escape(WRONG[text])):
        parallel(("1",)).start(text)
