"""Beam search, held against every legal text of tiny models; never an invalid text, never one twice, never too few."""

from dataclasses import replace
from math import log

import numpy as np
import pytest
import strategies as some
from completions import complete, facts, outcomes, streamed
from counted_calls import calls_of
from custom_rules import Diary, OnlySome, OnlyTheLast
from hypothesis import assume, given
from hypothesis import strategies as st
from tiny import chars, engine_of, vocabulary

from gen_engine.decoding.beam import beam
from gen_engine.decoding.choosing import descending
from gen_engine.decoding.viable import ATTEMPTS, DOUBTS, Seen, Viable
from gen_engine.engine import Engine
from gen_engine.errors import GenError
from gen_engine.testing.models import table_model
from gen_engine.types import Named

FULL = 700


def ranked(outcomes, penalty):
    """The best score of each text, the best text first."""
    best = {}
    for printed, scored in outcomes:
        best[printed] = max(best.get(printed, -np.inf), sum(scored) / max(1, len(scored)) ** penalty)
    return sorted(best.values(), reverse=True)


def scores(found, penalty):
    return [
        float(np.nan_to_num(d.logprob, nan=-np.inf, neginf=-np.inf)) / max(1, len(d.logprobs)) ** penalty for d in found
    ]


@given(some.cases(), st.data())
@some.examples(80)
def test_beams_of_full_width_find_the_best_texts(case, data):
    assume(not case.refuses() and case.world.legal)
    engine = data.draw(some.models(case.vocabulary))
    every = outcomes(engine, case)
    assume(len(every) <= FULL)
    penalty, num = data.draw(st.sampled_from([0, 0.6, 1, 2, -0.5])), data.draw(st.sampled_from([1, 2, 9]))
    expected = [score for score in ranked(every, penalty)[:num] if score > -np.inf]
    found = complete(engine, case, decoder=f"beam={FULL},length_penalty={penalty}", num=num)
    np.testing.assert_allclose(scores(found, penalty)[: len(expected)], expected, rtol=1e-5, atol=1e-6)
    assert found
    assert len(found) <= num


@given(some.cases(), st.data())
@some.examples(80)
def test_beams_are_legal_distinct_and_in_order_whatever_the_width(case, data):
    assume(not case.refuses() and case.world.legal)
    engine, width = data.draw(some.models(case.vocabulary)), data.draw(st.sampled_from([1, 2, 3, 4]))
    penalty, groups = data.draw(st.sampled_from([0, 1])), data.draw(st.sampled_from([1, width]))
    written = f"beam={width},length_penalty={penalty},groups={groups}"
    found = complete(engine, case, data.draw(some.shapers()), decoder=written, num=width)
    printed = [case.data(done.tokens) for done in found]
    assert set(printed) <= {case.data(tokens) for tokens in case.world.legal}
    assert len(set(printed)) == len(printed) >= 1
    assert groups > 1 or scores(found, penalty) == sorted(scores(found, penalty), reverse=True)
    assert [done.sample for done in found] == list(range(len(found)))


@given(some.cases(), st.data())
@some.examples(40)
def test_each_text_is_its_groups_best_the_first_as_alone(case, data):
    assume(not case.refuses() and case.world.legal)
    engine, groups = data.draw(some.models(case.vocabulary)), data.draw(st.sampled_from([2, 3]))
    alone = complete(engine, case, decoder="beam=2", num=1)
    found = [
        complete(engine, case, decoder=f"beam={2 * groups},groups={groups},diversity=2", num=num)
        for num in (1, groups, 2 * groups)
    ]
    assert [each.tokens for each in found[0]] == [each.tokens for each in alone]
    assert [each.tokens for each in found[1][:1]] == [each.tokens for each in alone]
    assert [each.tokens for each in found[2][: len(found[1])]] == [each.tokens for each in found[1]]


class Leaning:
    """Would have a text end in c: each other token costs it a nat as long as it is written, and c none."""

    truncates = False

    def __call__(self, step, logits):
        return logits

    def leans(self, history, prompt_length):
        return -0.5 * len(history), {3: 50.0} if len(history) == 4 else {}


def test_shapers_lean_on_ranks_of_beams_not_on_logprobs():
    model = table_model("", *"abc", table={(): [-9.0, 2.0, 1.0, -3.0]}, order=0)
    plain, leant = (
        Engine(model).generate("a", processors=["length=3", *more], decoder="beam=2", num=2, max_new=3)
        for more in ([], [Leaning()])
    )
    assert [each.new for each in plain] == ["aaa", "aab"]
    assert [each.new for each in leant] == ["aac", "abc"]
    assert leant[0].logprob == pytest.approx(sum(leant[0].logprobs))


