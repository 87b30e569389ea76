"""Models that are wrong on purpose, each in one way, and the law that each of them breaks."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from gen_engine.testing import model_laws
from gen_engine.testing.models import LongestMatch, TableModel, tiny_vocabulary


@dataclass
class Model(TableModel):
    """A tiny model with a longer memory, so that a wrong history shows."""

    order: int = 4

    def feed(self, cache, parents, keep, tokens, last=None):
        return super().feed(cache, *self.mistake(cache, parents, keep, tokens), last)

    def mistake(self, cache, parents, keep, tokens):
        return parents, keep, tokens


class Unparented(Model):
    """Each row continues the one that stood in its place."""

    def mistake(self, cache, parents, keep, tokens):
        places = [min(i, len(cache) - 1) if parent >= 0 else -1 for i, parent in enumerate(parents)]
        return places, [min(k, len(cache[p])) if p >= 0 else 0 for k, p in zip(keep, places, strict=True)], tokens


class Unrewound(Model):
    """Never cuts a row."""

    def mistake(self, cache, parents, keep, tokens):
        return parents, [len(cache[p]) if p >= 0 else 0 for p in parents], tokens


class Scarred(Model):
    """The last bits of a row tell that it was cut back."""

    def feed(self, cache, parents, keep, tokens, last=None):
        cut = [parent >= 0 and kept < len(cache[parent]) for parent, kept in zip(parents, keep, strict=True)]
        parts = super().feed(cache, parents, keep, tokens, last).split(last or [1] * len(parents))
        return torch.cat([part * (1 + 1e-6 * scar) for part, scar in zip(parts, cut, strict=True)])


class Hurried(Model):
    """The last bits tell how many tokens were read at once on top of others."""

    def feed(self, cache, parents, keep, tokens, last=None):
        haste = [len(new) * (parent >= 0) for parent, new in zip(parents, tokens, strict=True)]
        parts = super().feed(cache, parents, keep, tokens, last).split(last or [1] * len(parents))
        return torch.cat([part * (1 + 1e-6 * each) for part, each in zip(parts, haste, strict=True)])


class Forgetful(Model):
    """Forgets all but what is new."""

    def mistake(self, cache, parents, keep, tokens):
        return [-1] * len(parents), [0] * len(parents), tokens


class Crowded(Model):
    """The last bits of a row depend on how many there are."""

    def feed(self, cache, parents, keep, tokens, last=None):
        return super().feed(cache, parents, keep, tokens, last) * (1 + 1e-6 * (len(parents) - 1))


class Doubled(Model):
    """Logits of 64 bits."""

    def feed(self, cache, parents, keep, tokens, last=None):
        return super().feed(cache, parents, keep, tokens, last).double()


class Backwards(Model):
    """Of several wanted logits the last come first."""

    def feed(self, cache, parents, keep, tokens, last=None):
        parts = super().feed(cache, parents, keep, tokens, last).split(last or [1] * len(parents))
        return torch.cat([part.flip(0) for part in parts])


class Noisy(Model):
    def feed(self, cache, parents, keep, tokens, last=None):
        found = super().feed(cache, parents, keep, tokens, last)
        return found + 0.01 * torch.rand(found.shape)


class Absolute(Model):
    """Reads nothing beyond its positions in one call, and everything in several."""

    def mistake(self, cache, parents, keep, tokens):
        return parents, keep, [new[: self.positions] for new in tokens]


@dataclass(frozen=True)
class Deaf(LongestMatch):
    """Reads prompts without their last character."""

    def encode(self, text):
        return replace(super().encode(text[:-1]), text=text)


def model_of(kind, positions=None, tokenizer=LongestMatch):
    return kind(tokenizer(tiny_vocabulary("", *"abcdef"), 0), positions=positions)


MODELS = {
    "unparented": (model_of(Unparented), model_laws.ROWS),
    "unrewound": (model_of(Unrewound), model_laws.REWIND),
    "scarred": (model_of(Scarred), model_laws.REWINDS),
    "hurried": (model_of(Hurried), model_laws.VERIFIES),
    "forgetful": (model_of(Forgetful), model_laws.CACHE),
    "crowded": (model_of(Crowded), model_laws.BATCH),
    "doubled": (model_of(Doubled), model_laws.SHAPES),
    "backwards": (model_of(Backwards), model_laws.LAST),
    "noisy": (model_of(Noisy), model_laws.DETERMINED),
    "absolute": (model_of(Absolute, positions=60), model_laws.WINDOW),
    "deaf": (model_of(Model, tokenizer=Deaf), model_laws.TEXT),
}
