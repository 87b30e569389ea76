"""Judges of relevance: what they are asked, both on data whose answer is known, and the folder that keeps them."""

import json
import shutil

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from hypothesis import given
from hypothesis import settings as trying
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from gen_engine.cli.languages import CHINESE, speak
from gen_engine.cli.main import make_cli
from gen_engine.engine import Engine
from gen_engine.errors import GenError
from gen_engine.testing.models import table_model
from gen_poem.evaluation.counts import BACKGROUND, PAIRS, SMOOTHING, Counts, grams
from gen_poem.evaluation.figures import evaluate
from gen_poem.evaluation.judges import COUNTS, SETTINGS, TOWERS, read_judges, write_judges
from gen_poem.evaluation.measures import Wanted
from gen_poem.evaluation.picture import draw
from gen_poem.evaluation.relevance import TITLES, Judges, choices, hit, hits, plain_lines
from gen_poem.evaluation.towers import Encoder, Towers
from gen_poem.verse.poem_files import Row

pytestmark = pytest.mark.usefixtures("one_engine")

TRIES = trying(deadline=None, max_examples=40, derandomize=True, database=None)
POOL = tuple(chr(0x4E00 + 7 * number) for number in range(40))
"""Titles of one character each; texts of poem n are of characters that no other poem has."""

TEXTS = tuple("，".join([chr(0x6000 + 9 * n) + chr(0x6001 + 9 * n), chr(0x6002 + 9 * n)]) for n in range(40))

POEMS_OF_POOL = list(zip(POOL, TEXTS, strict=True))


def count(poems):
    """The judge by counts as its docstring defines it, by loops."""
    titles = sorted({gram for title, _ in poems for gram in grams(title)})
    features = sorted({gram for _, text in poems for gram in grams(plain_lines(text))}, key=lambda g: (len(g), g))
    texts = {gram: [grams(plain_lines(text)) for title, text in poems if gram in grams(title)] for gram in titles}
    chars = [feature for feature in features if len(feature) == 1]
    rows = [[sum(feature in text for text in texts[gram]) for feature in features] for gram in titles]
    return Counts(
        titles=titles,
        features=features,
        total=len(poems),
        poems=np.array([len(texts[gram]) for gram in titles]),
        sums=np.array([[sum(row[: len(chars)]), sum(row[len(chars) :])] for row in rows]),
        usual=np.array([sum(f in grams(plain_lines(text)) for _, text in poems) for f in features]),
        starts=np.cumsum([0, *(sum(n > 0 for n in row) for row in rows)]),
        places=np.array([at for row in rows for at, n in enumerate(row) if n], dtype=np.uint16),
        counts=np.array([n for row in rows for n in row if n], dtype=np.uint16),
    )


@pytest.fixture(scope="module")
def encoder():
    torch.manual_seed(0)
    towers = Towers(400, 16)
    found = Encoder(towers, "".join(sorted({*"".join(POOL), *"".join(TEXTS).replace("，", "")})))
    texts, titles = found.rows([plain_lines(text) for text in TEXTS]), found.rows(POOL)
    optimizer = torch.optim.Adam(towers.parameters(), lr=0.03)
    for _ in range(80):
        optimizer.zero_grad()
        towers.loss(titles, texts, torch.arange(len(POOL))).backward()
        optimizer.step()
    return Encoder(towers.eval(), found.characters + "×" * (400 - len(found.characters)))


@pytest.fixture(scope="module")
def folder(encoder, tmp_path_factory):
    made = tmp_path_factory.mktemp("judges")
    write_judges(made, count(POEMS_OF_POOL), encoder, POOL)
    return made


# ----------------------------------------------------------------------------------------------- what is asked


@TRIES
@given(st.text("春江花月夜", min_size=1, max_size=3))
def test_twenty_titles_differ_and_the_right_one_is_first(title):
    found = choices(title, [*"春江花月夜", "春江", "花月夜", *POOL, POOL[0]])
    assert (found[0], len(set(found))) == (title, TITLES)
    assert [other for other in found[1:] if other in title or title in other] == []


def test_the_wrong_titles_depend_on_the_right_one_alone():
    assert choices("春江", POOL) == choices("春江", POOL)
    assert choices("春江", POOL)[1:] != choices("夜", POOL)[1:]


def test_too_few_titles_are_an_error():
    with pytest.raises(GenError, match="know 5 titles"):
        choices("春", ["春夜", *"江花月夜", "江", "树"])


