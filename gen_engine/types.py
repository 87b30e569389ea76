"""The glossary: what every room of the engine speaks of. Nothing here imports torch."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from .patience import SECONDS

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from .text.token_sets import TokenSet
    from .text.vocabulary import Vocabulary

CORE = "gen-engine"
"""The distribution of the engine itself, and the origin of what it brings."""

State = Hashable
"""What a constraint remembers: immutable, so that beams, batches, rewinding and replay are right by construction."""


@dataclass(frozen=True)
class Prompt:
    """A text the model continues, its tokens (with the leading special token) and which characters each token reads.

    `spans[i]` is the half-open character range of `tokens[i]` in `text` (empty for special tokens);
    `unknown` holds the characters that are fed as [UNK], once each, in order. `spelt` is the text in the spelling that
    the model reads, of the same length (东 for 東), and None where that is the text itself. `context` are tokens that
    the model reads behind the first `lead` ones, which are special, and that nobody judges: no part of the text.
    """

    text: str
    tokens: tuple[int, ...]
    spans: tuple[tuple[int, int], ...]
    unknown: tuple[str, ...] = ()
    spelt: str | None = None
    context: tuple[int, ...] = ()
    lead: int = 0

    @property
    def read(self) -> tuple[int, ...]:
        """All tokens that the model reads, in order."""
        return (*self.tokens[: self.lead], *self.context, *self.tokens[self.lead :])

    @property
    def pinned(self) -> int:
        """How many of these it reads for ever, however long the text becomes; 0 where that is left to the model."""
        return self.lead + len(self.context) if self.context else 0


class Tokenizer(Protocol):
    """Turns text into prompts; what tokens print is the vocabulary's business."""

    @property
    def vocabulary(self) -> Vocabulary: ...

    def encode(self, text: str) -> Prompt: ...


# ------------------------------------------------------------------------------------------------- processors


@runtime_checkable
class Constraint(Protocol):
    """A hard rule over tokens, as a pure state machine: the finished text satisfies it, always.

    Optional methods sharpen proofs, and say of stop strings what they cut: `promises.py` documents them all.

    `start` raises GenError for a prompt that breaks the rule; `next` is asked for permitted tokens only.
    """

    def start(self, prompt: Prompt) -> State: ...

    def allowed(self, state: Any) -> TokenSet | np.ndarray: ...

    def next(self, state: Any, token: int) -> State: ...

    def accepts(self, state: Any) -> bool: ...


@runtime_checkable
class CharMachine(Protocol):
    """A hard rule over characters; the chain lifts it to any vocabulary.

    `start` raises GenError for a prompt that breaks the rule; `step` returns None where the character is forbidden.
    Optional: `allowed(state) -> CharSet` (one set instead of one `step` per character), and what sharpens proofs, which
    `promises.py` documents.
    """

    def start(self, text: str) -> State: ...

    def step(self, state: Any, char: str) -> State | None: ...

    def accepts(self, state: Any) -> bool: ...


@dataclass(frozen=True)
class Step:
    """What a shaper may know of the rows it is shown, each of which may belong to another request.

    `histories[i]` are all tokens of row i, prompt included; `prompt_lengths[i]` of them are the prompt's. `states[i]`
    is what the shaper that is asked remembers of row i, if it has a memory; `memories[i]` is what all of them remember
    (empty if none does).
    """

    histories: Sequence[Sequence[int]]
    prompt_lengths: Sequence[int]
    vocabulary: Vocabulary
    draw: Callable[[str], Tensor] | None = None
    states: Sequence[Any] = ()
    memories: Sequence[Sequence[Any]] = ()

    def uniform(self, name: str) -> Tensor:
        """One number in [0, 1) for each row, [rows], fixed by (seed, sample, position, attempt, name)."""
        assert self.draw is not None
        return self.draw(name)


class Shaper(Protocol):
    """A soft preference: `(step, logits [rows, vocab]) -> logits`, row by row; never revives a masked (-inf) token.

    One with a memory also has `start() -> state` and `next(state, token, logprob) -> state`, where the state is
    immutable and `logprob` is that of the token, in nats, in the distribution it was chosen from (0 where there was no
    choice); when it is called, `step.states[i]` is the state of row i.

    One by which beams are to be ranked, too, also has `leans(history, prompt_length) -> (nats, {token: nats})`: what is
    added to the log-probability of a text while it is written, and how much more if it goes on with a token. It should
    come to nothing for finished texts, which are ranked by the model alone.
    """

    def __call__(self, step: Step, logits: Tensor) -> Tensor: ...


