"""Files of poems and couplets: what is no plain text is told what it is, by every command that reads one."""

import json

import pytest

from gen_engine.cli.main import main

POEM = "白日依山尽，黄河入海流。欲穷千里目，更上一层楼。"
FILES = {
    "a.csv": f"text,label\n{POEM},1\n",
    "a.tsv": f"text\tlabel\n{POEM}\t1\n",
    "comma": f"title,text\n登鹳雀楼,{POEM}\n",
    "a.json": json.dumps([{"text": POEM}]),
    "a.html": f"<html>{POEM}</html>",
    "a.png": "\x89PNG\r\n",
    "nul": f"白\0{POEM}",
    "number.jsonl": '{"text": 5}',
    "list.jsonl": f'{{"text": ["{POEM}"]}}',
    "deep.jsonl": '{"text": ' + "[" * 100_000,
}
"""What no command takes for poems."""

COMMANDS = {
    "check": ["check", "{}"],
    "eval poem": ["eval", "poem", "{}"],
    "eval poem --corpus": ["eval", "poem", "good", "--corpus", "{}"],
    "eval couplet": ["eval", "couplet", "{}"],
    "eval couplet --corpus": ["eval", "couplet", "pairs", "--corpus", "{}"],
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("name", FILES)
def test_no_command_takes_another_file_for_poems(tmp_path, monkeypatch, capsys, command, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_bytes(FILES[name].encode("latin-1" if name == "a.png" else "utf-8"))
    (tmp_path / "good").write_text(POEM, encoding="utf-8")
    (tmp_path / "pairs").write_text("春满人间\t福临门第\n" * 3, encoding="utf-8")
    assert main([word.format(name) for word in COMMANDS[command]]) == 2
    told = capsys.readouterr()
    assert name in told.err
    assert not told.out
