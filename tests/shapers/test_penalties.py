"""Shapers agree with transformers or with the formula of their source, and keep the laws of every shaper."""

from __future__ import annotations

import inspect
import random
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from transformers.generation import logits_process as peer

from gen_engine.builtin import MODULES
from gen_engine.errors import GenError
from gen_engine.shapers import penalties as shapers
from gen_engine.shapers import truncation
from gen_engine.shapers.dry import dry
from gen_engine.shapers.shaping import NamedShaper
from gen_engine.text import Vocabulary
from gen_engine.types import Step

INF = torch.inf
MARK, UNK = 3, 4
PRINTED = tuple("\n" if i == MARK else chr(0x4E00 + i) for i in range(3000))
VOCABULARY = Vocabulary(tuple(text.encode() for text in PRINTED), PRINTED, unk=UNK)
SHAPERS = [
    shapers.temperature(0.7),
    truncation.avoid_repeat(5),
    truncation.top_k(3),
    truncation.top_p(0.8),
    truncation.min_p(0.1),
    truncation.typical(0.8),
    shapers.repetition_penalty(1.3),
    shapers.repetition_penalty(0.7, window=4, prompt=False),
    shapers.frequency_penalty(0.5, window=7),
    shapers.presence_penalty(-0.5, prompt=True),
    shapers.dynatemp(0.3, high=1.5, exponent=0.7),
    truncation.epsilon(0.05),
    truncation.eta(0.05),
    truncation.top_n_sigma(1),
    truncation.top_h(0.4),
    truncation.xtc(0.1),
    truncation.mirostat(2),
    dry(0.8, allowed_length=1),
    shapers.logit_bias(VOCABULARY, ("#0:1.5",)),
]
SHAPER_ROOMS = ("gen_engine.shapers.penalties", "gen_engine.shapers.truncation", "gen_engine.shapers.dry")
FACTORIES = {name: getattr(import_module(room), name) for room in SHAPER_ROOMS for name in MODULES[room].split()}
RAISING = ("typical", "xtc", "avoid_repeat")  # these may remove the likeliest token
shares = st.floats(0.05, 0.95)
quick = settings(deadline=None, max_examples=25, derandomize=True, database=None)
each_shaper = pytest.mark.parametrize("shaper", SHAPERS, ids=repr)


def step_of(histories: list[list[int]], prompt_lengths: list[int] | None = None) -> Step:
    """A step whose numbers at random and states of memories are made of the histories, so that they go with them."""
    sums = [sum(history) for history in histories]
    numbers = torch.tensor([(count * 0.37) % 1 for count in sums], dtype=torch.float64)
    states = [float(count % 9) for count in sums]
    return Step(histories, prompt_lengths or [0] * len(histories), VOCABULARY, lambda name: numbers, states)


def shape(shaper: NamedShaper, logits: list[float], history: list[int], prompt_length: int = 0) -> list[float]:
    return shaper(step_of([history], [prompt_length]), torch.tensor([logits]))[0].tolist()