class Favouring:
    """Would have beams go on that have written b."""

    truncates = False

    def __call__(self, step, logits):
        return logits

    def leans(self, history, prompt_length):
        return 9.0 * (2 in history), {}


def test_beams_are_kept_as_shapers_lean_on_what_stands():
    engine = Engine(table_model("", *"abc", table={(): [-9.0, 3.0, 2.0, 1.0]}))
    wanted = {"decoder": "beam=2", "num": 2, "max_new": 2}
    found = [engine.generate("a", processors=["length=2", *more], **wanted) for more in ([], [Favouring()])]
    assert [[done.new for done in each] for each in found] == [["aa", "ab"], ["ba", "bb"]]


@given(some.cases(), st.data())
@some.examples(40)
def test_as_many_beams_are_told_as_there_are_texts(case, data):
    assume(not case.refuses() and case.world.legal and not case.vocabulary.silent and not case.vocabulary.merged)
    engine, width = (
        engine_of(case.vocabulary, data.draw(st.sampled_from(["normal", "ties"]))),
        data.draw(st.sampled_from([2, 3, 8])),
    )
    every = {printed for printed, _ in outcomes(engine, case)}
    found = complete(engine, case, decoder=f"beam={width}", num=width)
    assert len(found) == min(width, len(every))


@given(some.batches(), st.sampled_from(["beam=5", "beam=6,groups=2,length_penalty=0"]))
@some.examples(20)
def test_beams_are_the_same_in_any_batch_stream_or_num(batch, decoder):
    wanted, fresh = batch
    wanted = [replace(request, decoder=decoder) for request in wanted]
    alone = facts(fresh().generate_batch([request])[0] for request in wanted)
    assert facts(fresh().generate_batch(wanted)) == alone
    for request, told in zip(wanted, alone, strict=True):
        [more] = facts(fresh().generate_batch([replace(request, num=5)]))
        assert more[: len(told)] == told
        assert streamed(fresh(), request) == told


def ends_or_goes_on(end, on, after):
    """A model that ends its text at once, or else goes on with what follows almost for certain."""
    logits = {(): [log(end), log(on)], (1,): [-9.0, 9.0] if after == "a" else [9.0, -9.0]}
    return Engine(table_model("", "a", table=logits))


@pytest.mark.parametrize("width", [1, 2, 5])
@pytest.mark.parametrize(
    "model, penalty, best",
    [
        ((0.7, 0.3, "a"), 1, "aaaaaa"),
        ((0.7, 0.3, "a"), 0, ""),
        ((0.3, 0.7, "end"), -1, "a"),
        ((0.32, 0.68, "end"), -1, "a"),
        ((0.7, 0.3, "end"), -1, ""),
    ],
)
def test_a_beam_is_given_up_only_when_it_cannot_win(model, penalty, best, width):
    found = ends_or_goes_on(*model).generate("", decoder=f"beam={width},length_penalty={penalty}", max_new=6)
    assert [done.new for done in found] == [best]


def test_beams_that_print_the_same_give_way_to_others():
    engine = Engine(table_model("a", "a", "b", end=None, table={(): [2.0, 2.0, 0.0]}))
    found = engine.generate("b", processors=["force=2:b", "length=2"], decoder="beam=2", num=2, max_new=2)
    assert [done.new for done in found] == ["ab", "bb"]


@given(some.cases(), st.data())
@some.examples(40)
def test_beams_choose_among_what_the_shapers_left(case, data):
    assume(not case.refuses() and case.world.legal)
    engine = engine_of(case.vocabulary, "normal", data.draw(st.integers(0, 3)))
    [best] = complete(engine, case, ["top_k=1"], decoder="greedy")
    found = complete(engine, case, ["top_k=1"], decoder="beam=3", num=3)
    assert [(done.tokens, done.logprobs) for done in found] == [(best.tokens, best.logprobs)]


def test_a_memory_goes_with_its_beam():
    engine, diary = engine_of(chars("abc")), Diary()
    engine.generate("a", processors=["force=2:b", diary, "length=4"], max_new=9, decoder="beam=3,groups=3", num=3)
    assert {len(tokens) for tokens in diary.read} == {0, 2, 3}
    for tokens, state in diary.read.items():
        assert tuple(token for token, _ in state) == tokens
        for place, (token, logprob) in enumerate(state):
            logits = engine.model.logits((0, 1, *tokens[:place]))[1:] / 2
            assert logprob == pytest.approx(0 if place == 1 else logits.log_softmax(-1)[token - 1].item(), abs=1e-6)