def test_a_hit_is_shared_by_all_that_are_best():
    assert [hit([2, 1, 1]), hit([1, 2, 1]), hit([2, 2, 1]), hit([0] * TITLES)] == [1, 0, 1 / 2, 1 / TITLES]


def test_a_judge_that_knows_nothing_finds_what_chance_does():
    class Blind:
        def scores(self, text, titles):
            return [0.0] * len(titles)

    assert hits(Judges({"blind": Blind()}, POOL), [("花。", "秋夜")]) == [{"blind": 1 / TITLES}]


def test_a_title_without_a_chinese_character_is_not_looked_for():
    assert hits(Judges({}, ()), [("花。", "Spring 1"), ("花。", "")]) == [{}, {}]


# ----------------------------------------------------------------------------------------------------- counts


POEMS = [("雪", "玉树，琼花。"), ("雪夜", "玉树，寒灯。"), ("夜", "寒灯，远钟。"), ("春", "燕子，桃花。")]


def likelier(feature, title):
    """How many times likelier than usual the title makes the feature, as the docstrings define it."""
    same = [f for _, other in POEMS for f in grams(plain_lines(other)) if len(f) == len(feature)]
    usual, parts = same.count(feature) / len(same), [(BACKGROUND, 1.0)]
    for gram in grams(title):
        there = [text for name, text in POEMS if gram in grams(name)]
        own = [f for text in there for f in grams(plain_lines(text)) if len(f) == len(feature)]
        if there:
            share = (own.count(feature) + SMOOTHING * usual) / (len(own) + SMOOTHING)
            parts.append((np.log(len(POEMS) / len(there)), share / usual))
    return sum(weight * ratio for weight, ratio in parts) / sum(weight for weight, _ in parts)


@TRIES
@given(st.text("玉树琼花寒灯远钟燕子桃", max_size=6), st.sampled_from(["雪", "夜", "雪夜", "春夜", "酒"]))
def test_a_score_is_what_the_definition_says(text, title):
    known = {f for _, other in POEMS for f in grams(plain_lines(other))} & grams(text)
    wanted = sum((1 if len(f) == 1 else PAIRS) * np.log(likelier(f, title)) for f in known)
    assert count(POEMS).scores(text, [title]) == [pytest.approx(wanted, abs=1e-9)]


def test_a_text_belongs_to_the_title_whose_words_it_has():
    judge = count(POEMS)
    assert np.argmax(judge.scores("琼花 玉树", ["大雪", "春日", "夜坐"])) == 0
    assert np.argmax(judge.scores("远钟", ["大雪", "春日", "夜坐"])) == 2
    assert judge.scores("琼花", ["酒"]) == judge.scores("酒", ["雪"]) == [0.0]


# ------------------------------------------------------------------------------------------------ both, and the folder


def test_both_judges_find_each_learned_title_by_its_text_alone(folder):
    judges = read_judges(folder)
    right = hits(judges, list(zip(TEXTS, POOL, strict=True)))
    wrong = hits(judges, list(zip(TEXTS, [*POOL[20:], *POOL[:20]], strict=True)))
    assert right == [{"counts": 1, "encoder": 1}] * len(POOL)
    assert max(np.mean([each[name] for each in wrong]) for name in judges.judges) < 0.2  # chance finds 0.05 of 40


def test_a_folder_gives_the_judges_that_were_written(folder, encoder):
    text, titles = plain_lines(TEXTS[3]), list(POOL[:9])
    found = read_judges(folder)
    assert found.judges["counts"].scores(text, titles) == count(POEMS_OF_POOL).scores(text, titles)
    assert found.judges["encoder"].scores(text, titles) == pytest.approx(encoder.scores(text, titles), abs=1e-5)
    assert found.pool == POOL


def test_what_stands_behind_a_text_in_a_batch_changes_nothing(encoder):
    together = encoder.towers.read_texts(encoder.rows([TEXTS[0], "".join(TEXTS[:9]), ""]))
    assert torch.allclose(together[0], encoder.towers.read_texts(encoder.rows([TEXTS[0]]))[0], atol=1e-6)


def test_relevance_is_told_beside_the_other_figures(folder):
    rows = [Row(TEXTS[0], POOL[0]), Row(TEXTS[1], POOL[2]), Row(TEXTS[2])]
    found = evaluate(rows, Wanted(), source="", judges=read_judges(folder))
    told = {each.name: (each.value, each.count) for each in found.figures if each.name.startswith("relevance")}
    assert told == {"relevance, counts": (0.5, 2), "relevance, encoder": (0.5, 2)}
    assert [each["title"] for each in found.record()["each"]] == [POOL[0], POOL[2], ""]


