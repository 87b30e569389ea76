"""What sampling and greedy decoding choose, held against the product of the model and every legal text."""

from collections import Counter

import numpy as np
import pytest
import strategies as some
import torch
from completions import complete, logits_after
from counted_calls import calls_of
from custom_rules import Diary, OnlyTheLast
from drawn_cases import DRAWN, exact, shaped_among_the_living
from hypothesis import assume, given
from hypothesis import strategies as st
from tiny import chars, engine_of

from gen_engine.decoding.generation import uniform
from gen_engine.decoding.sampling import Scores, pick
from gen_engine.decoding.viable import Viable
from gen_engine.proving.prover import Finding
from gen_engine.types import Named


@given(some.cases(), st.data())
@some.examples(120)
def test_greedy_takes_the_likeliest_token_that_leads_to_a_text(case, data):
    assume(not case.refuses() and case.world.legal)
    engine = data.draw(some.models(case.vocabulary))
    [done] = complete(engine, case, decoder="greedy")
    ends = [case.vocabulary.end] if done.finish == "end" else []
    for place, token in enumerate((*done.tokens, *ends)):
        choices = case.world.choices(done.tokens[:place])
        logits = logits_after(engine, case, done.tokens[:place])
        assert token in choices
        assert logits[token] == logits[choices].max()
    assert done.finish != "full" or case.world.choices(done.tokens) in ([], [case.vocabulary.end])
    assert done.finish != "budget" or len(done.tokens) == case.budget


@given(some.cases(), st.data())
@some.examples(80)
def test_logprobs_are_the_models_own(case, data):
    assume(not case.refuses() and case.world.legal)
    engine = data.draw(some.models(case.vocabulary))
    for done in complete(engine, case, data.draw(some.shapers()), num=2, seed=3):
        ends = [case.vocabulary.end] if done.finish == "end" else []
        written = (*done.tokens, *ends)
        own = [logits_after(engine, case, written[:i]).log_softmax(-1)[t].item() for i, t in enumerate(written)]
        np.testing.assert_allclose(done.logprobs[: len(own)], own, rtol=1e-5, atol=1e-5)
        assert len(done.logprobs) == len(own) or done.finish == "stop"
        np.testing.assert_array_equal(done.logprob, sum(done.logprobs))


SHAPED = [
    (),
    ("temperature=0.6", "top_k=3"),
    ("top_k=2",),
    ("top_p=0.6",),
    ("min_p=0.4",),
    ("typical=0.5", "top_n_sigma=0.8"),
    ("epsilon=0.2", "eta=0.1"),
    ("top_h=0.4",),
    ("mirostat=1.2,eta=0.5",),
]


PAIRS = [(case, shapers) for case in DRAWN for shapers in (SHAPED if case is DRAWN[4] else SHAPED[:3])]
PAIRS += [pytest.param(DRAWN[5], shapers, marks=pytest.mark.slow) for shapers in SHAPED[3:]]


@pytest.mark.parametrize("case, shapers", PAIRS, ids=lambda given: repr(getattr(given, "wishes", given)))
def test_texts_are_drawn_as_often_as_the_chain_makes_likely(case, shapers):
    engine = engine_of(case.vocabulary, salt=2)
    expected = exact(engine, case, shapers)
    seen = Counter(done.tokens for done in complete(engine, case, shapers, num=2000, seed=11))
    assert sum(expected.values()) == pytest.approx(1)
    assert set(seen) <= {text for text, p in expected.items() if p > 0}
    squares = [(seen[text] - 2000 * p) ** 2 / (2000 * p) for text, p in expected.items() if 2000 * p > 5]
    assert sum(squares) <= len(squares) + 4 * (2 * len(squares)) ** 0.5


@pytest.mark.parametrize(
    "place, token", [(0.0, 1), (0.2499, 1), (0.2501, 2), (0.4999, 2), (0.5001, 4), (1 - 2**-53, 4)]
)
def test_a_number_picks_where_the_running_sum_passes_it(place, token):
    logits = torch.tensor([[0.0, 0.25, 0.25, 0.0, 0.5, 0.0]]).log()
    assert pick(logits, [place]) == [token]


