"""Character machines lifted to any vocabulary: one token may carry several characters, a character several tokens."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from ...memory import Memory, remembered
from ...text.char_sets import EVERY_CHAR, CharSet, Ranges, codes_beginning
from ...text.sparse import Sparse
from ...text.token_sets import REMEMBERED, Intern, Mask, TokenSet, marked
from ...text.vocabulary import Vocabulary, split_utf8
from ...types import CharMachine, Prompt
from .narrowing import Narrowing
from .promises import Promises, offered, promised_by_machine
from .walks import Landings, Walker, kind_trie

LiftedState = tuple[Any, bytes]
"""The machine's state after the last whole character, and the bytes of an unfinished character."""


@dataclass(frozen=True, eq=False)
class Lifted:
    """A `CharMachine` as a `Constraint`; for vocabularies of single characters the lift is a look-up.

    Law: the same machine over a vocabulary with merged tokens accepts the same texts. Bytes that are not valid UTF-8
    are never allowed, and a text never ends within a character.
    """

    machine: CharMachine
    vocabulary: Vocabulary
    intern: Intern = field(default_factory=Intern, repr=False)
    _allowed: Memory[Any, TokenSet] = remembered(REMEMBERED)
    _bases: Memory[Any, tuple[Mask, Any]] = remembered(REMEMBERED)
    _completable: Memory[LiftedState, bool] = remembered(REMEMBERED)
    _printed: Memory[tuple[Any, ...], tuple[Mask, Any]] = remembered(REMEMBERED)
    _sampled: Memory[bytes, list[str]] = remembered(REMEMBERED)
    _few: Memory[bytes, Mask] = remembered(REMEMBERED)

    def start(self, prompt: Prompt) -> LiftedState:
        spelt = None if getattr(self.machine, "as_typed", False) else prompt.spelt
        return self.machine.start(prompt.text if spelt is None else spelt), b""

    def accepts(self, state: LiftedState) -> bool:
        return not state[1] and self.machine.accepts(state[0])

    def next(self, state: LiftedState, token: int) -> LiftedState:
        """The state after `token`; ValueError if it is not allowed."""
        after = self.after(state, token)
        if after is None:
            raise ValueError(f"token {token} is not allowed here")
        return after

    def permits(self, state: LiftedState, token: int) -> bool:
        """Whether `token` is allowed, without computing the whole set."""
        return self.after(state, token) is not None

    def after(self, state: LiftedState, token: int) -> LiftedState | None:
        """The state after `token`, or None if it is forbidden."""
        inner, pending = state
        text = self._texts[token]
        if text and not pending and len(text) == 1:
            inner = self._step(inner, text)
            return None if inner is None else (inner, b"")
        if pending or text is None:
            split = split_utf8(pending + self.vocabulary.surfaces[token])
            if split is None:
                return None
            text, pending = split
        for char in text:
            inner = self._step(inner, char)
            if inner is None:
                return None
        return None if pending and not self._is_completable((inner, pending)) else (inner, pending)

    @cached_property
    def _step(self) -> Callable[[Any, str], Any]:
        return self.machine.step

    @cached_property
    def _texts(self) -> tuple[str | None, ...]:
        return self.vocabulary.texts

    def _is_completable(self, state: LiftedState) -> bool:
        """Whether some character that begins with the pending bytes may follow; its other bytes may be hard to find."""
        found = self._completable.get(state)
        if found is None:
            found = self._completable.put(state, self._may_begin(*state))
        return found

    def _may_begin(self, inner: Any, pending: bytes) -> bool:
        machine_set, machine_moves = offered(self.machine, "allowed"), offered(self.machine, "transitions")
        if machine_set is not None:
            return bool(machine_set(inner).has_beginning(pending))
        if machine_moves is not None:
            return any(chars.has_beginning(pending) for chars, _ in machine_moves(inner))
        codes = codes_beginning(pending)
        if len(codes) > REMEMBERED:
            return True
        chars = map(chr, codes) if self._kind is None or self.singles_out else self._samples(pending)
        return any(self.machine.step(inner, char) is not None for char in chars)

    def _samples(self, pending: bytes) -> list[str]:
        """One character of each kind among those that begin with these bytes; remembered."""
        found = self._sampled.get(pending)
        if found is None:
            assert self._kind is not None
            kinds = {self._kind(chr(code)): chr(code) for code in reversed(codes_beginning(pending))}
            found = self._sampled.put(pending, list(kinds.values()))
        return found

    @cached_property
    def _kind(self) -> Callable[[str], Any] | None:
        return offered(self.machine, "kind")

    def allowed(self, state: LiftedState, *, single: bool = False) -> TokenSet:
        """All tokens that may follow, [vocab]; with `single`, tokens of several characters may be missing."""
        if self._set is not None and not state[1] and (single or self._is_plain):
            return self._from_chars(self._set(state[0]))
        if self.narrows and not state[1]:
            return self.narrowed(state, TokenSet(Mask(self.vocabulary.is_usable)))
        found = self._allowed.get(state)
        if found is None:
            found = self._allowed.put(state, self._work_out(state))
        return found

    def forbids_nothing(self, state: LiftedState) -> bool:
        """Whether it is certain at once that all usable tokens may follow."""
        return self._set is not None and self._is_plain and self._set(state[0]) is EVERY_CHAR

    @cached_property
    def _set(self) -> Callable[[Any], CharSet] | None:
        return offered(self.machine, "allowed")

    @cached_property
    def _is_plain(self) -> bool:
        """Whether every usable token prints one whole character or nothing."""
        return not self.vocabulary.has_merged and not self.vocabulary.partial

    def _work_out(self, state: LiftedState) -> TokenSet:
        inner, pending = state
        if pending:
            array = marked(self.vocabulary.silent, len(self.vocabulary))
        else:
            ends = self._walker.ends(inner, self.vocabulary.longest)
            array = self.vocabulary.is_usable & (ends >= 0).take(self._walker.trie.nodes)
        self._mark_parts(state, array)
        return TokenSet(self.intern.mask(array))

    @cached_property
    def _walker(self) -> Walker:
        trie = kind_trie(self.vocabulary.arrays, None if self.singles_out else self._kind)
        return Walker(self.machine.step, offered(self.machine, "transitions"), trie)

    def _mark_parts(self, state: LiftedState, array: np.ndarray) -> None:
        """Mark the tokens for parts of characters that may follow."""
        inner, pending = state
        machine_set = offered(self.machine, "allowed")
        tokens: Iterable[int] = self.vocabulary.partial
        if not pending:
            lone, tokens = self._beginnings
            if machine_set is not None and machine_set(inner).has_every_beginning:
                array[lone] = True
            else:
                tokens = (*lone, *tokens)
        for token in tokens:
            array[token] = self.after(state, token) is not None

    @cached_property
    def _beginnings(self) -> tuple[list[int], list[int]]:
        """The tokens that print only the beginning of a character, and those that print other characters before it."""
        split = ((token, split_utf8(self.vocabulary.surfaces[token])) for token in self.vocabulary.partial)
        found = [(token, parts) for token, parts in split if parts is not None]
        return [token for token, parts in found if not parts[0]], [token for token, parts in found if parts[0]]

    # ----------------------------------------------------------------------------------- rules that mention characters

    @cached_property
    def narrows(self) -> bool:
        """Whether states mention characters that tokens carry among others; then callers should use `narrowed`."""
        return not self._is_plain and self.singles_out and self._kind is not None

    def narrowed(self, state: LiftedState, among: TokenSet) -> TokenSet:
        """The tokens in `among` that may follow. The set is not remembered: it differs for each history."""
        if state[1]:
            return self.intern.meet([among, self.allowed(state)])
        found = self._narrowing.among(state[0], among)
        if self.vocabulary.partial:
            self._mark_parts(state, found)
            found &= among.to_array()
        return TokenSet(Mask(found))

    @cached_property
    def _narrowing(self) -> Narrowing:
        assert self._kind is not None
        permits = self.permits
        return Narrowing(self.machine, self._kind, self.vocabulary, lambda inner, token: permits((inner, b""), token))

    def _from_chars(self, chars: CharSet) -> TokenSet:
        if chars.minus and not chars.plus and chars.kind is None and not chars.inverted:
            singles = self.vocabulary.singles
            return TokenSet(self._base(chars), tuple([t for char in chars.minus for t in singles.get(char, ())]))
        if chars.minus or chars.plus:
            singles = self.vocabulary.singles
            minus = {token for char in chars.minus - chars.plus for token in singles.get(char, ())}
            plus = {token for char in chars.plus for token in singles.get(char, ())}
            mask = self._base(chars)
            return TokenSet(
                mask,
                tuple(token for token in minus if mask.array[token]),
                tuple(token for token in plus if not mask.array[token]),
            )
        return TokenSet(self._base(chars))

    def _base(self, chars: CharSet) -> Mask:
        key = _key_of(chars.kind), chars.inverted  # comparing large sets would take longer than making a new mask
        found = self._bases.get(key)
        if found is None:
            array = self._chars_of(chars.kind)
            if chars.inverted:
                array = (self.vocabulary.codes >= 0) & ~array
            array[list(self.vocabulary.silent)] = True
            found = self._bases.put(key, (self.intern.mask(array), chars.kind))  # keeps `kind` alive: its id is the key
        return found[0]

    def _chars_of(self, kind: str | frozenset[str] | Ranges | None) -> np.ndarray:
        """The tokens that print one character of a kind, [vocab]."""
        if kind is None:
            return self.vocabulary.codes >= 0
        if isinstance(kind, Ranges):
            return self.vocabulary.in_ranges(kind)
        if isinstance(kind, str):
            return self.vocabulary.in_class(kind).copy()
        found = np.zeros(len(self.vocabulary), dtype=bool)
        found[self.vocabulary.arrays.printing(kind)] = True
        return found

    # ------------------------------------------------------------------------------------------ for the prover

    @cached_property
    def promises(self) -> Promises:
        """What the machine promises, in tokens."""
        return promised_by_machine(
            self.machine,
            self.vocabulary,
            kinds=None if offered(self.machine, "kind") is None else self.kinds,
            mentions=self.mentions if self.singles_out else None,
            transitions=self.transitions if self.has_moves else None,
            permits=self.permits,
        )

    def kinds(self) -> np.ndarray | None:
        """Keys by which tokens behave alike, one for each token, [vocab]; None if the machine does not say.

        A token has a key of its own if it prints parts of characters. So does a token that shares a character with
        merged tokens, if states may single out that character (renaming it would rename several tokens).
        """
        if self._kind is None:
            return None
        arrays = self.vocabulary.arrays
        trie = kind_trie(arrays, self._kind) if self.singles_out else self._walker.trie
        lonely = arrays.lengths < 0
        if self.singles_out and not self._is_plain:
            counts = np.append(np.diff(arrays.starts), 0)
            alone = counts[arrays.single] == np.append(np.bincount(arrays.single + 1)[1:], 0)[arrays.single]
            lonely |= (arrays.lengths > 0) & (bool(self.vocabulary.partial) | (arrays.lengths > 1) | ~alone)
        return np.where(lonely, len(trie) + 1 + np.arange(len(lonely)), trie.nodes)

    def mentions(self, state: LiftedState) -> Iterable[int]:
        """The tokens that the state singles out."""
        mentioned = offered(self.machine, "mentions")
        if mentioned is None:
            return ()
        carrying = self.vocabulary.arrays.carrying
        return {token for char in mentioned(state[0]) for token in carrying(char).tolist()}

    @property
    def singles_out(self) -> bool:
        """Whether states may mention characters at all."""
        return offered(self.machine, "mentions") is not None

    @cached_property
    def has_moves(self) -> bool:
        """Whether `transitions` answers: the machine has it, or tokens of several characters are grouped by kind."""
        by_kind = self._kind is not None and not self.singles_out and not self._is_plain
        return by_kind or offered(self.machine, "transitions") is not None

    def transitions(self, state: LiftedState, *, single: bool = False) -> list[tuple[Mask, LiftedState]]:
        """Disjoint sets of usable tokens, each with the next state; together they are what is permitted.

        Tokens that print parts of characters are left out. With `single`, so are all that do not print one character.
        """
        found: list[tuple[Mask, LiftedState]] = []
        machine_moves = offered(self.machine, "transitions")
        if machine_moves is not None and (single or self._is_plain) and not state[1]:
            found = [(self._printing(chars), (after, b"")) for chars, after in machine_moves(state[0])]
        elif not state[1]:
            found = list(self._by_end(state[0], single))
        return [*found, (self._silent, state)] if self.vocabulary.silent and not single else found

    def _by_end(self, inner: Any, single: bool) -> Iterator[tuple[Mask, LiftedState]]:
        """The tokens of whole characters that may follow, grouped by the state they lead to, in the trie's order."""
        landings = self._landings[single]
        ends = self._walker.ends(inner, 1 if single else self.vocabulary.longest)[landings.nodes]
        for mask, end in landings.parted(ends):
            yield mask, (self._walker.states[end], b"")

    @cached_property
    def _landings(self) -> tuple[Landings, Landings]:
        """Where tokens of whole characters end in the trie, and where tokens of one character do."""
        lengths, nodes = self.vocabulary.arrays.lengths, self._walker.trie.nodes
        usable = self.vocabulary.is_usable
        several, single = ((usable & which).nonzero()[0] for which in (lengths > 0, lengths == 1))
        return Landings.of(several, nodes, self._mask_of), Landings.of(single, nodes, self._mask_of)

    def _mask_of(self, tokens: Sequence[int] | np.ndarray) -> Mask:
        array = np.zeros(len(self.vocabulary), dtype=bool)
        array[np.asarray(tokens, dtype=np.int64)] = True
        return self.intern.mask(array)

    @cached_property
    def _silent(self) -> Mask:
        return self._mask_of(self.vocabulary.silent)

    def _printing(self, chars: CharSet) -> Mask:
        """The tokens that print one of these characters."""
        key = _key_of(chars.kind), chars.inverted, chars.minus, chars.plus
        known = self._printed.get(key)
        if known is not None:
            return known[0]
        if isinstance(chars.kind, frozenset) and not (chars.inverted or chars.minus or chars.plus):
            mask = self._sparse(chars.kind)
        else:
            array = self._from_chars(chars).to_array() & ~self._silent.array
            mask = self.intern.mask(array & self.vocabulary.is_usable)
        # The set is stored with the mask: an id is only unique while its object lives.
        return self._printed.put(key, (mask, chars.kind))[0]

    def _sparse(self, chars: frozenset[str]) -> Mask:
        """The tokens that print one of these characters, in a form that is cheap to count."""
        tokens = self.vocabulary.arrays.printing(chars)
        tokens = np.sort(tokens[self.vocabulary.is_usable[tokens]])
        if self._is_plain:
            return self._mask_of(tokens)
        key = tokens.tobytes()
        return self._few.get(key) or self._few.put(key, Sparse(tokens, len(self.vocabulary)))


def _key_of(kind: str | frozenset[str] | Ranges | None) -> str | int:
    return kind if isinstance(kind, str) else id(kind)


@dataclass(frozen=True)
class AnyText:
    """The machine that forbids nothing; lifted, it is the rule that a text is valid UTF-8."""

    def start(self, text: str) -> int:
        return 0

    def step(self, state: int, char: str) -> int | None:
        return 0

    def accepts(self, state: int) -> bool:
        return True

    def allowed(self, state: int) -> CharSet:
        return EVERY_CHAR

    def kind(self, char: str) -> None:
        return None

    def transitions(self, state: int) -> list[tuple[CharSet, int]]:
        """Any character, and the one state."""
        return [(EVERY_CHAR, 0)]
