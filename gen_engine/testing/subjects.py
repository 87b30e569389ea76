"""The subject on trial: any form of processor, asked symbol by symbol."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from hypothesis import strategies as st

from ..chain import is_constraint
from ..hooks.registry import registry
from ..hooks.specs import build, parse_spec
from ..proving.lifting.promises import offered
from ..proving.rule import as_rule
from ..text.token_sets import Intern, TokenSet
from ..text.vocabulary import Vocabulary
from ..types import Prompt
from . import strategies as some
from .laws import Scene
from .models import LongestMatch, tiny_vocabulary

Over = Literal["auto", "characters", "tokens"]
EXTRA = "éx龘，1\n😀"
"""Characters that a machine is asked about besides those of the vocabulary."""

FEW = 4
"""The most characters of an alphabet if every text is tried."""


@dataclass(frozen=True)
class Subject:
    """A processor on trial: how it is made for a vocabulary, its name, and characters that matter to it.

    `over` says whether it judges characters. If so, tokens of several characters must make no difference.
    """

    make: Callable[[Vocabulary], Any]
    label: str
    alphabet: str = ""
    over: Over = "auto"

    @property
    def sample(self) -> Any:
        """One made for a small vocabulary, to see what it offers."""
        return self.make(tiny_vocabulary("", *(self.alphabet or "春夏，"), end=0))

    @property
    def is_machine(self) -> bool:
        """Whether it is a machine over characters."""
        return hasattr(self.sample, "step")

    @property
    def judges_characters(self) -> bool:
        return self.is_machine or self.over == "characters"

    def offers(self, *names: str) -> bool:
        """Whether it offers all of these optional methods."""
        sample = self.sample
        return all(offered(sample, name) is not None for name in names)


def subject_of(given: Any, alphabet: str = "", over: Over = "auto") -> Subject:
    """Any given object as a subject: a spec as on the command line, a processor, or a function that makes one.

    Such a function has no parameters, or one named `vocabulary`.
    """
    if isinstance(given, Subject):
        return given
    if isinstance(given, str):
        return Subject(lambda vocabulary: _built(given, vocabulary), given, alphabet or _letters(given), over)
    label = getattr(given, "__name__", None) or repr(given)
    if is_processor(given):
        return Subject(lambda vocabulary: copy.deepcopy(given), label, alphabet, over)
    if not callable(given):
        raise TypeError(f"{label} is no processor; give one, its spec, or a function that makes it.")
    known = inspect.signature(given).parameters
    if "vocabulary" in known:
        return Subject(lambda vocabulary: given(vocabulary=vocabulary), label, alphabet, over)
    needed = [name for name, each in known.items() if each.default is each.empty and each.kind not in (2, 4)]
    if needed:
        raise TypeError(f"{label} needs {', '.join(needed)}; give it as lambda: {label}(...).")
    return Subject(lambda vocabulary: given(), label, alphabet, over)


def is_processor(given: Any) -> bool:
    """Whether `given` is a processor itself, not a function that makes one."""
    if isinstance(given, type):
        return False
    if is_constraint(given):
        return True
    if not callable(given):
        return False
    known = inspect.signature(given).parameters.values()
    return len([each for each in known if each.default is each.empty and each.kind in (0, 1)]) == 2


def _built(spec: str, vocabulary: Vocabulary) -> Any:
    return build(spec, registry(), vocabulary).processor


def _letters(spec: str) -> str:
    """The characters that a spec mentions: those beyond ASCII, and those in short parts of its values."""
    read = parse_spec(spec)
    pieces = [piece for value in (read.value or (), *read.options.values()) for piece in value]
    wide = [char for piece in pieces for char in piece if not char.isascii()]
    short = [char for piece in pieces if len(piece) <= 3 for char in piece if not char.isdigit() and char != ":"]
    return "".join(dict.fromkeys([*wide, *short]))


# ------------------------------------------------------------------------------------------------------ worlds


@dataclass(frozen=True)
class World:
    """A vocabulary, a prompt and a budget."""

    vocabulary: Vocabulary
    text: str
    budget: int

    @property
    def prompt(self) -> Prompt:
        return LongestMatch(self.vocabulary, 0, fallback=0).encode(self.text)

    def __str__(self) -> str:
        surfaces = [surface.decode() if self.vocabulary.texts[i] is not None else surface
                    for i, surface in enumerate(self.vocabulary.surfaces)]  # fmt: skip
        return f"over the tokens {surfaces}, prompt {self.text!r}"


@st.composite
def alphabets(draw: st.DrawFn, subject: Subject) -> str:
    """A few characters, including those that matter to the subject."""
    if not subject.alphabet:
        return draw(st.sampled_from(some.ALPHABETS))
    own = draw(st.lists(st.sampled_from(subject.alphabet), min_size=1, max_size=FEW - 1, unique=True))
    more = draw(st.sampled_from(["春夏", "，。", "aé", ""]))
    return "".join(dict.fromkeys([*own, *more]))[:FEW]


@st.composite
def worlds(draw: st.DrawFn, subject: Subject, kinds: Sequence[str] = some.KINDS) -> World:
    """A small world for a subject."""
    vocabulary = draw(some.vocabularies(draw(alphabets(subject)), kinds))
    letters = some.alphabet_of(vocabulary) + subject.alphabet + some.UNKNOWN
    return World(vocabulary, draw(st.text(letters, max_size=3)), draw(some.budgets(vocabulary)))


# ------------------------------------------------------------------------------------------------------- views


class View(Protocol):
    """A rule asked symbol by symbol: characters for a machine, tokens for a constraint."""

    @property
    def rule(self) -> Any: ...

    @property
    def symbols(self) -> Sequence[Any]: ...

    def start(self) -> Any: ...

    def permitted(self, state: Any) -> list[Any]: ...

    def next(self, state: Any, symbol: Any) -> Any: ...

    def accepts(self, state: Any) -> bool: ...


@dataclass(frozen=True)
class Characters:
    """A character machine."""

    rule: Any
    text: str
    symbols: Sequence[str]

    def start(self) -> Any:
        return self.rule.start(self.text)

    def permitted(self, state: Any) -> list[str]:
        return [char for char in self.symbols if self.rule.step(state, char) is not None]

    def next(self, state: Any, symbol: str) -> Any:
        return self.rule.step(state, symbol)

    def accepts(self, state: Any) -> bool:
        return bool(self.rule.accepts(state))


@dataclass(frozen=True)
class Tokens:
    """A constraint over tokens."""

    rule: Any
    prompt: Prompt
    symbols: Sequence[int]

    def start(self) -> Any:
        return self.rule.start(self.prompt)

    def permitted(self, state: Any) -> list[int]:
        if hasattr(self.rule, "cut") and self.rule.cut(state):
            return []
        return [token for token in members(self.rule.allowed(state)) if token in self.symbols]

    def next(self, state: Any, symbol: int) -> Any:
        return self.rule.next(state, symbol)

    def accepts(self, state: Any) -> bool:
        return bool(self.rule.accepts(state))


def members(allowed: Any) -> list[int]:
    """The tokens of a set, or of an array of booleans."""
    array = allowed.to_array() if isinstance(allowed, TokenSet) else np.asarray(allowed, dtype=bool)
    return [int(token) for token in array.nonzero()[0]]


def view_of(subject: Subject, world: World) -> View:
    """A fresh subject in a world."""
    made = subject.make(world.vocabulary)
    if hasattr(made, "step"):
        letters = dict.fromkeys(some.alphabet_of(world.vocabulary) + subject.alphabet[:12] + EXTRA)
        return Characters(made, world.text, tuple(letters))
    return Tokens(made, world.prompt, world.vocabulary.usable)


def lifted(subject: Subject, vocabulary: Vocabulary) -> Any:
    """A fresh subject as a constraint over the tokens of a vocabulary."""
    return as_rule(subject.label, subject.make(vocabulary), vocabulary, Intern()).constraint


def tell(scene: Scene, world: World, view: View, path: Sequence[Any]) -> None:
    """Tell the scene the world and the symbols written so far."""
    if isinstance(view, Characters):
        scene.now = f"prompt {world.text!r}, then {''.join(path)!r}"
    else:
        scene.now = f"{world}, then the tokens {list(path)}"


def walk(scene: Scene, world: World, view: View, start: Any, most: int = 6) -> tuple[list[Any], list[Any]]:
    """A random walk along permitted symbols: the symbols, and one more state than symbols."""
    path: list[Any] = []
    states = [start]
    for _ in range(scene.draw(st.integers(0, most))):
        tell(scene, world, view, path)
        choices = view.permitted(states[-1])
        if not choices:
            break
        path.append(choices[scene.draw(st.integers(0, len(choices) - 1))])
        states.append(view.next(states[-1], path[-1]))
    tell(scene, world, view, path)
    return path, states


def picture(value: Any) -> Hashable:
    """The contents of a value, to see whether it was changed; of a large one, the first parts met.

    Fields of dataclasses that are not compared, or not shown (`repr=False`), count as memories, which may grow.
    """
    return _picture(value, [LARGE])


LARGE = 1000
"""How many parts of a value are compared: a state may hold on to tables that all states share."""


def _picture(value: Any, left: list[int]) -> Hashable:
    left[0] -= 1
    if isinstance(value, str | bytes | int | float | bool | type(None)):
        return value
    if left[0] < 0:
        return type(value).__name__
    if isinstance(value, np.ndarray):
        return value.tobytes(), value.shape
    if isinstance(value, dict):
        return tuple((_picture(key, left), _picture(each, left)) for key, each in list(value.items())[:LARGE])
    if isinstance(value, set | frozenset):
        return len(value), frozenset(_picture(each, left) for each in value) if len(value) < LARGE else None
    if isinstance(value, list | tuple):
        return len(value), tuple(_picture(each, left) for each in value[:LARGE])
    fields = getattr(value, "__dataclass_fields__", None)
    if fields is not None:
        return tuple(
            _picture(getattr(value, name), left) for name, each in fields.items() if each.compare and each.repr
        )
    return type(value).__name__, _picture(getattr(value, "__dict__", None), left)
