"""`gen novel` on next-character models, and the laws of models on the shipped one."""

import json
from collections import Counter

import pytest
from click.testing import CliRunner
from nextchar_models import FC, LSTM, label, write

import gen_engine as gen
from gen_engine.cli.main import make_cli
from gen_engine.testing import check_model
from gen_novel.command import rules

MODELS = pytest.mark.parametrize("options", [LSTM[3], FC[12]], ids=label)
PROMPT = "一丁丂"


def novel(folder, *arguments):
    given = ["novel", "--model", str(folder), "--prompt", PROMPT, "--seed", "1", *arguments]
    return CliRunner().invoke(make_cli(), given, catch_exceptions=False).stdout


@MODELS
def test_a_folder_writes_its_length_and_repeats_none_within_thirty(tmp_path, options):
    done = json.loads(novel(write(tmp_path, options), "--len", "60", "--json", "--no-repeat", "30"))
    text = done["text"]
    assert len(done["new"]) == 60
    assert all(char not in text[max(0, place - 30) : place] for place, char in enumerate(text))
    assert "[" not in text


@MODELS
def test_each_character_is_one_of_the_ten_likeliest_allowed(tmp_path, options):
    engine = gen.load(write(tmp_path, options))
    (done,) = engine.generate(PROMPT, processors=(*rules(20, False, 5, False), "top_k=10"), seed=2, max_new=20)
    for place in range(4, len(done.tokens)):
        logits = engine.model.feed(engine.model.open(1), [-1], [0], [done.tokens[:place]])[0]
        banned = {*range(5), *done.tokens[place - 5 : place]}
        allowed = sorted((float(logits[i]) for i in range(len(logits)) if i not in banned), reverse=True)
        assert float(logits[done.tokens[place]]) >= allowed[9]


@MODELS
def test_many_texts_share_a_pass_each_as_if_alone(tmp_path, options, monkeypatch):
    engine, fed = gen.load(write(tmp_path, options)), Counter()
    feed = type(engine.model).feed
    monkeypatch.setattr(type(engine.model), "feed", lambda *given: (fed.update([len(given[2])]), feed(*given))[1])
    wanted = {"processors": (*rules(15, False, 5, False), "top_k=10"), "seed": 4, "max_new": 15}
    together = engine.generate(PROMPT, num=6, **wanted)
    assert fed[6] >= 13
    assert [done.text for done in engine.generate(PROMPT, num=2, **wanted)] == [done.text for done in together[:2]]


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_the_shipped_model_passes_the_laws_of_models(dtype):
    check_model(gen.load("novel", dtype=dtype).model)
