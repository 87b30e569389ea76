"""No letter more than N times: a constraint of one's own, in a package of one's own."""

from dataclasses import dataclass

from gen_engine import hookimpl


@dataclass(frozen=True)
class AtMost:
    """Allow no letter more than TIMES times in the new text."""

    times: int

    def start(self, text):
        return ""

    def step(self, state, char):
        if not char.isalpha():
            return state
        return None if state.count(char) >= self.times else "".join(sorted(state + char))

    def accepts(self, state):
        return True


@hookimpl
def processors():
    return {"mine": AtMost}
