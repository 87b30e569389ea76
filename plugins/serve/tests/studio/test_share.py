"""What is shared comes back: the same text in a fresh profile, a picture, a warning where the model is another."""

import re
from xml.etree import ElementTree

import pytest


def test_a_link_writes_the_same_text_in_a_fresh_profile(visit):
    studio = visit("#kind=poem&form=七律&title=秋夜&acrostic=春江花月夜长安月")
    lines = studio.write()
    other = visit(studio.share())
    assert other.written() == lines
    assert "一字不差" in other.page.inner_text(".promise")
    assert "seed_wish=" in other.page.url
    other.page.reload()
    assert other.written() == lines


@pytest.mark.slow
@pytest.mark.parametrize("part", ["this_line", "from_here"])
def test_a_link_to_a_rewritten_text_writes_it_again(visit, part):
    studio = visit("#kind=poem&form=七绝")
    studio.write()
    studio.pick(9)
    lines = studio.rewrite(part)
    assert visit(studio.share()).written() == lines


@pytest.mark.slow
def test_a_link_to_the_third_variant_opens_that_one(visit):
    studio = visit("#kind=poem&form=五绝&num=3&best_of=2")
    studio.write()
    third = studio.page.locator(".draft").nth(2).locator(".glyph, .mark").all_text_contents()
    studio.page.locator("[data-act=share]").nth(2).click()
    other = visit(studio.page.input_value("#share-link"))
    other.page.locator(".promise").wait_for()
    assert "".join(other.lines()) == "".join(third)


def test_another_model_than_the_links_is_said(visit):
    studio = visit("#kind=poem&form=五绝&best_of=1")
    studio.write()
    other = visit(re.sub("hash=[0-9a-f]+", "hash=0123456789abcdef", studio.share()))
    other.written()
    other.page.locator(".promise").first.wait_for()
    assert "0123456789ab" in other.page.inner_text(".notes")


@pytest.mark.slow
def test_the_picture_is_saved_as_png_and_svg(visit, tmp_path):
    studio = visit("#kind=poem&form=五绝&title=秋夜&best_of=1")
    line = studio.write()[0]
    studio.share()
    for button, file in (("#save-png", "card.png"), ("#save-svg", "card.svg")):
        with studio.page.expect_download() as saving:
            studio.page.click(button)
        saving.value.save_as(tmp_path / file)
    assert (tmp_path / "card.png").read_bytes().startswith(b"\x89PNG")
    written = "".join(ElementTree.parse(tmp_path / "card.svg").getroot().itertext())
    assert written.startswith("秋夜" + line[:5])
