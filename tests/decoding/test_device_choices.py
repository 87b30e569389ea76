"""What is drawn on a device is what is drawn in arrays, and the host waits once a step."""

from itertools import pairwise, product
from math import inf, nan

import numpy as np
import pytest
import tiny
import torch
from drawn_rows import rows_of_logits
from hypothesis import given, settings
from hypothesis import strategies as st
from on_devices import OnDevice, Waits, counting_copies, device_engine, go_afar

from gen_engine.decoding import device_choices, device_draws
from gen_engine.decoding.choosing import ArrayLogits
from gen_engine.decoding.device_choices import DeviceLogits
from gen_engine.decoding.device_draws import draw_tokens
from gen_engine.decoding.device_masks import barred
from gen_engine.decoding.generation import Generation
from gen_engine.memory import Memory
from gen_engine.text.token_sets import Intern, TokenSet
from gen_engine.types import Draw, Request

quick = settings(deadline=None, max_examples=60, derandomize=True, database=None)
VOCABULARY = tiny.chars("甲乙丙丁戊己庚辛壬癸，。")
CHAINS = (
    (),
    ("top_k=5", "temperature=0.8"),
    ("temperature=1.3", "top_p=0.9", "repetition_penalty=1.2"),
    ("min_p=0.1", "frequency_penalty=0.5,prompt=true", "presence_penalty=0.3,window=2"),
    ("avoid_repeat=4", "top_k=3", "logit_bias=甲:2|乙:-3"),
    ("typical=0.8", "dry=0.8", "top_n_sigma=1.5"),
    ("mirostat=2", "top_h=0.6"),
    ("xtc=0.1", "dynatemp=0.5,high=1.5", "epsilon=0.01", "eta=0.01"),
)
DECODERS = ("sample", "greedy", "beam=4", "beam,width=4,groups=2", "smc=4")
RULES = ("no_repeat=2", "length=3..7")


def written(engine, chain, decoder, **more):
    asked = {"num": 3, "seed": 5, "max_new": 9, "decoder": decoder, **more}
    return engine.generate("丙", processors=(*RULES, *chain), **asked)


def told(done):
    """All that is equal on every device, and what is nearly so."""
    exact = (done.tokens, done.finish, done.undone, done.exact)
    return exact, pytest.approx(done.logprobs, abs=1e-5), pytest.approx(done.log_evidence, abs=1e-4)


@pytest.mark.parametrize(("chain", "decoder"), [*product(CHAINS, DECODERS)])
def test_texts_are_those_of_arrays(chain, decoder, monkeypatch):
    for shape in ("normal", "holes", "ties"):
        engine = tiny.engine_of(VOCABULARY, shape)
        expected = [told(done) for done in written(engine, chain, decoder)]
        found = written(device_engine(engine, monkeypatch), chain, decoder)
        assert [((d.tokens, d.finish, d.undone, d.exact), d.logprobs, d.log_evidence) for d in found] == expected


@pytest.mark.parametrize("decoder", DECODERS)
def test_several_ends_are_one_event_on_a_device_too(decoder, monkeypatch):
    engine = tiny.engine_of(tiny.vocabulary("", "", "", *"甲乙丙", end=0, ends=(1, 2), specials=(0, 1, 2)))
    expected = [told(done) for done in written(engine, ("top_p=0.9",), decoder)]
    found = written(device_engine(engine, monkeypatch), ("top_p=0.9",), decoder)
    assert [((d.tokens, d.finish, d.undone, d.exact), d.logprobs, d.log_evidence) for d in found] == expected
    assert "end" in {done.finish for done in found}


