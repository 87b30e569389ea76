"""Antithesis by word classes: laws of its score, and what passes of real couplets and of none."""

import importlib.util
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gen_poem.evaluation.antithesis import classes, middle_couplets, parallel_share, read_classes, write_classes
from gen_poem.evaluation.figures import evaluate
from gen_poem.evaluation.measures import Wanted

TRIES = settings(deadline=None, max_examples=40, derandomize=True, database=None)
REAL = [couplet.split("，") for couplet in (
    "明月松间照，清泉石上流", "星垂平野阔，月涌大江流", "感时花溅泪，恨别鸟惊心", "大漠孤烟直，长河落日圆",
    "气蒸云梦泽，波撼岳阳城", "烽火连三月，家书抵万金", "无边落木萧萧下，不尽长江滚滚来",
    "沧海月明珠有泪，蓝田日暖玉生烟", "身无彩凤双飞翼，心有灵犀一点通", "三山半落青天外，二水中分白鹭洲",
    "映阶碧草自春色，隔叶黄鹂空好音", "疏影横斜水清浅，暗香浮动月黄昏")]  # fmt: skip
LUSHI = "国破山河在，城春草木深。感时花溅泪，恨别鸟惊心。烽火连三月，家书抵万金。白头搔更短，浑欲不胜簪。"

pairs = st.integers(0, 8).flatmap(
    lambda n: st.tuples(*[st.text("明月松间照清泉石上流鬱𠀀a", min_size=n, max_size=n)] * 2)
)


@TRIES
@given(pairs)
def test_the_order_of_the_lines_is_nothing(pair):
    assert classes().score(pair) == classes().score(pair[::-1])


@TRIES
@given(st.text("明月松间照清泉石上流", min_size=1, max_size=8))
def test_a_line_set_against_itself_is_no_couplet(line):
    assert not classes().is_parallel((line, line))


def test_what_the_table_does_not_know_counts_as_nothing():
    whole = classes().score(("明月松", "清泉石"))
    assert classes().score(("明月松a", "清泉石a")) == pytest.approx(whole * 3 / 4)


def test_real_couplets_pass_and_mixed_ones_fit_worse():
    sizes = [[pair for pair in REAL if len(pair[0]) == size] for size in (5, 7)]
    moved = [(a, b) for some in sizes for (a, _), (_, b) in zip(some, [*some[2:], *some[:2]], strict=True)]
    score, passes = classes().score, classes().is_parallel
    assert sum(map(passes, REAL)) >= 11
    assert sum(map(passes, moved)) <= 5
    assert np.mean([*map(score, REAL)]) > 2 * np.mean([*map(score, moved)])


@pytest.mark.parametrize("pair", [("春", "秋"), ("明月松间照", "清泉石上"), ("", ""), ("大漠孤烟", "长河落日")])
def test_only_lines_of_five_or_seven_are_judged(pair):
    assert not classes().is_parallel(pair)


def test_middle_couplets_are_those_of_eight_lines_of_one_length():
    assert middle_couplets(LUSHI) == [("感时花溅泪", "恨别鸟惊心"), ("烽火连三月", "家书抵万金")]
    assert [middle_couplets(text) for text in (LUSHI[:24], LUSHI[:-2] + "。", "春花，" * 8)] == [[], [], []]


def test_the_share_counts_couplets_where_there_are_any():
    broken = LUSHI.replace("恨别鸟惊心", "更上一层楼")
    assert parallel_share([LUSHI, broken]) == 3 / 4
    assert parallel_share([LUSHI[:24]]) is None
    names = [[each.name for each in evaluate([text], Wanted(), source="").figures] for text in (LUSHI, LUSHI[:24])]
    assert ["parallel" in each for each in names] == [True, False]


def test_a_table_is_read_as_it_was_written():
    text = write_classes("春秋", np.array([[2, -4], [1, 3]]), scales=[0.5, 0.25], signs=[1, -1], thresholds={5: 0.5})
    found = read_classes(text)
    assert found.score(("春", "秋")) == (1 * 0.5) - (-1 * 0.75)
    assert (found.thresholds, found.number) == ({5: 0.5}, {"春": 0, "秋": 1})


@pytest.mark.slow
@pytest.mark.skipif("GEN_DATA" not in os.environ, reason="needs the data of GEN_DATA")
def test_nine_in_ten_held_out_couplets_pass_few_others(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "recipe"))
    recipe = importlib.import_module("parallelism")
    middle = recipe.couplets(row["text"] for row in recipe.read_rows("eval/poems"))
    passing = [np.mean([*map(classes().is_parallel, pairs)]) for pairs in (middle, recipe.shuffled(middle))]
    assert passing[0] > 0.85
    assert passing[1] < 0.25
