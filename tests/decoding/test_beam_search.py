"""Beam search from within: what counts against a search, what groups avoid, what is sent early."""

from math import log

import numpy as np
import pytest
from custom_rules import OnlySome
from tiny import chars, engine_of, vocabulary

from gen_engine.decoding.beam import beam
from gen_engine.decoding.viable import ATTEMPTS, Seen, Viable
from gen_engine.engine import Engine
from gen_engine.testing.models import table_model
from gen_engine.types import Named, Request

MANY = "".join(map(chr, range(0x4E00, 0x4E00 + ATTEMPTS + 8)))
"""More characters than a beam tries in vain."""


def test_four_beams_are_the_default():
    assert (beam().width, beam().groups, beam().rows) == (4, 1, 4)


@pytest.mark.parametrize("length", [1, 2])
def test_tokens_that_lead_on_are_no_strikes(length):
    width = ATTEMPTS + 2
    found = engine_of(chars(MANY)).generate(
        "", processors=[f"length={length}"], decoder=f"beam={width}", num=width, max_new=length
    )
    assert [done.exact for done in found] == [True] * width


def test_groups_avoid_what_was_chosen_at_the_same_place():
    engine = Engine(table_model("", "a", table={(): [log(0.6), log(0.4)]}))
    found = engine.generate("", decoder="beam=2,groups=2,diversity=1,length_penalty=0", num=2, max_new=3)
    assert [done.new for done in found] == ["", "a"]


def fed_before(engine, decoder, wanted):
    """How many tokens the model has read when this much of the first text is sent."""
    sent = ""
    for piece in engine.stream("", processors=["length=6"], decoder=decoder, max_new=6):
        sent += piece
        if sent.startswith(wanted):
            return engine.model.fed
    return None


def test_other_groups_hold_nothing_up():
    engine = Engine(table_model("", *"ab", table={(): [-9.0, 3.0, 2.0]}))
    alone = fed_before(engine, "beam=1", "a")
    engine.model.fed = 0
    assert fed_before(engine, "beam=2,groups=2,diversity=9", "a") <= 2 * alone


def test_beams_that_cannot_win_hold_nothing_up():
    table = {(): [-9.0, log(0.9), log(0.1)], (1,): [9.0, -9.0, -9.0], (2,): [-9.0, -9.0, 9.0]}
    engine = Engine(table_model("", *"ab", table=table))
    scheduler = engine.scheduler()
    scheduler.submit(Request("", [], num=2, seed=0, max_new=30, decoder="beam=2,length_penalty=0"))
    while not any(piece.text for _, piece in scheduler.step()):
        assert engine.model.fed < 10


def test_one_undecided_search_is_told(monkeypatch):
    engine, look, asked = engine_of(chars("abcdefgh")), Viable.look, []

    def doubting(self, joint, left, token, *more):
        asked.append(token)
        return Seen("undecided", joint) if len(asked) == 1 else look(self, joint, left, token, *more)

    monkeypatch.setattr(Viable, "look", doubting)
    [done] = engine.generate("", processors=["length=2"], decoder="beam=2", max_new=2)
    assert (len(done.new), done.exact) == (2, False)


class NothingMore(OnlySome):
    """Any token is allowed, but only what was there at the beginning is a text."""

    def accepts(self, state):
        return state is None


@pytest.mark.parametrize("width", [1, 2])
def test_a_witness_may_be_that_the_text_is_full(width):
    engine = engine_of(vocabulary(*MANY))
    rule = Named("nothing", NothingMore(len(MANY)))
    [done] = engine.generate("", processors=[rule], decoder=f"beam={width}", max_new=1, patience=99)
    assert (done.new, done.finish, done.exact) == ("", "full", False)


@pytest.mark.parametrize("width", [1, 2])
def test_a_witness_may_be_the_end(width):
    table = {(): np.concatenate([[-99.0], np.zeros(len(MANY))])}
    engine = Engine(table_model("", *MANY, table=table))
    rule = Named("nothing", NothingMore(len(MANY) + 1))
    [done] = engine.generate("", processors=[rule], decoder=f"beam={width}", max_new=2, patience=99)
    assert (done.new, done.finish, done.exact) == ("", "end", False)
    assert done.logprob == pytest.approx(-99 - log(len(MANY)), abs=1e-3)
