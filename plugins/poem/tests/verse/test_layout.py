"""Prompts laid out in a form or tune."""

import pytest

from gen_engine.errors import GenError
from gen_poem.verse.layout import by_marks, lay_out, with_marks
from gen_poem.verse.resolve import Wish, resolve

JIANGNAN = "江南好，风景旧曾谙。日出江花红胜火，春来江水绿如蓝。能不忆江南。"
NIANNU = "大江东去，浪淘尽、千古风流人物。"


@pytest.mark.parametrize(("wish", "text"), [
    (Wish("五绝"), "白日依山尽，黄河入海流。欲穷千里目，更上一层楼。"), (Wish("忆江南"), JIANGNAN),
])  # fmt: skip
def test_full_half_or_no_marks_are_laid_out_alike(wish, text):
    shapes = by_marks(resolve(wish))
    bare = text.replace("，", "").replace("。", "")
    for size in range(len(bare) + 1):
        assert text.startswith(lay_out(bare[:size], *shapes))
    assert lay_out(text, *shapes) == text
    assert lay_out(text.replace("，", ", ").replace("。", ".\n"), *shapes) == text


def test_the_first_form_that_a_prompt_fits_lays_it_out():
    assert lay_out("江南好风景旧曾谙", *by_marks(resolve(Wish("忆江南")))) == "江南好，风景旧曾谙"


def test_the_form_that_a_prompt_fits_longest_refuses_it():
    with pytest.raises(GenError, match="火 at line 2, place 5"):
        lay_out("江南好风景旧曾火", *by_marks(resolve(Wish("忆江南", variant=1))))


def test_a_pause_goes_in_as_a_comma_and_shows():
    shapes = by_marks(resolve(Wish("念奴娇")))
    laid = lay_out(NIANNU, *shapes)
    assert laid == NIANNU.replace("、", "，").removesuffix("。") + "。"
    assert with_marks(laid, *shapes) == NIANNU


def test_without_a_shape_a_prompt_only_loses_its_blanks():
    assert lay_out("白日 依山\n尽", *()) == "白日依山尽"
