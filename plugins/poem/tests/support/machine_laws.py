"""Laws that a machine over characters keeps, checked by trying every text of a tiny alphabet."""

import itertools

from hypothesis import HealthCheck, settings

from gen_engine.engine import Engine
from gen_engine.errors import ConflictError, GenError
from gen_engine.testing.models import table_model

ODD = "鬱a7 \n—(%"


def examples(count):
    """Always the same `count` cases."""
    health = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
    return settings(deadline=None, max_examples=count, derandomize=True, database=None, suppress_health_check=health)


def texts(alphabet, longest):
    """Every text of at most so many characters."""
    for length in range(longest + 1):
        yield from map("".join, itertools.product(alphabet, repeat=length))


def state_after(machine, text, prompt=""):
    """The state after `prompt` and `text`, None if the machine forbids it; a refused prompt is forbidden."""
    try:
        state = machine.start(prompt)
    except GenError:
        return None
    for char in text:
        state = machine.step(state, char)
        if state is None:
            return None
    return state


def states(machine, alphabet, longest):
    """Every state that texts of at most so many characters lead to, and one text that does."""
    found = {machine.start(""): ""}
    waiting = list(found.items())
    while waiting:
        state, text = waiting.pop(0)
        for char in alphabet if len(text) < longest else ():
            after = machine.step(state, char)
            if after is not None and after not in found:
                found[after] = text + char
                waiting.append((after, text + char))
    return found


def accepted(machine, alphabet, longest):
    """Every text of at most so many characters that the machine accepts; as a prompt each leads to the same state."""
    found = set()
    waiting = [("", machine.start(""))]
    while waiting:
        text, state = waiting.pop()
        assert machine.start(text) == state
        found |= {text} if machine.accepts(state) else set()
        after = ((text + char, machine.step(state, char)) for char in alphabet if len(text) < longest)
        waiting += [(longer, there) for longer, there in after if there is not None]
    return found


def check_answers(machine, alphabet, longest):
    """`allowed`, `transitions` and `kind` say what `step` does, in every state, also of characters from elsewhere."""
    chars = dict.fromkeys(alphabet + ODD)
    for state in states(machine, alphabet, longest):
        after = {char: machine.step(state, char) for char in chars}
        assert {char for char in chars if char in machine.allowed(state)} == {c for c in chars if after[c] is not None}
        if hasattr(machine, "transitions"):
            moves = machine.transitions(state)
            assert all(
                [there for chosen, there in moves if c in chosen] == [t] * (t is not None) for c, t in after.items()
            )
        mentioned = set(machine.mentions(state)) if hasattr(machine, "mentions") else set()
        alike = {}
        for char in chars:
            outcome = after[char] is not None if hasattr(machine, "mentions") else after[char]
            if char not in mentioned:
                assert alike.setdefault(machine.kind(char), outcome) == outcome
        assert isinstance(machine.describe_next(state), str)


def distances(machine, alphabet, longest):
    """For each reachable state how many characters of the alphabet it is from acceptance (None: further than seen)."""
    found = states(machine, alphabet, longest)
    far = {state: 0 if machine.accepts(state) else None for state in found}
    for _ in range(longest + 1):
        for state in found:
            steps = [far.get(machine.step(state, char)) for char in alphabet]
            near = min((step + 1 for step in steps if step is not None), default=None)
            if near is not None and (far[state] is None or near < far[state]):
                far[state] = near
    return far


def check_least(machine, alphabet, longest, *, slack=0):
    """`least` never says too much, and too little by `slack` at most."""
    for state, distance in distances(machine, alphabet, longest).items():
        assert distance is None or 0 <= distance - machine.min_remaining(state) <= slack


def check_spent(machine, alphabet, longest, fresh):
    """Behind a state that promises it, new characters that all differ are never forbidden, and any of them may end."""
    for state in states(machine, alphabet, longest):
        spent = machine.only_forbids_repeats_of(state)
        spared = [char for char in alphabet if hasattr(machine, "never_forbids") and machine.never_forbids(char)]
        for char in itertools.islice((c for c in (*fresh, *spared) if c not in (spent or ())), 9 * (spent is not None)):
            assert machine.accepts(state)
            state = machine.step(state, char)
            assert state is not None
        assert spent is None or machine.accepts(state)


def generated(machine, surfaces, budget, *, prompt="", seed=0, num=8):
    """Texts written by a tiny model under the machine, or none if it proves that there is no text."""
    engine = Engine(table_model("", *surfaces, salt=seed))
    try:
        done = engine.generate(prompt, processors=[machine], num=num, seed=seed, max_new=budget)
    except ConflictError:
        return None
    return {each.text for each in done}


def possible(surfaces, budget, is_right, prompt=""):
    """Every right text of at most so many tokens."""
    rows = (row for count in range(budget + 1) for row in itertools.product(surfaces, repeat=count))
    return {text for row in rows if is_right(text := prompt + "".join(row))}


def check_engine(machine, surfaces, budget, is_right, *, seed=0):
    """Whatever a tiny model writes under the machine is right, and it writes nothing only where nothing is right."""
    found = generated(machine, surfaces, budget, seed=seed)
    right = possible(surfaces, budget, is_right)
    assert (found is None) == (not right)
    assert found is None or found <= right