def assert_same(actual: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(actual, expected, atol=1e-5, rtol=0)


@st.composite
def cases(draw: st.DrawFn) -> tuple[Step, Tensor]:
    """Some rows of logits, flat or peaked, with ties and masked tokens, and a history for each."""
    rows, vocab = draw(st.integers(1, 5)), draw(st.sampled_from([1, 2, 7, 40, 3000]))
    noise = torch.Generator().manual_seed(draw(st.integers(0, 2**32)))
    scales = [[draw(st.sampled_from([0.01, 1, 4, 60]))] for _ in range(rows)]
    logits = torch.randn(rows, vocab, generator=noise) * torch.tensor(scales)
    logits = logits.round(decimals=1) if draw(st.booleans()) else logits
    masked = torch.rand(rows, vocab, generator=noise) < draw(st.sampled_from([0, 0.5, 0.99]))
    masked[torch.arange(rows), torch.randint(vocab, (rows,), generator=noise)] = False
    histories = torch.randint(vocab, (rows, draw(st.integers(0, 12))), generator=noise).tolist()
    lengths = [draw(st.integers(0, len(history))) for history in histories]
    return step_of(histories, lengths), logits.masked_fill(masked, -INF)


# ----------------------------------------------------------------------------------- agreement with transformers


@quick
@given(cases(), st.floats(0.01, 50))
def test_temperature_is_that_of_transformers(case: tuple[Step, Tensor], t: float) -> None:
    step, logits = case
    assert_same(shapers.temperature(t)(step, logits), peer.TemperatureLogitsWarper(t)(None, logits))


@quick
@given(cases(), st.integers(1, 50))
def test_top_k_is_that_of_transformers(case: tuple[Step, Tensor], k: int) -> None:
    step, logits = case
    assert_same(truncation.top_k(k)(step, logits), peer.TopKLogitsWarper(k)(None, logits))


def bracket(warper: Callable[[float], Any], share: float, logits: Tensor) -> tuple[Tensor, Tensor]:
    """What transformers keeps for a share less or more by 1e-5: at the very edge the last bit of a sum decides."""
    return warper(share - 1e-5)(None, logits), warper(share + 1e-5)(None, logits)


@quick
@given(cases(), shares)
def test_top_p_is_that_of_transformers_but_for_ties(case: tuple[Step, Tensor], p: float) -> None:
    step, logits = case
    fewer, more = bracket(peer.TopPLogitsWarper, p, logits)
    shaped = truncation.top_p(p)(step, logits).sort().values
    assert (fewer.sort().values <= shaped).all()
    assert (shaped <= more.sort().values).all()


@quick
@given(cases(), shares)
def test_min_p_is_that_of_transformers(case: tuple[Step, Tensor], p: float) -> None:
    step, logits = case
    more, fewer = bracket(peer.MinPLogitsWarper, p, logits)
    shaped = truncation.min_p(p)(step, logits)
    assert ((fewer <= shaped) & (shaped <= more)).all()


@quick
@given(cases(), shares)
def test_typical_is_that_of_transformers(case: tuple[Step, Tensor], p: float) -> None:
    step, logits = case
    fewer, more = bracket(peer.TypicalLogitsWarper, p, logits)
    shaped = truncation.typical(p)(step, logits)
    assert ((fewer <= shaped) & (shaped <= more)).all()


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.9])
def test_a_nucleus_may_be_wider_than_the_shortlist(share: float) -> None:
    logits = torch.linspace(0, 1, 4 * truncation.SHORTLIST).expand(2, -1) * torch.tensor([[1.0], [100.0]])
    step = step_of([[], []])
    assert_same(truncation.top_p(share)(step, logits), peer.TopPLogitsWarper(share)(None, logits))
    assert_same(truncation.typical(share)(step, logits), peer.TypicalLogitsWarper(share)(None, logits))


@quick
@given(cases(), st.floats(0.1, 3))
def test_repetition_penalty_is_that_of_transformers(case: tuple[Step, Tensor], penalty: float) -> None:
    step, logits = case
    history = torch.tensor(step.histories, dtype=torch.long)
    expected = peer.RepetitionPenaltyLogitsProcessor(penalty)(history, logits)
    assert_same(shapers.repetition_penalty(penalty)(step, logits), expected)


# ------------------------------------------------------------------------------------------------ plain formulas


@quick
@given(st.lists(st.integers(0, 3)), st.integers(0, 9), st.booleans())
def test_frequency_and_presence_penalties_are_the_documented_formula(
    history: list[int], window: int, prompt: bool
) -> None:
    length = len(history) // 2
    counted = (history if prompt else history[length:])[-window:]
    count = [counted.count(j) for j in range(4)]
    logits = [1.0, -2.0, 0.5, 0.25]
    often = shape(shapers.frequency_penalty(0.5, window=window, prompt=prompt), logits, history, length)
    once = shape(shapers.presence_penalty(0.75, window=window, prompt=prompt), logits, history, length)
    assert often == [logits[j] - count[j] * 0.5 for j in range(4)]
    assert once == [logits[j] - (count[j] > 0) * 0.75 for j in range(4)]


