"""The slowest requests known end, decided or undecided, within their patience."""

from time import perf_counter

import hardest
import pytest

from gen_engine.engine import load
from gen_engine.errors import GenError

SEEDS = [2, 13, 34, 38, 51, 59, 64, 67]
"""The slowest of the first hundred of `hardest.py`."""

TWELVE = ["require=春夏秋冬花月风雪山水云天", "distinct"]


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_the_slowest_requests_found_at_random_end(seed):
    patience = 4.0
    engine, since = load("poem"), perf_counter()
    hardest.run(engine, seed, patience)  # decided, or an UndecidedError, which it tells
    assert perf_counter() - since < 4 * patience  # with the model's time, on a machine that may have other work


@pytest.mark.slow
@pytest.mark.parametrize("prompt, rule, budget", [("白", "form=五律,tones=strict", 60), ("", "form=七律", 80)])
def test_twelve_required_characters_that_differ_are_decided(prompt, rule, budget):
    [done] = load("poem").generate(prompt, processors=[*TWELVE, rule], max_new=budget, seed=1)
    assert done.exact
    assert all(char in done.text for char in "春夏秋冬花月风雪山水云天")


@pytest.mark.parametrize("rule", ["length=11", "template=□□□□□，□□□□□。", "choice=春夏秋冬花月风雪山水云|春夏秋冬"])
def test_twelve_characters_do_not_fit_where_there_are_fewer_places(rule):
    with pytest.raises(GenError, match="admit no text together|admits no text"):
        load("poem").generate("", processors=[*TWELVE, rule], max_new=30, seed=1, patience=100)
