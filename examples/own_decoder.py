"""A decoder of one's own: it draws several texts for each one wanted and keeps the one most like the others (minimum
Bayes risk; Eikema and Aziz 2020, "Is MAP decoding all you need?"). `sample` draws, so all constraints hold."""

from collections import Counter
from dataclasses import dataclass, replace
from itertools import pairwise

import gen_engine as gen
from gen_engine.decoding.sample import sample


@dataclass(frozen=True)
class Consensus:
    """Draw `texts` texts, keep the one that shares most pairs of characters with the others."""

    texts: int = 8

    @property
    def rows(self):  # how many the model is asked for at a time
        return self.texts

    def at_once(self, num):  # how many of the wanted texts one call writes
        return 1

    def __call__(self, generation):
        [number] = generation.samples
        pieces, drawn = [], range(number * self.texts, (number + 1) * self.texts)
        yield from sample(replace(generation, samples=drawn, send=pieces.append, in_pieces=False))
        done = sorted((piece.completion for piece in pieces), key=lambda each: each.sample)
        pairs = [Counter(pairwise(each.new)) for each in done]
        shared = [sum(2 * (one & other).total() / max(1, (one + other).total()) for other in pairs) for one in pairs]
        best = done[shared.index(max(shared))]  # of equal ones the first
        generation.send(gen.Piece(number, best.new, replace(best, sample=number)))


if __name__ == "__main__":
    engine, rules = gen.load("poem"), ["no_unk", "no_special", "form=4x5", "top_k=50"]
    for c in engine.generate("春", processors=rules, max_new=23, num=2, seed=1, decoder=Consensus(16)):
        print(c.text)
