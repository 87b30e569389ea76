"""A browser for the tests of the studio. They are skipped where Playwright or Chromium is missing."""

import lzma
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

AXE = lzma.decompress((Path(__file__).parent / "axe" / "axe.min.js.xz").read_bytes()).decode()
"""axe-core 4.14.1 (MPL-2.0, see axe/LICENSE), the file `axe.min.js` of its npm package, packed."""

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
DESKTOP, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
PATIENCE = 30_000
"""Milliseconds until a text has to be there; a first request loads the model."""


def chromium():
    """The path of a Chromium, "" if there is none."""
    return os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser") or ""


@dataclass(frozen=True)
class Studio:
    """An open page of the studio, and what people do with it."""

    page: Any

    def write(self):
        """Press the button; the lines of the first text that comes."""
        self.page.click("#go")
        return self.written()

    def written(self):
        """The lines of the first text on the desk, once it is whole."""
        self.page.locator("#go.is-busy").wait_for(state="detached")
        self.page.locator(".draft[data-draft]:not(.growing) .square-char").first.wait_for()
        return self.lines()

    def lines(self):
        """The lines of the first text on the desk as they are now, with their marks."""
        lines = self.page.locator(".draft").first.locator(".verse-line").all()
        return ["".join(line.locator(".glyph, .mark").all_text_contents()) for line in lines]

    def pick(self, position):
        """Click the character at that position of the text; wait until its candidates are there."""
        self.page.click(f".draft [data-position='{position}']")
        self.page.locator(".candidate").first.wait_for()

    def rewrite(self, part):
        """Write a part of the text anew (this_char, this_line, this_couplet, from_here); the lines it then has."""
        before = self.page.locator(".leaf").count()
        self.page.click(f"[data-rewrite={part}]")
        self.page.locator(".leaf").nth(before).wait_for()
        return self.written()

    def share(self):
        """The link to the first text."""
        self.page.locator("[data-act=share]").first.click()
        return self.page.input_value("#share-link")

    def faults(self):
        """The serious faults that axe-core finds, by rule."""
        self.page.evaluate(AXE)
        found = self.page.evaluate("axe.run(document)")["violations"]
        serious = [each for each in found if each["impact"] in ("serious", "critical")]
        return {each["id"]: [node["html"] for node in each["nodes"]] for each in serious}


@pytest.fixture(scope="session")
def browser():
    """One browser for all tests; each test has a profile of its own."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if not chromium():
        pytest.skip("there is no chromium on the path, and CHROMIUM names none")
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=chromium(), args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture
def visit(browser, server_url):
    """Opens the studio in a fresh profile. At the end nothing may have been asked of another host, nor gone wrong."""
    profiles, asked, faults = [], [], []

    def open_page(fragment="", *, size=DESKTOP, **options):
        profile = browser.new_context(viewport=size, **{"locale": "zh-CN", "reduced_motion": "reduce", **options})
        profiles.append(profile)
        page = profile.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda said: faults.append(said.text) if "Content Security Policy" in said.text else None)
        page.goto(fragment if fragment.startswith("http") else f"{server_url.rstrip('/')}/{fragment}")
        return Studio(page)

    yield open_page
    for profile in profiles:
        profile.close()
    hosts = {urlsplit(url).netloc for url in asked if not url.startswith(("blob:", "data:"))}
    assert hosts <= {urlsplit(server_url).netloc}
    assert faults == []
