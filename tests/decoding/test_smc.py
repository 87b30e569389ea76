"""Sequential Monte Carlo, held against the model's distribution over every legal text of tiny models."""

import json
from collections import Counter
from dataclasses import replace
from math import exp, log

import numpy as np
import oracle
import pytest
import strategies as some
from completions import complete, facts, outcomes, streamed
from custom_rules import Diary, OnlyTheLast
from drawn_cases import DRAWN
from hypothesis import assume, given
from hypothesis import strategies as st
from oracle import Case, Wish
from tiny import chars, engine_of

from gen_engine.cli.output import record
from gen_engine.decoding.smc import live_share, smc
from gen_engine.engine import Engine
from gen_engine.errors import GenError
from gen_engine.testing.models import table_model
from gen_engine.types import Named

LAST = Wish(Named("last", OnlyTheLast(7)), complete=lambda case, tokens: tokens[:1] == (6,))
ENDLESS = Case(replace(chars("abc"), end=None), "b", 3, (oracle.length(1, 3), oracle.no_repeat(2)))
TARGETS = [*DRAWN, Case(chars("abcdef"), "", 2, (LAST,)), ENDLESS]


def target(engine, case, temperature=1):
    """The probability that the model writes each legal text, by what it prints."""
    found = Counter()
    for printed, scored in outcomes(engine, case, temperature=temperature):
        found[printed] += exp(sum(scored))
    return found


def repr_of(value):
    return repr(getattr(value, "wishes", value))


@pytest.mark.parametrize("case, temperature", [*((case, 1) for case in TARGETS), (DRAWN[3], 2)], ids=repr_of)
def test_the_evidence_is_without_bias(case, temperature):
    engine = engine_of(case.vocabulary, salt=2)
    found = complete(engine, case, [f"temperature={temperature}"], decoder="smc=4", num=80, seed=7)
    evidence = np.exp([done.log_evidence for done in found])
    error = evidence.std(ddof=1) / len(evidence) ** 0.5
    assert evidence.mean() == pytest.approx(sum(target(engine, case, temperature).values()), abs=4 * error + 1e-6)
    assert all(done.exact for done in found)


MANY = [pytest.param(case, marks=pytest.mark.slow) for case in TARGETS if case not in DRAWN[3:]]


@pytest.mark.parametrize("case", [*DRAWN[3:], *MANY], ids=repr_of)
def test_legal_texts_are_drawn_as_often_as_the_model_writes(case):
    engine = engine_of(case.vocabulary, salt=2)
    weights = target(engine, case)
    seen = Counter(case.data(done.tokens) for done in complete(engine, case, decoder="smc=64", num=100, seed=5))
    assert set(seen) <= set(weights)
    expected = {text: 100 * weight / sum(weights.values()) for text, weight in weights.items()}
    squares = [(seen[text] - count) ** 2 / count for text, count in expected.items() if count > 4]
    assert sum(squares) < len(squares) + 4 * (2 * len(squares)) ** 0.5


def test_the_bias_of_masking_is_gone():
    logits = {(): [-9.0, 0.0, 0.0, -9.0], (1,): [0.0, -9.0, -9.0, -5.0], (2,): [-5.0, -9.0, -9.0, 0.0]}
    engine = Engine(table_model("", *"abc", table=logits))
    chain = {"processors": ["force=2:c", "length=2"], "max_new": 2, "num": 200, "seed": 3}
    masked = Counter(done.new for done in engine.generate("", **chain))
    posterior = Counter(done.new for done in engine.generate("", decoder="smc=16", **chain))
    assert 80 < masked["ac"] < 120
    assert posterior["ac"] < 10 < 185 < posterior["bc"]


FEW = [(1, 2000, 0.46, 0.52), (2, 2000, 0.24, 0.3), (8, 2000, 0.05, 0.08), (32, 1000, 0.035, 0.06)]


