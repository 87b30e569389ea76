"""Shapers that remove tokens see only tokens that live: what `top_k=5` keeps are five that have a text behind them."""

from __future__ import annotations

from ..course import Course, Text
from ..scores import Scores

DOUBTS = 4
"""How many searches at one place may end at their limit before no more is asked; each costs its full price."""

SEARCHES = 0
"""For so many tokens at one place it is searched whether they live before one is drawn; of the others only what is seen
at once counts. Each search may cost its full price, and most of these tokens will not be drawn."""


def settle(course: Course, scores: Scores, number: int, text: Text) -> None:
    """Shape draw `number`, which is for `text`, again without dead tokens, until it could be none of them.

    Where no shaper of the chain removes tokens there is nothing to do: to strike a dead token and to draw again is the
    same as if it had never been allowed. Where searches end at their limit the text is inexact.
    """
    if not course.plan.chain.truncates:
        return
    while likely := scores.likely(number):
        dead, doubts = course.living.dead(text.joint, course.left(text), likely, DOUBTS, SEARCHES)
        text.exact = text.exact and not doubts
        if not dead or not scores.shape_without(number, dead) or doubts >= DOUBTS:
            return
