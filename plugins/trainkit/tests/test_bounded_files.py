"""Lines, cells and files of settings that are too long are told by every reader of tables, and nothing is trained."""

import json

import pytest

from gen_engine.cli.main import main
from gen_engine.errors import GenError
from gen_engine.system import bounds
from gen_trainkit.reading import read_texts

LONG = "春" * 21


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(bounds, "LINE", 40)
    monkeypatch.setattr("gen_trainkit.csv_rows.LINE", 40)
    monkeypatch.setattr("gen_engine.system.text_files.TEXT", 20)


FILES = {
    "a.txt": LONG,
    "a.csv": f"text,label\n{LONG},1",
    "a.tsv": f"text\tlabel\n{LONG}\t1",
    "a.jsonl": json.dumps({"text": LONG}, ensure_ascii=False),
}


@pytest.mark.parametrize("name", FILES)
def test_a_text_over_the_bound_is_told_with_its_line(tmp_path, small, name):
    (tmp_path / name).write_text(FILES[name] + "\n", encoding="utf-8")
    with pytest.raises(GenError, match=r"Line [12] of .*holds a text of 21 characters, over the 20 that are read"):
        read_texts([tmp_path / name])


@pytest.mark.parametrize("name", FILES)
def test_a_line_over_the_bound_is_told_with_its_number(tmp_path, small, name):
    (tmp_path / name).write_text(FILES[name].replace(LONG, 2 * LONG) + "\n", encoding="utf-8")
    with pytest.raises(GenError, match="Line [12] of .*is longer than 40 characters"):
        read_texts([tmp_path / name])


def test_an_unclosed_quote_is_followed_no_further_than_the_bound(tmp_path, small):
    (tmp_path / "a.csv").write_text('text\n"' + "春眠不觉晓\n" * 1000, encoding="utf-8")
    with pytest.raises(GenError, match="a quote opens in line 2 of .* is longer than 40 characters.*--quotes repair"):
        read_texts([tmp_path / "a.csv"])


SIZES = [
    ["gpt2", "--layers", "100000000"], ["gpt2", "--width", "1000000000", "--dry-run"],
    ["gpt2", "--positions", "1000000000000"], ["mlm", "--layers", "100000000"], ["mlm", "--ff", "1000000000000"],
    ["bert-fc", "--hidden", "1000000000"], ["bert-lstm", "--layers", "100000000"],
    ["bert-lstm", "--window", "1000000000000"], ["classifier", "--width", "1000000000"],
]  # fmt: skip


@pytest.mark.parametrize("words", SIZES, ids=" ".join)
def test_absurd_sizes_are_refused_before_a_file_is_read(words, tmp_path, capsys):
    given = ["train", *words, "--from-scratch", "--out", str(tmp_path / "out"), str(tmp_path / "missing.txt")]
    assert main(given) == 2
    assert "give smaller sizes" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
