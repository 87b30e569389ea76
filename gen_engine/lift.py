"""Character machines lifted to any vocabulary: one token may carry several characters, a character several tokens."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from .promises import Promises, offered, promised_by_machine
from .text import EVERY_CHAR, CharSet, Ranges, Vocabulary, codes_beginning, split_utf8
from .tokensets import REMEMBERED, Intern, Mask, TokenSet, marked
from .types import CharMachine, Prompt

LiftedState = tuple[Any, bytes]
"""The machine's state after the last whole character, and the bytes of a character that is not finished yet."""


@dataclass(frozen=True, eq=False)
class Lifted:
    """A `CharMachine` as a `Constraint`; for vocabularies of single characters the lift is a look-up.

    Law: the same machine over a vocabulary with merged tokens accepts the same texts. Bytes that are no UTF-8 are
    never allowed, and a text never ends within a character.
    """

    machine: CharMachine
    vocabulary: Vocabulary
    intern: Intern = field(default_factory=Intern, repr=False)
    _allowed: dict[Any, TokenSet] = field(default_factory=dict, repr=False)
    _bases: dict[Any, tuple[Mask, Any]] = field(default_factory=dict, repr=False)
    _completable: dict[LiftedState, bool] = field(default_factory=dict, repr=False)
    _printed: dict[tuple[Any, ...], tuple[Mask, Any]] = field(default_factory=dict, repr=False)

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
        """Whether `token` is allowed, without working out the whole set."""
        return self.after(state, token) is not None

    def after(self, state: LiftedState, token: int) -> LiftedState | None:
        """The state after `token`, or None where it is forbidden."""
        inner, pending = state
        text = self.vocabulary.texts[token]
        if text and not pending and len(text) == 1:
            inner = self.machine.step(inner, text)
            return None if inner is None else (inner, b"")
        if pending or text is None:
            split = split_utf8(pending + self.vocabulary.surfaces[token])
            if split is None:
                return None
            text, pending = split
        for char in text:
            inner = self.machine.step(inner, char)
            if inner is None:
                return None
        return None if pending and not self._is_completable((inner, pending)) else (inner, pending)

    def _is_completable(self, state: LiftedState) -> bool:
        """Whether a character that begins with the pending bytes may follow: their other bytes may be far to seek."""
        found = self._completable.get(state)
        if found is None:
            if len(self._completable) > REMEMBERED:
                self._completable.clear()
            inner, pending = state
            machine_set = offered(self.machine, "allowed")
            if machine_set is not None:
                found = machine_set(inner).has_beginning(pending)
            else:
                codes, step = codes_beginning(pending), self.machine.step
                found = len(codes) > REMEMBERED or any(step(inner, chr(code)) is not None for code in codes)
            self._completable[state] = found
        return found

    def allowed(self, state: LiftedState, *, single: bool = False) -> TokenSet:
        """All tokens that may follow, [vocab]; if only those of `single` characters are asked for, others may lack."""
        machine_set = offered(self.machine, "allowed")
        if machine_set is not None and not state[1] and (single or self._is_plain):
            return self._from_chars(machine_set(state[0]))
        found = self._allowed.get(state)
        if found is None:
            if len(self._allowed) > REMEMBERED:
                self._allowed.clear()
            found = self._allowed[state] = self._work_out(state)
        return found

    @cached_property
    def _is_plain(self) -> bool:
        """Whether every usable token prints one whole character or nothing."""
        return not self.vocabulary.merged and not self.vocabulary.partial

    def _work_out(self, state: LiftedState) -> TokenSet:
        if state[1]:
            array = marked(self.vocabulary.silent, len(self.vocabulary))
        else:
            array = self._from_chars(self._char_set(state[0])).to_array().copy()
            if offered(self.machine, "kind") is not None:
                self._ask_for_each_kind(state, array)
            else:
                self._walk(self._trie, state[0], array)
        for token in self.vocabulary.partial:
            array[token] = self.after(state, token) is not None
        return TokenSet(self.intern.mask(array))

    def _ask_for_each_kind(self, state: LiftedState, array: np.ndarray) -> None:
        """Mark the merged tokens that may follow: one of each kind stands for those that the state does not mention."""
        mentioned = set(self.mentions(state))
        for tokens, members in self._merged_alike:
            fresh = next((token for token in tokens if token not in mentioned), None)
            array[members] = fresh is not None and self.after(state, fresh) is not None
        for token in mentioned.intersection(self._merged):
            array[token] = self.after(state, token) is not None

    @cached_property
    def _merged(self) -> frozenset[int]:
        return frozenset(self.vocabulary.merged)

    @cached_property
    def _merged_alike(self) -> list[tuple[list[int], np.ndarray]]:
        """Merged tokens whose characters are of the same kinds and repeat at the same places."""
        kind = offered(self.machine, "kind")
        assert kind is not None
        alike: dict[Hashable, list[int]] = {}
        for token in self.vocabulary.merged:
            text = self.vocabulary.texts[token] or ""
            key = tuple((kind(char), text.index(char)) for char in text)
            alike.setdefault(key, []).append(token)
        return [(tokens, np.array(tokens)) for tokens in alike.values()]

    def _char_set(self, inner: Any) -> CharSet:
        machine_set = offered(self.machine, "allowed")
        if machine_set is not None:
            return machine_set(inner)  # type: ignore[no-any-return]
        step = self.machine.step
        return CharSet(frozenset(char for char in self.vocabulary.singles if step(inner, char) is not None))

    def _walk(self, trie: dict[Any, Any], inner: Any, array: np.ndarray) -> None:
        for char, child in trie.items():
            if char is None:
                array[list(child)] = True
                continue
            after = self.machine.step(inner, char)
            if after is not None:
                self._walk(child, after, array)

    @cached_property
    def _trie(self) -> dict[Any, Any]:
        """Merged tokens by their characters; the tokens that end at a node stand under None."""
        root: dict[Any, Any] = {}
        for token in self.vocabulary.merged:
            node = root
            for char in self.vocabulary.texts[token] or "":
                node = node.setdefault(char, {})
            node.setdefault(None, []).append(token)
        return root

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
        key = _key_of(chars.kind), chars.inverted  # comparing large sets would take longer than a new mask
        if key not in self._bases:
            if len(self._bases) > REMEMBERED:
                self._bases.clear()
            array = self._chars_of(chars.kind)
            if chars.inverted:
                array = (self.vocabulary.codes >= 0) & ~array
            array[list(self.vocabulary.silent)] = True
            self._bases[key] = self.intern.mask(array), chars.kind  # kept, so that its id stays its own
        return self._bases[key][0]

    def _chars_of(self, kind: str | frozenset[str] | Ranges | None) -> np.ndarray:
        """The tokens that print one character of a kind, [vocab]."""
        if kind is None:
            return self.vocabulary.codes >= 0
        if isinstance(kind, Ranges):
            return self.vocabulary.in_ranges(kind)
        if isinstance(kind, str):
            return self.vocabulary.in_class(kind).copy()
        singles = self.vocabulary.singles
        mine = kind if len(kind) < len(singles) else kind.intersection(singles)
        return marked((token for char in mine for token in singles.get(char, ())), len(self.vocabulary))

    # ------------------------------------------------------------------------------------------ for the prover

    @cached_property
    def promises(self) -> Promises:
        """What the machine says of itself, in tokens."""
        return promised_by_machine(
            self.machine,
            self.vocabulary,
            kinds=None if offered(self.machine, "kind") is None else self.kinds,
            mentions=self.mentions if self.singles_out else None,
            moves=self.moves if self.has_moves else None,
            permits=self.permits,
        )

    def kinds(self) -> list[Hashable] | None:
        """What makes tokens behave alike, one key for each token; None if the machine does not say."""
        kind = offered(self.machine, "kind")
        if kind is None:
            return None
        if self._is_plain:
            return [(kind(text),) if text and len(text) == 1 else () for text in self.vocabulary.texts]
        known: dict[str, Hashable] = {char: kind(char) for text in self.vocabulary.texts for char in text or ""}
        lonely = {token for token, text in enumerate(self.vocabulary.texts) if self._is_lonely(text)}
        texts = enumerate(self.vocabulary.texts)
        return [token if token in lonely else tuple(known[char] for char in text or "") for token, text in texts]

    def _is_lonely(self, text: str | None) -> bool:
        """Whether a token behaves like no other: parts of characters, and what shares characters that a state may
        single out with merged tokens (renaming one character would rename several tokens)."""
        if text is None:
            return True
        if not text or not self.singles_out:
            return False
        vocabulary = self.vocabulary
        shared = len(text) > 1 or len(vocabulary.carriers[text]) > len(vocabulary.singles[text])
        return bool(vocabulary.partial) or shared

    def mentions(self, state: LiftedState) -> Iterable[int]:
        """The tokens that the state singles out."""
        mentioned = offered(self.machine, "mentions")
        if mentioned is None:
            return ()
        carriers = self.vocabulary.carriers
        return {token for char in mentioned(state[0]) for token in carriers.get(char, ())}

    @property
    def singles_out(self) -> bool:
        """Whether states may mention characters at all."""
        return offered(self.machine, "mentions") is not None

    @cached_property
    def has_moves(self) -> bool:
        """Whether `moves` answers: where no token prints a part of a character."""
        return offered(self.machine, "moves") is not None and not self.vocabulary.partial

    def moves(self, state: LiftedState) -> list[tuple[Mask, LiftedState]]:
        """Disjoint sets of tokens, each with the state that follows; together they are what is permitted."""
        machine_moves = offered(self.machine, "moves")
        assert machine_moves is not None
        found = [(self._printing(chars), (after, b"")) for chars, after in machine_moves(state[0])]
        if self.vocabulary.silent:
            found.append((self._silent, state))
        if self.vocabulary.merged:
            ends: dict[Any, list[int]] = {}
            self._follow(self._trie, state[0], ends)
            found += [(self._mask_of(tokens), (after, b"")) for after, tokens in ends.items()]
        return found

    def _follow(self, trie: dict[Any, Any], inner: Any, ends: dict[Any, list[int]]) -> None:
        """The merged tokens that may follow, by the state they lead to."""
        for char, child in trie.items():
            if char is None:
                ends.setdefault(inner, []).extend(child)
                continue
            after = self.machine.step(inner, char)
            if after is not None:
                self._follow(child, after, ends)

    def _mask_of(self, tokens: Iterable[int]) -> Mask:
        return self.intern.mask(marked(tokens, len(self.vocabulary)))

    @cached_property
    def _silent(self) -> Mask:
        return self._mask_of(self.vocabulary.silent)

    def _printing(self, chars: CharSet) -> Mask:
        """The tokens that print one of these characters."""
        key = _key_of(chars.kind), chars.inverted, chars.minus, chars.plus
        known = self._printed.get(key)
        if known is not None:
            return known[0]
        if len(self._printed) > REMEMBERED:
            self._printed.clear()
        plain = isinstance(chars.kind, frozenset) and not (chars.inverted or chars.minus or chars.plus)
        array = self._chars_of(chars.kind) if plain else self._from_chars(chars).to_array() & ~self._silent.array
        # The set is kept beside the mask: an id is only unique while its object lives.
        self._printed[key] = found, _ = self.intern.mask(array), chars.kind
        return found


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
