"""`gen nearest`: what is borrowed stands beside each line, in tables, JSON and errors."""

import io
import json

import pytest

from gen_engine.cli.main import main
from gen_poem.writing import nearest


def test_each_line_of_a_poem_has_a_table(capsys):
    assert main(["nearest", "白日依山盡，黄河入海流。", "-n", "1"]) == 0
    assert capsys.readouterr().out == (
        "# 白日依山盡\nshare\tborrowed\tline\tpoem\n100%\t白日依山盡\t白日依山尽\t王之涣《登鹳雀楼》唐\n\n"
        "# 黄河入海流\nshare\tborrowed\tline\tpoem\n100%\t黄河入海流\t黄河入海流\t王之涣《登鹳雀楼》唐\n"
    )


def test_what_is_not_borrowed_is_blank(capsys):
    assert main(["nearest", "床前明月光", "-n", "1"]) == 0
    assert "80%\t床前　月光\t床前看月光\t李白《静夜思》唐\n" in capsys.readouterr().out


def test_a_line_without_known_characters_is_told(capsys):
    assert main(["nearest", "鿃"]) == 0
    assert capsys.readouterr().out == "鿃: no real line has any of its characters.\n"


def test_json_is_a_line_for_each_line(capsys):
    assert main(["nearest", "床前明月光，疑是地上霜", "--json", "--num", "2"]) == 0
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert (first["line"], second["line"]) == ("床前明月光", "疑是地上霜")
    best = first["nearest"][0]
    assert (best.pop("share"), best.pop("places")) == (0.8, [0, 1, 3, 4])
    assert best == {"line": "床前看月光", "title": "静夜思", "author": "李白", "dynasty": "唐"}
    assert len(second["nearest"]) == 2


@pytest.mark.parametrize("written", ["白日依山尽，\n黄河入海流。\n", '{"text": "白日依山尽，黄河入海流。"}\n'])
def test_poems_are_read_from_standard_input(written, monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(written.encode()), encoding="utf-8"))
    assert main(["nearest", "-", "--json"]) == 0
    assert [json.loads(line)["line"] for line in capsys.readouterr().out.splitlines()] == ["白日依山尽", "黄河入海流"]


def test_no_line_at_all_is_refused(capsys):
    assert main(["nearest", "abc"]) == 2
    assert "no Chinese character in 'abc'; give lines of verse" in capsys.readouterr().err


def test_a_damaged_file_is_one_sentence(tmp_path, monkeypatch, capsys):
    (tmp_path / "lines.bin").write_bytes(b"{}\n")
    monkeypatch.setattr(nearest, "FILE", tmp_path / "lines.bin")
    nearest.real_lines.cache_clear()
    assert main(["nearest", "白日依山尽"]) == 2
    assert capsys.readouterr().err.startswith(f"gen: {tmp_path / 'lines.bin'} is damaged, or no file of real lines; ")