def chosen_both_ways(logits, chain, places, allowed):
    """What arrays and tensors choose from the same logits."""
    engine = tiny.engine_of(tiny.chars("".join(map(chr, range(0x4E00, 0x4E00 + logits.shape[1] - 1)))))
    plan = engine.chain(chain).plan(engine.read(""), 9)
    generation = Generation(plan, 3, range(len(logits)), engine.model, print, in_pieces=False)
    history, memory = (*plan.prompt.tokens, 1, 2, 1), plan.chain.first_memory
    rows = zip(places, allowed, strict=True)
    draws = [Draw(row, tokens, history, row, place, memory) for row, (place, tokens) in enumerate(rows)]
    asks = [(generation, draw) for draw in draws]
    with pytest.MonkeyPatch.context() as monkeypatch:
        expected = ArrayLogits(logits).choose(asks, own=True)
        go_afar(monkeypatch)
        return expected, DeviceLogits(torch.from_numpy(logits)).choose(asks, own=True)


def sets_of(logits, share):
    noise = np.random.default_rng(7)
    masks = [Intern().mask(noise.random(logits.shape[1]) < each) for each in (share, 1.0)]
    odd = int(noise.integers(0, logits.shape[1]))
    minus, plus = ((odd,), ()) if masks[0].array[odd] else ((), (odd,))
    return [TokenSet(masks[0], minus, plus) if row % 2 else TokenSet(masks[1]) for row in range(len(logits))]


PLACES = st.none() | st.floats(0, 1, exclude_max=True) | st.sampled_from([0.0, 1 - 2**-53])


SHAPERS = ("top_k=5", "temperature=0.7", "temperature=1.7", "top_p=0.83", "min_p=0.07", "repetition_penalty=1.3",
           "avoid_repeat=2", "frequency_penalty=0.4", "typical=0.77", "epsilon=0.013", "top_h=0.61", "dry=0.9",
           "xtc=0.07", "mirostat=3", "dynatemp=0.6,high=1.4", "eta=0.011", "top_n_sigma=1.3")  # fmt: skip
CHAIN = st.lists(st.sampled_from(SHAPERS), max_size=3, unique_by=lambda spec: spec.partition("=")[0]).map(tuple)


@quick
@given(rows_of_logits(scales=(0.0, 1.0, 3.0), sizes=(4, 15, 300)), CHAIN, st.data())
def test_rows_are_drawn_as_in_arrays_whatever_they_hold(logits, chain, data):
    places = data.draw(st.lists(PLACES, min_size=len(logits), max_size=len(logits)))
    allowed = sets_of(logits, data.draw(st.sampled_from([0.02, 0.5])))
    one, two = chosen_both_ways(logits, chain, places, allowed)
    for row, place in enumerate(places):
        near = is_near_an_edge(one.row(row), one.tokens[row], place)
        assert two.tokens[row] == one.tokens[row] or near
        assert two.logprob(row, one.tokens[row]) == pytest.approx(
            one.logprob(row, one.tokens[row]), abs=1e-5, nan_ok=True
        )
    assert two.undone == one.undone


def is_near_an_edge(row, token, place):
    """Whether a token ends or begins within a millionth of the place at which it was drawn."""
    if place is None:
        return False
    shares = np.exp(row.astype(np.float64) - row.max())
    running = shares.cumsum() / shares.sum()
    edges = running[token], running[token] - shares[token] / shares.sum()
    return min(abs(edge - place) for edge in edges) < 1e-6


@pytest.mark.parametrize(
    "row", [[-inf] * 5, [nan, 0, 1, nan, 2], [inf, 0, inf, 1, 2], [1, 2, 3, 4, 5], [3e38, 3e38, 1, 1, 2]]
)
@pytest.mark.parametrize("chain", [(), ("top_k=2",), ("temperature=0.001", "min_p=0.1"), ("repetition_penalty=0.01",)])
@pytest.mark.parametrize("place", [0.7, None])
def test_bad_rows_are_drawn_warily_as_in_arrays(row, chain, place):
    logits = np.array([row, [0, 1, 2, 3, 4]], np.float32)
    one, two = chosen_both_ways(logits, chain, [place, 0.3], sets_of(logits, 0.9))
    assert (two.tokens, two.undone) == (one.tokens, one.undone)
    assert [two.count(row) for row in (0, 1)] == [one.count(row) for row in (0, 1)]
    assert [two.left(row) for row in (0, 1)] == [one.left(row) for row in (0, 1)]
    assert two.pick(0, 2, [0.1, 0.9]) == one.pick(0, 2, [0.1, 0.9])
    assert np.array_equal(two.rows([0, 1]), one.rows([0, 1]))


