"""The note of a model: what it writes, how it is read, and what is refused."""

import json
import os
import re
from types import SimpleNamespace

import pytest
import strategies as some
from hostile.models import make_gpt2
from hypothesis import given
from hypothesis import strategies as st

from gen_engine.cli.main import main
from gen_engine.engine import load
from gen_engine.errors import GenError
from gen_engine.hooks.registry import registry
from gen_engine.models.notes import NOTE, ModelNote, read_note, read_note_file, save_note
from gen_engine.sources import note_of, told_of
from gen_engine.types import ShippedModel

ORDER = ("form", "dynasty", "author", "title")
WRITTEN = {"form": "〔{}〕", "dynasty": "（{}）", "author": "{}", "title": "《{}》"}
VERSE = ModelNote(ORDER, WRITTEN, "：", {"author": ("陆游", "李白"), "dynasty": ("宋", "唐")})
PLAIN = {"order": list(ORDER), "parts": WRITTEN, "end": "："}

READ = re.compile("(?:〔(?P<form>.+?)〕)?(?:（(?P<dynasty>.+?)）)?(?P<author>[^《：]*)(?:《(?P<title>.+?)》)?：")
VALUES = st.text("春夏秋冬 {}", max_size=5)
WISHES = st.fixed_dictionaries({}, optional=dict.fromkeys(ORDER, VALUES))


def noted(folder, said):
    """A folder with this note: an object, or text."""
    text = said if isinstance(said, str) else json.dumps(said, ensure_ascii=False)
    (folder / NOTE).write_text(text, encoding="utf-8")
    return folder


# ----------------------------------------------------------------------------------------------- what is written


@given(WISHES)
def test_what_is_told_can_be_read_back(told):
    context = VERSE.write(told)
    found = READ.fullmatch(context)
    assert {part: value for part, value in told.items() if value} == {
        part: value for part, value in (found.groupdict() if found else {}).items() if value
    }
    assert bool(found) == bool(context)


@given(WISHES, st.integers(0, 4))
def test_the_first_parts_are_written_as_the_beginning_of_all(told, count):
    some_parts = {part: told[part] for part in ORDER[:count] if part in told}
    assert VERSE.write(told).startswith(VERSE.write(some_parts).removesuffix("："))


@given(WISHES, st.permutations(ORDER))
def test_the_order_is_that_of_the_note(told, order):
    assert VERSE.write({part: told[part] for part in order if part in told}) == VERSE.write(told)


def test_it_is_written_as_the_note_says():
    assert (
        VERSE.write({"title": "静夜思", "author": "李白", "dynasty": "唐", "form": "五绝"})
        == "〔五绝〕（唐）李白《静夜思》："
    )
    assert VERSE.write({"author": "{}", "title": ""}) == "{}："
    assert VERSE.write({}) == ""
    assert ModelNote(("work",), {"work": "《{}》"}).write({"work": "红楼梦"}) == "《红楼梦》"


def test_a_part_that_the_model_cannot_be_told_is_refused():
    with pytest.raises(GenError, match="cannot be told 'tune'; it can be told form, dynasty, author, title"):
        VERSE.write({"tune": "浣溪沙"})


# -------------------------------------------------------------------------------------------------- how it is read


def test_a_note_is_read_as_it_was_saved(tmp_path):
    save_note(VERSE, tmp_path)
    assert read_note(tmp_path) == VERSE
    assert read_note(noted(tmp_path, PLAIN)) == ModelNote(ORDER, WRITTEN, "：")
    assert read_note(noted(tmp_path, {"order": ["a"], "parts": {"a": "A: {}\n"}})).write({"a": "b"}) == "A: b\n"


def test_a_folder_without_one_has_none(tmp_path):
    assert read_note(tmp_path) is None
    with pytest.raises(GenError, match="There is no file"):
        read_note_file(tmp_path / "note.json")


def test_an_engine_has_the_note_of_its_folder(tmp_path):
    make_gpt2(tmp_path / "model")
    engine = load(tmp_path / "model")
    assert (engine.note, note_of(tmp_path / "model"), note_of("no/such-model")) == (None, None, None)
    save_note(VERSE, tmp_path / "model")
    assert load(tmp_path / "model").note == note_of(tmp_path / "model") == VERSE
    about = VERSE.write({"author": "李白"})
    assert engine.generate("白", context=about, seed=1, max_new=3)[0].text.startswith("白")


def test_a_damaged_note_stops_only_those_who_read_it(tmp_path):
    make_gpt2(tmp_path / "model")
    engine = load(noted(tmp_path / "model", "{"))
    assert engine.generate("白", seed=1, max_new=3)
    with pytest.raises(GenError, match="not readable JSON"):
        engine.note  # noqa: B018


def test_note_of_and_load_refuse_a_folder_with_equal_words(tmp_path):
    with pytest.raises(GenError, match="is an empty folder"):
        note_of(tmp_path)


