"""Constraints first, then the shapers in the order given; refusals name what stands in the way."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from counted_calls import calls_of
from custom_rules import Diary
from tiny import TinyTokenizer, chars, engine_of, vocabulary

import gen_engine.chain as chain_module
from gen_engine.chain import has_memory, is_constraint, make_chain
from gen_engine.constraints.lengths import length
from gen_engine.constraints.repeats import no_repeat, no_repeat_ngram
from gen_engine.constraints.stops import stop
from gen_engine.errors import ConflictError, GenError, UndecidedError
from gen_engine.memory import Memory
from gen_engine.proving.histories import History
from gen_engine.proving.product import Product
from gen_engine.proving.prover import prover_of, round_up
from gen_engine.text.token_sets import TokenSet, marked, token_set
from gen_engine.types import Named, Step

ENGINE = engine_of(chars("春夏秋冬，"))


def text(*processors, prompt="", **options):
    return ENGINE.generate(prompt, processors=processors, **{"max_new": 6, "seed": 1} | options)[0]


def wish_for(char):
    """A shaper that wants one token and nothing else, allowed or not."""

    def wish(step, logits):
        shaped = torch.full_like(logits, -torch.inf)
        shaped[:, step.vocabulary.singles[char][0]] = 99.0
        return shaped

    return wish


def leave_nothing(step, logits):
    return torch.full_like(logits, -torch.inf)


def leave_no_numbers(step, logits):
    return logits * torch.nan


def test_a_ban_is_never_outvoted():
    assert "春" not in text("ban=春", wish_for("春"), "top_k=1").new


def test_top_k_comes_after_the_bans_wherever_it_is_written():
    first, last = text("top_k=1", "ban=春|夏|秋", "length=6"), text("ban=春|夏|秋", "top_k=1", "length=6")
    assert first.new == last.new
    assert not set(first.new) & set("春夏秋")


def test_shapers_work_in_the_order_given():
    seen = []
    notes = [Named(name, lambda step, logits, name=name: seen.append(name) or logits) for name in ("one", "two")]
    text(*notes, max_new=1)
    text(*reversed(notes), max_new=1)
    assert seen == ["one", "two", "two", "one"]


@pytest.mark.parametrize("shaper", [leave_nothing, leave_no_numbers])
def test_a_shaper_that_leaves_nothing_is_undone_and_named(shaper):
    done = text("length=4", shaper, "top_k=2")
    assert done.undone == (shaper.__name__,)
    assert done.new == text("length=4", "top_k=2").new
    assert text("length=4", "top_k=2").undone == ()


def test_a_shaper_that_revives_a_token_is_overruled():
    assert set(text("only=春|夏", wish_for("秋"), wish_for("夏"), "length=5").new) <= set("春夏")


def test_a_shaper_that_changes_its_input_spares_the_models_logits():
    def spoil(step, logits):
        return logits.fill_(0.0)

    own = ENGINE.model.logits((0,)).log_softmax(-1).tolist()
    assert any(text(spoil, "length=3").logprobs[0] == pytest.approx(logprob, abs=1e-6) for logprob in own)


def test_a_shaper_sees_the_history_and_where_its_prompt_ends():
    steps = []
    text(lambda step, logits: steps.append(step) or logits, "length=2..", prompt="春夏", max_new=2)
    assert [list(step.histories[0])[:3] for step in steps] == [[0, 1, 2]] * len(steps)
    assert [len(step.histories[0]) for step in steps] == [3, 4]
    assert all(step.prompt_lengths == [3] for step in steps)


@pytest.mark.parametrize("answer", [None, torch.zeros(1, 2), torch.zeros(1, 4, dtype=torch.bool)])
def test_a_shaper_that_returns_no_logits_is_named(answer):
    with pytest.raises(GenError, match="odd did not return logits of the shape it was given; mend it"):
        engine_of(chars("abc")).generate("a", processors=[Named("odd", lambda step, logits: answer)], max_new=2)


@pytest.mark.parametrize(
    ("state", "allowed", "reason"),
    [([], [1, 1, 1], "hashed .a list."), (0, [1], "a list in allowed"), (0, None, "None in allowed")],
)
def test_a_constraint_that_does_not_keep_its_word_is_named(state, allowed, reason):
    odd = SimpleNamespace(
        start=lambda prompt: state, accepts=lambda s: True, allowed=lambda s: allowed, next=lambda s, t: s
    )
    with pytest.raises(GenError, match=f"odd .*{reason}; "):
        engine_of(chars("abc")).generate("a", processors=[Named("odd", odd)], max_new=2)


def test_what_is_neither_constraint_nor_shaper_is_refused():
    with pytest.raises(GenError, match=r"oops is no processor; give a constraint"):
        make_chain(chars("ab"), [Named("oops", 3)])


def test_the_conflict_names_its_members_with_their_parameters():
    with pytest.raises(ConflictError) as conflict:
        text("ban=，", "no_repeat=9", "top_k=2", "length=5", "stop=春")
    assert conflict.value.members == ("ban=，", "no_repeat=9", "length=5")
    assert str(conflict.value).startswith("ban=，, no_repeat=9 and length=5 admit no text together within 6 new tokens")


def test_a_constraint_that_no_text_obeys_is_named_alone():
    with pytest.raises(ConflictError, match=r"^length=7 admits no text within 6 new tokens; ") as conflict:
        text("no_special", "length=7", "no_repeat=2")
    assert conflict.value.members == ("length=7",)


def test_the_members_of_a_conflict_can_be_objects():
    with pytest.raises(ConflictError) as conflict:
        text(Named("mine", length("9")), "ban=春")
    assert conflict.value.members == ("mine",)


def test_a_vocabulary_that_can_write_nothing_may_write_nothing():
    assert engine_of(vocabulary(b"\xff")).generate("", max_new=3)[0].finish == "full"


def test_what_was_not_found_out_is_no_conflict():
    vocab = chars("abc")
    steps = [Named("no_repeat_ngram=1", no_repeat_ngram(1)), Named("length=4", length("4"))]
    prompt = TinyTokenizer(vocab).encode("")
    with pytest.raises(UndecidedError, match=r"no_repeat_ngram=1 and length=4 was not decided after 0 steps; drop"):
        make_chain(vocab, steps, nodes=0).plan(prompt, 9)
    with pytest.raises(ConflictError):
        make_chain(vocab, steps).plan(prompt, 9)


class Counting:
    """Three tokens, the text ends where their number is even; plain arrays, one and the same for all states."""

    def __init__(self):
        self.array = np.array([False, True, True, True])

    def start(self, prompt):
        return 0

    def allowed(self, state):
        return self.array

    def next(self, state, token):
        return state + 1

    def accepts(self, state):
        return state % 2 == 0


def test_four_functions_and_a_plain_array_make_a_constraint():
    rule = Counting()
    found = {done.new for done in engine_of(chars("abc")).generate("", processors=[rule], num=50, seed=1, max_new=3)}
    assert {len(new) for new in found} == {0, 2}
    assert rule.array.flags.writeable


def test_the_end_is_allowed_exactly_where_every_constraint_accepts():
    engine = engine_of(chars("abc"))
    processors = [Counting(), "length=3..", "ban=a"]
    done = engine.generate("", processors=processors, num=60, seed=1, max_new=7)
    assert {(each.finish, len(each.new)) for each in done} == {("end", 4), ("end", 6)}


def test_no_ban_forbids_the_end():
    engine = engine_of(vocabulary("。", "a", end=0))
    assert "end" in {done.finish for done in engine.generate("", processors=["ban=。"], num=20, seed=1, max_new=9)}


def test_an_engine_remembers_one_chain_for_processors_written_alike():
    assert ENGINE.chain(["top_k=2", "ban=春"]) is ENGINE.chain(("top_k=2", "ban=春"))
    assert ENGINE.chain(["top_k=2"]) is not ENGINE.chain(["top_k=3"])


def test_a_conflict_says_whose_part_in_it_was_not_decided(monkeypatch):
    monkeypatch.setattr("gen_engine.proving.conflicts.Case._answer_with_help", lambda *_: "undecided")
    with pytest.raises(
        ConflictError, match=r"\(whether length=3 and length=2 is needed for the conflict was not decided\)"
    ):
        text("length=2", "length=3")


def test_a_shaper_working_in_place_is_undone_without_a_trace():
    def wreck(step, logits):
        return logits.fill_(torch.nan)

    plain = text("length=4", decoder="greedy")
    wrecked = text("length=4", wreck, decoder="greedy")
    assert (wrecked.new, wrecked.undone) == (plain.new, ("wreck",))


def test_what_a_chain_remembers_is_not_printed():
    engine, processors = engine_of(chars("abcdef")), ["no_repeat=2", "force=3:a", "top_k=2"]
    plan = engine.chain(processors).plan(engine.tokenizer.encode(""), 6)
    before = repr((plan, plan.prover, plan.prover.automaton))
    engine.generate("", processors=processors, num=3, max_new=6, seed=1)
    assert repr((plan, plan.prover, plan.prover.automaton)) == before


def test_whether_there_is_any_text_is_asked_more_patiently():
    vocab = chars("abcdefgh")
    steps = [Named("no_repeat_ngram=1", no_repeat_ngram(1)), Named("length=9", length("9"))]
    prompt = TinyTokenizer(vocab).encode("")
    chain = make_chain(vocab, steps, nodes=4)
    prover, start = prover_of(chain.product, prompt, 9, 4)
    assert prover.feasible(start, 9) == "undecided"
    with pytest.raises(ConflictError):
        chain.plan(prompt, 9)


def test_no_characters_need_no_room():
    assert [round_up(count) for count in (0, 1, 2, 3, 64, 65)] == [0, 1, 2, 4, 64, 128]


def test_a_character_that_no_token_prints_is_named():
    with pytest.raises(ConflictError, match="force=1:鬱 wants 鬱, which the model has no token for; ask for something"):
        text("length=2", "force=1:鬱")


WANTED = [
    ("choice=春Q", "Q"),
    ("choice=鬱|春Q", "鬱 or Q"),
    ("regex=(春|夏)+[X-Z]", "X, Y or Z"),
    ("regex=春+鬱?Q", "鬱 or Q"),
]


@pytest.mark.parametrize("rule, named", WANTED)
def test_characters_of_which_none_is_printed_are_named(rule, named):
    with pytest.raises(ConflictError, match=f"wants {named}, which the model has no token for; ask for something"):
        text(rule)


@pytest.mark.parametrize("rule", ["choice=Q|春夏秋冬春夏秋冬", "regex=(Q|春{20})"])
def test_characters_are_not_named_where_others_would_do(rule):
    with pytest.raises(ConflictError, match="admits no text within"):
        text(rule)


@pytest.mark.parametrize(
    "methods, expected",
    [("start accepts step", True), ("start accepts allowed next", True), ("start accepts allowed", False),
     ("start accepts next", False), ("start step", False), ("accepts allowed next", False)],
)  # fmt: skip
def test_a_constraint_is_told_by_its_methods(methods, expected):
    assert is_constraint(SimpleNamespace(**dict.fromkeys(methods.split()))) is expected


@pytest.mark.parametrize("methods, expected", [("start next", True), ("start", False), ("next", False)])
def test_a_shaper_with_a_memory_is_told_by_its_methods(methods, expected):
    assert has_memory(SimpleNamespace(**dict.fromkeys(methods.split()))) is expected


THREE = chars("abc")
BLANK = TinyTokenizer(THREE).encode("")


def planned(*rules, prompt="", budget=6, nodes=20_000, vocab=THREE):
    """The plan of a new chain of these rules."""
    named = [Named(type(rule).__name__, rule) for rule in rules]
    return make_chain(vocab, named, nodes).plan(TinyTokenizer(vocab).encode(prompt), budget)


class Written:
    """A machine that is much to search, since its state is the whole text; `size` characters are complete."""

    def __init__(self, size, *parts):
        self.size, self.parted = size, lambda: parts

    def start(self, text):
        return ""

    def step(self, state, char):
        return state + char

    def accepts(self, state):
        return len(state) == self.size

    def kind(self, char):
        return char

    def mentions(self, state):
        return frozenset()


class Branching(Written):
    """The same with states that the automaton knows."""

    mentions = None

    def start(self, text):
        return text


class AtMost(Written):
    """A machine that counts, and is asked token by token: `size` characters are the most."""

    def step(self, state, char):
        return state + "." if len(state) < self.size else None

    def accepts(self, state):
        return True

    def kind(self, char):
        return None


class Counted(AtMost):
    """A machine of states that the automaton knows: `size` characters are complete."""

    mentions = None

    def accepts(self, state):
        return len(state) == self.size


def test_a_part_that_no_text_obeys_refutes_much_to_search():
    with pytest.raises(UndecidedError):
        planned(Written(99), nodes=2)
    with pytest.raises(ConflictError, match="^Written admits no text"):
        planned(Written(99, Counted(7)), nodes=2)


def test_fewer_rules_without_a_text_refute_much_to_search():
    with pytest.raises(ConflictError, match="^AtMost and Counted admit no text"):
        planned(AtMost(5), Counted(6), Written(6), nodes=10)


def test_chains_of_the_same_constraints_search_once(monkeypatch):
    searches, parts = calls_of(monkeypatch, chain_module, "new_prover"), calls_of(monkeypatch, Product, "narrowed")
    first = make_chain(THREE, [Named("written", Written(3, Written(3)))])
    plans = [each.plan(BLANK, 6) for each in (first, first, make_chain(THREE, [], alike=first))]
    assert {plan.prover for plan in plans} == {plans[0].prover}
    assert (len(searches), len(parts)) == (1, 1)


def test_a_forgotten_prover_is_made_again(monkeypatch):
    searches = calls_of(monkeypatch, chain_module, "new_prover")
    forgetful = replace(make_chain(THREE, [Named("length", length("2"))]), _provers=Memory(1))
    provers = [forgetful.plan(TinyTokenizer(THREE).encode(prompt), 2).prover for prompt in ("", "abcabcabc", "")]
    assert provers[0] is not provers[2]
    assert (provers[0].room, provers[1].room, provers[2].room, len(searches)) == (2, 16, 2, 3)


def test_what_is_searched_depends_on_the_beginning_alone(monkeypatch):
    monkeypatch.setattr("gen_engine.proving.automaton.EXPANSIONS", 9)
    rules = [Named("branching", Branching(4)), Named("length", length("..4", of="whole"))]
    prompts = [TinyTokenizer(THREE).encode(prompt) for prompt in ("", "aaa")]
    used = make_chain(THREE, rules)
    searched = [used.plan(prompt, 4).prover.automaton.searched for prompt in (*prompts, *prompts)]
    assert searched == 2 * [make_chain(THREE, rules).plan(each, 4).prover.automaton.searched for each in prompts]
    assert searched[0] < searched[1]


def test_a_prompt_is_read_once(monkeypatch):
    reads = calls_of(monkeypatch, Counted, "start")
    planned(Counted(3))
    assert len(reads) == 1


@pytest.mark.parametrize("budget", [0, 1, 5, 8])
def test_a_text_has_room_for_its_longest_tokens(budget):
    plan = planned(vocab=vocabulary("abc", "d"), prompt="dd", budget=budget)
    assert plan.prover.room >= 2 + 3 * budget
    assert planned(length("2..3"), vocab=vocabulary("abc", "d"), prompt="dd", budget=budget + 2).prover.room == 8


def test_beside_an_undone_shaper_another_revives_nothing():
    revive = Named("revive", lambda step, logits: torch.zeros_like(logits))
    done = text("only=春|夏", revive, leave_nothing, "length=5")
    assert done.undone == ("leave_nothing",)
    assert set(done.new) <= set("春夏")


@pytest.mark.parametrize("shapers, times", [([], 1), (["top_k=2", "temperature=2"], 1), ([leave_nothing], 2)])
def test_only_what_may_revive_tokens_is_barred_again(shapers, times):
    chain, barred, logits = ENGINE.chain(shapers), [], torch.zeros(1, len(ENGINE.tokenizer.vocabulary))
    blocked = SimpleNamespace(bar=lambda given: barred.append(given) or given)
    chain.shape(Step([(0,)], [1], chain.vocabulary), logits, blocked)
    assert len(barred) == times


@pytest.mark.parametrize("shapers, truncates", [([], False), (["temperature=2"], False), (["top_k=2"], True),
                                                (["temperature=2", leave_nothing], True)])  # fmt: skip
def test_a_shaper_that_does_not_say_may_remove_tokens(shapers, truncates):
    assert ENGINE.chain(shapers).truncates is truncates


@pytest.mark.parametrize("shapers, count", [([], 0), (["top_k=2", "temperature=2"], 2), (["typical=0.5"], None),
                                            (["top_k=2", leave_nothing], None)])  # fmt: skip
def test_built_in_shapers_are_applied_in_one_pass(shapers, count):
    fused = ENGINE.chain(shapers).fused
    assert count == (None if fused is None else len(fused))


def test_only_shapers_with_a_memory_have_one():
    diary = Diary()
    assert ENGINE.chain(["top_k=2"]).first_memory == ()
    assert ENGINE.chain(["top_k=2", diary]).first_memory == (None, diary.start())


@pytest.mark.parametrize("vocab, count", [(THREE, 0), (vocabulary("a", b"\xc3", b"\xa9"), 1)])
def test_only_parts_of_characters_need_a_rule_of_their_own(vocab, count):
    chain = make_chain(vocab, [])
    assert (len(chain.product.rules), chain.background) == (count, count)


def test_short_questions_between_tokens_cost_no_patience():
    plan = planned(Counted(3))
    before = plan.patience.spent
    for _ in range(50):
        with plan.searching():
            pass
    assert plan.patience.spent - before < plan.patience.last * 25


class Gathering(AtMost):
    """A machine whose text has an a and a b somewhere."""

    def step(self, state, char):
        return state + char if char in "ab" and char not in state else state

    def accepts(self, state):
        return set(state) == set("ab")

    def gathers(self, state):
        return sorted(set("ab") - set(state))


@pytest.mark.parametrize("left, tokens", [(4, [1, 2, 3]), (3, [1, 2, 3]), (2, [1, 2])])
def test_where_every_place_is_needed_only_the_needed_may_follow(left, tokens):
    plan = planned(Gathering(2))
    assert plan.tokens(plan.start, left).members() == tokens


def test_what_history_forbids_is_taken_from_added_tokens_too():
    plan = planned(no_repeat(9), prompt="a")
    [history] = plan.prover.histories.begin(plan.prompt)
    assert plan.less_banned(TokenSet(mask_of(3), plus=(1, 2)), history).members() == [2, 3]
    assert plan.less_banned(TokenSet(mask_of(1, 2, 3), minus=(2,)), history).members() == [3]


def mask_of(*tokens):
    return token_set(marked(tokens, len(THREE))).mask


@pytest.mark.parametrize("rules", [[], [no_repeat(9)], [no_repeat(9), stop(THREE, ("ab",))], [stop(THREE, ("ab",))]])
def test_what_may_follow_is_the_same_with_the_history(rules):
    plan = planned(*rules, prompt="c")
    history, asked = History.rows("c", 1, 4)[0], plan.start
    for token in (1, 2):
        found = plan.tokens(asked, 5, history)
        assert getattr(found.minus, "is_open", False) == (len(rules) == 1 and not plan.product.stops)
        assert found.members() == plan.tokens(asked, 5).members()
        history.append(ord(THREE.texts[token]))
        asked = plan.product.next(asked, token)