@pytest.mark.parametrize("count, num, low, high", [*FEW, pytest.param(32, 2000, *FEW[-1][2:], marks=pytest.mark.slow)])
def test_more_particles_leave_less_of_the_bias_of_masking(count, num, low, high):
    logits = {(): [-9.0, 0.0, 0.0, -9.0], (1,): [0.0, -9.0, -9.0, -3.0], (2,): [-5.0, -9.0, -9.0, 0.0]}
    engine = Engine(table_model("", *"abc", table=logits))
    chain = {"processors": ["force=2:c", "length=2"], "max_new": 2, "num": num, "seed": 3}
    seen = Counter(done.new for done in engine.generate("", decoder=f"smc={count}", **chain))
    assert low < seen["ac"] / num < high  # 4.6% of the target, half of the masked choices


@given(st.lists(st.integers(1, 9), max_size=4), st.integers(1, 20))
@some.examples(40)
def test_the_share_of_live_tokens_is_estimated_without_bias(dead, live):
    whole = sum(dead) + live

    def expectation(left, rates, chance, lives):
        share = (sum(left) + live) / whole
        rates, now = (*rates, share), chance * live / (share * whole)
        found = now * exp(live_share(rates)) if lives else expectation(left, rates, now, 1)
        for i, each in enumerate(left):
            found += expectation(left[:i] + left[i + 1 :], rates, chance * each / (share * whole), lives)
        return found

    assert expectation(dead, (), 1, 0) == pytest.approx(live / whole, rel=1e-9)


@pytest.mark.parametrize("count", [2, 3, 5, 9])
def test_the_live_share_without_strikes_is_one_nearly(count):
    assert live_share([1.0]) == 0
    assert live_share([1.0] * count) == pytest.approx(-log(count - 1))
    assert live_share([1.0] * (count - 1) + [1 - 1e-9]) == pytest.approx(-log(count - 1), abs=1e-6)


@given(some.cases(), st.data())
@some.examples(40)
def test_particles_write_legal_texts_under_any_constraints_and_shapers(case, data):
    assume(not case.refuses() and case.world.legal)
    engine, resample = data.draw(some.models(case.vocabulary)), data.draw(st.sampled_from([0, 0.5, 1]))
    found = complete(engine, case, data.draw(some.shapers()), decoder=f"smc=3,resample={resample}", num=2, seed=4)
    assert {done.tokens for done in found} <= case.world.legal
    assert all(done.log_evidence < 1e-5 or done.undone or not done.exact for done in found)


@given(some.batches(), st.sampled_from(["smc=3", "smc=4,resample=1"]))
@some.examples(20)
def test_particles_are_the_same_in_any_batch_stream_or_num(batch, decoder):
    wanted, fresh = batch
    wanted = [replace(request, decoder=decoder) for request in wanted]
    alone = facts(fresh().generate_batch([request])[0] for request in wanted)
    assert facts(fresh().generate_batch(wanted)) == alone
    for request, told in zip(wanted, alone, strict=True):
        [more] = facts(fresh().generate_batch([replace(request, num=5)]))
        assert more[: len(told)] == told
        assert streamed(fresh(), request) == told


def test_what_all_particles_agree_on_is_streamed_at_once():
    engine = engine_of(chars("abcdef"))
    chain = {"processors": ["length=20", "ban=a|b|c"], "seed": 4, "max_new": 20, "decoder": "smc=4,resample=1"}
    pieces = list(engine.stream("a", **chain))
    assert ["".join(pieces)] == [done.new for done in engine.generate("a", **chain)]
    assert len(pieces) > 3


@pytest.mark.parametrize(
    "shapers, exact",
    [([], True), (["temperature=2", "temperature=0.7"], True), (["repetition_penalty=2"], True), (["top_k=2"], False)],
)
def test_a_shaper_that_removes_tokens_makes_it_inexact_but_reproducible(shapers, exact):
    [done] = engine_of(chars("abc")).generate("a", processors=shapers, decoder="smc=4", seed=1, max_new=3)
    assert (done.exact, done.reproducible) == (exact, True)


def test_other_shapers_are_weighed_away():
    engine = engine_of(chars("abc"))
    found = [
        engine.generate("", processors=["length=2", *more], decoder="smc=8", num=200, seed=2, max_new=2)
        for more in ([], ["logit_bias=a:1.5"])
    ]
    counts = [Counter(done.new for done in each) for each in found]
    assert sum(abs(counts[0][text] - counts[1][text]) for text in counts[0]) < 100
    assert np.mean([exp(d.log_evidence) for d in found[1]]) == pytest.approx(exp(found[0][0].log_evidence), rel=0.1)