@given(st.lists(st.sampled_from([-torch.inf, -1e30, -5.0, 0.0, 1.0, 3e38]), min_size=1, max_size=6), st.floats(0, 1))
def test_a_masked_token_is_never_picked(logits, place):
    place = min(place, 1 - 2**-53)
    for chosen in (*pick(torch.tensor([logits]), [place]), *pick(torch.tensor([logits]), [None])):
        assert chosen is None if max(logits) == -torch.inf else logits[chosen] > -torch.inf


@given(st.integers(0, 2**70), st.integers(0, 99), st.integers(0, 99), st.integers(0, 300))
def test_random_numbers_lie_below_1_fixed_by_their_key(seed, sample, position, attempt):
    number = uniform(seed, sample, position, attempt, "draw")
    assert 0 <= number < 1
    assert number == uniform(seed, sample, position, attempt, "draw")
    assert number != uniform(seed, sample + 1, position, attempt, "draw")
    assert number != uniform(seed, sample, position, attempt + 1, "draw")
    assert number != uniform(seed, sample, position, attempt, "other")


def test_a_token_without_a_witness_is_struck_and_redrawn():
    engine = engine_of(chars("abcdef"))
    for done in engine.generate("", processors=[Named("last", OnlyTheLast(7))], num=9, seed=1, max_new=2):
        assert done.new[0] == "f"
        assert done.exact


@pytest.mark.parametrize("decoder", ["sample", "greedy"])
def test_after_too_many_strikes_the_witness_decides(decoder):
    vocab = chars("".join(map(chr, range(0x4E00, 0x4E00 + 400))))
    engine = engine_of(vocab)
    named = Named("last", OnlyTheLast(401))
    [done] = engine.generate("", processors=[named], seed=4, max_new=1, decoder=decoder)
    assert done.new == chr(0x4E00 + 399)
    assert done.logprob == pytest.approx(engine.model.logits((0,)).log_softmax(-1)[400].item(), abs=1e-6)


def test_a_wholly_forced_text_is_scored_in_one_call():
    engine = engine_of(chars("abc"))
    [done] = engine.generate("a", processors=["force=1:c|2:b|3:b|4:a", "length=4"], max_new=9)
    assert (done.new, done.finish, len(done.logprobs)) == ("cbba", "full", 4)
    assert engine.model.fed == 1


def test_a_run_of_forced_tokens_is_fed_in_one_call():
    engine = engine_of(chars("abc"))
    engine.generate("a", processors=["force=2:c|3:b|4:b", "length=5"], max_new=9)
    assert engine.model.fed == 2


def test_a_choice_is_streamed_with_the_forced_tokens_behind_it():
    options = {"processors": ["force=1:c|2:b|4:b", "length=5"], "max_new": 9, "seed": 1}
    [done] = engine_of(chars("abc")).generate("", **options)
    assert [*engine_of(chars("abc")).stream("", **options)] == [done.new[:2], done.new[2:4], done.new[4:]]


def test_nothing_is_asked_where_nothing_may_be_written():
    engine = engine_of(chars("abc"))
    assert [done.finish for done in engine.generate("a", max_new=0, num=2)] == ["budget", "budget"]
    assert engine.generate("a", processors=["length=0"], max_new=5)[0].finish == "full"
    assert engine.model.fed == 0


def test_allowed_tokens_without_probability_are_all_equally_likely():
    engine = engine_of(chars("abcd"), "void")
    seen = Counter(done.new for done in engine.generate("", processors=["ban=a", "length=1"], num=600, seed=2))
    assert set(seen) == set("bcd")
    assert min(seen.values()) > 150


class Mixed:
    """A machine that scatters over a million states and accepts where it starts: what follows is never decided."""

    def start(self, text):
        return 0

    def step(self, state, char):
        return (state * 31 + ord(char)) % 1000003

    def accepts(self, state):
        return state == 0


def test_after_a_few_undecided_searches_the_witness_decides(monkeypatch):
    engine = engine_of(chars("".join(map(chr, range(0x4E00, 0x4E00 + 40)))))
    searches = Counter()
    monkeypatch.setattr(
        "gen_engine.proving.prover._Search.run", lambda self: searches.update(n=1) or Finding("undecided")
    )
    [done] = engine.generate("", processors=[Named("mixed", Mixed())], max_new=12, seed=1)
    assert (done.new, done.exact, done.reproducible) == ("", False, True)
    assert searches["n"] <= 4