def test_groups_avoid_what_earlier_groups_chose_there():
    logits = {(): [-9.0, 1.0, 0.9, 0.8, -5.0]}
    engine = Engine(table_model("", *"abcd", table=logits))
    beams = [engine.generate("", processors=["length=2"], decoder=f"beam=3,{how}", num=3, max_new=2)
             for how in ("groups=1", "groups=3,diversity=3", "groups=3,diversity=0")]  # fmt: skip
    assert [[done.new for done in found] for found in beams] == [
        ["aa", "ab", "ba"],
        ["aa", "bb", "cc"],
        ["aa", "ba", "ca"],
    ]


def test_a_group_tells_no_more_texts_than_its_share():
    engine = Engine(table_model("", "a", "b", table={(): [log(0.5), log(0.3), log(0.2)]}))
    chain = {"max_new": 3, "num": 2, "processors": []}
    found = engine.generate("", decoder="beam=2,groups=2,diversity=0,length_penalty=0", **chain)
    assert [done.new for done in found] == ["", "b"]
    assert [done.new for done in engine.generate("", decoder="beam=2,length_penalty=0", **chain)] == ["", "a"]


@pytest.mark.parametrize("width", [1, 3])
def test_after_too_many_strikes_the_witness_decides(width):
    engine = engine_of(chars("".join(map(chr, range(0x4E00, 0x4E00 + 2000)))))
    [done] = engine.generate("", processors=[Named("last", OnlyTheLast(2001))], max_new=1, decoder=f"beam={width}")
    assert (done.new, done.exact, done.reproducible) == (chr(0x4E00 + 1999), False, True)
    assert done.logprob == pytest.approx(engine.model.logits((0,)).log_softmax(-1)[2000].item(), abs=1e-6)


def test_forced_runs_take_one_call_and_full_texts_none():
    engine = engine_of(chars("abc"))
    found = engine.generate("a", processors=["force=2:c|3:b|4:b", "length=5"], max_new=9, decoder="beam=3", num=3)
    assert engine.model.fed == 2
    assert {done.finish for done in found} == {"full"}
    wholly = engine.generate("a", processors=["force=1:c|2:b", "length=2"], max_new=9, decoder="beam=3", num=3)
    assert [(done.new, len(done.logprobs)) for done in wholly] == [("cb", 2)]
    assert engine.model.fed == 3


def test_what_all_beams_agree_on_is_streamed_at_once():
    sure = {(1,): [-9.0, -9.0, 9.0, -9.0], (2,): [-9.0, -9.0, -9.0, 9.0], (3,): [-9.0, 9.0, -9.0, -9.0]}
    engine = Engine(table_model("", *"abc", table=sure))
    pieces = list(engine.stream("c", processors=["length=9"], decoder="beam=2,length_penalty=0", max_new=9))
    assert "".join(pieces) == "abcabcabc"
    assert len(pieces) > 2


def test_nothing_is_streamed_that_a_later_text_may_beat():
    table = {(): [-9.0, log(0.4), log(0.6)], (1,): [-9.0, 9.0, -9.0], (2,): [9.0, -9.0, -9.0]}
    engine = Engine(table_model("", *"ab", table=table))
    assert "".join(engine.stream("", decoder="beam=2", max_new=6)) == "aaaaaa"


def test_no_more_texts_can_be_wanted_than_there_are_beams():
    with pytest.raises(GenError, match="give width=5, or want fewer"):
        engine_of(chars("ab")).generate("a", decoder="beam=4", num=5)


@pytest.mark.parametrize("wrong", ["beam=0", "beam=4,groups=3", "beam=4,length_penalty=99", "beam,wide=3", "greedy=2"])
def test_a_search_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(GenError):
        engine_of(chars("ab")).generate("a", decoder=wrong)


@given(st.lists(st.sampled_from([-np.inf, -2.0, 0.0, 0.5, 3.0]) | st.floats(-9, 9), max_size=40), st.integers(1, 9))
def test_values_come_in_descending_order_equal_ones_by_place(values, first):
    found = list(descending(np.array(values), first))
    assert found == sorted(range(len(values)), key=lambda place: (-values[place], place))


@pytest.mark.parametrize("options", [(1,), (1024,), (4, 10, 4, 10), (4, -10, 2, 0)])
def test_a_search_may_be_as_wide_as_is_said(options):
    made = beam(options[0], **dict(zip(("length_penalty", "groups", "diversity"), options[1:], strict=False)))
    assert made.at_once(options[0]) == made.rows == options[0]
    assert made.share * made.groups == options[0]