@dataclass(frozen=True)
class Named:
    """A processor and the name it was written by, by which errors and reports call it.

    `origin` is the plugin that it is from in words, "" for objects that were given as they are.
    """

    label: str
    processor: Any
    origin: str = ""


Pieces = tuple[str, ...]
"""A value in a `Spec`: what stands between bars."""


@dataclass(frozen=True)
class Spec:
    """A processor, decoder or recipe as people write it, `NAME[=VALUE[,key=value]...]`.

    `str(spec)` writes it, and `parse_spec` of `gen_engine.hooks.specs` reads that back. `typed` is what somebody typed.
    """

    name: str
    value: Pieces | None = None
    options: Mapping[str, Pieces] = field(default_factory=dict)
    typed: str = field(default="", compare=False)

    def __str__(self) -> str:
        value = "" if self.value is None else f"={_joined(self.value)}"
        return self.name + value + "".join(f",{key}={_joined(pieces)}" for key, pieces in self.options.items())

    @property
    def text(self) -> str:
        """As it was typed, else as it is written."""
        return self.typed or str(self)


def _joined(value: Pieces) -> str:
    return "|".join(f"'{_escaped(piece)}'" if re.search(r"""[,|'"\\\n\r\t]""", piece) else piece for piece in value)


def _escaped(piece: str) -> str:
    return piece.translate({ord(char): f"\\{sign}" for char, sign in zip("\\'\n\r\t", "\\'nrt", strict=True)})


Processor = Any
"""What a chain is made of: a `Constraint`, a `CharMachine` or a `Shaper`."""

ProcessorFactory = Callable[..., Processor]
"""Makes a processor from typed, documented parameters; a first parameter named `vocabulary` is passed the model's."""


# ----------------------------------------------------------------------------------------------------- models


class LanguageModel(Protocol):
    """Next-token logits for many rows at once, with a cache that only the model itself reorders.

    `open(capacity)` makes an empty cache for up to `capacity` rows (it may grow).
    `feed(cache, parents, keep, tokens, last)` makes rows 0..n-1 out of the rows of the previous call: row i continues
    row `parents[i]` (-1: a fresh, empty row) cut to its first `keep[i]` tokens, extended by `tokens[i]` (one or more
    new ones). Rows that nobody continues are gone. Returns float32 logits [sum(last), vocab]: for each row those after
    its `last[i]` last new tokens, in order (None: after the very last one of each row).
    A row's logits are bit-equal whatever its neighbours are. Where a row outgrows the model's positions P, it is read
    again from its leading special token and its last P/2 tokens, at positions fixed by the row's length alone.
    Only where such a row begins with a context, it is also said how many first tokens to read each time instead:
    `pinned[i]` of them, P/2 at most.
    Optional: `rewinds`, true where a row of at most P tokens that is cut back has the logits, to the last bit, of one
    that never was longer; then requests that begin later than others go on from what these read.
    """

    @property
    def name(self) -> str: ...

    @property
    def dtype(self) -> str: ...

    @property
    def positions(self) -> int | None: ...

    @property
    def reproducible(self) -> bool: ...

    @property
    def tokenizer(self) -> Tokenizer: ...

    def open(self, capacity: int) -> Any: ...

    def feed(
        self,
        cache: Any,
        parents: Sequence[int],
        keep: Sequence[int],
        tokens: Sequence[Sequence[int]],
        last: Sequence[int] | None = None,
        pinned: Sequence[int] | None = None,
    ) -> Tensor: ...


@dataclass(frozen=True)
class ShippedModel:
    """A trained model that a plugin brings: its folder, one line about it, and the processors it is best used with."""

    folder: Path
    summary: str
    processors: tuple[str, ...] = ()


class ModelLoader(Protocol):
    """Loads a checkpoint folder of one `model_type`; dtype is "auto", "float32" or "bfloat16"."""

    def __call__(self, folder: Path, *, name: str, dtype: str = "auto", fast: bool = False) -> LanguageModel: ...


@dataclass(frozen=True)
class Conversion:
    """A model folder to be: its config.json, its tensors, and sentences that tell what was taken for what."""

    config: Mapping[str, Any]
    tensors: Mapping[str, Tensor]
    told: tuple[str, ...] = ()


