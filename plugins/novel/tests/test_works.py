"""`gen novel --like`: a work that the model has seen is told it, another one is said or refused."""

import json
from importlib import import_module

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from gen_engine.cli.main import make_cli
from gen_engine.errors import GenError
from gen_engine.models.notes import ModelNote, read_note
from gen_novel import WEIGHTS
from gen_novel.works import Told, nearest, tell

WORKS = ("红楼梦", "水浒传", "西游记", "三国演义", "华盖集", "华盖集续编")
NOTE = ModelNote(("work",), {"work": "《{}》"}, "", {"work": WORKS})


def test_the_shipped_model_can_be_told_of_works():
    known = read_note(WEIGHTS).known["work"]
    assert len(known) == 20
    assert {"西游记", "红楼梦", "呐喊"} < set(known)


@pytest.fixture(autouse=True)
def noted(monkeypatch):
    """The shipped model has a note with these works."""
    monkeypatch.setattr(import_module("gen_engine.sources"), "note_of", lambda name: NOTE if name == "novel" else None)


def novel(*arguments):
    given = ["novel", "--prompt", "却说行者", "--seed", "1", "--len", "40", *arguments]
    return CliRunner().invoke(make_cli(), given, catch_exceptions=False)


@pytest.mark.parametrize("typed", ["西游记", "《西游记》", "西遊記", " 西游记 "])
def test_a_work_is_told_however_it_is_written(typed):
    assert tell(typed, "novel") == Told("《西游记》", typed)


def test_without_a_work_nothing_is_told():
    assert tell(None, "no-such-model") == Told()


@pytest.mark.parametrize("typed", ["金瓶梅", "红楼", "西游"])
def test_an_unseen_work_is_refused_with_the_nearest_named(typed, capsys):
    assert tell(typed, "novel").context == ""
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert typed in said
    assert nearest(typed, WORKS)[0] in said


def test_a_work_that_was_not_seen_is_refused_by_option():
    with pytest.raises(GenError, match=r"no work '红楼'.*such as 红楼梦"):
        tell("红楼", "novel", unseen="refuse")


@pytest.mark.parametrize("typed", ["", "  ", "Ulysses", "《》"])
def test_a_name_without_chinese_characters_is_refused(typed):
    with pytest.raises(GenError, match="names no work"):
        tell(typed, "novel")


def test_a_model_without_a_note_cannot_be_told():
    with pytest.raises(GenError, match="poem cannot be told of works; take --model novel, or leave out --like.$"):
        tell("红楼梦", "poem")


def test_a_model_that_cannot_be_told_either_is_not_offered(monkeypatch):
    monkeypatch.setattr(import_module("gen_engine.sources"), "note_of", lambda name: None)
    with pytest.raises(GenError, match="novel cannot be told of works; leave out --like.$"):
        tell("红楼梦", "novel")


@given(st.lists(st.text("红楼梦水浒传记", min_size=1, max_size=4), min_size=1, max_size=9, unique=True))
def test_a_known_name_is_the_nearest_to_itself(known):
    assert [nearest(name, known)[0] for name in known] == known
    assert nearest("甲乙丙", known) == known[:5]


def test_json_alone_shows_what_the_model_is_told():
    done = json.loads(novel("--like", "西游记", "--json").stdout)
    assert (done["context"], done["wishes"]) == ("《西游记》", {"like": "西游记"})
    assert done["text"].startswith("却说行者")
    assert json.loads(novel("--json").stdout)["context"] == ""


def test_what_is_told_makes_a_difference():
    assert novel("--like", "西游记").stdout != novel("--like", "水浒传").stdout
    assert novel("--like", "金瓶梅").stdout == novel().stdout


def test_refusing_an_unseen_work_ends_the_command():
    with pytest.raises(GenError, match="红楼梦"):
        novel("--like", "红楼", "--unseen", "refuse")
