"""Prompts laid out in a form or tune, and texts as people read them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from verses import examples

from gen_engine.errors import GenError
from gen_poem.verse.resolve import Wish, resolve
from gen_poem.writing.layout import Layout, show
from gen_poem.writing.typed import Typed

JIANGNAN = "江南好，风景旧曾谙。日出江花红胜火，春来江水绿如蓝。能不忆江南。"
NIANNU = "大江东去，浪淘尽、千古风流人物。"


@pytest.mark.parametrize(("wish", "text"), [
    (Wish("五绝"), "白日依山尽，黄河入海流。欲穷千里目，更上一层楼。"), (Wish("忆江南"), JIANGNAN),
])  # fmt: skip
def test_a_prompt_with_all_marks_none_or_half_width_ones_is_laid_out_the_same(wish, text):
    layout = Layout(resolve(wish))
    bare = text.replace("，", "").replace("。", "")
    for size in range(len(bare) + 1):
        assert text.startswith(layout.lay_out(bare[:size]))
    assert layout.lay_out(text) == text
    assert layout.lay_out(text.replace("，", ", ").replace("。", ".\n")) == text


def test_a_prompt_is_laid_out_in_the_first_form_of_a_tune_that_it_fits():
    layout = Layout(resolve(Wish("忆江南")))
    assert layout.lay_out("江南好风景旧曾谙") == "江南好，风景旧曾谙"


def test_of_all_forms_of_a_tune_the_one_that_a_prompt_fits_best_says_what_is_wrong():
    with pytest.raises(GenError, match="火 at line 2, place 5"):
        Layout(resolve(Wish("忆江南", variant=1))).lay_out("江南好风景旧曾火")


def test_a_pause_is_laid_out_as_a_comma_and_shown_as_a_pause():
    verse = resolve(Wish("念奴娇"))
    laid = Layout(verse).lay_out(NIANNU)
    assert laid == NIANNU.replace("、", "，").removesuffix("。") + "。"
    assert Layout(verse).marked(laid) == NIANNU


@examples(25)
@given(st.integers(0, 12), st.lists(st.integers(1, 5), max_size=9), st.sampled_from([None, "simp", "trad"]))
def test_the_pieces_of_a_streamed_poem_are_the_whole_poem(start, sizes, script):
    verse = resolve(Wish("念奴娇"))
    laid = NIANNU.replace("、", "，")
    how = show(verse, Typed(laid[:start], script=script), sentences=True, streamed=True)
    pieces, place = [laid[:start]], start
    for size in [*sizes, len(laid)]:
        pieces.append(laid[place : place + size])
        place += size
    shown = show(verse, Typed(laid[:start], script=script), sentences=True)
    assert "".join(map(how.piece, pieces)) == "\n".join(shown.lines(shown.text(laid))) + "\n"


def test_what_is_new_is_shown_in_the_light_of_what_it_continues():
    verse = resolve(Wish("念奴娇"))
    how = show(verse, Typed("大江东去，浪淘尽", script="trad"))
    assert how.text("，千古风流人物。") == "、千古風流人物。"
    assert how.text("大江东去，浪淘尽，千古风流人物。") == "大江東去，浪淘盡、千古風流人物。"