def test_rows_are_summed_up_in_blocks_as_all_at_once(monkeypatch):
    logits = torch.randn(7, 30, generator=torch.Generator().manual_seed(1))
    places, tokens = [0.1, None, 0.9, 0.4, 0.5, None, 0.7], [3, 1, 4, 1, 5, 9, 2]
    whole = draw_tokens(logits, places).tolist(), DeviceLogits(logits).logprobs(range(7), tokens, 0.7)()
    for module in (device_draws, device_choices):
        monkeypatch.setattr(module, "ROOM", 61)
    assert (draw_tokens(logits, places).tolist(), DeviceLogits(logits).logprobs(range(7), tokens, 0.7)()) == whole


def test_many_tokens_are_left_as_in_arrays():
    logits = np.random.default_rng(1).normal(0, 2, (3, 1003)).astype(np.float32)
    one, two = chosen_both_ways(logits, ("top_k=700",), [0.2, 0.5, None], sets_of(logits, 1.0))
    assert [two.left(row) for row in range(3)] == [one.left(row) for row in range(3)]
    assert two.left(1) != two.left(2)
    assert two.norms_of(0, 3) == pytest.approx(one.norms_of(0, 3), abs=1e-5)
    assert two.value(0, two.tokens[0]) == one.value(0, two.tokens[0])
    assert two.choice_logprob(1, 5) == pytest.approx(one.choice_logprob(1, 5), abs=1e-5)
    assert two.logprob(2, 7, 0.5) == pytest.approx(one.logprob(2, 7, 0.5), abs=1e-5)


@pytest.mark.parametrize("scale", [2.0, 0.0])
def test_candidates_come_in_the_same_order(scale):
    logits = (np.random.default_rng(1).normal(0, 1, (3, 103)) * scale).round(1).astype(np.float32)
    both = chosen_both_ways(logits, ("top_k=60",), [None] * 3, sets_of(logits, 0.5))
    struck = both[0].row(2).copy()
    struck[5:20] = -inf
    more = [-1.0, -2.5, -2.0], [[(0.5, {3: 2.0, 7: -1.0})], [], [(0.0, {9: 3.0}), (1.0, {9: 1.0})]], {4: 0.5, 9: 0.25}
    found = [[*each.candidates([0, 1, 2], [(each, 0), (each, 1), struck], *more, 4)] for each in both]
    assert [each[:2] for each in found[1]] == [each[:2] for each in found[0]]
    assert [each[2] for each in found[1]] == pytest.approx([each[2] for each in found[0]], abs=1e-5)


def test_no_token_without_probability_is_drawn_where_sums_are_rough(monkeypatch):
    """A device may add so roughly that a running sum grows at a token that may not follow."""
    rough = torch.tensor([[0.0, -inf, 0.0, -inf]])
    plain = torch.Tensor.cumsum
    monkeypatch.setattr(torch.Tensor, "cumsum", lambda *a, **k: plain(*a, **k) + torch.tensor([0.0, 1e-9, 0.0, 1e-9]))
    assert draw_tokens(rough, [0.5]).tolist() == [2]
    assert draw_tokens(rough, [1 - 2**-53]).tolist() == [2]


# ------------------------------------------------------------------------------------------------- how often it waits


