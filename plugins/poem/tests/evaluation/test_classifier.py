"""Telling written poems from real ones: the area under a curve by hand and scikit-learn, and the classifier."""

import importlib.util
import json
import random

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from gen_engine.cli.main import make_cli
from gen_engine.errors import GenError
from gen_poem.evaluation.classifier import auc, auc_by_words, check_classifier, match, shape_of
from gen_poem.evaluation.figures import evaluate
from gen_poem.evaluation.measures import Wanted

TRIES = settings(deadline=None, max_examples=40, derandomize=True, database=None)
pytestmark = pytest.mark.usefixtures("one_engine")

HERON = "白日依山尽，黄河入海流。欲穷千里目，更上一层楼。"
scores = st.lists(st.integers(0, 9).map(float), min_size=1, max_size=30)


@TRIES
@given(scores, scores)
def test_the_area_is_scikit_learns(ours, real):
    known = roc_auc_score([1] * len(ours) + [0] * len(real), ours + real)
    assert auc(ours, real) == pytest.approx(known, abs=1e-12)
    assert auc(ours, real) + auc(real, ours) == pytest.approx(1)


def test_the_area_is_how_often_ours_win_draws_counting_half():
    assert auc([3, 1], [2, 1]) == (1 + 1 + 0 + 0.5) / 4
    assert [auc([1], [0]), auc([0], [1]), auc([1, 1], [1])] == [1, 0, 0.5]


@pytest.mark.parametrize("ours, real", [([], [1.0]), ([1.0], []), ([], [])])
def test_there_is_no_area_of_one_sort(ours, real):
    with pytest.raises(GenError, match="two sorts"):
        auc(ours, real)


def written(chars, count, seed):
    chance = random.Random(seed)
    return ["，".join("".join(chance.choices(chars, k=5)) for _ in range(4)) for _ in range(count)]


def test_only_texts_of_other_words_are_told_apart():
    usual = "春江花月夜云水山"
    same = [auc_by_words(written(usual, 100, 1 + n), written(usual, 100, 9 + n)) for n in (0, 4)]
    assert max(abs(area - 0.5) for area in same) < 0.12
    assert auc_by_words(written("春江花月夜", 40, 1), written("秋雨梧桐叶", 40, 2)) == 1
    assert 0.7 < auc_by_words(written("春江花月夜夜夜", 100, 1), written("春江花月夜", 100, 2)) < 1


def test_the_same_poems_are_told_apart_alike_each_time():
    ours, real = written("春江花月夜夜", 30, 1), written("春江花月夜", 30, 2)
    assert auc_by_words(ours, real) == auc_by_words(ours, real)


@TRIES
@given(st.lists(st.sampled_from("abc"), max_size=20), st.lists(st.sampled_from("abc"), max_size=20))
def test_each_shape_has_as_many_real_poems_as_others(ours, real):
    chosen = match([(shape, 1) for shape in ours], [(shape, 0) for shape in real], key=lambda each: (ord(each[0]),))
    assert [[shape for shape, _ in side] for side in chosen] == [
        [shape for shape in "abc" for _ in range(min(ours.count(shape), real.count(shape)))]] * 2  # fmt: skip
    assert {origin for _, origin in chosen[0]} <= {1}


def test_the_shape_of_a_poem_is_its_line_lengths():
    assert [shape_of(HERON), shape_of("春花。秋月夜！")] == [(5, 5, 5, 5), (2, 3)]


def test_only_poems_that_keep_the_form_are_compared():
    wrong = HERON.replace("流", "去")
    found = evaluate([HERON] * 30 + [wrong] * 9, Wanted("五绝"), source="", real=[HERON] * 24 + [wrong] * 30)
    area = next(each for each in found.figures if each.name == "AUC, TF-IDF")
    assert (area.value, area.unit, area.count) == (0.5, "area", 24)


def test_too_few_poems_leave_the_figure_out_and_say_why():
    found = evaluate([HERON] * 30, Wanted("五绝"), source="", real=[HERON] * 19)
    area = next(each for each in found.figures if each.name == "AUC, TF-IDF")
    assert area.value is None
    assert "there are 19" in area.meaning


def test_without_scikit_learn_the_command_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr("gen_poem.evaluation.classifier.find_spec", lambda name: None)
    with pytest.raises(GenError, match=r"pip install 'gen-engine-poem\[eval\]'"):
        check_classifier()


def test_the_command_tells_poems_from_those_of_another_file(tmp_path):
    (tmp_path / "ours").write_text(f"{HERON}\n" * 25, encoding="utf-8")
    (tmp_path / "real").write_text(f"{HERON.replace('千里', '万里')}\n" * 22, encoding="utf-8")
    words = ["eval", "poem", str(tmp_path / "ours"), "--form", "五绝", "--real", str(tmp_path / "real"), "--json"]
    assert json.loads(CliRunner().invoke(make_cli(), words).stdout)["figures"]["AUC, TF-IDF"] == 1
