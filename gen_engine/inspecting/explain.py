"""What each choice of a finished text cost, and who caused it. The text is read again and the rules are replayed.

Nothing here watches a decoder at work. So texts of every decoder, and texts from elsewhere, are explained alike. All
costs are in nats under the model's own distribution. A constraint that leaves the mass m costs -log m.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ..blame import blaming
from ..compiled.arithmetic import as_array
from ..decoding.ends import fold_ends
from ..decoding.generation import slides, uniform
from ..decoding.scheduler import without_gradients
from ..errors import GenError, quoted
from ..text.chats import Chat
from ..types import Completion, Prompt, Step
from .replay import Replay, Sight

if TYPE_CHECKING:
    from torch import Tensor

    from ..chain import Chain, Plan
    from ..engine import Engine

VOCABULARY, PROOF = "unused tokens", "no text behind it"
"""Who removes what no constraint and no shaper removed: columns that are never generated, and the prover."""

ROUNDING = 1e-9
"""Nats that come from adding probabilities in another order."""

STRETCH = 128
"""How many positions are processed at once: each holds several numbers per token of the vocabulary."""

TOP = 6
"""How many of the model's preferred tokens are shown at each position."""


@dataclass(frozen=True)
class Removal:
    """Who removed a token, and why in words if the rule says what it wants."""

    by: str
    kind: Literal["constraint", "proof", "shaper", "vocabulary"]
    why: str = ""


@dataclass(frozen=True)
class Candidate:
    """A token that the model preferred, its probability, and who removed it (nobody: it could have been chosen)."""

    text: str
    probability: float
    removed: tuple[Removal, ...]
    chosen: bool


@dataclass(frozen=True)
class Place:
    """One token of the text, or its end. `text` holds the characters that it completes. All costs are in nats.

    `nats` is its cost under the model. `cost` is the difference from the model's first preference. Of this,
    `constrained` is due to the rules (their best remaining token against the best of all). `drawn` is due to shapers
    and decoder (the chosen token against the best remaining). `masses` holds -log of the probability mass that each
    constraint alone leaves, in the order of `Explanation.constraints`. `together` is the same for all constraints and
    the prover at once. `shaped` is what each shaper then cut off. `broken` names rules that the text breaks here; they
    say nothing from here on.
    """

    text: str
    end: bool
    forced: bool
    nats: float
    constrained: float
    drawn: float
    masses: tuple[float, ...]
    together: float
    shaped: tuple[float, ...]
    candidates: tuple[Candidate, ...]
    broken: tuple[str, ...] = ()

    @property
    def cost(self) -> float:
        """How many nats less likely it is than the model's first preference."""
        return self.constrained + self.drawn


@dataclass(frozen=True)
class Explanation:
    """A text, position by position, and the total cost of each constraint and shaper.

    `seed` and `sample` identify the draws that made it; a text from elsewhere has no seed. `context` is what the model
    read before the text.
    """

    prompt: str
    model: str
    decoder: str
    constraints: tuple[str, ...]
    shapers: tuple[str, ...]
    places: tuple[Place, ...]
    seed: int | None = None
    sample: int = 0
    context: str = ""

    @property
    def new(self) -> str:
        """The text after the prompt."""
        return "".join(place.text for place in self.places)

    @property
    def nats(self) -> float:
        """The nats of the new text, the end included."""
        return sum(place.nats for place in self.places)

    @property
    def together(self) -> float:
        """The total cost of all constraints and the prover."""
        return sum(place.together for place in self.places)

    @property
    def drawn(self) -> float:
        """The total cost of shapers and decoder."""
        return sum(place.drawn for place in self.places)

    @property
    def by_constraint(self) -> list[tuple[str, float]]:
        """Each constraint with the sum of what it alone costs at each position."""
        return [(label, sum(place.masses[i] for place in self.places)) for i, label in enumerate(self.constraints)]

    @property
    def by_shaper(self) -> list[tuple[str, float]]:
        """Each shaper with the sum of what it cuts off at each position."""
        return [(label, sum(place.shaped[i] for place in self.places)) for i, label in enumerate(self.shapers)]


@blaming()
def explain(
    engine: Engine,
    done: Completion,
    *,
    prompt: str | Prompt = "",
    processors: Sequence[Any] = (),
    max_new: int = 256,
    decoder: str = "sample",
    top: int = TOP,
    context: str | Prompt | Chat = "",
) -> Explanation:
    """Explain a completion that `engine` made from `prompt` with these processors, this budget and this context."""
    plan = engine.chain(processors).plan(engine.read(prompt, context), max_new)
    end = plan.chain.vocabulary.end if done.finish == "end" else None
    told = _explain(engine, plan, done.tokens, end, decoder=decoder, draws=(done.seed, done.sample), top=top)
    return replace(told, seed=done.seed, sample=done.sample, context=engine.context_text(context))


