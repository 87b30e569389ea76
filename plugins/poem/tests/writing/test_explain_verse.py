"""`--explain` on the commands of verse: what is explained is what they print, laid out as they print it."""

import json
import re

import pytest
from click.testing import CliRunner

from gen_engine.cli.main import make_cli

pytestmark = pytest.mark.usefixtures("one_engine")


def gen(*words):
    return CliRunner().invoke(make_cli(), [str(word) for word in words], catch_exceptions=False).stdout


POEM = ("poem", "--form", "五绝", "--acrostic", "春夏秋冬", "--seed", 1)


def shown(path):
    """The texts of a page, broken into lines as they are shown."""
    data = re.search(r'id="data">(.*?)</script>', path.read_text("utf-8"), re.DOTALL)[1]
    return [text["prompt"] + "".join(place["shown"] for place in text["places"]) for text in json.loads(data)["texts"]]


def test_the_explained_poem_is_the_written_one():
    plain, explained = gen(*POEM), gen(*POEM, "--explain")
    assert explained.startswith(plain)
    assert "acrostic (wants 夏 at line 2, place 1)" in explained


@pytest.mark.parametrize("script", ["simp", "trad"])
def test_the_page_shows_a_poem_as_it_is_printed(tmp_path, script):
    printed = gen(*POEM, "--script", script, "--num", 2, "--explain", tmp_path / "page.html")
    poems = shown(tmp_path / "page.html")
    assert len(poems) == 2
    assert [poem for poem in poems if poem not in printed] == []


@pytest.mark.parametrize("command", [("ci", "--tune", "如梦令"), ("couplet", "--first", "春满神州花似锦")])
def test_other_verse_is_explained_too(tmp_path, command):
    printed = gen(*command, "--seed", 1, "--explain", tmp_path / "page.html")
    [text] = shown(tmp_path / "page.html")
    assert printed.startswith(text)
    assert "all constraints together" in printed


def test_beams_and_particles_are_explained_like_draws():
    for option in ("--beams", "--particles"):
        told = json.loads(gen(*POEM, option, 4, "--explain", "--json"))
        assert told["logprob"] == pytest.approx(-told["explanation"]["nats"], abs=0.2)
        assert sum(place["forced"] for place in told["explanation"]["places"]) >= 7
