"""The built-in constraints by example: what each lets through after a prompt, and what it does not."""

import time
from math import inf

import machines
import pytest
import strategies as some
from hypothesis import given
from hypothesis import strategies as st
from tiny import chars, engine_of, vocabulary

from gen_engine.constraints import bans, lengths, repeats, stops
from gen_engine.errors import GenError

ALPHABET = "ab春夏，。!1"
ENGINE = engine_of(chars(ALPHABET))


def may_write(spec, prompt, new):
    """Whether the constraint lets exactly this text be written after the prompt."""
    plan = ENGINE.chain([spec]).plan(ENGINE.tokenizer.encode(prompt), 9)
    joint = plan.start
    for char in new:
        token = ENGINE.tokenizer.vocabulary.singles[char][0]
        if not plan.product.permits(joint, token):
            return False
        joint = plan.product.next(joint, token)
    return plan.product.accepts(joint)


@pytest.mark.parametrize(
    "spec, prompt, legal, illegal",
    [
        ("ban=a|春夏", "a春", ["", "b", "春b夏", "夏春", "夏"], ["a", "ba", "春夏", "夏春夏", "春春夏"]),
        ("ban=春ab夏|ab", "", ["春a夏", "春a春a"], ["春ab", "春aab"]),
        ("ban=punctuation", "，", ["ab春"], ["a，", "!", "。"]),
        ("ban=han|digit", "", ["ab，"], ["春", "1"]),
        ("only=han|，", "ab", ["春，夏", ""], ["a", "春。"]),
        ("only=春夏", "", ["春夏春"], ["b"]),
        ("no_repeat=2", "ab", ["夏ab夏", "春a"], ["a", "b", "春b", "夏春夏"]),
        ("no_repeat=9", "aa", ["b春"], ["a", "bb"]),
        ("no_repeat=3,exempt=punctuation|a", "a，", ["a，a，b，"], ["bb", "b，b"]),
        ("no_repeat_ngram=1", "a", ["b春"], ["a", "bb"]),
        ("no_repeat_ngram=2", "ab", ["ba", "b春"], ["ab", "春春春", "夏ab"]),
        ("no_repeat_ngram=2", "aaaa", ["b"], ["a"]),
        ("no_repeat_ngram=2,within=3", "ab夏", ["ab", "春夏ab春夏ba"], ["春a春a", "夏夏夏"]),
        ("no_repeat_ngram=1,within=2", "ab", ["春a", "春夏a"], ["b", "春春", "a"]),
        ("no_repeat_ngram=2,exempt=，", "a，b", ["b，，a春b", "ba，，"], ["a，b", "a，春a，春"]),
        ("length=2", "春春", ["ab"], ["", "a", "aba"]),
        ("length=1..2", "", ["a", "ab"], ["", "abb"]),
        ("length=2..", "", ["ab", "abababa"], ["a"]),
        ("length=..2", "", ["", "ab"], ["aba"]),
        ("length=3,of=whole", "ab", ["a"], ["", "ab"]),
        ("force=1:春|3:夏", "ab", ["春a夏", "春a夏b"], ["春a", "a", "春ab"]),
        ("force=1:a|3:夏,of=whole", "ab", ["夏", "夏夏"], ["", "a"]),
        ("no_double_punctuation", "a，", ["a，a", ""], ["，", "a，。", "!"]),
        ("no_double_punctuation", "，，", ["a"], ["，"]),
    ],
)
def test_what_may_be_written(spec, prompt, legal, illegal):
    assert [new for new in legal if not may_write(spec, prompt, new)] == []
    assert [new for new in illegal if may_write(spec, prompt, new)] == []


@pytest.mark.parametrize(
    "spec, message",
    [
        ("no_repeat=0", r"no_repeat=0 has an empty window"),
        ("no_repeat_ngram=0", r"no_repeat_ngram=0 is no run"),
        ("no_repeat_ngram=3,within=2", r"within=2 is shorter than a run of 3 characters; give a number from 3"),
        ("length=x", r"length=x is no length"),
        ("length=5..2", r"length=5..2 is an empty range"),
        ("force=春", r"force=春 names no place"),
        ("force=0:春", r"force=0:春 names no place"),
        ("force=1:春|1:夏", r"force gives place 1 both 春 and 夏"),
        ("length=1000000000", r"length=1000000000 is longer than any text made here; write at most 20000"),
        ("force=1:春|99999:夏", r"force=99999:夏 is beyond the longest text made here; give places up to 20000"),
        ("ban=", r"ban needs a value"),
        ("stop=", r"stop needs a value"),
    ],
)
def test_parameters_that_make_no_sense_are_refused_at_once(spec, message):
    with pytest.raises(GenError, match=message):
        ENGINE.chain([spec])