@quick
@given(st.lists(st.integers(0, 3)), st.integers(0, 9), st.booleans())
def test_repetition_penalty_sees_its_window_only(history: list[int], window: int, prompt: bool) -> None:
    length = len(history) // 2
    counted = (history if prompt else history[length:])[-window:]
    actual = shape(shapers.repetition_penalty(2, window=window, prompt=prompt), [1.0, -2.0, 0.5, 0], history, length)
    once = [0.5, -4.0, 0.25, 0]
    assert actual == [once[j] if j in counted else [1.0, -2.0, 0.5, 0][j] for j in range(4)]


def test_repetition_penalty_counts_the_prompt_and_the_others_do_not() -> None:
    assert shape(shapers.repetition_penalty(2), [8.0, 8.0], [0, 1], prompt_length=1) == [4.0, 4.0]
    assert shape(shapers.frequency_penalty(2), [8.0, 8.0], [0, 1], prompt_length=1) == [8.0, 6.0]
    assert shape(shapers.presence_penalty(2), [8.0, 8.0], [0, 1], prompt_length=1) == [8.0, 6.0]


def test_top_p_cuts_ties_by_id_and_others_keep_them() -> None:
    logits = [0.0, 1.0, 1.0, 1.0, 1.0]
    assert shape(truncation.top_p(0.4), logits, []) == [-INF, 1, 1, -INF, -INF]
    assert shape(truncation.top_k(2), logits, []) == [-INF, 1, 1, 1, 1]
    assert shape(truncation.min_p(0.5), logits, []) == [-INF, 1, 1, 1, 1]
    assert shape(truncation.typical(0.4), logits, []) == [-INF, 1, 1, 1, 1]


@each_shaper
def test_a_row_of_nothing_stays_nothing(shaper: NamedShaper) -> None:
    assert shape(shaper, [-INF] * 5, [0, 1, 1]) == [-INF] * 5


@pytest.mark.parametrize("shaper", [truncation.top_p(1), truncation.typical(1), truncation.top_k(9)], ids=repr)
def test_the_widest_truncation_keeps_everything(shaper: NamedShaper) -> None:
    assert shape(shaper, [300.0, -300.0, 0.0, -INF], []) == [300.0, -300.0, 0.0, -INF]


# ---------------------------------------------------------------------------------------------------------- laws


@each_shaper
@quick
@given(case=cases(), dice=st.randoms())
def test_a_row_is_the_same_whatever_its_neighbours(
    shaper: NamedShaper, case: tuple[Step, Tensor], dice: random.Random
) -> None:
    step, logits = case
    order = dice.sample(range(len(logits)), len(logits))
    shuffled = step_of([step.histories[i] for i in order], [step.prompt_lengths[i] for i in order])
    together, again = shaper(step, logits), shaper(shuffled, logits[order])
    assert torch.equal(together[order], again)
    for i in range(len(logits)):
        alone = shaper(step_of([step.histories[i]], [step.prompt_lengths[i]]), logits[i : i + 1])
        assert torch.equal(alone, together[i : i + 1])


@pytest.fixture
def two_threads() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(threads)


@each_shaper
def test_threads_do_not_split_a_lone_row(shaper: NamedShaper, two_threads: None) -> None:
    logits = torch.randn(3, 50_000, generator=torch.Generator().manual_seed(0)) / 100
    together = shaper(step_of([[1, 2, 3]] * 3), logits)
    assert all(torch.equal(shaper(step_of([[1, 2, 3]]), logits[i : i + 1])[0], together[i]) for i in range(3))


@each_shaper
@quick
@given(case=cases())
def test_shapers_leave_their_input_revive_nothing_and_keep_something(
    shaper: NamedShaper, case: tuple[Step, Tensor]
) -> None:
    step, logits = case
    before = logits.clone()
    shaped = shaper(step, logits)
    assert torch.equal(logits, before)
    assert (shaped[logits == -INF] == -INF).all()
    assert (shaped > -INF).any(-1).all()
    assert not shaped.isnan().any()


