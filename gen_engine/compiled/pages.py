"""Keys and values of rows, in pages of 16 tokens that rows share until one of them writes.

The layout of a page is in `source/transformer.h`. Kwon et al. (2023), "Efficient memory management for large language
model serving with PagedAttention".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from .arithmetic import LANES, Array

PAGE = 16
"""Tokens in a page; `PAGE` of `source/types.h`."""

CHUNK = 1 << 22
"""Bytes of pages that are allocated at a time, at least one page."""


@dataclass(eq=False)
class Pages:
    """Pages of keys and values of a model; a page is float32 [layers, heads, 2, 16 * width].

    `width` is that of a head, padded to whole lanes. `addresses[page]` is where a page begins.
    """

    layers: int
    heads: int
    width: int
    addresses: list[int] = field(default_factory=list)
    _arrays: list[Array] = field(default_factory=list, repr=False)
    _uses: list[int] = field(default_factory=list, repr=False)
    _free: list[int] = field(default_factory=list, repr=False)

    @property
    def size(self) -> int:
        """The numbers of one page."""
        return self.layers * self.heads * 2 * PAGE * (-(-self.width // LANES) * LANES)

    def take(self) -> int:
        """A page for one row; its content is arbitrary."""
        if not self._free:
            count = max(1, CHUNK // (4 * self.size))
            chunk = np.zeros(
                (count, self.layers, self.heads, 2, self.size // (self.layers * self.heads * 2)), np.float32
            )
            self._free += range(len(self.addresses) + count - 1, len(self.addresses) - 1, -1)
            self.addresses += (chunk.ctypes.data + np.arange(count) * (4 * self.size)).tolist()
            self._arrays.extend(chunk)
            self._uses += [0] * count
        page = self._free.pop()
        self._uses[page] = 1
        return page

    def share(self, pages: Sequence[int]) -> None:
        """One more row reads these pages."""
        for page in pages:
            self._uses[page] += 1

    def drop(self, pages: Sequence[int]) -> None:
        """One row less reads these pages."""
        for page in pages:
            self._uses[page] -= 1
            if not self._uses[page]:
                self._free.append(page)

    def own(self, page: int) -> int:
        """A page with the content of `page` that no other row reads: itself, or a copy."""
        if self._uses[page] == 1:
            return page
        copy = self.take()
        self._arrays[copy][:] = self._arrays[page]
        self._uses[page] -= 1
        return copy

    def array(self, page: int) -> Array:
        """The numbers of a page [layers, heads, 2, 16 * width]."""
        return self._arrays[page]


@dataclass(eq=False)
class PagedRow:
    """The keys and values of one row: its pages, and how many tokens they hold."""

    pages: list[int] = field(default_factory=list)
    length: int = 0


def continued(
    store: Pages, parents: Sequence[PagedRow | None], kept: Sequence[int], new: Sequence[int], old: Sequence[PagedRow]
) -> list[PagedRow]:
    """Rows that continue `parents` cut to `kept` tokens, with pages for `new` more. The rows `old` are given up.

    A row that one row continues hands over its pages. Several share the full ones; each then gets a page of its own to
    write to.
    """
    children: dict[PagedRow, int] = {}
    for parent in parents:
        if parent is not None:
            children[parent] = children.get(parent, 0) + 1
    rows: list[PagedRow] = []
    given: set[PagedRow] = set()
    for parent, keep in zip(parents, kept, strict=True):
        if parent is not None and children[parent] == 1:
            given.add(parent)
            used = -(-keep // PAGE)
            if len(parent.pages) > used:
                store.drop(parent.pages[used:])
                del parent.pages[used:]
            parent.length = keep
            rows.append(parent)
        else:
            pages = parent.pages[: -(-keep // PAGE)] if parent is not None else []
            store.share(pages)
            rows.append(PagedRow(list(pages), keep))
    for row in old:
        if row not in given:
            store.drop(row.pages)
    for row, count in zip(rows, new, strict=True):
        if row.length % PAGE and count:
            row.pages[-1] = store.own(row.pages[-1])
        row.length += count
        while len(row.pages) * PAGE < row.length:
            row.pages.append(store.take())
    return rows
