"""The recipe of the shipped model: works told apart, commas put back."""

import random
import sys
from importlib.util import module_from_spec, spec_from_file_location
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from commas import learn, runs
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file


def load(name):
    """A script of the recipe, under a name of its own: other recipes have a prepare.py, too."""
    spec = spec_from_file_location(f"novel_{name}", Path(__file__).parents[1] / "recipe" / f"{name}.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


prepare, blend, evaluate = map(load, ["prepare", "blend", "evaluate"])

CLAUSES = ["却说行者", "那呆子道", "师父莫怕", "沙僧听了", "三藏大惊", "八戒笑道", "天色已晚"]


def sentences(number, seed=0):
    chance = random.Random(seed)
    return ["，".join(chance.sample(CLAUSES, chance.randint(1, 4))) + "。" for _ in range(number)]


@pytest.fixture(scope="module")
def commas():
    return learn(sentences(600))


def test_commas_are_put_back_where_clauses_like_those_learned_end(commas):
    whole = sentences(50, seed=1)
    assert commas.restore([line.replace("，", "") for line in whole]) == whole


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text("却说行者那呆子道师父。：“”、", min_size=1, max_size=30), min_size=1, max_size=4))
def test_nothing_but_commas_is_added_and_none_beside_a_mark(commas, lines):
    restored = commas.restore(lines)
    assert [line.replace("，", "") for line in restored] == lines
    assert not [mark for line in restored for mark in "。：“”、，" if "，" + mark in line or mark + "，" in line]
    assert not [line for line in restored if line.startswith("，") or line.endswith("，")]


@given(st.lists(st.booleans(), max_size=12))
def test_runs_are_the_stretches_of_open_gaps(is_open):
    found = runs(np.array(is_open, dtype=bool))
    inside = [place for start, end in found for place in range(start, end)]
    assert inside == [place for place, free in enumerate(is_open) if free]
    assert all(end < start for (_, end), (start, _) in pairwise(found))


def test_a_passage_is_named_by_the_collection_it_begins_in():
    long, short = "长" * 1999 + "。", "短" * 99 + "。"
    text = "\n".join(["《呐喊》自序", long, short, "鲁迅《彷徨》", long, "《呐喊》自序", short])
    assert [(work, len(passage)) for work, passage in prepare.cut_passages(text, "")] == [
        ("呐喊", 2001), ("呐喊", 2102), ("彷徨", 101)]  # fmt: skip


def test_a_work_that_is_no_collection_keeps_its_name():
    assert {work for work, _ in prepare.cut_passages("\n".join(["长" * 1500 + "。"] * 4), "红楼梦")} == {"红楼梦"}


def test_most_rows_are_named_and_validation_reads_both():
    rows = prepare.mixed([("红楼梦", "春。")] * 4000, random.Random(0))
    assert 0.72 < sum(row["context"] == "《红楼梦》" for row in rows) / 4000 < 0.78
    assert [row["context"] for row in prepare.bare_and_named([("坟", "春。")])] == ["", "《坟》"]


def test_a_blend_has_and_says_its_share_of_each_weight(tmp_path, monkeypatch):
    for name, value in (("first", 1.0), ("second", 2.0)):
        (tmp_path / name).mkdir()
        save_file({"w": torch.full((2,), value, dtype=torch.bfloat16)}, tmp_path / name / blend.WEIGHTS)
        (tmp_path / name / blend.CARD).write_text("---\na: b\n---\n- **Best validation loss**: 4 nats.\n", "utf-8")
    monkeypatch.setattr(
        sys, "argv", ["", *(str(tmp_path / each) for each in ("first", "second")), "0.75", str(tmp_path)]
    )
    blend.main()
    assert load_file(tmp_path / blend.WEIGHTS)["w"].tolist() == [1.75, 1.75]
    assert "0.75 of the weights" in (tmp_path / blend.CARD).read_text("utf-8")


def test_a_unit_is_broken_where_what_hardly_ever_follows_does():
    follows = evaluate.units(["王夫人说什么。大夫人家，夫妻" * 200 + "夫君"])
    assert follows["什"] == {"么"}
    assert follows["王夫"] == {"人"}
    assert "夫" not in follows
    assert evaluate.broken("王夫妻什么王夫人", {each: follows[each] for each in ("什", "王夫")}) == [
        ("什", False), ("王夫", True), ("王夫", False)]  # fmt: skip
