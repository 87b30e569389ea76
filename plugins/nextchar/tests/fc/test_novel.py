"""The model that ships: small, whole, and continuing a text exactly as asked."""

import json

from click.testing import CliRunner

from gen_engine.cli.main import make_cli
from gen_nextchar import WEIGHTS


def write(*options):
    given = [
        "novel",
        "--model",
        "bert-fc-novel",
        "--prompt",
        "却说宝玉",
        "--len",
        "6",
        "--seed",
        "3",
        "--json",
        *options,
    ]
    result = CliRunner().invoke(make_cli(), given, catch_exceptions=False)
    return [json.loads(line) for line in result.output.splitlines()]


def test_the_shipped_model_is_small_and_looks_left_only():
    assert (WEIGHTS / "bert_fc" / "model.safetensors").stat().st_size < 6e6
    config = json.loads((WEIGHTS / "bert_fc" / "config.json").read_text(encoding="utf-8"))
    assert (config["model_type"], config["window"], config["encoder"]["is_decoder"]) == ("bert-fc", 32, True)


def test_the_shipped_model_continues_a_text_the_same_alone_and_among_others():
    alone, many = write(), write("--num", "3")
    assert [len(row["text"]) for row in many] == [10] * 3
    assert alone[0]["text"] == many[0]["text"]
