"""The desk: wishes become texts, and parts of them are written anew."""

import pytest

CONFLICT = {"error": {"message": "No.", "code": "conflict", "members": ["form=五绝", "template=白□"]}}
"""What the server answers where two rules cannot be kept together."""

GROWTH = """() => {
  window.grown = [];
  const look = () => window.grown.push(document.querySelector(".growing .verse")?.textContent ?? "");
  new MutationObserver(look).observe(document.body, { childList: true, subtree: true });
}"""
"""Remembers what was seen of a text while it was written."""


def test_a_regulated_poem_keeps_form_title_and_acrostic(visit):
    studio = visit("#kind=poem&form=七律")
    studio.page.fill("#wish-title", "秋夜")
    studio.page.fill("#wish-acrostic", "春江花月夜长安月")
    lines = studio.write()
    assert "".join(line[0] for line in lines) == "春江花月夜长安月"
    assert [len(line) for line in lines] == [8] * 8
    assert "秋夜" in studio.page.inner_text(".draft-title")
    studio.page.locator(".verdict .good").wait_for()


@pytest.mark.slow
def test_every_character_has_its_circle_and_rhymes_are_marked(visit):
    studio = visit("#kind=poem&form=七绝&first=rhymed")
    studio.write()
    studio.page.locator(".draft .tone").nth(27).wait_for()
    assert studio.page.locator(".draft .square-char.rhymes").count() == 3
    label = studio.page.locator(".draft .square-char.rhymes").first.get_attribute("aria-label")
    assert "平" in label
    assert "押韵" in label


def test_a_poem_appears_character_by_character(visit):
    studio = visit("#kind=poem&form=五绝&best_of=1")
    studio.page.evaluate(GROWTH)
    whole = "".join(studio.write())
    seen = list(dict.fromkeys(studio.page.evaluate("window.grown")))
    assert len([part for part in seen if part and whole.startswith(part)]) > 10


def test_a_square_that_is_typed_is_kept(visit):
    studio = visit("#kind=poem&form=七绝")
    studio.page.click(".group-squares summary")
    studio.page.fill("[data-line='2'][data-place='0']", "明月")
    assert studio.page.input_value("[data-line='2'][data-place='1']") == "月"
    assert studio.write()[2].startswith("明月")


def test_a_line_is_written_anew_and_the_rest_kept(visit):
    studio = visit("#kind=poem&form=七绝&seed_wish=7")
    before = studio.write()
    studio.pick(10)
    after = studio.rewrite("this_line")
    assert [i for i in range(4) if before[i] != after[i]] == [1]
    assert studio.page.locator(".branch .branch .leaf").count() == 1


@pytest.mark.slow
def test_a_couplet_is_written_anew_and_the_rest_kept(visit):
    studio = visit("#kind=poem&form=七绝&seed_wish=7")
    before = studio.write()
    studio.pick(20)
    after = studio.rewrite("this_couplet")
    assert [i for i in range(4) if before[i] != after[i]] == [2, 3]


@pytest.mark.slow
def test_writing_on_from_a_place_keeps_what_precedes(visit):
    studio = visit("#kind=poem&form=七绝&seed_wish=7")
    before = "".join(studio.write())
    studio.pick(11)
    after = "".join(studio.rewrite("from_here"))
    assert after[:11] == before[:11]
    assert after[11:] != before[11:]


def test_another_candidate_changes_one_place_alone(visit):
    studio = visit("#kind=poem&form=七绝&seed_wish=7")
    before = "".join(studio.write())
    studio.pick(8)
    studio.page.check("input[value=only]")
    other = studio.page.locator(".candidate:not([aria-disabled])").first
    char = other.locator(".glyph").inner_text()
    other.click()
    studio.page.locator(".leaf").nth(1).wait_for()
    assert "".join(studio.written()) == before[:8] + char + before[9:]


@pytest.mark.slow
def test_ten_candidates_and_the_nearest_real_lines_are_shown(visit):
    studio = visit("#kind=poem&form=七绝&seed_wish=7")
    studio.write()
    studio.pick(10)
    percents = studio.page.locator(".candidate .percent").all_inner_texts()
    assert len(percents) >= 10
    assert all(float(each.rstrip("%")) <= 100 and "e" not in each for each in percents)
    studio.page.locator(".nearest li").first.wait_for()
    assert "《" in studio.page.locator(".nearest li").first.inner_text()


def test_what_no_poem_allows_is_disabled_and_says_why(visit):
    studio = visit("#kind=poem&form=七绝&acrostic=春江花月&seed_wish=7")
    studio.write()
    studio.pick(8)
    barred = studio.page.locator(".candidate.is-impossible")
    assert barred.count() > 0
    assert "藏字" in barred.first.locator(".why").inner_text()
    barred.first.click(force=True)
    assert studio.page.locator(".leaf").count() == 1


