"""Where characters can stand is answered by the question alone, and for texts of any length."""

import pytest
from slots import Slots
from tiny import TinyTokenizer, chars

import gen_engine.proving.rooms as rooms
from gen_engine.chain import make_chain
from gen_engine.proving.prover import NODES, prover_of
from gen_engine.types import Named


def rooms_for(length, wanted="abc"):
    vocabulary = chars("abcdef")
    chain = make_chain(vocabulary, [Named("slots", Slots(("abcdef",) * length))])
    prover, joint = prover_of(chain.product, TinyTokenizer(vocabulary).encode(""), length, NODES)
    return rooms.Rooms(prover.automaton, tuple(wanted), True), joint.node


@pytest.mark.parametrize("looked", [1, 5, 9, 10, 11, 100])
def test_the_answer_is_independent_of_what_was_asked_before(monkeypatch, looked):
    monkeypatch.setattr(rooms, "LOOKED", looked)
    asked, start = rooms_for(10)
    first = sizes(asked.way(start, 10))
    assert all(sizes(asked.way(start, 10)) == first for _ in range(5))
    used, _ = rooms_for(10)
    for left in (3, 12, 7, 10, 11):
        used.way(start, left)
    assert sizes(used.way(start, 10)) == first


def sizes(way):
    return way and [mask.size for mask in way]


@pytest.mark.parametrize("length", [3, 30, 1500, 3000])
def test_a_way_may_be_as_long_as_a_text(length):
    asked, start = rooms_for(length)
    assert len(asked.way(start, length)) == length
    assert not asked.lack(start, length)


def test_fewer_places_than_characters_are_no_room():
    asked, start = rooms_for(2)
    assert asked.lack(start, 2)
    assert asked.way(start, 2) is None
