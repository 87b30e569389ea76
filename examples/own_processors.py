"""Constraints and shapers of one's own, as plain objects and functions: nothing is to be installed."""

from dataclasses import dataclass

import gen_engine as gen


@dataclass(frozen=True)
class Wet:
    """Exactly so many characters written with water, anywhere in the new text."""

    count: int

    def start(self, text):
        return 0

    def step(self, state, char):
        state += char in "江河湖海波浪流水泪"
        return state if state <= self.count else None

    def accepts(self, state):
        return state == self.count


def moonlit(step, logits):
    """Make the moon more likely, whatever the model thinks of it."""
    logits = logits.clone()
    logits[:, list(step.vocabulary.singles.get("月", ()))] += 3
    return logits


if __name__ == "__main__":
    engine = gen.load("poem")
    rules = ["no_unk", "no_special", "form=4x5", "no_repeat=24,exempt=punctuation"]
    for c in engine.generate("夜", processors=[*rules, Wet(3), moonlit, "top_k=50"], num=3, seed=1, max_new=23):
        print(c.text)
        assert sum(char in "江河湖海波浪流水泪" for char in c.text) == 3
