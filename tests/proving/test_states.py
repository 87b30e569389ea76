"""The state table against the rules themselves, and what memories keep."""

from collections import OrderedDict
from dataclasses import dataclass, replace

import numpy as np
import pytest
import strategies as some
from hypothesis import assume, given
from hypothesis import strategies as st
from joint_states import chain_of, prompt_of, states
from slots import PLAIN, SLOTS, either_wish, slots_wish
from tiny import chars, vocabulary

from gen_engine.chain import make_chain
from gen_engine.errors import PluginError
from gen_engine.memory import Interned, Memory, interned, remembered
from gen_engine.types import Named, Prompt


@st.composite
def slot_cases(draw):
    """Cases with a machine that says what follows, which is alone or beside another."""
    ways = st.one_of(SLOTS.map(slots_wish), st.tuples(SLOTS, SLOTS).map(lambda two: either_wish(*two)))
    wishes = draw(st.lists(ways, min_size=1, max_size=2, unique_by=str))
    return some.Case(draw(PLAIN), "", 3, tuple(wishes))


CASES = some.cases() | slot_cases()


def known(case):
    """The product that knows what was learned, and every state of the case that no stop string has ended."""
    assume(not case.refuses())
    first = chain_of(case).product
    product = first.learned_from(first.start(prompt_of(case)))
    return product, [joint for joint in states(case, product).values() if not joint.node.cut]


@given(CASES, st.booleans())
@some.examples(50)
def test_a_table_step_is_a_step_of_each_rule(case, opened):
    product, joints = known(case)
    table = product.table
    for node in {joint.node for joint in joints}:
        if opened:
            table.edges(node)
        for token in case.usable:
            steps = [rule.permits(state, token) for rule, state in zip(table.rules, node.states, strict=True)]
            assert table.permits(node, token) == all(steps)
            assert not all(steps) or table.after(node, token).states == followed(table.rules, node.states, token)


def followed(rules, states, token):
    """The states after a token, by the rules themselves."""
    return tuple(rule.constraint.next(state, token) for rule, state in zip(rules, states, strict=True))


@given(CASES)
@some.examples(50)
def test_edges_are_disjoint_and_together_what_may_follow(case):
    product, joints = known(case)
    table = product.table
    for node in {joint.node for joint in joints}:
        edges = table.edges(node)
        together = sum((mask.array.astype(int) for mask, _ in edges), np.zeros(len(case.vocabulary), dtype=int))
        whole = [token for token in case.usable if token not in case.vocabulary.partial]
        may_follow = [all(rule.permits(s, t) for rule, s in zip(table.rules, node.states, strict=True)) for t in whole]
        assert together[whole].tolist() == may_follow
        assert together.sum() == sum(may_follow)
        assert all(mask.size for mask, _ in edges)


@given(CASES)
@some.examples(50)
def test_edges_lead_where_their_tokens_do(case):
    product, joints = known(case)
    table = product.table
    for node in {joint.node for joint in joints}:
        for number, (mask, after) in enumerate(table.edges(node), 1):
            tokens = mask.array.nonzero()[0].tolist()
            reached = {table.after(node, token) for token in tokens}
            assert all(end.cut for end in reached) if after is None else reached == {after}
            assert [token for token, edge in enumerate(table.edge_of(node)) if edge == number] == tokens
            assert {table.along(node, token) for token in tokens} == {after}


@dataclass(frozen=True)
class Begun:
    """A machine that keeps the first character, each in a state of its own."""

    def start(self, text):
        return ""

    def step(self, state, char):
        return state or char

    def accepts(self, state):
        return True

    def kind(self, char):
        return char


@pytest.mark.parametrize("count", [255, 256, 300])
def test_many_edges_are_told_apart(count):
    vocab = chars("".join(map(chr, range(0x4E00, 0x4E00 + count))))
    product = make_chain(vocab, [Named("begun", Begun())]).product
    node = product.start(Prompt("", (), ())).node
    assert sorted(product.table.edge_of(node)) == [*range(count + 1)]


@given(CASES)
@some.examples(50)
def test_equal_states_are_one_node(case):
    product, joints = known(case)
    by_states = {joint.node.states: joint.node for joint in joints}
    assert all(by_states[joint.node.states] is joint.node for joint in joints)
    assert all(product.table.node(each) is node for each, node in by_states.items())
    assert all(product.joint(joint.states).node is joint.node for joint in joints)


@given(CASES)
@some.examples(40)
def test_a_joint_state_is_its_states(case):
    product, joints = known(case)
    assert all(product.joint(joint.states) == joint._replace(accepted=()) for joint in joints)
    for number, rule in enumerate(product.rules):
        assert all(product.state_of(number)(joint) == joint.states[number] for joint in joints)
        assert (number in product.known) == rule.is_structural


