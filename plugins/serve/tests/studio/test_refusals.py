"""What cannot be written is told beside the fields that cause it."""

import pytest


def test_a_conflict_is_told_beside_its_fields_while_typing(visit):
    studio = visit("#kind=poem&form=七绝&acrostic=春江花月")
    studio.page.fill("#wish-forbid", "春")
    studio.page.locator("#wish-forbid-trouble:not([hidden])").wait_for()
    assert "藏字" in studio.page.inner_text("#wish-forbid-trouble")
    assert "禁用字" in studio.page.inner_text("#wish-acrostic-trouble")
    assert studio.page.get_attribute("#wish-forbid", "aria-invalid") == "true"
    studio.page.fill("#wish-forbid", "愁")
    studio.page.locator("#wish-forbid-trouble").wait_for(state="hidden")


def test_a_refused_request_says_so_and_keeps_the_desk(visit):
    studio = visit("#kind=poem&form=七绝&acrostic=春江花月&forbid=春")
    studio.page.click("#go")
    studio.page.locator("#refusal p").wait_for()
    assert "不能并存" in studio.page.inner_text("#refusal")
    studio.page.fill("#wish-forbid", "")
    assert studio.write()[0].startswith("春")


@pytest.mark.parametrize("language, words", [("zh", "办不到：格律"), ("en", "This cannot be kept: the form")])
def test_a_single_rule_clashes_with_no_other(visit, language, words):
    studio = visit(f"#kind=poem&form=七绝&lang={language}")
    error = {"code": "conflict", "message": "No.", "members": ["form=七绝"]}
    studio.page.route("**/v1/poems", lambda route: route.fulfill(status=422, json={"error": error}))
    studio.page.click("#go")
    studio.page.locator("#refusal p").wait_for()
    assert words in studio.page.inner_text("#refusal")


def test_a_lost_server_is_told_in_words(visit):
    studio = visit("#kind=poem&form=五绝&lang=en")
    studio.page.route("**/v1/poems", lambda route: route.abort())
    studio.page.click("#go")
    studio.page.locator("#refusal p").wait_for()
    assert "cannot be reached" in studio.page.inner_text("#refusal")


def test_markup_in_a_wish_stays_text(visit):
    studio = visit("#kind=poem&form=五绝&title=%3Cimg src=x onerror=alert(1)%3E&lang=en")
    studio.page.click("#go")
    studio.page.locator("#go.is-busy").wait_for(state="detached")
    assert studio.page.locator("img").count() == 0


def locked(route):
    """A server that wants a key."""
    if route.request.headers.get("authorization") == "Bearer secret":
        return route.continue_()
    return route.fulfill(status=401, json={"error": {"message": "No key.", "code": "invalid_api_key"}})


def test_a_key_is_asked_for_and_never_in_the_address(visit):
    studio = visit("#kind=poem&form=五绝&best_of=1")
    studio.page.route("**/v1/**", locked)
    studio.page.click("#go")
    studio.page.fill("#key", "secret")
    studio.page.keyboard.press("Enter")
    assert len(studio.written()) == 4
    assert "secret" not in studio.page.url


def test_a_stream_that_breaks_off_is_told(visit):
    studio = visit("#kind=poem&form=五绝&lang=en")
    begun = 'data: {"type": "begun", "id": "texts-1"}\n\n'
    studio.page.route("**/v1/poems", lambda route: route.fulfill(body=begun, content_type="text/event-stream"))
    studio.page.route("**/v1/streams/**", lambda route: route.abort())
    studio.page.click("#go")
    studio.page.locator("#refusal p").wait_for()
    assert "cannot be reached" in studio.page.inner_text("#refusal")
