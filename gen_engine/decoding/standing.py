"""Where a text stands whose tokens somebody else draws, and what may follow there.

transformers (`interop`) and other programs call for masks and draw by themselves. They cannot be asked to draw again;
so tokens without a witness are struck before the draw, whereas our decoders search after it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..chain import Plan
from ..proving.product import Joint
from ..text.token_sets import Ids, TokenSet, marked
from .viable import Viable


@dataclass(frozen=True, eq=False)
class Standing:
    """Where a text stands: the joint state (None: it left the rules), and whether it has ended.

    `rest` are the tokens of a legal rest, as far as it is written out.
    """

    joint: Joint | None
    ended: bool = False
    rest: Ids = ()


def at_start(plan: Plan) -> Standing:
    """Where a text stands before its first token."""
    return Standing(plan.start, rest=plan.rest)


def after(plan: Plan, standing: Standing, token: int, left: int) -> Standing:
    """Where the text stands after one more token, of which `left` could be written."""
    ended = standing.ended or token in plan.chain.vocabulary.every_end
    if standing.joint is None or ended:
        return replace(standing, ended=ended)
    if left <= 0 or plan.product.cut(standing.joint) or not plan.product.permits(standing.joint, token):
        return replace(standing, joint=None)
    rest = standing.rest[1:] if standing.rest[:1] == (token,) else ()
    return Standing(plan.product.next(standing.joint, token), rest=rest)


def allowed(plan: Plan, standing: Standing, left: int) -> TokenSet | None:
    """What may follow, including the end and tokens without a witness; None if only the end may."""
    joint = standing.joint
    if joint is None or standing.ended or left <= 0 or plan.product.cut(joint):
        return None
    tokens = plan.tokens(joint, left)
    if plan.product.accepts(joint):
        return None if tokens.is_empty() else plan.with_end(tokens)
    return tokens


def live(viable: Viable, standing: Standing, left: int) -> np.ndarray | None:
    """The tokens with a witness behind them and the end, as a bool array [vocab]; None if only the end may follow.

    It is never empty: if searches find none, the token of a known legal rest stands alone.
    """
    plan = viable.plan
    tokens = allowed(plan, standing, left)
    if tokens is None or standing.joint is None:
        return None
    array = tokens.to_array().copy()
    asked = array.copy()
    if plan.end is not None:
        asked[plan.end] = False
    dead, _ = viable.dead(standing.joint, left, asked.nonzero()[0], standing.rest)
    array[list(dead)] = False
    if array.any():
        return array
    token = viable.trusted(standing.joint, left, standing.rest).token
    return None if token is None else marked([token], len(array))
