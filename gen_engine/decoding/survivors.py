"""Shapers that remove tokens see only tokens that live: what `top_k=5` keeps are five that have a text behind them."""

from __future__ import annotations

from collections.abc import Sequence

from .rows import Text
from .sampling import Scores
from .sequences import Course


def settle(course: Course, scores: Scores, drawn: Sequence[tuple[int, Text]]) -> None:
    """Shape draws, each for a text, again until none of what they could be is seen to be dead; all in one go.

    Where no shaper of the chain removes tokens there is nothing to do: to strike a dead token and to draw again is the
    same as if it had never been allowed. Searches are not made: each may cost its full price, and most of these tokens
    will not be drawn.
    """
    if not course.plan.chain.truncates:
        return
    while drawn:
        likely = [(number, text, scores.likely(number)) for number, text in drawn]
        found = {
            number: course.viable.seen_dead(text.joint, course.left(text), tokens)
            for number, text, tokens in likely
            if tokens
        }
        left = scores.shape_without({number: dead for number, dead in found.items() if dead})
        drawn = [(number, text) for number, text in drawn if number in left]