@pytest.mark.parametrize("decoder", ["sample", "greedy"])
@pytest.mark.parametrize("chain", CHAINS)
def test_the_host_waits_once_a_step(chain, decoder, monkeypatch):
    engine = device_engine(tiny.engine_of(VOCABULARY), monkeypatch)
    copies = counting_copies(monkeypatch)
    feed = OnDevice.feed
    monkeypatch.setattr(OnDevice, "feed", lambda *given: copies.append("step") or feed(*given))
    with Waits() as waits:
        written(engine, chain, decoder, num=8)
    assert waits.seen == []
    assert copies.count("step") > 2
    assert all(one == "step" or other == "step" for one, other in pairwise(copies))


def test_requests_under_other_chains_share_the_wait(monkeypatch):
    engine = device_engine(tiny.engine_of(VOCABULARY), monkeypatch)
    copies = counting_copies(monkeypatch)
    asked = [Request("丙", (*RULES, *chain), num=2, seed=1, max_new=9) for chain in CHAINS[:3]]
    engine.generate_batch(asked)
    assert len(copies) == engine.model.fed


def test_beams_wait_twice_a_step(monkeypatch):
    engine = device_engine(tiny.engine_of(VOCABULARY), monkeypatch)
    copies = counting_copies(monkeypatch)
    written(engine, ("temperature=0.8",), "beam=4", num=1)
    assert len(copies) <= 2 * engine.model.fed


@pytest.mark.parametrize("chain", CHAINS)
def test_a_step_is_queued_without_a_number_that_is_known(chain):
    """On torch's meta device there are no numbers at all: whatever looked at one would fail."""
    values, shaped = queue(chain, "meta")
    assert shaped.device.type == "meta"
    assert {tensor.device.type for tensor, _ in values.transfer.waiting} == {"meta"}


def queue(chain, device):
    """A step of three rows, of which nothing is read: the logits, and what is drawn from."""
    allowed = sets_of(np.zeros((3, 13)), 0.5)
    engine = tiny.engine_of(VOCABULARY)
    plan = engine.chain(chain).plan(engine.read(""), 9)
    generation = Generation(plan, 3, range(3), engine.model, print, in_pieces=False)
    draws = [Draw(row, allowed[row], (0, 1, 2, 1), row, 0.5, plan.chain.first_memory) for row in range(3)]
    values = DeviceLogits(torch.zeros(3, 13, device=device))
    values.logprobs([0, 2], [5, 6], 1.0)
    return values, values.take([2, 0, 1]).choose([(generation, draw) for draw in draws], temperature=0.5).shaped


ON_A_CARD = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device here")


@ON_A_CARD
@pytest.mark.parametrize("chain", CHAINS)
def test_no_card_is_waited_for_while_a_step_is_queued(chain):
    queue(chain, "cuda")  # what is made once may wait
    torch.cuda.set_sync_debug_mode("error")
    try:
        queue(chain, "cuda")
    finally:
        torch.cuda.set_sync_debug_mode("default")


@ON_A_CARD
@pytest.mark.parametrize("decoder", DECODERS)
@pytest.mark.parametrize("chain", CHAINS)
def test_texts_of_a_card_are_those_of_arrays(chain, decoder, monkeypatch):
    engine = tiny.engine_of(VOCABULARY)
    feed = OnDevice.feed
    monkeypatch.setattr(OnDevice, "feed", lambda *given: feed(*given).cuda())
    expected = [done.tokens for done in written(engine, chain, decoder)]
    assert [done.tokens for done in written(device_engine(engine, monkeypatch), chain, decoder)] == expected


def test_a_mask_is_copied_to_a_device_once():
    known = Memory(9)
    sets, like = sets_of(np.zeros((4, 20)), 0.5), torch.zeros(4, 20)
    first = barred(sets, like, known).tensor
    held = [known.get(key) for key in list(known)]
    assert torch.equal(barred(sets, like, known).tensor, first)
    assert len(held) == 2
    assert [known.get(key) for key in list(known)] == held
    assert first.tolist() == [(~tokens.to_array()).tolist() for tokens in sets]
