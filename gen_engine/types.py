"""The glossary: the types that all parts of the engine share. Nothing here imports torch."""

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

    from .text.chats import Chat
    from .text.token_sets import TokenSet
    from .text.vocabulary import Vocabulary

CORE = "gen-engine"
"""The engine's own distribution, and the origin of everything it ships."""

State = Hashable
"""What a constraint remembers. It is immutable, so beams, batches, rewinding and replay are right by construction."""


@dataclass(frozen=True)
class Prompt:
    """The text that the model continues, its tokens (with the leading special token) and their alignment.

    `spans[i]` is the half-open character range of `tokens[i]` in `text`; it is empty for special tokens.
    `unknown` holds the characters that are fed as [UNK], once each, in order.
    `spelt` is the text in the spelling that the model reads, of the same length (东 for 東). None means `text` itself.
    `context` holds tokens that are read after the first `lead` ones, which are special; no constraint judges it.
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
        """How many of the first tokens stay in view however long the text becomes; 0 leaves that to the model."""
        return self.lead + len(self.context) if self.context else 0


class Tokenizer(Protocol):
    """Turns text into prompts. What each token prints is left to the vocabulary."""

    @property
    def vocabulary(self) -> Vocabulary: ...

    def encode(self, text: str) -> Prompt: ...


# ------------------------------------------------------------------------------------------------- processors


@runtime_checkable
class Constraint(Protocol):
    """A hard rule over tokens, as a pure state machine: the finished text satisfies it, always.

    Optional methods sharpen proofs, or declare how many tokens a stop string cuts. `promises.py` documents them all.
    `start` raises GenError for a prompt that breaks the rule. `next` is called with permitted tokens only.
    """

    def start(self, prompt: Prompt) -> State: ...

    def allowed(self, state: Any) -> TokenSet | np.ndarray: ...

    def next(self, state: Any, token: int) -> State: ...

    def accepts(self, state: Any) -> bool: ...


@runtime_checkable
class CharMachine(Protocol):
    """A hard rule over characters; the chain lifts it to any vocabulary.

    `start` raises GenError for a prompt that breaks the rule; `step` returns None where the character is forbidden.
    Optional: `allowed(state) -> CharSet`, one set instead of one `step` per character. `promises.py` documents the
    optional methods that sharpen proofs.
    """

    def start(self, text: str) -> State: ...

    def step(self, state: Any, char: str) -> State | None: ...

    def accepts(self, state: Any) -> bool: ...


@dataclass(frozen=True)
class Step:
    """What a shaper may know of the rows it receives, each perhaps of another request.

    `histories[i]` are all tokens of row i; the first `prompt_lengths[i]` of them are the prompt.
    `states[i]` is the called shaper's own state for row i, if it keeps one.
    `memories[i]` holds the states of all shapers for row i; it is empty if none keeps a state.
    """

    histories: Sequence[Sequence[int]]
    prompt_lengths: Sequence[int]
    vocabulary: Vocabulary
    draw: Callable[[str], Tensor] | None = None
    states: Sequence[Any] = ()
    memories: Sequence[Sequence[Any]] = ()

    def uniform(self, name: str) -> Tensor:
        """One number in [0, 1) for each row, [rows]; (seed, sample, position, attempt, name) determine it."""
        assert self.draw is not None
        return self.draw(name)


class Shaper(Protocol):
    """A soft preference: `(step, logits [rows, vocab]) -> logits`, row by row; never revives a masked (-inf) token.

    A shaper with a memory also has `start() -> state` and `next(state, token, logprob) -> state`. States are immutable.
    `logprob` is the token's log-probability in nats under the distribution it was chosen from (0 if it was forced).

    A shaper that should also rank beams has `leans(history, prompt_length) -> (nats, {token: nats})`: what is added to
    the log-probability of an unfinished text, and how much more if it goes on with that token. It should come to 0 for
    finished texts, since the model alone ranks those.
    """

    def __call__(self, step: Step, logits: Tensor) -> Tensor: ...


@dataclass(frozen=True)
class Named:
    """A processor and the name it was written by; errors and reports use that name.

    `origin` names the plugin that it comes from; it is "" for objects that the caller passed in.
    """

    label: str
    processor: Any
    origin: str = ""


Pieces = tuple[str, ...]
"""A value in a `Spec`: the strings between its bars."""


@dataclass(frozen=True)
class Spec:
    """A processor, decoder or recipe in the notation of the command line, `NAME[=VALUE[,key=value]...]`.

    `str(spec)` writes the notation, and `parse_spec` of `gen_engine.hooks.specs` reads it. `typed` is the user's input.
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
        """As the user typed it, else in standard notation."""
        return self.typed or str(self)


