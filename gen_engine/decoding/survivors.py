"""Shows shapers that remove tokens live tokens only: `top_k=5` keeps five tokens that each have a text behind them."""

from __future__ import annotations

from collections.abc import Sequence

from .generation import Generation
from .rows import Continuation
from .sampling import Scores


def settle(generation: Generation, scores: Scores, drawn: Sequence[tuple[int, Continuation]]) -> None:
    """Shape draws again, each for a text, until no token that they could choose is visibly dead.

    All draws are shaped together.

    If no shaper of the chain removes tokens, there is nothing to do. Striking a dead token and drawing again is the
    same as never having allowed it. No searches are made: each may cost its full price, and most of these tokens will
    not be drawn.
    """
    if not generation.plan.chain.truncates:
        return
    while drawn:
        likely = [(number, text, scores.likely(number)) for number, text in drawn]
        found = {
            number: generation.viable.seen_dead(text.joint, generation.left(text), tokens)
            for number, text, tokens in likely
            if tokens
        }
        left = scores.shape_without({number: dead for number, dead in found.items() if dead})
        drawn = [(number, text) for number, text in drawn if number in left]
