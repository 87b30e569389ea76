"""The models that ship: small, whole, and continuing a text exactly as asked."""

import json

import pytest
from click.testing import CliRunner

from gen_engine.cli.main import make_cli
from gen_nextchar import WEIGHTS

each_kind = pytest.mark.parametrize("kind", ["bert-lstm", "bert-fc"])


def write(kind, *options):
    given = [
        "novel",
        "--model",
        f"{kind}-novel",
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


@each_kind
def test_the_shipped_model_is_small_and_looks_left_only(kind):
    folder = WEIGHTS / kind.replace("-", "_")
    assert (folder / "model.safetensors").stat().st_size < 6e6
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    assert (config["model_type"], config["window"], config["encoder"]["is_decoder"]) == (kind, 32, True)


@each_kind
def test_the_shipped_model_writes_the_same_alone_and_among_others(kind):
    alone, many = write(kind), write(kind, "--num", "3")
    assert [len(row["text"]) for row in many] == [10] * 3
    assert alone[0]["text"] == many[0]["text"]