def _joined(value: Pieces) -> str:
    return "|".join(f"'{_escaped(piece)}'" if re.search(r"""[,|'"\\\n\r\t]""", piece) else piece for piece in value)


def _escaped(piece: str) -> str:
    return piece.translate({ord(char): f"\\{sign}" for char, sign in zip("\\'\n\r\t", "\\'nrt", strict=True)})


Processor = Any
"""A member of a chain: a `Constraint`, a `CharMachine` or a `Shaper`."""

ProcessorFactory = Callable[..., Processor]
"""Makes a processor from typed, documented parameters. A first parameter named `vocabulary` receives the model's."""


# ----------------------------------------------------------------------------------------------------- models


class LanguageModel(Protocol):
    """Next-token logits for many rows at once, with a cache that only the model itself reorders.

    `open(capacity)` makes an empty cache for up to `capacity` rows (it may grow).
    `feed(cache, parents, keep, tokens, last)` makes rows 0..n-1 out of the rows of the previous call. Row i continues
    row `parents[i]` (-1: a fresh, empty row), cut to its first `keep[i]` tokens and extended by `tokens[i]` (one or
    more new ones). Rows that no new row continues are dropped.
    It returns float32 logits [sum(last), vocab], a numpy array or a torch tensor: for each row those after its last
    `last[i]` new tokens, in order; if `last` is None, only those after its final token.
    A row's logits are bit-equal whatever its neighbours are. Where a row outgrows the model's positions P, the model
    rereads its leading special token (or its first `pinned[i]` tokens, a context of P/2 at most, given only then) and
    its last P/2 tokens. The row's length alone determines the positions.
    Optional: `device`, where its logits stay (else the CPU); `portable`, true if they are the same on every machine, to
    the last bit; `rewinds`, true if cutting back a row of at most P tokens leaves its logits bit-equal to those of a
    row that never was longer, so that later requests continue from rows of earlier ones; `verifies`, how many new
    tokens of a row at most have logits, in one call, bit-equal to those of calls of one token (2 or more allow drafts).
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
    ) -> Tensor | np.ndarray: ...


@dataclass(frozen=True)
class ShippedModel:
    """A trained model that a plugin ships: its folder, a one-line summary and the processors it works best with."""

    folder: Path
    summary: str
    processors: tuple[str, ...] = ()


DTYPES = ("auto", "int8", "float32", "bfloat16")  # what a model may be asked to compute in


class ModelLoader(Protocol):
    """Loads a checkpoint folder of one `model_type`; GenError if it computes none in this dtype, one of `DTYPES`.
    Optional: `device: str`, a name that `load` takes. Without it, the model is computed on the CPU alone."""

    def __call__(self, folder: Path, *, name: str, dtype: str = "auto", fast: bool = False) -> LanguageModel: ...


@dataclass(frozen=True)
class Conversion:
    """A model folder to write: its config.json, its tensors, and sentences that report how each tensor was mapped."""

    config: Mapping[str, Any]
    tensors: Mapping[str, Tensor]
    told: tuple[str, ...] = ()


class Recipe(Protocol):
    """Makes a model folder from the tensors `found` in a file, guided by the model folder `base`.

    Raises GenError if the tensors do not fit the recipe.
    """

    def __call__(self, found: Mapping[str, Tensor], base: Path) -> Conversion: ...


RecipeFactory = Callable[..., Recipe]


# --------------------------------------------------------------------------------------------------- decoding


@dataclass(slots=True)
class Draw:
    """One choice that a decoder requests from the logits of `row`.

    `allowed` holds the tokens that may follow, the end token included; `history` holds all tokens so far.
    `uniform` is the number in [0, 1) at which the choice distribution is inverted; None picks the likeliest token.
    `memory` holds the shapers' states (empty if none keeps one). `branch` distinguishes texts of one sample that are
    being written at the same time. The logits are those `back` tokens before the row's last.
    """

    row: int
    allowed: TokenSet
    history: Sequence[int]
    sample: int
    uniform: float | None
    memory: tuple[Any, ...] = ()
    branch: int = 0
    back: int = 0


@dataclass(frozen=True)
class StepRequest:
    """A decoder's request to the scheduler: new rows, scores of forced tokens, and draws from the last logits of rows.

    Row i is row `parents[i]` of the decoder's last request (-1: fresh) cut to `keep[i]` tokens, plus `tokens[i]`.
    `forced[i]` are tokens that had no alternative; they are scored at this `temperature`, too. If a draw follows, they
    are the last of `tokens[i]`. Otherwise the row's text is finished, and the final forced token is not fed. Tokens
    that a draft proposes come after them and count as forced.
    The first `pinned` tokens of a row stay in view however long it becomes.
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
    """A request for one text, or for `num` of them. `max_new` counts new tokens; a `seed` of None draws a random one.

    `patience` is the search budget in seconds of processor time. It pays for deciding whether any text obeys, for
    finding the conflict if none does, and for the searches between the tokens of up to 64 texts. Each further 64 texts
    get as much again. The model's own time is not counted, nor is the first millisecond of each search between tokens.
    The budget never changes a text.

    The model reads `context` before the prompt: a text, or a `Chat` to answer. No constraint judges it, and it is not
    part of the text. `draws` is how many texts are drawn for each one wanted, so that the best can be kept. The budget
    counts wanted texts: `draws` times as much patience covers `draws` times as many texts between tokens.
    `draft` guesses tokens ahead, which may save time and changes no text: "lookup", "ngram,tokens=6", "model=NAME".
    """

    prompt: str | Prompt
    processors: tuple[Any, ...] = ()
    num: int = 1
    seed: int | None = None
    max_new: int = 256
    decoder: str | Decoder = "sample"
    patience: float = SECONDS
    context: str | Prompt | Chat = ""
    draws: int = 1
    draft: Any = None


