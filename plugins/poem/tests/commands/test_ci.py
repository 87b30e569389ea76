"""`gen ci` on the shipped model: words to a tune have the lengths, tones and rhymes of one of its forms."""

import json

import pytest
from click.testing import CliRunner

from gen_engine.cli.main import make_cli
from gen_engine.errors import GenError
from gen_poem.judging.check import judge


def gen(*arguments):
    return CliRunner().invoke(make_cli(), ["ci", *map(str, arguments)], catch_exceptions=False)


def words(*arguments):
    done = gen(*arguments, "--json")
    assert done.exit_code == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("tune", ["菩萨蛮", *(pytest.param(t, marks=pytest.mark.slow) for t in ("浣溪沙", "西江月"))])
def test_words_to_a_tune_have_one_of_its_forms(tune):
    for found in words("--tune", tune, "--num", 2, "--seed", 1):
        assert judge(found["text"], tune_name=tune).faults == ()


def test_a_variant_is_kept():
    (found,) = words("--tune", "忆江南", "--variant", 2, "--seed", 1)
    assert judge(found["text"], tune_name="忆江南", variant=2).faults == ()


def test_a_prompt_flows_on_and_lines_end_with_sentences():
    (found,) = words("--tune", "忆江南", "--prompt", "江南好风景旧", "--seed", 1)
    assert found["text"].startswith("江南好，风景旧")
    assert all(line.count("。") == 1 and line.endswith("。") for line in found["lines"])
    assert found["text"].endswith(found["new"])


def test_a_stream_shows_what_json_says():
    asked = ["--tune", "满江红", "--variant", 1, "--prompt", "怒发冲冠凭栏处", "--script", "trad", "--seed", 2]
    (found,) = words(*asked)
    assert found["text"].startswith("怒髮衝冠，憑欄處、")
    assert gen(*asked).stdout.split() == found["lines"]


def test_without_tones_lengths_and_rhymes_are_kept():
    (found,) = words("--tune", "浣溪沙", "--tones", "off", "--acrostic", "春江", "--seed", 1)
    assert judge(found["text"], tune_name="浣溪沙", tones="off").faults == ()


def test_an_unknown_tune_is_refused_with_the_nearest():
    with pytest.raises(GenError, match="The tune book knows no tune .*浣溪沙"):
        gen("--tune", "浣溪妙")
