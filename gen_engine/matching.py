"""Different characters for different places: systems of distinct representatives."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from .patience import check


def representatives(domains: Sequence[Collection[str]], taken: Collection[str] = ()) -> tuple[str, ...] | None:
    """One character for each domain, all different and none of them taken; None if there is no such choice.

    Augmenting paths (Kuhn 1955, "The Hungarian method"); the time is places times characters times places at most.
    """
    owner: dict[str, int] = {}

    def place(number: int, seen: set[str]) -> bool:
        for char in domains[number]:
            if char in taken or char in seen:
                continue
            seen.add(char)
            if char not in owner or place(owner[char], seen):
                owner[char] = number
                return True
        return False

    for number in sorted(range(len(domains)), key=lambda number: len(domains[number])):
        check()
        if not place(number, set()):
            return None
    found = {number: char for char, number in owner.items()}
    return tuple(found[number] for number in range(len(domains)))
