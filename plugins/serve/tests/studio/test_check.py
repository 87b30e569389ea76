"""The check: a pasted poem, what keeps its form and what breaks it."""

QINGMING = "清明时节雨纷纷，路上行人欲断魂。\n借问酒家何处有，牧童遥指杏花村。"


def checked(studio, text):
    studio.page.click("#view-check")
    studio.page.fill("#wish-check_text", text)
    studio.page.click("#check-go")
    studio.page.locator(".report").wait_for()
    return studio.page


def test_a_pasted_poem_is_right_and_its_licence_named(visit):
    page = checked(visit(), QINGMING)
    assert "七绝" in page.inner_text(".report h2")
    assert page.locator(".verdict .bad").count() == 0
    assert "借元的邻韵" in page.inner_text(".licences")
    assert page.locator(".report .square-char.rhymes").count() == 3


def test_a_character_that_breaks_the_form_is_marked(visit):
    page = checked(visit(), QINGMING.replace("断", "春"))
    assert page.locator(".square-char.wrong .glyph").all_inner_texts() == ["春"]
    assert "春" in page.inner_text(".faults")


def test_a_rescued_tone_is_told_with_its_rescue(visit):
    page = checked(visit(), "野火烧不尽，春风吹又生。\n远芳侵古道，晴翠接荒城。")
    assert "第1句第4字“不”拗（大拗），第2句第3字“吹”救" in page.inner_text(".licences")
    assert "不：取仄" in page.inner_text(".readings")


def test_the_check_is_in_the_address(visit):
    page = checked(visit(), QINGMING)
    again = visit(page.url).page
    again.locator(".report").wait_for()
    assert again.input_value("#wish-check_text") == QINGMING


def test_what_is_no_verse_is_refused_in_words(visit):
    studio = visit("#view=check&check_text=hello")
    studio.page.locator("#text .refusal, .report").first.wait_for()
    assert studio.page.inner_text("#text").strip()