def test_the_list_of_models_tells_what_each_can_be_told(tmp_path, capsys, monkeypatch):
    make_gpt2(tmp_path / "model")
    save_note(VERSE, tmp_path / "model")
    offer = SimpleNamespace(plugin=SimpleNamespace(name="p"), model=ShippedModel(tmp_path / "model", "a", ()))
    monkeypatch.setattr(registry(), "models", {"m": offer}, raising=False)
    assert main(["models", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["told"] == list(ORDER)
    assert main(["models"]) == 0
    assert "form dynasty author title" in capsys.readouterr().out


def test_models_that_take_parts_are_found_despite_damaged_notes(monkeypatch):
    def read(name):
        if name == "damaged":
            raise GenError("It is damaged.")
        return {"verse": VERSE, "bare": None}[name]

    monkeypatch.setattr("gen_engine.sources.note_of", read)
    monkeypatch.setattr(registry(), "models", dict.fromkeys(["damaged", "verse", "bare"]), raising=False)
    assert (told_of("title"), told_of("work")) == (["verse"], [])


WRONG = {
    "no JSON": ("{", "not readable JSON"),
    "empty": ("", "not readable JSON"),
    "a list": ("[]", "holds no JSON object"),
    "deep": ("[" * 100_000, "not readable JSON"),
    "a long number": ('{"end": ' + "9" * 5000 + "}", "not readable JSON"),
    "an empty object": ({}, '"order" is no list'),
    "an older way": ({"order": ["a"], "a": "{}"}, "'a' means nothing"),
    "a misspelt key": ({**PLAIN, "ends": ""}, "'ends' means nothing"),
    "no order": ({**PLAIN, "order": []}, '"order" is no list'),
    "an order that is a word": ({**PLAIN, "order": "form"}, '"order" is no list'),
    "an order of numbers": ({**PLAIN, "order": [1, 2]}, "1 in 'order' is no string"),
    "too long an order": ({"order": [f"{n}" for n in range(21)], "parts": {}}, "1 to 20 parts"),
    "a part twice": ({**PLAIN, "order": [*ORDER, "form"]}, "names a part twice"),
    "a part without a name": ({"order": [""], "parts": {"": "{}"}}, "without a name"),
    "a part too many": ({**PLAIN, "order": ["form"]}, '"parts" does not say'),
    "a part too few": ({**PLAIN, "parts": {"form": "{}"}}, '"parts" does not say'),
    "parts in a list": ({**PLAIN, "parts": list(ORDER)}, '"parts" does not say'),
    "a part that is a number": ({**PLAIN, "parts": {**WRITTEN, "form": 3}}, "3 in 'form' is no string"),
    "a part without a place": ({**PLAIN, "parts": {**WRITTEN, "form": "form"}}, "without one {}"),
    "a part with two places": ({**PLAIN, "parts": {**WRITTEN, "form": "{}{}"}}, "without one {}"),
    "a long part": ({**PLAIN, "parts": {**WRITTEN, "form": "{}" + "a" * 99}}, "longer than 100"),
    "an end that is none": ({**PLAIN, "end": None}, "None in 'end' is no string"),
    "half of a character": (json.dumps({**PLAIN, "end": "\ud800"}), "half of a character"),
    "known in a list": ({**PLAIN, "known": ["李白"]}, '"known" does not list'),
    "known of another part": ({**PLAIN, "known": {"tune": ["浣溪沙"]}}, '"known" does not list'),
    "known as a word": ({**PLAIN, "known": {"author": "李白"}}, '"known" has no list'),
    "nothing known": ({**PLAIN, "known": {"author": []}}, '"known" has no list'),
    "an empty name": ({**PLAIN, "known": {"author": ["李白", ""]}}, '"known" has no list'),
    "known lists": ({**PLAIN, "known": {"author": [["李白"]]}}, "is no string"),
    "a long name": ({**PLAIN, "known": {"author": ["李" * 101]}}, "longer than 100"),
    "too much": (" " * 16_000_001, "over 16,000,000 bytes"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_note_is_refused_with_the_remedy(tmp_path, name):
    said, message = WRONG[name]
    with pytest.raises(GenError, match=re.escape(message)) as told:
        read_note(noted(tmp_path, said))
    assert NOTE in str(told.value)
    assert re.search("(mend it|fetch the file again|name the right file)[^.]*[.]$", str(told.value))


def test_what_is_no_file_is_refused_unopened(tmp_path):
    os.mkfifo(tmp_path / NOTE)
    with pytest.raises(GenError, match="is a pipe or a device"):
        read_note(tmp_path)
    (tmp_path / NOTE).unlink()
    (tmp_path / NOTE).mkdir()
    with pytest.raises(GenError, match="is a folder"):
        read_note(tmp_path)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4) | st.sampled_from(["form", "{}", "〔{}〕"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*ORDER, "a"]), inner, max_size=3),
)
NOTES = st.fixed_dictionaries({}, optional=dict.fromkeys(("order", "parts", "end", "known", "other"), JSON))


@given(NOTES | JSON)
@some.examples(80)
def test_any_other_file_is_a_note_or_refused(tmp_path_factory, said):
    folder = noted(tmp_path_factory.mktemp("note"), said)
    try:
        note = read_note(folder)
    except GenError:
        return
    assert note.write(dict.fromkeys(note.order, "x")).count("x") >= len(note.order)


def test_a_note_is_read_again_when_its_file_is_another(tmp_path, monkeypatch):
    save_note(VERSE, tmp_path)
    monkeypatch.setattr("gen_engine.system.unchanged.YOUNG", 0)  # the file is not kept while it is young
    assert read_note(tmp_path) is read_note(tmp_path)
    save_note(ModelNote(ORDER, WRITTEN, "?"), tmp_path)
    assert read_note(tmp_path).end == "?"
    (tmp_path / NOTE).unlink()
    assert read_note(tmp_path) is None