@blaming()
def explain_text(
    engine: Engine,
    text: str,
    *,
    prompt: str | Prompt = "",
    processors: Sequence[Any] = (),
    max_new: int = 0,
    top: int = TOP,
    context: str | Prompt | Chat = "",
) -> Explanation:
    """Explain a text that begins with `prompt`, whoever wrote it. The budget is at least its own length.

    Raises GenError if the text does not begin with the prompt, or has a character that the model cannot write.
    """
    begun = prompt if isinstance(prompt, str) else prompt.text
    if not text.startswith(begun):
        raise GenError(
            f"The text {quoted(text)} does not begin with the prompt {quoted(begun)}; "
            "give a prompt that it begins with."
        )
    start = engine.read(prompt, context)
    tokens = _tokens_after(engine, start, text, is_answer=isinstance(context, Chat))
    plan = engine.chain(processors).plan(start, max(len(tokens), max_new))
    joint = Replay.begin(plan)
    for token in tokens:
        joint.go(token)
    end = plan.chain.vocabulary.end if joint.may_end and not joint.is_full else None
    told = _explain(engine, plan, tokens, end, decoder="its author", draws=(0, 0), top=top)
    return replace(told, context=engine.context_text(context))


def _tokens_after(engine: Engine, prompt: Prompt, text: str, *, is_answer: bool) -> tuple[int, ...]:
    """The tokens that follow the prompt in `text`, as the model would have written them."""
    vocabulary = engine.tokenizer.vocabulary
    encode = partial(engine.encode, begins=False) if is_answer else engine.tokenizer.encode
    whole, rest = encode(text), encode(text[len(prompt.text) :])
    count = len(prompt.tokens)
    # Otherwise a token of the whole text spans the end of the prompt.
    tokens = whole.tokens[count:] if whole.tokens[:count] == prompt.tokens else rest.tokens
    unknown = set(rest.unknown)
    kept = tuple(token for token in tokens if vocabulary.surfaces[token])
    printed, wanted = vocabulary.text_of(kept), rest.spelt or rest.text
    # Some tokenizers begin the first word with a space that nobody types.
    if unknown or (printed != wanted and (prompt.text or printed != f" {wanted}")):
        chars = "".join(sorted(unknown)) or "some of its characters"
        raise GenError(f"The model has no token for {chars} and cannot write that text; explain a text without.")
    return kept


def _explain(
    engine: Engine,
    plan: Plan,
    tokens: Sequence[int],
    end: int | None,
    *,
    decoder: str,
    draws: tuple[int, int],
    top: int,
) -> Explanation:
    path = (*tokens, *(() if end is None else (end,)))
    replay = Replay.begin(plan)
    decode = codecs.getincrementaldecoder("utf-8")(errors="replace")
    places: list[Place] = []
    for rows in logprobs_along(engine, plan.prompt.read, path, plan.prompt.pinned):
        first = len(places)
        stretch = path[first : first + len(rows)]
        sights = []
        for token, row in zip(stretch, rows, strict=True):
            plan.patience.stop_if_given_up()
            sights.append(replay.look(token, _likeliest(row, max(top, 1))))
            replay.go(token)
        shaped = _shape(plan, path, first, rows, sights, draws)
        for number, (token, row, sight) in enumerate(zip(stretch, rows, sights, strict=True)):
            text = decode.decode(plan.chain.vocabulary.surfaces[token], final=len(places) + 1 == len(path))
            places.append(_place(plan.chain, token, row, sight, [kept[number] for kept in shaped], text=text, top=top))
    return Explanation(
        prompt=plan.prompt.text,
        model=engine.model.name,
        decoder=decoder,
        constraints=(VOCABULARY, *replay.labels, PROOF),
        shapers=tuple(named.label for named in plan.chain.shapers),
        places=tuple(places),
    )


def _likeliest(row: np.ndarray, count: int) -> list[int]:
    found: list[int] = np.argsort(-row, kind="stable")[:count].tolist()
    return found


def logprobs_along(engine: Engine, read: Sequence[int], path: Sequence[int], pinned: int = 0) -> Iterator[np.ndarray]:
    """The model's log-probabilities where each token of `path` follows those `read`, [places, vocab] in nats.

    They come in chunks of up to `STRETCH` places, without NaN. `pinned` is that of the prompt.
    """
    cache = engine.model.open(1)
    told = slides(pinned, len(read) + len(path), engine.model.positions)
    in_view = [[pinned]] if told else []
    kept = 0
    for first in range(0, len(path), STRETCH):
        last = min(first + STRETCH, len(path))
        unread = path[first - 1 : last - 1] if first else (*read, *path[: last - 1])
        with without_gradients():
            given = engine.model.feed(cache, [0 if first else -1], [kept], [tuple(unread)], [last - first], *in_view)
        found = fold_ends(as_array(given), engine.tokenizer.vocabulary).astype(np.float64)
        with np.errstate(invalid="ignore"):
            found -= found.max(-1, keepdims=True)
            found -= np.log(np.exp(found).sum(-1, keepdims=True))
        kept += len(unread)
        yield np.nan_to_num(found, nan=-np.inf, neginf=-np.inf)


