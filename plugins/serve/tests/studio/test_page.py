"""The page as such: its languages, sizes, themes, keys, and what axe-core says of it."""

import pytest

PHONE, TABLET, DESKTOP = ({"width": w, "height": h} for w, h in ((390, 844), (768, 1024), (1440, 900)))
POEM = "#kind=poem&form=七律&title=秋夜&best_of=1"
CHECK = "#view=check&check_text=清明时节雨纷纷，路上行人欲断魂。借问酒家何处有，牧童遥指杏花春。"
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.mark.slow
@pytest.mark.parametrize("size", [PHONE, TABLET, DESKTOP], ids=["phone", "tablet", "desktop"])
@pytest.mark.parametrize("setting", ["vertical", "horizontal"])
def test_a_poem_fits_its_sheet_at_every_size(visit, size, setting):
    studio = visit(f"{POEM}&setting={setting}", size=size)
    studio.write()
    assert studio.page.evaluate(OVERFLOW) == 0
    paper = studio.page.locator(".draft .paper").first
    assert paper.evaluate("node => node.scrollWidth <= node.clientWidth")
    assert paper.evaluate("node => getComputedStyle(node.firstChild).writingMode").startswith(setting[:8])


@pytest.mark.parametrize(
    ("size", "scheme"),
    [
        pytest.param(PHONE, "light", id="phone-light"),
        pytest.param(DESKTOP, "dark", id="desktop-dark"),
        pytest.param(PHONE, "dark", id="phone-dark", marks=pytest.mark.slow),
        pytest.param(DESKTOP, "light", id="desktop-light", marks=pytest.mark.slow),
    ],
)
def test_the_desk_has_no_serious_fault_of_accessibility(visit, scheme, size):
    studio = visit(POEM, size=size, color_scheme=scheme)
    studio.write()
    studio.pick(10)
    studio.page.locator(".draft .tone").first.wait_for()
    studio.page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
    assert studio.faults() == {}
    studio.page.keyboard.press("Escape")
    studio.share()
    assert studio.faults() == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_check_has_no_serious_fault_of_accessibility(visit, scheme):
    studio = visit(CHECK, color_scheme=scheme)
    studio.page.locator(".report .tone").first.wait_for()
    assert studio.faults() == {}


def test_the_language_is_the_browsers_and_can_be_changed(visit):
    page = visit(locale="en-GB").page
    assert page.inner_text("#go").strip() == "Write"
    page.click("#look-language")
    assert page.inner_text("#go").strip() == "写"
    assert page.locator("html").get_attribute("lang") == "zh-Hans"
    assert "lang=zh" in page.url


def test_every_word_stands_in_both_languages(visit):
    page = visit("#kind=poem&form=七律&lang=en").page
    page.locator("#wish-form option").nth(3).wait_for(state="attached")
    labels = page.locator("label, summary, h2, h3, .go, .kinds button").all_inner_texts()
    assert [each for each in labels if any("\u4e00" <= char <= "\u9fff" for char in each)] == []


@pytest.mark.slow
def test_the_wishes_stand_in_the_address(visit):
    page = visit("#kind=poem&form=七律").page
    page.fill("#wish-title", "秋夜")
    page.reload()
    assert page.input_value("#wish-title") == "秋夜"


def test_arrows_walk_as_the_text_is_set(visit):
    studio = visit(f"{POEM}&setting=vertical")
    lines = studio.write()
    studio.page.focus(".draft [data-position='0']")
    studio.page.keyboard.press("ArrowDown")
    studio.page.keyboard.press("ArrowLeft")
    assert studio.page.evaluate("document.activeElement.querySelector('.glyph').textContent") == lines[1][1]
    studio.page.keyboard.press("Enter")
    studio.page.locator(".inspector:not([hidden])").wait_for()
    studio.page.keyboard.press("Escape")
    assert studio.page.evaluate("document.activeElement.dataset.position") == "9"


def test_the_finished_text_is_told_to_screen_readers(visit):
    studio = visit(POEM)
    lines = studio.write()
    assert "".join(lines) in studio.page.locator("#told").text_content()
    assert studio.page.get_attribute("#told", "aria-live") == "polite"


@pytest.mark.slow
def test_nothing_moves_where_less_motion_is_wished(visit):
    studio = visit(POEM, reduced_motion="reduce")
    studio.write()
    assert studio.page.locator(".square-char").first.evaluate("node => getComputedStyle(node).animationName") == "none"


def test_the_policy_forbids_what_is_inline(visit, server_url):
    response = visit().page.request.get(server_url)
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_a_poem_fits_a_phone(visit):
    studio = visit(POEM, size=PHONE)
    studio.write()
    assert studio.page.evaluate(OVERFLOW) == 0