@pytest.mark.slow
def test_the_second_line_of_a_couplet_is_rewritten(visit):
    studio = visit("#kind=couplet&first_line=春满神州花似锦")
    assert studio.write()[0] == "春满神州花似锦，"
    studio.pick(10)
    assert studio.rewrite("this_line")[0] == "春满神州花似锦，"


@pytest.mark.slow
def test_a_first_line_that_is_none_is_mended(visit):
    studio = visit("#kind=couplet")
    studio.page.fill("#wish-first_line", "春满神州花似烟")
    studio.page.locator(".mend", has_text="不论平仄").wait_for()
    assert "烟" in studio.page.inner_text("#wish-first_line-trouble")
    studio.page.locator(".mend", has_text="当作下联").click()
    assert studio.write()[1] == "春满神州花似烟。"


@pytest.mark.slow
def test_variants_stand_side_by_side_and_favourites_stay(visit):
    studio = visit("#kind=poem&form=五绝&num=3")
    studio.write()
    assert studio.page.locator(".draft[data-draft]").count() == 3
    second = "".join(studio.page.locator(".draft").nth(1).locator(".glyph, .mark").all_text_contents())
    studio.page.locator("[data-act=keep]").nth(1).click()
    studio.page.reload()
    assert studio.page.locator(".tree-part").nth(1).locator(".leaf-text").inner_text() == second[:12]


@pytest.mark.slow
def test_words_to_a_tune_rewrite_what_stands_between_marks(visit):
    studio = visit("#kind=ci&tune=浣溪沙&variant=1&seed_wish=1")
    before = studio.write()
    studio.pick(2)
    after = studio.rewrite("this_line")
    assert before[1:] == after[1:]
    assert before[0] != after[0]


@pytest.mark.slow
def test_prose_goes_on_from_a_character(visit):
    studio = visit("#kind=novel&prompt=却说宝玉&len=30")
    before = "".join(studio.write())
    studio.pick(12)
    after = "".join(studio.rewrite("from_here"))
    assert after[:12] == before[:12]
    assert len(after) == len(before) == 34


@pytest.mark.slow
def test_writing_can_be_stopped_here_and_on_the_server(visit):
    studio = visit("#kind=novel&prompt=却说宝玉&len=400")
    with studio.page.expect_request(lambda request: request.method == "DELETE"):
        studio.page.click("#go")
        studio.page.locator(".growing").wait_for()
        studio.page.click("#go")
    studio.page.locator("#go.is-busy").wait_for(state="detached")
    assert studio.page.locator(".leaf").count() == 0


@pytest.mark.slow
def test_the_look_changes_while_a_text_is_written(visit):
    studio = visit("#kind=novel&prompt=却说宝玉&len=60")
    studio.page.click("#go")
    studio.page.locator("#go.is-busy").wait_for()
    studio.page.click("#look-setting")
    assert len("".join(studio.written())) == 64
    assert studio.page.get_attribute("html", "data-setting") == "horizontal"


@pytest.mark.slow
def test_any_text_continues_with_a_model_of_the_list(visit):
    studio = visit("#kind=text&prompt=白日依山尽，&max_new=10")
    studio.page.locator("#wish-model option").nth(1).wait_for(state="attached")
    assert "".join(studio.write()).startswith("白日依山尽，")


@pytest.mark.slow
def test_a_change_that_breaks_the_form_is_refused_in_place(visit):
    studio = visit("#kind=poem&form=五绝&seed_wish=7")
    before = studio.write()
    studio.pick(4)
    studio.page.route("**/v1/poems", lambda route: route.fulfill(status=422, json=CONFLICT))
    studio.page.click("[data-rewrite=this_char]")
    studio.page.locator(".notes .refusal").wait_for()
    assert "不能并存" in studio.page.inner_text(".notes")
    assert studio.lines() == before
    assert studio.page.locator(".inspector").is_visible()


def test_drafts_outlive_that_the_page_is_loaded_anew(visit):
    studio = visit("#kind=poem&form=五绝&best_of=1")
    first = studio.write()
    studio.page.reload()
    assert studio.written() == first
    assert studio.page.locator(".leaf").count() == 1


def test_a_broken_stream_is_taken_up_where_it_stood(visit):
    studio = visit("#kind=poem&form=五绝&best_of=1&seed_wish=7")
    whole = studio.write()
    studio.page.route("**/v1/poems", broken_off)
    studio.page.reload()
    assert studio.write() == whole
    assert len(BROKEN) == 1


BROKEN = []


def broken_off(route):
    """Gives the page the first half of what the server says."""
    answer = route.fetch()
    told = answer.text()
    BROKEN.append(told)
    route.fulfill(response=answer, body=told[: told.index("\n\n", len(told) // 3) + 2])
