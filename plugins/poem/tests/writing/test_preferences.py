"""What commands of verse prefer by themselves: characters spread and unrepeated, which give way to what is asked."""

from itertools import combinations

import pytest
from click.testing import CliRunner

from gen_engine.cli.main import make_cli
from gen_engine.cli.options import Choice
from gen_poem.verse.resolve import Wish, resolve
from gen_poem.writing.options import RuleOptions
from gen_poem.writing.poem import Poem
from gen_poem.writing.preferences import preferred, unrepeated

pytestmark = pytest.mark.usefixtures("one_engine")


def chosen(decoder="sample", *processors):
    return Choice("poem", processors, 1, 1, decoder, "float32", False, None, False)


def asked(require=""):
    return RuleOptions(None, None, (), "", "head", "", require, "", False, None)


def poem_of(name):
    return Poem((), resolve(Wish(name, "loose")))


@pytest.mark.parametrize("name, han", [("五绝", 20), ("七律", 56), ("浣溪沙", 46)])
def test_spread_counts_the_characters_of_the_form(name, han):
    assert preferred(asked("花月"), poem_of(name), chosen()) == (f"spread=花|月,over={han}",)


@pytest.mark.parametrize("require", ["", " ", "|"])
def test_nothing_is_spread_where_nothing_is_required(require):
    assert preferred(asked(require), poem_of("五绝"), chosen()) == ()


@pytest.mark.parametrize(
    "decoder, own, found",
    [
        ("sample", (), ()),
        ("smc,particles=4", (), ()),
        ("beam,width=8", (), ("avoid_repeat=64",)),
        ("gen-engine:greedy", (), ("avoid_repeat=64",)),
        ("beam=8", ("avoid_repeat=0",), ()),
        ("beam=8", ("gen-engine:avoid_repeat=9",), ()),
    ],
)
def test_likely_texts_avoid_repetition_unless_somebody_says_otherwise(decoder, own, found):
    assert unrepeated(chosen(decoder, *own)) == found
    assert preferred(asked("花"), poem_of("五绝"), chosen(decoder, *own, "spread=花,over=3")) == found


def poems(*words):
    result = CliRunner().invoke(make_cli(), [*words, "--dtype", "float32", "--patience", "300"], catch_exceptions=False)
    return [text.split("\n") for text in result.stdout.strip().split("\n\n")]


@pytest.mark.parametrize(
    "words",
    [
        ["poem", "--form", "七律"],
        ["poem", "--rows", "6", "--cols", "6"],
        ["couplet", "--cols", "9"],
        ["poem", "--form", "五绝", "--prompt", "处处"],
        ["ci", "--tune", "浣溪沙"],
    ],
)
def test_several_texts_of_beams_share_no_line_and_repeat_none(words):
    found = poems(*words, "--beams", "4", "--num", "4")
    assert len(found) == 4
    assert all(len(set(lines)) == len(lines) for lines in found)
    shared = [set(one) & set(other) for one, other in combinations(found, 2)]
    assert max(map(len, shared)) <= ("--prompt" in words) + len(found[0]) // 4


@pytest.mark.parametrize(
    "words",
    [
        ["--acrostic", "春春夏夏", "--require", "春山"],
        ["--template", "□□□□风，□□□□风。", "--require", "风月"],
        ["--require", "风月花雪", "--distinct"],
    ],
)
def test_what_is_preferred_gives_way(words):
    for decoder in (["--beams", "4"], ["--seed", "3", "--best-of", "1"]):
        [lines] = poems("poem", *words, *decoder)
        required = words[words.index("--require") + 1]
        assert all(char in "".join(lines) for char in required)
