"""Files that are read again only when they have changed."""

import time

import pytest

from gen_engine.system import unchanged
from gen_engine.system.unchanged import until_changed


@pytest.fixture
def reading():
    """A function of a file, and what it was called with."""
    asked = []

    def read(path):
        asked.append(path)
        return path.read_text()

    return until_changed(read), asked


def later(monkeypatch):
    monkeypatch.setattr(unchanged, "time_ns", lambda: time.time_ns() + 10 * unchanged.YOUNG)


def test_a_file_is_read_once_while_it_stays(tmp_path, reading, monkeypatch):
    later(monkeypatch)
    read, asked = reading
    (tmp_path / "a").write_text("one")
    assert [read(tmp_path / "a"), read(tmp_path / "a")] == ["one", "one"]
    assert asked == [tmp_path / "a"]


@pytest.mark.parametrize("text", ["two", "longer"])
def test_a_file_that_changed_is_read_again(tmp_path, reading, monkeypatch, text):
    later(monkeypatch)
    read, _ = reading
    (tmp_path / "a").write_text("one")
    read(tmp_path / "a")
    (tmp_path / "a").unlink()
    (tmp_path / "b").write_text("none")  # takes the number that the file had
    (tmp_path / "a").write_text(text)
    assert read(tmp_path / "a") == text


def test_what_was_just_written_is_read_each_time(tmp_path, reading):
    read, asked = reading
    (tmp_path / "a").write_text("one")
    assert [read(tmp_path / "a"), read(tmp_path / "a")] == ["one", "one"]
    assert len(asked) == 2


def test_two_files_are_not_confused(tmp_path, reading, monkeypatch):
    later(monkeypatch)
    for name in "ab":
        (tmp_path / name).write_text(name)
    assert [reading[0](tmp_path / name) for name in "abab"] == ["a", "b", "a", "b"]


def test_a_missing_file_is_looked_for_each_time(tmp_path, reading, monkeypatch):
    later(monkeypatch)
    read, _ = reading
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "a")
    (tmp_path / "a").write_text("one")
    assert read(tmp_path / "a") == "one"
