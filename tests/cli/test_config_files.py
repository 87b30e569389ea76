"""An edit changes one value and keeps everything else: other values, comments, the order of lines."""

import os
import tomllib
from threading import Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gen_engine.cli import config_files
from gen_engine.cli.config_files import put, read, statements, user_file, written
from gen_engine.errors import GenError

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
SCALARS = st.booleans() | st.integers(-(2**40), 2**40) | st.floats(allow_nan=False) | TEXTS
VALUES = SCALARS | st.lists(SCALARS, max_size=3)
NAMES = st.sampled_from(["rows", "max-new", "a_b", "行", "x y"])
TABLES = st.dictionaries(st.sampled_from(["poem", "train.gpt2", "defaults"]), st.dictionaries(NAMES, VALUES))
COMMENTS = st.sampled_from(["", "# 说\n", "\n", "  # [poem]\n", "\t\n"])


@st.composite
def documents(draw):
    """A file with comments between its lines, behind its values, and values over several lines."""
    text = draw(COMMENTS)
    for table, values in draw(TABLES).items():
        text += f"[{table}]{draw(st.sampled_from(['', ' # poem']))}\n" + draw(COMMENTS)
        for name, value in values.items():
            shown = written(value)
            shown = shown.replace("[", "[\n  ", 1) if isinstance(value, list) and draw(st.booleans()) else shown
            key = name if name.isascii() and " " not in name else f'"{name}"'
            text += f"{key} = {shown}{draw(st.sampled_from(['', ' # = #']))}\n" + draw(COMMENTS)
    return text


@given(VALUES)
def test_a_value_that_is_written_is_read(value):
    assert tomllib.loads(f"x = {written(value)}")["x"] == value


@given(documents())
def test_statements_are_the_whole_text(text):
    assert "".join(each.text for each in statements(text)) == text


@given(documents(), st.sampled_from([("poem",), ("train", "gpt2"), ("novel",)]), NAMES, VALUES)
def test_setting_changes_one_value_and_keeps_comments(tmp_path_factory, text, table, name, value):
    file = tmp_path_factory.mktemp("set") / "c.toml"
    file.write_bytes(text.encode())
    put(file, (*table, name), value)
    now, wanted = read(file), tomllib.loads(text)
    inner = wanted
    for key in table:
        inner = inner.setdefault(key, {})
    inner[name] = value
    assert now == wanted
    assert file.read_bytes().decode().count("#") >= text.count("#") - written(value).count("#") - 9


@given(documents())
def test_setting_and_removing_leaves_the_same_values(tmp_path_factory, text):
    file = tmp_path_factory.mktemp("unset") / "c.toml"
    file.write_bytes(text.encode())
    put(file, ("poem", "other"), 1)
    put(file, ("poem", "other"), None)
    assert {k: v for k, v in read(file).items() if v} == {k: v for k, v in tomllib.loads(text).items() if v}


def test_an_edit_keeps_lines_comments_and_permissions(tmp_path):
    file = tmp_path / "c.toml"
    file.write_text("# mine\n[poem]\nrows = 4  # four\n\n# prose\n[novel]\nlen = 9", encoding="utf-8")
    file.chmod(0o600)
    put(file, ("poem", "rows"), 8)
    put(file, ("novel", "end"), "sentence")
    wanted = '# mine\n[poem]\nrows = 8  # four\n\n# prose\n[novel]\nlen = 9\nend = "sentence"\n'
    assert (file.read_text("utf-8"), file.stat().st_mode & 0o777) == (wanted, 0o600)
    assert os.listdir(tmp_path) == ["c.toml"]


def test_lines_that_are_no_toml_become_comments(tmp_path, capsys):
    file = tmp_path / "c.toml"
    file.write_text("[poem]\nrows = = 4\ncols = 5\n", encoding="utf-8")
    put(file, ("poem", "rows"), 8)
    assert file.read_text("utf-8") == "[poem]\n# rows = = 4\ncols = 5\nrows = 8\n"
    assert "is a comment now: rows = = 4" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["poem = {rows = 4}\n", "[[poem]]\nrows = 4\n", "poem = 3\n", "[a]\nx=1\n[a]\n"])
def test_what_cannot_be_edited_is_refused_and_kept(tmp_path, text):
    file = tmp_path / "c.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(GenError, match=r"by hand|mend it"):
        put(file, ("poem", "rows"), 8)
    assert file.read_text("utf-8") == text


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    file = tmp_path / "c.toml"
    file.write_text("[poem]\nrows = 4\n", encoding="utf-8")
    monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(GenError, match="No space left on device"):
        put(file, ("poem", "rows"), 8)
    assert (read(file), os.listdir(tmp_path)) == ({"poem": {"rows": 4}}, ["c.toml"])


def test_the_users_file_is_the_platforms_or_the_named_one(monkeypatch, tmp_path):
    monkeypatch.setenv("GEN_CONFIG", str(tmp_path / "x"))
    assert user_file() == tmp_path / "x"
    monkeypatch.setenv("GEN_CONFIG", "")
    assert user_file() is None
    monkeypatch.delenv("GEN_CONFIG")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert user_file().name == "config.toml"


@pytest.mark.parametrize("mode", [0o600, 0o664])
def test_an_edited_file_keeps_its_permissions(tmp_path, mode):
    put(tmp_path / "new.toml", ("poem", "rows"), 8)
    (tmp_path / "old.toml").touch(mode)
    (tmp_path / "old.toml").chmod(mode)
    put(tmp_path / "old.toml", ("poem", "rows"), 8)
    assert [(tmp_path / name).stat().st_mode & 0o777 for name in ("new.toml", "old.toml")] == [0o644, mode]


def with_another(act, function):
    """The function, which does something else behind its first answer."""
    pending = [act]

    def answer(*given):
        found = function(*given)
        if pending:
            pending.pop()()
        return found

    return answer


def test_what_is_set_meanwhile_is_kept(tmp_path, monkeypatch):
    file = tmp_path / "c.toml"
    other = Thread(target=put, args=(file, ("poem", "b"), 1))
    waited = with_another(lambda: (other.start(), other.join(0.1)), config_files._text)
    monkeypatch.setattr(config_files, "_text", waited)
    put(file, ("poem", "a"), 1)
    other.join()
    assert read(file) == {"poem": {"a": 1, "b": 1}}