@given(CASES)
@some.examples(40)
def test_a_node_says_what_its_rules_do(case):
    product, joints = known(case)
    for node in {joint.node for joint in joints}:
        pairs = list(zip(product.table.rules, node.states, strict=True))
        assert node.accepts == all(rule.constraint.accepts(state) for rule, state in pairs)
        assert [part.min_remaining for part in node.parts] == [
            rule.promises.min_remaining(state) for rule, state in pairs
        ]
        singly = [(rule.promises.min_remaining_singly or rule.promises.min_remaining)(state) for rule, state in pairs]
        assert [part.min_remaining_singly for part in node.parts] == singly


@given(CASES)
@some.examples(20)
def test_single_character_edges_are_all_edges_less_other_tokens(case):
    product, joints = known(case)
    single = {token for token in case.usable if len(case.vocabulary.texts[token] or "") == 1}
    for node in {joint.node for joint in joints}:
        found = [mask.members for mask, _ in product.table.single_edges(node)]
        every = [set(mask.members) & single for mask, _ in product.table.edges(node)]
        assert sorted(token for tokens in found for token in tokens) == sorted(set().union(*every))


MIXED = vocabulary("", "x", "ab", "a", "b", "c", b"\xc3", end=0, unused={1})
"""The end, an unused token, one of two characters, three of one, and a part of one."""


class Sorted:
    """A rule over tokens that knows them apart by `kinds`; the state is the kind of the last one."""

    def __init__(self, kinds):
        self.sorts, self.asked = list(kinds), []

    def start(self, prompt):
        return None

    def permits(self, state, token):
        self.asked.append(token)
        return True

    def allowed(self, state):
        return np.ones(len(self.sorts), dtype=bool)

    def next(self, state, token):
        return self.sorts[token]

    def accepts(self, state):
        return True

    def kinds(self):
        return self.sorts


class Offering(Sorted):
    """The same, saying what follows in plain arrays, unusable tokens and an empty set included."""

    def transitions(self, state):
        return [(np.array(self.sorts) == kind, kind) for kind in {*self.sorts, "none"}]


class Stopping(Sorted):
    """The same, which `kinds` 1 and 2 stop, each in a state of its own; `cuts` is what it cuts then."""

    cuts = 1

    def cut(self, state):
        return self.cuts if state in (1, 2) else 0


def table_of(*rules, vocab=MIXED):
    """The table of these rules alone, and the node where a text begins."""
    product = make_chain(vocab, [Named(f"rule {number}", rule) for number, rule in enumerate(rules)]).product
    product = product.of(product.rules[-len(rules) or len(product.rules) :])
    return product.table, product.start(Prompt("", (), ())).node


@pytest.mark.parametrize("kind", [Sorted, Offering])
def test_edges_have_no_tokens_but_those_of_the_graph(kind):
    table, node = table_of(kind([0, 1, 0, 0, 1, 1, 1]))
    edges = [{after.states: mask.members for mask, after in each(node)} for each in (table.edges, table.single_edges)]
    assert edges == [{(0,): [2, 3], (1,): [4, 5]}, {(0,): [3], (1,): [4, 5]}]


def test_what_a_rule_forbids_has_no_edge():
    rule = Sorted([0, 1, 0, 2, 3, 0, 1])
    rule.permits = lambda state, token: rule.sorts[token] != 2
    table, node = table_of(rule)
    assert [mask.members for mask, _ in table.edges(node)] == [[2, 5], [4]]


def test_only_usable_tokens_are_tried():
    table, node = table_of(rule := Sorted(range(len(MIXED))))
    assert [mask.members for mask, _ in table.edges(node)] == [[2], [3], [4], [5]]
    assert set(rule.asked) <= set(MIXED.usable)


def test_tokens_that_complete_a_stop_string_are_one_edge():
    table, node = table_of(Stopping([0, 0, 0, 1, 2, 3, 0]))
    assert [(mask.members, after and after.states) for mask, after in table.edges(node)] == [
        ([2], (0,)),
        ([3, 4], None),
        ([5], (3,)),
    ]


@pytest.mark.parametrize("cuts", [-1, 1.5, "one"])
def test_a_cut_that_is_no_count_is_refused(cuts):
    table, node = table_of(rule := Stopping([0, 0, 0, 1, 2, 3, 0]))
    rule.cuts = cuts
    with pytest.raises(PluginError, match="rule 0 gave .* in cut; return a whole number from 0"):
        table.after(node, 3)


