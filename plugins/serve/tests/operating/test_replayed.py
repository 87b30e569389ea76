"""Texts of typed endpoints tell how they were made, and `gen replay` writes them again."""

import json

import pytest

from gen_engine.cli.main import main
from gen_engine.engine import load
from gen_serve.engine_process.loading import Loading
from gen_serve.engine_process.loop import Loop, Served
from gen_serve.messages import Cancel, CommandWish, Submit, TextDone

ASKED = [
    ("poem", ("--form=五绝", "--num=2", "--best-of=2", "--script=trad")),
    ("poem", ("--rows=2", "--beams=2", "--num=2")),
    ("couplet", ("--first=春满神州花似锦", "--best-of=1")),
    ("text", ("--prompt=白日", "--max-new=5", "--with=top_k=5")),
]


class Kept(list):
    """What was sent, in place of a connection."""

    send = list.extend


@pytest.fixture(scope="module")
def loop():
    engine = load("poem")
    served = {"poem": Served("poem", engine, engine.scheduler(rows=8, queue=8))}
    return Loop(Kept(), served, Loading((("poem", "poem"),), texts=16, length=200))


@pytest.mark.parametrize("command, arguments", ASKED)
def test_what_was_served_is_written_again(loop, tmp_path, capsys, command, arguments):
    loop.connection.clear()
    loop.inbox.put(Submit(1, "poem", CommandWish(command, arguments), seed=3, patience=8.0))
    while not loop.connection or loop.jobs:
        loop.inbox.put(Cancel(10**6))  # so that an idle loop does not wait
        loop.turn()
    texts = [each.record for each in loop.connection if isinstance(each, TextDone)]
    (tmp_path / "answer.json").write_text(json.dumps({"texts": texts}), encoding="utf-8")
    assert main(["replay", str(tmp_path / "answer.json")]) == 0
    assert capsys.readouterr().out.count("same") == len(texts) > 0
