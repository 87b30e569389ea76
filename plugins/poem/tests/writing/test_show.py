"""Poems as people read them."""

from hypothesis import given
from hypothesis import strategies as st
from verses import examples

from gen_poem.verse.resolve import Wish, resolve
from gen_poem.writing.script import TypedText
from gen_poem.writing.show import show

NIANNU = "大江东去，浪淘尽、千古风流人物。"


@examples(25)
@given(st.integers(0, 12), st.lists(st.integers(1, 5), max_size=9), st.sampled_from([None, "simp", "trad"]))
def test_the_pieces_of_a_streamed_poem_are_the_whole_poem(start, sizes, script):
    verse = resolve(Wish("念奴娇"))
    laid = NIANNU.replace("、", "，")
    how = show(verse, TypedText(laid[:start], script=script), sentences=True)
    pieces, place = [laid[:start]], start
    for size in [*sizes, len(laid)]:
        pieces.append(laid[place : place + size])
        place += size
    told = "".join(map(how.pieces(), pieces))
    assert told == how.text(laid)
    assert how.broken(told) == "\n".join(how.lines(how.text(laid))) + "\n"


def test_what_is_new_is_shown_as_its_beginning_demands():
    verse = resolve(Wish("念奴娇"))
    how = show(verse, TypedText("大江东去，浪淘尽", script="trad"))
    assert how.text("，千古风流人物。") == "、千古風流人物。"
    assert how.text("大江东去，浪淘尽，千古风流人物。") == "大江東去，浪淘盡、千古風流人物。"