@each_shaper
@quick
@given(case=cases())
def test_only_truncating_shapers_remove_and_they_change_nothing_else(
    shaper: NamedShaper, case: tuple[Step, Tensor]
) -> None:
    step, logits = case
    shaped = shaper(step, logits)
    if shaper.truncates:
        assert ((shaped == logits) | (shaped == -INF)).all()
        assert (shaped.argmax(-1) == logits.argmax(-1)).all() or shaper.name.startswith(RAISING)
    else:
        assert torch.equal(shaped == -INF, logits == -INF)


# ---------------------------------------------------------------------------------------------------- parameters


@pytest.mark.parametrize(
    ("name", "value", "remedy"),
    [
        ("temperature", 0, "use --decoder greedy."),
        ("temperature", -1, "give a number from 0.001 to 1000."),
        ("temperature", float("nan"), "give a number from 0.001 to 1000."),
        ("temperature", "hot", "give a number from 0.001 to 1000."),
        ("top_k", 0, "top_k=0 keeps nothing; give an integer from 1."),
        ("top_k", 2.5, "top_k=2.5 is no whole number; give an integer from 1."),
        ("top_p", 0, "give a number above 0, up to 1."),
        ("top_p", 1.1, "give a number above 0, up to 1."),
        ("min_p", -0.1, "give a number above 0, up to 1."),
        ("typical", True, "give a number above 0, up to 1."),
        ("repetition_penalty", 0, "give a number from 0.01 to 100."),
        ("frequency_penalty", 10**400, "give a number from -100 to 100."),
        ("presence_penalty", float("inf"), "give a number from -100 to 100."),
    ],
)
def test_absurd_parameters_are_refused_with_a_remedy(name: str, value: float, remedy: str) -> None:
    with pytest.raises(GenError) as error:
        FACTORIES[name](value)
    assert str(error.value).endswith(remedy)


@pytest.mark.parametrize("name", ["repetition_penalty", "frequency_penalty", "presence_penalty"])
def test_a_window_does_not_look_ahead(name: str) -> None:
    with pytest.raises(GenError, match="window=-1 looks into the future; give an integer from 0"):
        FACTORIES[name](1, window=-1)


def test_shapers_print_as_they_are_spelled_and_compare_by_it() -> None:
    assert repr(truncation.top_k(50)) == "top_k=50"
    assert repr(shapers.temperature(1)) == repr(shapers.temperature(1.0)) == "temperature=1"
    assert repr(shapers.repetition_penalty(1.2, window=64, prompt=True)) == "repetition_penalty=1.2,window=64"
    assert truncation.top_p(0.9) == truncation.top_p(0.9) != truncation.top_p(0.8)
    assert [shaper.truncates for shaper in SHAPERS] == [False] + [True] * 5 + [False] * 5 + [True] * 6 + [False] * 2


def test_every_shaper_is_one_sentence_and_a_source() -> None:
    for factory in FACTORIES.values():
        first, _, rest = (factory.__doc__ or "").partition("\n")
        assert first.endswith(".")
        assert re.search(r"\((19|20)\d\d\)|OpenAI API reference", rest)


@pytest.mark.parametrize("room", sorted(MODULES))
def test_every_factory_of_a_room_is_offered_under_its_name(room: str) -> None:
    def is_factory(thing: Any) -> bool:
        return inspect.isfunction(thing) and thing.__module__ == room and not thing.__name__.startswith("_")

    offered = set(MODULES[room].split())
    made = {name for name, _ in inspect.getmembers(import_module(room), is_factory)}
    assert offered <= made
    assert made == offered or room not in {
        "gen_engine.constraints.bans",
        "gen_engine.constraints.lengths",
        *SHAPER_ROOMS,
    }


def test_naming_shapers_imports_no_torch() -> None:
    check = (
        "import sys; from gen_engine.shapers import truncation; truncation.top_p(0.9); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", check]).returncode == 0
