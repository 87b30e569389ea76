"""Constraints first, then the shapers in the order given; refusals name what stands in the way."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from tiny import TinyTokenizer, chars, engine_of, vocabulary

from gen_engine.chain import has_memory, is_constraint, make_chain
from gen_engine.constraints.lengths import length
from gen_engine.constraints.repeats import no_repeat_ngram
from gen_engine.errors import ConflictError, GenError, UndecidedError
from gen_engine.proving.prover import prover_of, round_up
from gen_engine.types import Named

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


@pytest.mark.parametrize("answer", [None, torch.zeros(1, 2), torch.zeros(1, 3, dtype=torch.bool)])
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
