"""What a character machine says of its states, held against single steps over a small alphabet."""

import itertools
import math


def texts(alphabet, longest):
    """Every text over the alphabet, the shortest first."""
    return ["".join(found) for n in range(longest + 1) for found in itertools.product(alphabet, repeat=n)]


def after(machine, new, prompt=""):
    """The state after some new text, None where it is forbidden."""
    state = machine.start(prompt)
    for char in new:
        state = machine.step(state, char)
        if state is None:
            return None
    return state


def language(machine, alphabet, longest, prompt=""):
    """The texts that may be written."""
    ends = ((new, after(machine, new, prompt)) for new in texts(alphabet, longest))
    return [new for new, state in ends if state is not None and machine.accepts(state)]


def states(machine, alphabet, longest, prompt=""):
    """The states that permitted texts lead to."""
    found = (after(machine, new, prompt) for new in texts(alphabet, longest))
    return {state for state in found if state is not None}


def moved(machine, state, char):
    """Where the moves of a state lead with a character, in a list: one state, or none if it is forbidden."""
    return [there for chars, there in machine.transitions(state) if char in chars]


def stepped(machine, state, char):
    """The same by a single step."""
    there = machine.step(state, char)
    return [] if there is None else [there]


def distance(machine, state, alphabet, longest):
    """The fewest characters to the end, None if there are more than `longest`."""
    here = {state}
    for count in range(longest + 1):
        if any(map(machine.accepts, here)):
            return count
        here = {there for each in here for char in alphabet for there in stepped(machine, each, char)}
    return None


def extent(machine, state, alphabet, longest):
    """The most characters that may follow, infinitely many if there may be more than `longest`."""
    here, count = {state}, 0
    while here and count <= longest:
        here = {there for each in here for char in alphabet for there in stepped(machine, each, char)}
        count += 1
    return math.inf if here else count - 1