@dataclass(frozen=True)
class Completion:
    """One finished text. `logprob` is the sum of `logprobs`.

    `logprobs` are the model's own log-probabilities in nats: of each new token, then of what ended the text (the end
    token or a stop string). `text` is prompt and new text, `new` is the new text alone. `finish` is "end" (the model
    ended it), "stop" (a stop string), "full" (nothing more is allowed) or "budget" (max_new was reached).
    `portable`: every machine gives the same text and numbers; on a `device` but the CPU it is False. `exact` is False
    if a bound, not a proof, struck a token. `undone` names each shaper that left no token. `log_evidence` is an
    estimate by `smc`: how likely the model is to write a text that obeys all constraints. `drafted` is how many tokens
    a draft proposed, and how many of them were drawn.
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
    portable: bool = False
    device: str = "cpu"
    undone: tuple[str, ...] = ()
    log_evidence: float | None = None
    drafted: tuple[int, int] = field(default=(0, 0), compare=False, repr=False)


@dataclass(frozen=True)
class Piece:
    """A stretch of new text of one sample, emitted as soon as it is final."""

    sample: int
    text: str
    completion: Completion | None = None


Decoder = Callable[..., Generator[StepRequest, Any, None]]
"""A strategy: a coroutine over a `Generation` that yields requests, receives `Scores`, and writes the texts.

Three attributes are optional. `rows` is the largest number of rows that it requests (default: one for each text).
`at_once(num)` is how many of `num` texts one generation writes; it raises GenError if the decoder cannot.
`takes_draft` says that it asks for what the generation's draft proposes.
"""

DecoderFactory = Callable[..., Decoder]
"""Makes a decoder from typed, documented parameters, as in `beam,width=8`. No parameter may be named `generation`."""