def test_a_shaper_that_is_undone_in_a_redraw_is_named():
    def shy(step, logits):  # asked again only when the one token it kept was struck
        kept = logits.isfinite().sum(-1) == 100
        return torch.where(kept[:, None] & (torch.arange(101) == 1), logits, -np.inf)

    engine = engine_of(chars("".join(map(chr, range(0x4E00, 0x4E00 + 100)))))  # too many states to be foreseen
    found = engine.generate("", processors=[Named("last", OnlyTheLast(101)), shy], num=3, seed=1, max_new=1)
    assert {done.undone for done in found} == {("shy",)}


@pytest.mark.parametrize("decoder", ["sample", "greedy"])
def test_a_shaper_with_memory_hears_every_token_and_its_likelihood(decoder):
    engine, diary = engine_of(chars("abc")), Diary()
    chain = ["ban=c", "force=2:b", "top_k=9", diary, "temperature=0.5", "length=5"]
    engine.generate("a", processors=chain, num=4, seed=2, max_new=9, decoder=decoder)
    assert {len(tokens) for tokens in diary.read} >= {0, 2, 3, 4}
    for tokens, state in diary.read.items():
        assert tuple(token for token, _ in state) == tokens
        for place, (token, logprob) in enumerate(state):
            logits = engine.model.logits((0, 1, *tokens[:place]))[[1, 2]].log_softmax(-1)
            assert logprob == pytest.approx(0 if place == 1 else logits[token - 1].item(), abs=1e-6)


@given(some.cases(), st.data())
@some.examples(40)
def test_texts_are_drawn_from_the_live_tokens_that_shapers_left(case, data):
    assume(not case.refuses() and case.world.legal)
    engine, shapers = data.draw(some.models(case.vocabulary)), data.draw(some.shapers())
    [done] = complete(engine, case, shapers, seed=data.draw(st.integers(0, 99)))
    ends = [case.vocabulary.end] if done.finish == "end" else []
    for place, token in enumerate((*done.tokens, *ends)):
        left = shaped_among_the_living(engine, case, shapers, done.tokens[:place])
        live = case.world.choices(done.tokens[:place])
        assert token in live
        assert left[token] > -torch.inf


@pytest.mark.parametrize("shaper", ["top_k=1", "top_k=2", "top_k=3", "min_p=0.2", "min_p=0.7"])
@pytest.mark.parametrize("case", DRAWN, ids=lambda case: repr(case.wishes))
def test_top_k_and_min_p_count_among_live_tokens_alone(case, shaper):
    engine, live = engine_of(case.vocabulary, salt=2), case.world.choices(())
    logits = logits_after(engine, case, ())[None]
    alone = torch.full_like(logits, -torch.inf)
    alone[0, live] = logits[0, live]
    expected = engine.chain([shaper]).shapers[0].processor(None, alone)[0]
    assert shaped_among_the_living(engine, case, [shaper], ()).tolist() == expected.tolist()


@pytest.mark.parametrize("decoder", ["sample", "greedy", "beam=3", "smc=3"])
def test_only_what_is_remembered_of_a_choice_is_asked(decoder, monkeypatch):
    engine, asked = engine_of(chars("abc")), calls_of(monkeypatch, Scores, "choice_logprob")
    for rule in ("stop=ab", "no_repeat=2"):
        engine.generate("", processors=[rule, "length=3", "top_k=2"], decoder=decoder, max_new=4, seed=1)
    assert asked == []
    engine.generate("", processors=["stop=ab", "length=3", Diary()], decoder=decoder, max_new=4, seed=1)
    assert asked


def test_what_surely_has_a_rest_is_looked_up(monkeypatch):
    engine, looks = engine_of(chars("abcd")), calls_of(monkeypatch, Viable, "first")
    engine.generate("", processors=["length=4", "no_repeat=2"], max_new=4, seed=1, num=3)
    assert looks == []


@pytest.mark.parametrize("decoder", ["sample", "greedy", "beam=2", "smc=2"])
def test_every_decoder_names_the_shaper_that_was_undone(decoder):
    def leave_nothing(step, logits):
        return torch.full_like(logits, -torch.inf)

    [done] = engine_of(chars("abc")).generate("", processors=["length=2", leave_nothing], decoder=decoder, max_new=2)
    assert done.undone == ("leave_nothing",)