SPECIAL = engine_of(vocabulary("", "", "", "a", "b", end=0, unk=1, specials=(0, 1, 2)))


def drawn(*processors, **options):
    done = SPECIAL.generate("", processors=processors, **{"num": 40, "seed": 1, "max_new": 4} | options)
    return {token for each in done for token in each.tokens}


def test_no_unk_forbids_the_unknown_token_alone():
    assert drawn("no_unk") == {2, 3, 4}


def test_no_special_forbids_every_silent_token_but_the_end():
    assert drawn("no_special") == {3, 4}
    assert "end" in {done.finish for done in SPECIAL.generate("", processors=["no_special"], num=20, seed=1)}


def test_a_stop_string_ends_the_text_before_itself():
    done = ENGINE.generate("", processors=["stop=a|春夏", "length=..40"], num=60, seed=1, max_new=40)
    assert "stop" in {each.finish for each in done}
    assert not any("a" in each.new or "春夏" in each.new for each in done)
    assert any(each.new.endswith("春") for each in done)


def test_a_stop_string_ends_no_text_where_none_may_end():
    done = ENGINE.generate("", processors=["stop=a", "length=5"], num=30, seed=1, max_new=9)
    assert {len(each.new) for each in done} == {5}


def test_a_stop_string_begun_within_a_token_is_never_completed():
    engine = engine_of(vocabulary("x", "xa", "b"))
    for done in engine.generate("", processors=["stop=ab"], num=40, seed=1, max_new=5):
        assert "ab" not in done.text
        assert done.finish == "budget"


def test_a_token_may_end_one_stop_string_and_hold_another():
    stop = stops.stop(vocabulary("c", "x", "xab", "a", "b"), ("cx", "ab"))
    begun = stop.next(stop.start(None), 0)
    assert stop.permits(begun, 2)
    assert 2 in stop.allowed(begun)
    assert stop.cut(stop.next(begun, 2)) == 2


def test_only_tokens_that_matter_to_stop_strings_are_told_apart():
    vocab = chars("。春夏秋冬、〇")
    kinds = stops.stop(vocab, ("。",)).kinds()
    assert len(set(kinds)) == 3


class EndsAtB:
    """A constraint with a cut of its own and none of the other optional answers: b ends the text before itself."""

    def start(self, prompt):
        return 0

    def allowed(self, state):
        import numpy as np

        return np.full(3, state == 0)

    def next(self, state, token):
        return int(token == 2)

    def accepts(self, state):
        return True

    def cut(self, state):
        return state


def test_an_author_may_cut_the_text_too():
    engine = engine_of(chars("ab"))
    for done in engine.generate("", processors=[EndsAtB()], num=20, seed=1, max_new=6):
        assert "b" not in done.new
    assert "b" not in "".join(engine.stream("", processors=[EndsAtB()], seed=3, max_new=6))


def test_silent_tokens_make_no_endless_states_of_a_stop_string():
    stop = stops.stop(vocabulary("", "a", "b"), ("ab",))
    state = stop.next(stop.start(None), 1)
    seen = {state := stop.next(state, 0) for _ in range(50)}
    assert len(seen) < 5


# ------------------------------------------------------------------------------ what rules say of their states

MACHINES = {
    "ban chars": bans.ban(("a", "，")),
    "ban class": bans.ban(("punctuation", "b")),
    "ban classes": bans.ban(("han", "digit", "，")),
    "ban strings": bans.ban(("aba", "ab春", "b，", "1")),
    "ban a class and strings": bans.ban(("han", "ab", "aab")),
    "only chars": bans.only(("春a，",)),
    "only a class": bans.only(("han", "a")),
    "only classes": bans.only(("letter", "digit", "，")),
    "no_repeat": repeats.no_repeat(2),
    "no_repeat exempt": repeats.no_repeat(3, exempt=("punctuation", "a")),
    "no_repeat_ngram 1": repeats.no_repeat_ngram(1),
    "no_repeat_ngram": repeats.no_repeat_ngram(2),
    "no_repeat_ngram within": repeats.no_repeat_ngram(2, within=3),
    "no_repeat_ngram exempt": repeats.no_repeat_ngram(2, within=4, exempt=("punctuation", "a")),
    "length": lengths.length("2..4"),
    "length open": lengths.length("3.."),
    "length whole": lengths.length("5", of="whole"),
    "force": lengths.force(("1:春", "3:a", "4:春")),
    "force whole": lengths.force(("2:a", "5:，"), of="whole"),
    "no_double_punctuation": bans.no_double_punctuation(),
}
SAID = "ab春，1"
each_machine = pytest.mark.parametrize("machine", MACHINES.values(), ids=MACHINES)


