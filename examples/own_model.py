"""A model of one's own: characters as counted in a text in memory, with back-off to shorter and shorter endings
(MacKay and Peto 1995, "A hierarchical Dirichlet language model")."""

from collections import defaultdict

import torch

import gen_engine as gen
from gen_engine.text import Vocabulary
from gen_engine.types import Prompt

POEMS = """床前明月光，疑是地上霜。举头望明月，低头思故乡。 白日依山尽，黄河入海流。欲穷千里目，更上一层楼。
春眠不觉晓，处处闻啼鸟。夜来风雨声，花落知多少。 空山不见人，但闻人语响。返景入深林，复照青苔上。"""


class Characters:
    def __init__(self, text):
        chars = sorted({char for char in text if not char.isspace()})
        self.token_of = {char: token for token, char in enumerate(chars, 2)}  # 0 ends (and begins) texts, 1 is unknown
        surfaces = (b"", b"", *(char.encode() for char in chars))
        self.vocabulary = Vocabulary(surfaces, ("[END]", "[UNK]", *chars), frozenset({0, 1}), unk=1, end=0)

    def encode(self, text):
        spans = ((0, 0), *((i, i + 1) for i in range(len(text))))
        unknown = tuple(char for char in dict.fromkeys(text) if char not in self.token_of)
        return Prompt(text, (0, *(self.token_of.get(char, 1) for char in text)), spans, unknown)


class NGram:
    name, dtype, positions, reproducible, rewinds = "ngram", "float32", None, True, True

    def __init__(self, text, order=3):
        self.tokenizer, self.order = Characters(text), order
        self.counts = defaultdict(lambda: torch.zeros(len(self.tokenizer.vocabulary)))
        for tokens in ((*self.tokenizer.encode(part).tokens, 0) for part in text.split()):
            for n in range(order + 1):
                for i in range(max(n, 1), len(tokens)):
                    self.counts[tokens[i - n : i]][tokens[i]] += 1

    def open(self, capacity):
        return []  # the cache: all tokens of each row

    def feed(self, cache, parents, keep, tokens, last=None, pinned=None):
        continued = zip(parents, keep, tokens, strict=True)
        cache[:] = [(*(cache[parent][:n] if parent >= 0 else ()), *new) for parent, n, new in continued]
        wanted = zip(cache, last or [1] * len(cache), strict=True)
        return torch.stack([self.logits(row[: len(row) - back]) for row, n in wanted for back in reversed(range(n))])

    def logits(self, history):  # [vocab]
        found = torch.full([len(self.tokenizer.vocabulary)], 1 / len(self.tokenizer.vocabulary))
        for n in range(min(self.order, len(history)) + 1):
            if (counts := self.counts.get(history[len(history) - n :])) is not None:
                found = (found + counts) / (1 + counts.sum())
        return found.log()


if __name__ == "__main__":
    for c in gen.Engine(NGram(POEMS)).generate("明月", processors=["no_unk", "length=8", "no_repeat=9"], num=3, seed=1):
        print(c.text, round(c.logprob, 2))
