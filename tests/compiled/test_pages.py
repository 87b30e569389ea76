"""Pages of keys and values: rows share them until one writes, and none is lost."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gen_engine.compiled.pages import PAGE, PagedRow, Pages, continued


def write(pages, row, start):
    """Put a number for each token behind `start` into the row's pages: its own history, as a hash."""
    told = [] if start == 0 else contents(pages, row, start)
    for place in range(start, row.length):
        told.append(hash((tuple(told), place, id(row))) % 10_000)
        pages.array(row.pages[place // PAGE]).reshape(-1)[place % PAGE] = told[place]
    return told


def contents(pages, row, length):
    found = [pages.array(row.pages[place // PAGE]).reshape(-1)[place % PAGE] for place in range(length)]
    return [int(value) for value in found]


MOVES = st.lists(
    st.lists(st.tuples(st.integers(-1, 5), st.integers(0, 60), st.integers(0, 40)), min_size=1, max_size=6), max_size=8
)


@given(MOVES)
def test_rows_keep_what_they_continue_whatever_others_write(calls):
    pages, rows, texts = Pages(1, 1, 4), [], []
    for call in calls:
        picked = [(parent if parent < len(rows) else -1, keep, new) for parent, keep, new in call]
        kept = [min(keep, rows[parent].length) if parent >= 0 else 0 for parent, keep, _ in picked]
        begun = [texts[parent][:keep] if parent >= 0 else [] for (parent, _, _), keep in zip(picked, kept, strict=True)]
        parents = [rows[parent] if parent >= 0 else None for parent, _, _ in picked]
        rows = continued(pages, parents, kept, [new for _, _, new in picked], rows)
        texts = [write(pages, row, keep) for row, keep in zip(rows, kept, strict=True)]
        assert [text[:keep] for text, keep in zip(texts, kept, strict=True)] == begun
        assert [contents(pages, row, row.length) for row in rows] == texts


@given(MOVES)
def test_no_page_is_lost(calls):
    pages, rows = Pages(1, 1, 4), []
    for call in calls:
        parents = [rows[parent] if 0 <= parent < len(rows) else None for parent, _, _ in call]
        kept = [min(keep, parent.length) if parent else 0 for parent, (_, keep, _) in zip(parents, call, strict=True)]
        rows = continued(pages, parents, kept, [new for _, _, new in call], rows)
        held = {page for row in rows for page in row.pages}
        assert len(held) + len(pages._free) == len(pages.addresses)
    assert continued(pages, [], [], [], rows) == []
    assert len(pages._free) == len(pages.addresses)


def test_a_row_with_one_heir_hands_over_its_pages():
    pages = Pages(2, 2, 16)
    (row,) = continued(pages, [None], [0], [20], [])
    before = list(row.pages)
    (heir,) = continued(pages, [row], [20], [1], [row])
    assert heir.pages == before


def test_pages_are_where_their_addresses_say():
    pages = Pages(3, 2, 20)
    page = pages.take()
    assert pages.array(page).shape == (3, 2, 2, PAGE * 32)
    assert pages.array(page).ctypes.data == pages.addresses[page]
    assert PagedRow().length == 0
    assert np.count_nonzero(pages.array(page)) == 0
