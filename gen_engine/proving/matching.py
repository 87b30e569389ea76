"""Different characters for different places: systems of distinct representatives."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from ..patience import check


def places_for(options: Sequence[int]) -> dict[int, int] | None:
    """Assign each number a place of its own from its options (bits); the number at each place, or None."""
    holds: dict[int, int] = {}

    def settle(number: int, seen: int) -> tuple[bool, int]:
        while open_ := options[number] & ~seen:
            place = (open_ & -open_).bit_length() - 1
            seen |= 1 << place
            found = place not in holds
            if not found:
                found, seen = settle(holds[place], seen)
            if found:
                holds[place] = number
                return True, seen
        return False, seen

    return holds if all(settle(number, 0)[0] for number in range(len(options))) else None


def fill(narrow: Mapping[int, Collection[str]], holds: Mapping[int, str], taken: Collection[str]) -> bool:
    """Whether each `narrow` place can get one of its characters, all different and not taken, given what `holds`.

    A character that is held may move, but stays held: augmenting paths keep all matched vertices on both sides matched
    (Mendelsohn and Dulmage 1958). Places that are not narrow have enough other characters.
    """
    owner = {char: place for place, char in holds.items()}

    def give(place: int, seen: set[str]) -> bool:
        for char in narrow[place]:
            if char not in taken and char not in seen:
                seen.add(char)
                if char not in owner or owner[char] not in narrow or give(owner[char], seen):
                    owner[char] = place
                    return True
        return False

    check()
    return all(give(place, set()) for place in narrow if place not in holds)


def representatives(domains: Sequence[Collection[str]], taken: Collection[str] = ()) -> tuple[str, ...] | None:
    """One character for each domain, all different and none of them taken; None if there is no such choice.

    Augmenting paths (Kuhn 1955, "The Hungarian method"). The time is at most places times characters times places.
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