def _shape(
    plan: Plan, path: Sequence[int], first: int, rows: np.ndarray, sights: Sequence[Sight], draws: tuple[int, int]
) -> list[np.ndarray]:
    """What is left after the first shaper, the first two, and so on: bool arrays [places, vocab]."""
    import torch

    chain = plan.chain
    if not chain.shapers:
        return []
    history, begun = (*plan.prompt.tokens, *path), len(plan.prompt.tokens)
    numbers = range(first, first + len(rows))

    def draw_named(name: str) -> Tensor:
        return torch.tensor([uniform(*draws, place, 0, name) for place in numbers], dtype=torch.float64)

    step = Step([history[: begun + i] for i in numbers], [begun] * len(rows), chain.vocabulary, draw_named)
    logits = torch.from_numpy(rows).float()
    blocked = torch.from_numpy(np.stack([~sight.left for sight in sights]))
    found = []
    for count in range(1, len(chain.shapers) + 1):
        some = replace(chain, shapers=chain.shapers[:count])
        found.append(some.shape_warily(step, logits, blocked)[0].isfinite().numpy())
    return found


def _place(
    chain: Chain, token: int, row: np.ndarray, sight: Sight, shaped: Sequence[np.ndarray], *, text: str, top: int
) -> Place:
    left = sight.left.copy()
    left[token] = True  # a text from elsewhere may break rules
    best, best_left, own = float(row.max()), float(row[left].max()), float(row[token])
    kept = [sight.left, *shaped]
    likeliest = _likeliest(row, top)
    return Place(
        text=text,
        end=token == chain.vocabulary.end,
        forced=sight.forced,
        nats=-own,
        constrained=_gap(best, best_left),
        drawn=_gap(best_left, own),
        masses=(
            _cost(row, sight.usable),
            *(_cost(row, sight.alone(label)) for label in dict.fromkeys(view.label for view in sight.views)),
            _gap(_mass(row, sight.permitted), _mass(row, sight.left)),
        ),
        together=_cost(row, sight.left),
        shaped=tuple(_gap(_mass(row, a), _mass(row, b)) for a, b in pairwise(kept)),
        candidates=tuple(
            Candidate(
                text=_shown(chain, each),
                probability=float(np.exp(row[each])),
                removed=_removals(chain, each, sight, shaped),
                chosen=each == token,
            )
            for each in (likeliest if token in likeliest else [*likeliest, token])
        ),
        broken=sight.broken,
    )


def _shown(chain: Chain, token: int) -> str:
    """A token as shown to people: what it prints, else its name."""
    vocabulary = chain.vocabulary
    if token == vocabulary.end:
        return "(end)"
    return vocabulary.surfaces[token].decode("utf-8", errors="replace") or vocabulary.names[token]


def _removals(chain: Chain, token: int, sight: Sight, shaped: Sequence[np.ndarray]) -> tuple[Removal, ...]:
    """All constraints that forbid a token by themselves, else the prover, else the first shaper that cut it off."""
    if not sight.usable[token]:
        return (
            Removal(VOCABULARY, "vocabulary", "a second spelling of another token, or none that texts are made of"),
        )
    whys: dict[str, dict[str, None]] = {}
    for view in sight.views:
        if not view.allowed[token]:
            whys.setdefault(view.label, {})[view.wants] = None
    found = tuple(Removal(label, "constraint", "; ".join(filter(None, why))) for label, why in whys.items())
    if found or sight.left[token]:
        cut = next((i for i, kept in enumerate(shaped) if not kept[token]), None)
        return found or (() if cut is None else (Removal(chain.shapers[cut].label, "shaper"),))
    return (Removal(PROOF, "proof", sight.dead_because),)


def _mass(row: np.ndarray, allowed: np.ndarray) -> float:
    """The log of the probability mass of the allowed tokens."""
    inside = row[allowed]
    best = float(inside.max(initial=-np.inf))
    return best if best == -np.inf else best + float(np.log(np.exp(inside - best).sum()))


def _cost(row: np.ndarray, allowed: np.ndarray) -> float:
    return _gap(0.0, _mass(row, allowed))


def _gap(more: float, less: float) -> float:
    """`more - less`, at least 0; also 0 between two infinities, and if the difference is only rounding."""
    return 0.0 if more - less < ROUNDING or more == less else more - less
