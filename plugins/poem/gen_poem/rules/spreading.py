"""A shaper that raises required characters when they are due, so that they are spread over a text and not left to its
end."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gen_engine.errors import GenError
from gen_engine.shapers.shaping import whole
from gen_engine.text import Vocabulary, is_han
from gen_engine.types import Spec

if TYPE_CHECKING:
    from torch import Tensor

    from gen_engine.types import Step

RATE = 1 / 300
"""The assumed rate at which a required character comes by itself: at one place in 300."""

MOST = 8.0
"""The largest boost in nats: 3,000 times as likely, relative to other characters."""

EXAMPLES = {"spread": ("spread=春|夏,over=4", "spread=春,over=1", "spread=夏|冬|月,over=56")}


def spread(vocabulary: Vocabulary, items: tuple[str, ...], *, over: int) -> Spread:
    """Make characters that are missing likelier where they are due, so that they come all over a text of `over`
    Chinese characters, the prompt's included (`spread=花|月,over=28`).

    If the prompt lacks k of them, one is due by the end of each k-th part of what follows. All that are missing get the
    same boost: -log of the probability that one of them comes by itself at a later place, still in time. That
    probability is taken as one in 300 for each place and each character. The boost is at most 8 nats, which is what an
    overdue character gets. The shaper never forbids anything; use `require` for what has to occur.
    """
    chars = "".join(dict.fromkeys("".join("".join(items).split())))
    if not chars:
        raise GenError("spread needs characters; write spread=花|月,over=28, say.")
    over = whole("over", over, least=1, why="leaves no place")
    name = str(Spec("spread", tuple(chars), {"over": (str(over),)}))
    return Spread(name, chars, over, {char: vocabulary.carriers.get(char, ()) for char in chars}, vocabulary.texts)


@dataclass(frozen=True)
class Spread:
    """The shaper; made by `spread`. The potential of a text is minus the sum of the boosts of all that it lacks. A
    token's logit is raised by what it adds to the potential (Doob's h-transform, with a guess of what comes by itself).

    `carriers` are the tokens that print each of `chars`, `texts` what each token prints.
    """

    name: str
    chars: str
    over: int
    carriers: Mapping[str, Sequence[int]] = field(compare=False)
    texts: Sequence[str | None] = field(compare=False)
    truncates = False
    revives_nothing = True

    def __call__(self, step: Step, logits: Tensor) -> Tensor:
        shaped = logits.clone()
        for row, (history, begun) in enumerate(zip(step.histories, step.prompt_lengths, strict=True)):
            gains = self.leans(history, begun)[1]
            if gains:
                shaped[row, list(gains)] += next(iter(gains.values()))
        return shaped

    def leans(self, history: Sequence[int], begun: int) -> tuple[float, dict[int, float]]:
        """The potential of a text, of which `begun` tokens are the prompt's, and what each token adds, in nats."""
        prompt = "".join(self.texts[token] or "" for token in history[:begun])
        new = "".join(self.texts[token] or "" for token in history[begun:])
        wanted = [char for char in self.chars if char not in prompt]
        missing = [char for char in wanted if char not in new]
        room = self.over - sum(map(is_han, prompt))
        boosts = due(len(wanted), len(missing), room, sum(map(is_han, new)))
        return -sum(boosts), {token: boosts[0] for char in missing for token in self.carriers[char]}

    def __repr__(self) -> str:
        return self.name


def due(wanted: int, missing: int, room: int, here: int) -> list[float]:
    """The boosts, in nats, of the missing ones of `wanted` characters, the next due first, when `here` of `room` places
    are filled."""
    found = []
    for number in range(wanted - missing + 1, wanted + 1):
        later = -(-room * number // wanted) - here - 1  # places after this one where it is still in time
        chances = later * (wanted - number + 1)
        alone = -math.expm1(chances * math.log1p(-RATE)) if chances > 0 else 0.0
        found.append(-math.log(max(alone, math.exp(-MOST))))
    return found