@pytest.mark.parametrize("wrong", ["1025", "0", "4,groups=0", "4,groups=-2", "4,groups=8", "4,length_penalty=-10.5",
                                   "4,length_penalty=10.5", "4,diversity=10.5", "4,diversity=-0.1"])  # fmt: skip
def test_a_search_beyond_what_is_said_is_refused(wrong):
    with pytest.raises(GenError, match="; give "):
        engine_of(chars("ab")).generate("a", decoder=f"beam={wrong}")


def test_no_more_is_read_than_can_change_the_best():
    engine = ends_or_goes_on(0.9, 0.1, "a")
    assert [done.new for done in engine.generate("", decoder="beam=2,length_penalty=0", max_new=20)] == [""]
    assert engine.model.fed == 1
    engine.generate("", decoder="beam=2,length_penalty=0", max_new=20, num=2)
    assert engine.model.fed > 10


def test_shapers_that_remove_tokens_keep_living_ones():
    engine = Engine(table_model("", *"abcd", table={(): [-9.0, 4.0, 3.0, 2.0, 1.0]}))
    rules = ["force=2:a", "no_repeat=2", "length=2", "top_k=2"]
    found = engine.generate("d", processors=rules, decoder="beam=3", num=3, max_new=2)
    assert [(done.new, done.exact) for done in found] == [("ba", True), ("ca", True)]


class Hopeful:
    """A machine whose texts have six characters, or b alone; those that begin with a or b come to nothing late."""

    def start(self, text):
        return ""

    def step(self, state, char):
        return None if len(state) == 6 or (len(state) == 5 and state[0] in "ab") else state + char

    def accepts(self, state):
        return len(state) == 6 or state == "b"

    def kind(self, char):
        return char

    def mentions(self, state):
        return frozenset()  # so that the automaton does not know it


def test_where_all_that_is_left_is_dead_shapers_begin_anew():
    engine = Engine(table_model("", *"abc", table={(): [-9.0, 4.0, -9.0, 3.0]}))
    [done] = engine.generate("", processors=[Hopeful(), "ban=b", "top_k=1"], decoder="beam=2", max_new=6)
    assert (done.new, done.exact) == ("caaaaa", True)


@pytest.mark.parametrize("decoder", ["greedy", "beam=1", "beam=2", "smc=2"])
def test_a_text_after_which_all_is_dead_is_full(decoder):
    engine = engine_of(vocabulary(*"ab"))
    [done] = engine.generate("", processors=[Hopeful()], decoder=decoder, max_new=6)
    assert (done.new, done.finish, done.exact) == ("b", "full", True)


@pytest.mark.parametrize("ranks, exact", [((0, 1), True), ((0, -1), False)])
def test_a_search_that_gave_up_is_not_exact(ranks, exact):
    engine = engine_of(chars("".join(map(chr, range(0x4E00, 0x4E00 + 2000)))))
    order = [token + 1 for token in engine.model.logits((0,))[1:].argsort(descending=True).tolist()]
    rule = Named("some", OnlySome(2001, *(order[rank] for rank in ranks)))
    [done] = engine.generate("", processors=[rule], max_new=1, decoder="beam=1")
    assert (done.tokens, done.exact) == ((order[0],), exact)


class SecondOf(OnlySome):
    """Any token, and then one of these."""

    def next(self, state, token):
        return "one" if state is None else token if state == "one" else state


@pytest.mark.parametrize("width", [1, 2])
def test_each_beam_has_as_many_attempts_as_a_text_alone(width, monkeypatch):
    engine = Engine(
        table_model("", *map(chr, range(0x4E00, 0x5200)), table={(): np.arange(0.0, -10.25, -0.01)}, order=0)
    )
    looks = calls_of(monkeypatch, Viable, "look")
    [done] = engine.generate("", processors=[SecondOf(1025, 1024)], max_new=2, decoder=f"beam={width}")
    assert (done.tokens[-1], done.exact) == (1024, False)
    assert width * ATTEMPTS <= len(looks) - width <= width * ATTEMPTS + 1


@pytest.mark.parametrize("width", [1, 2])
def test_after_a_few_undecided_searches_the_witness_decides(width, monkeypatch):
    engine, looks = engine_of(chars("abcdefgh")), []
    plan = engine.chain(["length=2"]).plan(engine.tokenizer.encode(""), 2)
    undecided = Seen("undecided", plan.start)
    monkeypatch.setattr(Viable, "look", lambda self, joint, left, token, *_: looks.append(token) or undecided)
    found = engine.generate("", processors=["length=2"], decoder=f"beam={width}", max_new=2)
    assert [(len(done.new), done.exact) for done in found] == [(2, False)]
    assert len(looks) <= 2 * DOUBTS