def test_edges_are_found_once():
    table, node = table_of(Sorted([0, 1, 0, 0, 1, 1, 1]), Sorted(range(7)))
    assert table.edges(node) is table.edges(node)
    assert table.single_edges(node) is table.single_edges(node)
    assert table.edge_of(node) is table.edge_of(node)
    assert table.edge_of(node).itemsize == 1


@pytest.mark.parametrize("rules", [1, 2, 3])
def test_the_clock_is_read_for_each_set_that_is_split(rules, monkeypatch):
    looks = []
    monkeypatch.setattr("gen_engine.proving.states.check", lambda: looks.append(1))
    halves = [[token >> place & 1 for token in range(8)] for place in range(3)]
    table, node = table_of(*(Sorted(kinds) for kinds in halves[:rules]), vocab=vocabulary(*"abcdefgh"))
    assert len(table.edges(node)) == 2**rules == len(looks)


def test_a_rule_is_not_asked_for_what_edges_say():
    table, node = table_of(rule := Sorted([0, 1, 0, 0, 1, 1, 1]))
    assert table.permits(node, 3)
    assert (rule.asked, table.along(node, 3)) == ([3], None)
    table.edges(node)
    rule.asked.clear()
    assert all(table.permits(node, token) for token in (2, 3, 4, 5, 6))
    assert rule.asked == [6]


def test_without_rules_every_text_is_whole():
    table, node = table_of(vocab=chars("ab"))
    assert (node.accepts, node.cut, node.states) == (True, 0, ())
    assert [(mask.members, after) for mask, after in table.edges(node)] == [([1, 2], node)]


@given(st.integers(1, 4), st.lists(st.integers(0, 6)))
@some.examples(200)
def test_the_least_recently_used_is_forgotten_first(size, keys):
    memory, expected = Memory(size), []
    for key in keys:
        if key in expected:
            assert memory.get(key) == key * 10
            expected.remove(key)
        else:
            assert memory.get(key) is None
            assert memory.put(key, key * 10) == key * 10
        expected = [*expected, key][-size:]
        assert (list(memory), len(memory)) == (expected, len(expected))


def test_a_memory_forgets_what_was_not_asked_for():
    memory = Memory(2)
    memory.put("a", 1)
    memory.put("b", 2)
    assert memory.get("a") == 1
    memory.put("c", 3)
    assert [memory.get(key) for key in "abc"] == [1, None, 3]
    assert "b" not in memory


@pytest.mark.parametrize("value", [None, 0, ()])
def test_what_is_false_is_remembered_too(value):
    memory = Memory(2)
    memory.put("a", value)
    memory.put("b", 1)
    assert memory.get("a") == value
    memory.put("c", 1)
    assert ("a" in memory, "b" in memory) == (True, False)


def test_what_is_remembered_again_is_the_last_to_be_forgotten():
    memory = Memory(2)
    for key, value in (("a", 1), ("b", 2), ("a", 3), ("c", 4)):
        memory.put(key, value)
    assert [memory.get(key) for key in "abc"] == [3, None, 4]


class Raced(OrderedDict):
    """From which another thread takes what was found just now."""

    def move_to_end(self, key):
        raise KeyError(key)


def test_what_another_thread_makes_it_forget_meanwhile_is_no_error():
    memory = Memory(2)
    memory._values = Raced(a=1)
    assert memory.get("a") is None


class Thing:
    """Something that can be held weakly."""


@given(st.integers(1, 3), st.lists(st.integers(0, 5), max_size=30), st.sets(st.integers(0, 5)))
@some.examples(100)
def test_what_somebody_holds_stays_one_object(size, keys, kept):
    interned, holders = Interned(size), {}
    for key in keys:
        found = interned.get(key) or interned.put(key, Thing())
        assert found is holders.get(key, found)
        if key in kept:
            holders[key] = found
        del found
        assert len(interned) <= size + len(holders)


def test_of_what_nobody_holds_the_last_that_were_used_stay():
    interned = Interned(2)
    for key in "ab":
        interned.put(key, Thing())
    assert interned.get("a")
    interned.put("c", Thing())
    assert [interned.get(key) is not None for key in "abc"] == [True, False, True]


@dataclass(frozen=True)
class Keeper:
    """Something with a memory of each kind."""

    own: Memory = remembered(1)
    shared: Memory = remembered(1, shared=True)
    things: Interned = interned(1)


def test_a_copy_has_its_own_memories_except_shared_ones():
    keeper = Keeper()
    copy = replace(keeper)
    assert copy.shared is keeper.shared
    assert copy.own is not keeper.own
    assert copy.things is not keeper.things
    assert (copy.own.size, copy.things.size) == (1, 1)
