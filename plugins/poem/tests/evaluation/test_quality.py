"""What 200 poems of the shipped model are like, beside real ones. Needs GEN_DATA."""

import json
import lzma
import os
import random
import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from click.testing import CliRunner

from gen_engine.cli.main import make_cli

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif("GEN_DATA" not in os.environ, reason="needs the training poems: set GEN_DATA to their folder"),
]


@cache
def real_poems():
    """(form, lines without marks) of every training poem."""
    with lzma.open(Path(os.environ["GEN_DATA"]) / "poems.jsonl.xz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    return [(row["form"], re.findall(r"[^,.，。]+", row["text"])) for row in rows]


@cache
def written():
    arguments = ["poem", "--prompt", "白", "--rows", "4", "--cols", "5", "--num", "200", "--json", "--seed", "1"]
    done = CliRunner().invoke(make_cli(), arguments, catch_exceptions=False)
    return [json.loads(line)["text"] for line in done.stdout.splitlines()]


def lines_of(poems):
    return [re.findall("[^，。]+", poem) for poem in poems]


def distinct_2(poems):
    pairs = [line[i : i + 2] for lines in poems for line in lines for i in range(len(line) - 1)]
    return len(set(pairs)) / len(pairs)


def test_all_200_poems_are_well_formed_and_190_distinct():
    form = r"[^，。]{5}，[^，。]{5}。[^，。]{5}，[^，。]{5}。"
    assert sum(re.fullmatch(form, poem) is not None for poem in written()) == 200
    assert len(set(written())) >= 190


def test_they_are_nearly_as_varied_as_real_quatrains():
    quatrains = [lines for form, lines in real_poems() if form == "五绝"]
    real = distinct_2(random.Random(1).sample(quatrains, 200))
    assert distinct_2(lines_of(written())) >= 0.9 * real


def test_they_are_not_copied():
    times = Counter(line for _, lines in real_poems() for line in set(lines))
    some = random.Random(1).sample(real_poems(), 1000)
    shared = sum(any(times[line] > 1 for line in lines) for _, lines in some) / 1000
    own = [line for lines in lines_of(written()) for line in lines]
    assert sum(line in times for line in own) / len(own) <= shared + 0.01
