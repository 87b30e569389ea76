"""The table of Chinese words: whole, of the same holes as the English ones, and with nothing idle."""

import ast
import re
from pathlib import Path

import pytest

from gen_engine.cli.languages import CHINESE, MEANS, NATS, choose_language, speak

HOUSE = Path(__file__).parents[2]
TREES = [ast.parse(path.read_text("utf-8")) for path in (HOUSE / "plugins").glob("*/gen_*/**/*.py")]
MADE = {f"{mean} {kind}" for mean in ("macro", "weighted") for kind in ("precision", "recall", "f1")}
MADE |= {f"relevance, {judge}" for judge in ("counts", "encoder")}
"""Words that are put together where they are said."""


def literals(nodes):
    return {each.value for each in nodes if isinstance(each, ast.Constant) and isinstance(each.value, str)}


def said(call):
    """The words that a call says, in all of its branches: those of `say(...)` and of `map(say, (...))`."""
    name = getattr(call.func, "id", "")
    if name == "say":
        return literals(call.args)
    if name == "map" and getattr(call.args[0], "id", "") == "say":
        return literals(ast.walk(call.args[1]))
    return set()


def test_everything_that_is_said_has_chinese_words():
    calls = [node for tree in TREES for node in ast.walk(tree) if isinstance(node, ast.Call)]
    words = set().union(*map(said, calls))
    assert len(words) > 50
    assert words - set(CHINESE) == set()


def test_no_words_are_idle():
    known = {words.replace("_", " ") for tree in TREES for words in literals(ast.walk(tree))}
    assert set(CHINESE) - known - MADE - {NATS, MEANS} == set()


@pytest.mark.parametrize("english", CHINESE)
def test_the_holes_are_the_same_in_both_languages(english):
    holes = [sorted(re.findall(r"{[^}]*}", words)) for words in (english, CHINESE[english])]
    assert holes[0] == holes[1]


@pytest.mark.parametrize(
    ("wanted", "labels", "language"),
    [("auto", ["正向", "负向"], "zh"), ("auto", ["1", "其他"], "zh"), ("auto", ["憤怒"], "zh"), ("auto", ["𠀀"], "zh"),
     ("auto", ["pos", "neg"], "en"), ("auto", [], "en"), ("auto", ["ポジ"], "en"), ("en", ["正向"], "en"),
     ("zh", ["pos"], "zh")],
)  # fmt: skip
def test_the_language_is_the_wanted_one_or_the_labels(wanted, labels, language):
    assert choose_language(wanted, labels) == language


def test_words_that_are_in_no_table_stay_as_they_are():
    assert [speak(language)("a plugin's own words") for language in ("en", "zh")] == ["a plugin's own words"] * 2
    assert (speak("en")("accuracy"), speak("zh")("accuracy")) == ("accuracy", "准确率")