def test_the_figures_beside_real_poems_are_told_in_chinese(folder, tmp_path):
    rows = [Row(TEXTS[0], POOL[0], "月"), Row("，".join(["春江花月夜"] * 8) + "。", POOL[1])]
    engine = Engine(table_model("", "春", "花", "月", "，", "。", "", unk=6, order=2))
    found = evaluate(rows, Wanted(), source="", judges=read_judges(folder), engine=engine)
    new = ("parallel", "relevance, counts", "relevance, encoder", "nats with context")
    figures = {each.name: each for each in found.figures if each.name in new}
    assert [name for name in new if not (name in CHINESE and figures[name].meaning in CHINESE)] == []
    assert "2 首" in figures["relevance, counts"].told(speak("zh"))
    draw(found, str(tmp_path / "p.svg"), "zh")
    assert ">切题（计数）</text>" in (tmp_path / "p.svg").read_text("utf-8")


def test_the_command_asks_the_judges_of_a_folder(folder, tmp_path):
    rows = [{"text": TEXTS[0], "title": POOL[0]}, {"text": TEXTS[1], "wishes": {"title": POOL[1]}}, {"text": TEXTS[2]}]
    (tmp_path / "poems.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    words = ["eval", "poem", str(tmp_path / "poems.jsonl"), "--judges", str(folder), "--json"]
    found = json.loads(CliRunner().invoke(make_cli(), words).stdout)
    assert [found["figures"][name] for name in ("relevance, counts", "relevance, encoder")] == [1, 1]
    assert [each["relevance"] for each in found["each"]] == [{"counts": 1, "encoder": 1}] * 2 + [{}]


def settings(folder, **changes):
    told = json.loads((folder / SETTINGS).read_text("utf-8"))
    (folder / SETTINGS).write_text(json.dumps({**told, **changes}), "utf-8")


def tensors(folder, name, **changes):
    save_file({**load_file(folder / name), **changes}, folder / name)


DAMAGES = {
    "no JSON": lambda f: (f / SETTINGS).write_text("{", "utf-8"),
    "a list": lambda f: (f / SETTINGS).write_text("[]", "utf-8"),
    "deep": lambda f: (f / SETTINGS).write_text("[" * 100_000, "utf-8"),
    "binary": lambda f: (f / SETTINGS).write_bytes(b"\xff\xfe"),
    "missing": lambda f: (f / SETTINGS).unlink(),
    "another format": lambda f: settings(f, format=2),
    "no pool": lambda f: settings(f, pool="春"),
    "a pool of numbers": lambda f: settings(f, pool=[1]),
    "an empty gram": lambda f: settings(f, titles=[""] * len(POOL)),
    "long grams": lambda f: settings(f, features=["春夏秋"] * 240),
    "fewer titles": lambda f: settings(f, titles=["春"]),
    "no poems": lambda f: settings(f, total=0),
    "wide": lambda f: settings(f, width=10**9),
    "other characters": lambda f: settings(f, characters="春"),
    "no counts": lambda f: (f / COUNTS).unlink(),
    "cut counts": lambda f: (f / COUNTS).write_bytes((f / COUNTS).read_bytes()[:-9]),
    "beyond": lambda f: tensors(f, COUNTS, places=load_file(f / COUNTS)["places"].int() + 10**6),
    "descending": lambda f: tensors(f, COUNTS, starts=load_file(f / COUNTS)["starts"].flip(0)),
    "out of order": lambda f: tensors(f, COUNTS, starts=load_file(f / COUNTS)["starts"][[0, 2, 1, *range(3, 41)]]),
    "negative": lambda f: tensors(f, COUNTS, sums=-load_file(f / COUNTS)["sums"]),
    "fractions": lambda f: tensors(f, COUNTS, usual=load_file(f / COUNTS)["usual"] / 3),
    "no towers": lambda f: (f / TOWERS).unlink(),
    "no numbers": lambda f: tensors(f, TOWERS, sharpness=torch.tensor(float("nan"))),
    "another tensor": lambda f: tensors(f, TOWERS, more=torch.zeros(1)),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=list(DAMAGES))
def test_a_damaged_folder_is_refused_with_a_remedy(folder, tmp_path, damage):
    shutil.copytree(folder, tmp_path / "judges")
    damage(tmp_path / "judges")
    with pytest.raises(GenError, match=r"make the folder anew|fetch or write it again"):
        read_judges(tmp_path / "judges")
