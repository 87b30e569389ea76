"""Whether a model computes in int8 when nobody says otherwise: what that costs is measured when it is packed.

The bits of int8 are the same on every machine; the measure itself uses numpy's own products. A model
whose loss is within rounding of the bound could compute in int8 on one machine and not on another: ask for the dtype.
"""

from __future__ import annotations

import math

MOST_LOSS = math.log(1.005)
"""`--dtype auto` takes int8 where a model's perplexity on its own texts grows by at most 0.5%: the loss in nats."""


def takes_int8(dtype: str, loss: float) -> bool:
    """Whether a model of this loss (nats a token) computes in int8 if `dtype` was asked for."""
    return dtype == "int8" or (dtype == "auto" and loss <= MOST_LOSS)


def int8_reason(dtype: str, loss: float) -> str:
    """Why it does, or why not."""
    cost = f"the perplexity of its own texts grows by {math.expm1(min(loss, 99)):.2%}"
    if dtype == "int8":
        return f"asked for; {cost}"
    return f"{cost}, at most 0.5%" if loss <= MOST_LOSS else f"in int8 {cost}, more than 0.5%"
