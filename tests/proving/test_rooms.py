"""Characters that need only come, in any order: held against trying every text."""

from dataclasses import dataclass

import oracle
import strategies as some
from hypothesis import given
from hypothesis import strategies as st
from joint_states import chain_of, prompt_of, states
from oracle import Case, Wish
from slots import PLAIN, SLOTS, different_wish, either_wish, slots_wish
from tiny import chars, engine_of

from gen_engine.proving.matching import fill, places_for
from gen_engine.proving.prover import NODES, Finding, prover_of
from gen_engine.text import EVERY_CHAR
from gen_engine.types import Named


@dataclass(frozen=True)
class Gathers:
    """Each of these characters comes somewhere in the new text."""

    chars: str

    def start(self, text):
        return self.chars

    def step(self, state, char):
        return state.replace(char, "")

    def accepts(self, state):
        return not state

    def allowed(self, state):
        return EVERY_CHAR

    def kind(self, char):
        return None

    def mentions(self, state):
        return state

    def never_forbids(self, char):
        return True

    def needs(self, state):
        return state

    def gathers(self, state):
        return state


def gathers_wish(letters):
    return Wish(
        Named(f"gathers {letters}", Gathers(letters)), complete=lambda case, t: set(letters) <= set(case.new(t))
    )


@st.composite
def cases(draw):
    vocab = draw(st.one_of(PLAIN, st.just(chars(["a", "b", "c", "ab"]))))
    ways = st.one_of(SLOTS.map(slots_wish), st.tuples(SLOTS, SLOTS).map(lambda two: either_wish(*two)))
    first = draw(st.one_of(ways, st.sampled_from([oracle.length(1, 4), oracle.ban("ab"), oracle.stop("cb")])))
    letters = draw(st.sets(st.sampled_from("abcd"), min_size=1).map(sorted).map("".join))
    more = [oracle.no_repeat(2), different_wish(""), different_wish("a"), gathers_wish("bd")]
    rest = draw(st.lists(st.sampled_from(more), max_size=2, unique_by=lambda wish: str(wish.spec)))
    return Case(vocab, "", draw(st.integers(0, 4)), (first, gathers_wish(letters), *rest))


@given(cases())
@some.examples(250)
def test_what_the_rooms_prove_is_so(case):
    prover, _ = prover_of(chain_of(case).product, prompt_of(case), case.budget, NODES)
    for tokens, each in states(case, prover.product).items():
        left = case.budget - len(tokens)
        alive = tokens in case.world.alive or prover.product.cut(each) > 0
        answer = prover.at_once(each, left)
        assert answer in (None, "yes" if alive else "no")
        assert prover.feasible(each, left) == ("yes" if alive else "no")


@given(cases(), st.integers(0, 9))
@some.examples(120)
def test_texts_hold_what_must_come(case, seed):
    if case.world.legal and not case.refuses():
        engine = engine_of(case.vocabulary)
        found = engine.generate("", processors=some.processors(case), max_new=case.budget, seed=seed, num=3)
        assert {each.tokens for each in found} <= case.world.legal
        assert all(each.exact for each in found)


LETTERS = [chr(0x4E00 + i) for i in range(300)]


def test_twelve_characters_in_any_order_cost_no_search(monkeypatch):
    rules = [Named("gathers", Gathers("".join(LETTERS[:12]))), Named("new", different_wish("").spec.processor)]
    engine = engine_of(chars("".join(LETTERS)))
    searched = []
    monkeypatch.setattr(
        "gen_engine.proving.prover._Search.run", lambda self: searched.append(1) or Finding("undecided")
    )
    [done] = engine.generate("", processors=[*rules, "length=13"], max_new=13, seed=2)
    assert (set(LETTERS[:12]) <= set(done.text), len(set(done.text)), searched) == (True, 13, [])


@given(st.lists(st.integers(0, 31), max_size=5))
def test_places_are_given_out_if_that_is_possible(options):
    from itertools import permutations

    orders = permutations(range(5), len(options))
    possible = any(all(each >> place & 1 for each, place in zip(options, order, strict=True)) for order in orders)
    found = places_for(options)
    assert (found is not None) == possible
    assert sorted((found or {}).values()) == list(range(len(options))) * possible
    assert all(options[number] >> place & 1 for place, number in (found or {}).items())


@given(st.lists(st.sets(st.sampled_from("abcde"), min_size=1), max_size=4), st.sets(st.sampled_from("abcde")))
def test_narrow_places_are_filled_if_that_is_possible(domains, taken):
    from itertools import product

    choices = product(*(sorted(domain - taken) for domain in domains))
    assert fill(dict(enumerate(domains)), {}, taken) == any(len(set(each)) == len(domains) for each in choices)