def some_states(machine, prompt="ba"):
    return machines.states(machine, SAID, 4, prompt)


@each_machine
def test_moves_and_sets_are_exactly_the_single_steps(machine):
    for state in some_states(machine):
        for char in SAID + "é。夏2":
            stepped = machines.stepped(machine, state, char)
            assert (char in machine.allowed(state)) == bool(stepped)
            assert not hasattr(machine, "transitions") or machines.moved(machine, state, char) == stepped


@each_machine
def test_unmentioned_characters_of_one_kind_do_the_same(machine):
    for state in some_states(machine):
        mentioned = set(machine.mentions(state)) if hasattr(machine, "mentions") else ()
        free = [char for char in SAID + "é。夏2c" if char not in mentioned]
        assert len({(machine.kind(c), bool(machines.stepped(machine, state, c))) for c in free}) == len(
            {machine.kind(c) for c in free}
        )


@each_machine
def test_the_fewest_characters_to_the_end_are_known_exactly(machine):
    for state in some_states(machine) if hasattr(machine, "min_remaining") else ():
        assert machine.min_remaining(state) == machines.distance(machine, state, SAID, 6)
        assert getattr(machine, "max_remaining", lambda _: inf)(state) == machines.extent(machine, state, SAID, 9)


@each_machine
@given(data=st.data())
@some.examples(20)
def test_a_text_of_only_new_characters_is_never_forbidden(machine, data):
    if not hasattr(machine, "only_forbids_repeats_of"):
        return
    prompt = data.draw(st.text(SAID, max_size=8))
    state = machine.start(prompt)
    used = machine.only_forbids_repeats_of(state)
    fresh = data.draw(st.permutations([char for char in SAID + "é。夏2cd" if char not in used]))
    spared = "a，" if hasattr(machine, "never_forbids") and machine.never_forbids("a") else ""
    for char in "".join(char + spared for char in fresh):
        assert machine.accepts(state)
        state = machine.step(state, char)
        assert state is not None


@each_machine
def test_every_state_says_what_it_wants(machine):
    assert all(machine.describe_next(state) for state in some_states(machine))


@pytest.mark.parametrize(
    "spec, new, words",
    [
        ("force=1:春|3:a", "春", "a at place 3"),
        ("force=1:春", "春", "any character or the end"),
        ("length=3", "a", "2 more characters"),
        ("length=3..", "aa", "1 more character"),
        ("length=3..4", "aaa", "any character or the end"),
        ("length=1", "a", "the end"),
        ("only=han|a", "a", "han or a"),
        ("ban=punctuation|a|bb", "b", "anything but punctuation, a or b"),
        ("no_repeat=2", "ab", "anything but a or b"),
        ("no_repeat=2", "", "any character"),
        ("no_repeat_ngram=2", "aba", "anything but b"),
        ("no_repeat_ngram=2,within=9", "aba", "anything but b"),
        ("no_double_punctuation", "，", "no second punctuation mark"),
    ],
)
def test_what_is_wanted_next_is_said_in_words(spec, new, words):
    plan = ENGINE.chain([spec]).plan(ENGINE.tokenizer.encode(""), 9)
    joint = plan.start
    for char in new:
        joint = plan.product.next(joint, ENGINE.tokenizer.vocabulary.singles[char][0])
    [rule] = plan.product.rules
    assert rule.promises.describe_next(joint.states[0]) == words


def test_banned_tokens_move_as_they_allow_and_are_named():
    [special, unknown] = SPECIAL.chain(["no_special", "no_unk"]).product.rules
    [(mask, after)] = special.promises.transitions(special.constraint.start(None))
    assert (mask.array == special.constraint.allowed(after).to_array()).all()
    assert special.promises.describe_next(after) == "any token but '' or ''"
    assert unknown.promises.describe_next(after) == "any token but ''"


def test_a_long_history_is_asked_in_microseconds():
    engine = engine_of(chars("".join(chr(0x4E00 + i) for i in range(5000))))
    [rule] = engine.chain(["no_repeat=300"]).product.rules
    state = rule.start(engine.tokenizer.encode("".join(chr(0x4E00 + 7 * i) for i in range(300))))
    rule.constraint.allowed(state)
    started = time.process_time()
    for _ in range(100):
        assert not rule.constraint.allowed(state).is_empty()
    assert time.process_time() - started < 0.1