class Recipe(Protocol):
    """Makes a model folder of the tensors `found` in a file, with the help of the model folder `base`.

    Raises GenError where they are not what the recipe is for.
    """

    def __call__(self, found: Mapping[str, Tensor], base: Path) -> Conversion: ...


RecipeFactory = Callable[..., Recipe]


# --------------------------------------------------------------------------------------------------- decoding


@dataclass(slots=True)
class Draw:
    """One choice that a decoder wants made from the logits of `row`.

    `allowed` is what may follow there, the end included, `history` are all tokens so far; `uniform` is a number in
    [0, 1) at which the choice distribution is inverted, None for the likeliest token. `memory` is what the shapers
    remember (empty if none does); `lane` tells apart texts of one sample that are under way at once.
    """

    row: int
    allowed: TokenSet
    history: Sequence[int]
    sample: int
    uniform: float | None
    memory: tuple[Any, ...] = ()
    lane: int = 0


@dataclass(frozen=True)
class Extend:
    """What a decoder asks the scheduler for: new rows, scores of forced tokens, and draws from the last logits of rows.

    Row i is row `parents[i]` of the decoder's last ask (-1: fresh) cut to `keep[i]` tokens, plus `tokens[i]`.
    `forced[i]` are tokens that had no alternative: where a draw follows they are the last of `tokens[i]`; where none
    does, the row's text is finished and the last of them is not fed. They are scored at this `temperature`, too.
    `pinned` of a row's first tokens are read however long it becomes.
    """

    parents: tuple[int, ...]
    keep: tuple[int, ...]
    tokens: tuple[tuple[int, ...], ...]
    forced: tuple[tuple[int, ...], ...]
    draws: tuple[Draw, ...]
    temperature: float = 1.0
    pinned: int = 0


@dataclass(frozen=True)
class Request:
    """One text (or `num` of them) that somebody wants. `max_new` counts new tokens; `seed` None draws a fresh one.

    `patience` is how many seconds of processor time may be searched: for whether any text obeys, with the conflict if
    none does, and between the tokens of up to 64 texts (further ones have as much again). What the model takes is not
    counted, and neither is the first millisecond of each question between tokens. It never changes a text.

    `context` is read by the model before the prompt, judged by no constraint, and no part of the text.

    `draws` of the texts are drawn for each that is wanted, which shall be the best of them: counted are the wanted
    ones, so that between tokens there is `draws` times as much patience for as many times as many texts.
    """

    prompt: str
    processors: tuple[Any, ...] = ()
    num: int = 1
    seed: int | None = None
    max_new: int = 256
    decoder: str | Decoder = "sample"
    patience: float = SECONDS
    context: str = ""
    draws: int = 1


@dataclass(frozen=True)
class Completion:
    """One finished text. `logprob` is the sum of `logprobs`, the model's own log-probabilities in nats of the new
    tokens and then of what ended the text: the end token or a stop string.

    `text` is prompt and new text, `new` what was added. `finish` is "end" (the model ended it), "stop" (a stop
    string), "full" (nothing more is allowed) or "budget" (max_new was reached). `exact` is False if a bound, not a
    proof, struck a token. `undone` names shapers that left nothing and were undone, once each. `log_evidence` is an
    estimate, by the decoder `smc`, of how likely it is that the model writes a text that obeys all constraints.
    """

    text: str
    new: str
    tokens: tuple[int, ...]
    logprob: float
    logprobs: tuple[float, ...]
    finish: str
    seed: int
    sample: int
    model: str
    dtype: str
    exact: bool = True
    reproducible: bool = True
    undone: tuple[str, ...] = ()
    log_evidence: float | None = None


@dataclass(frozen=True)
class Piece:
    """A stretch of new text of one sample, as soon as it is final."""

    sample: int
    text: str
    completion: Completion | None = None


Decoder = Callable[..., Generator[Extend, Any, None]]
"""A strategy: a coroutine over a `Course` that yields what it asks, is sent back `Scores`, and writes the texts.

Optional attributes: `rows`, how many rows it asks for at most (default: as many as the course has texts), and
`at_once(num) -> how many of `num` texts one course writes`, which raises GenError if it cannot tell so many.
"""

DecoderFactory = Callable[..., Decoder]
"""Makes a decoder from typed, documented parameters, as in `beam,width=8`; none of them is called `course`."""
