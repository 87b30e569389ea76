"""Shapers that remove tokens see only tokens that live: what `top_k=5` keeps are five that have a text behind them."""

from __future__ import annotations

from ..course import Course, Text
from ..scores import Scores


def settle(course: Course, scores: Scores, number: int, text: Text) -> None:
    """Shape draw `number`, which is for `text`, again until none of what it could be is seen to be dead.

    Where no shaper of the chain removes tokens there is nothing to do: to strike a dead token and to draw again is the
    same as if it had never been allowed. Searches are not made: each may cost its full price, and most of these tokens
    will not be drawn.
    """
    if not course.plan.chain.truncates:
        return
    while likely := scores.likely(number):
        dead = course.viable.seen_dead(text.joint, course.left(text), likely)
        if not dead or not scores.shape_without(number, dead):
            return