def test_a_memory_goes_with_its_particle():
    engine, diary = engine_of(chars("abc")), Diary()
    engine.generate("a", processors=["ban=c", diary, "length=4"], max_new=4, seed=3, decoder="smc=6,resample=1")
    for tokens, state in diary.read.items():
        assert tuple(token for token, _ in state) == tokens
        for place, (token, logprob) in enumerate(state):
            logits = engine.model.logits((0, 1, *tokens[:place]))[[1, 2]] / 2
            assert logprob == pytest.approx(logits.log_softmax(-1)[token - 1].item(), abs=1e-6)


def test_evidence_is_nothing_where_the_model_writes_no_legal_text():
    engine = engine_of(chars("abc"), "void")
    [done] = engine.generate("a", processors=["length=2"], decoder="smc=4", seed=3, max_new=4)
    assert (len(done.new), done.log_evidence) == (2, -np.inf)
    assert "Infinity" not in json.dumps(record(replace(done, logprob=0)))


def test_the_evidence_of_what_is_wholly_forced_is_its_probability():
    engine = engine_of(chars("abc"))
    [done] = engine.generate("a", processors=["force=1:c|2:b", "length=2"], max_new=9, decoder="smc=9")
    assert done.log_evidence == pytest.approx(done.logprob)
    assert engine.model.fed == 1
    [warm] = engine.generate("a", processors=["force=1:c|2:b", "length=2", "temperature=2"], decoder="smc=9")
    tempered = [(engine.model.logits(tokens) / 2).log_softmax(-1) for tokens in ((0, 1), (0, 1, 3))]
    assert warm.log_evidence == pytest.approx(float(tempered[0][3] + tempered[1][2]))
    [nothing] = engine.generate("a", max_new=0, decoder="smc=9")
    assert (nothing.log_evidence, nothing.finish) == (0, "budget")


@pytest.mark.parametrize("decoder", ["smc=1", "smc=5,resample=1"])
def test_after_too_many_strikes_the_witness_decides(decoder):
    engine = engine_of(chars("".join(map(chr, range(0x4E00, 0x4E00 + 2000)))))
    [done] = engine.generate("", processors=[Named("last", OnlyTheLast(2001))], max_new=1, decoder=decoder, seed=1)
    assert (done.new, done.exact, done.reproducible) == (chr(0x4E00 + 1999), False, True)
    assert done.log_evidence < log(0.9)


@pytest.mark.parametrize("wrong", ["smc=0", "smc=4,resample=2", "smc=4,width=3"])
def test_a_population_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(GenError):
        engine_of(chars("ab")).generate("a", decoder=wrong)


@pytest.mark.parametrize("particles, resample", [(1, 0), (4096, 1)])
def test_a_population_may_be_as_large_as_is_said(particles, resample):
    made = smc(particles, resample=resample)
    assert (made.rows, made.at_once(9)) == (particles, 1)


@pytest.mark.parametrize("wrong", ["0", "-1", "4097", "4,resample=1.5", "4,resample=-0.5"])
def test_a_population_beyond_what_is_said_is_refused(wrong):
    with pytest.raises(GenError, match="; give a number"):
        engine_of(chars("ab")).generate("a", decoder=f"smc={wrong}")


def test_thirty_two_particles_are_the_default():
    assert (smc().particles, smc(8).particles) == (32, 8)


@given(some.cases(), st.data())
@some.examples(30)
def test_logprobs_are_those_of_the_model_for_each_token(case, data):
    assume(not case.refuses() and case.world.legal)
    engine = engine_of(case.vocabulary, "normal", data.draw(st.integers(0, 3)))
    [done] = complete(engine, case, decoder="smc=3", num=1)
    every = {(printed, tuple(np.round(scored, 4))) for printed, scored in outcomes(engine, case)}
    assert (case.data(done.tokens), tuple(np.round(done.logprobs, 4))) in every
