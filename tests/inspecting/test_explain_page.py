"""The page of an explanation: what stands on it, in both languages, and how a browser shows it, where there is one."""

import json
import re
import shutil
import subprocess
from html import unescape
from importlib.resources import files

import pytest
from tiny import chars, engine_of

from gen_engine.cli import main as cli
from gen_engine.inspecting.explain import explain_text
from gen_engine.inspecting.explain_page import page

WORDS = json.loads(files("gen_engine.inspecting").joinpath("explain_words.json").read_text("utf-8"))
TEMPLATE = files("gen_engine.inspecting").joinpath("explain_page.html").read_text("utf-8")
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def page_of(*texts, command="", processors=()):
    return page([page_text(text, processors) for text in texts], command=command)


def page_text(text, processors=()):
    return explain_text(engine_of(chars("".join(dict.fromkeys(text)))), text, prompt=text[:1], processors=processors)


def data(html):
    return json.loads(re.search(r'id="data">(.*?)</script>', html, re.DOTALL)[1])


# ------------------------------------------------------------------------------------------------------ the words


def holes(words):
    return sorted(re.findall(r"{(\w+)}", words))


def test_both_languages_have_all_words_with_the_same_holes():
    english, chinese = WORDS["en"], WORDS["zh"]
    assert list(english) == list(chinese)
    assert [key for key in english if holes(english[key]) != holes(chinese[key])] == []
    assert [key for key, words in chinese.items() if not re.search("[一-鿿]|English", words)] == []


def test_the_page_uses_exactly_the_words_of_its_table():
    said = set(re.findall(r'(?:data-say=|say\()"([^"]+)"', TEMPLATE))
    said |= {key for key in WORDS["en"] if f'"{key}"' in TEMPLATE}
    said |= {f"{kind} {term}" for term in listed("TERMS = ") for kind in ("term", "told")}
    said |= {f"column {name}" for name in listed(r'\["", \.\.\.')}
    assert said == set(WORDS["en"])


def listed(before):
    """The words of a list of the page's script."""
    return json.loads(re.search(before + r"(\[.*?\])", TEMPLATE)[1])


def test_every_word_of_art_is_told_before_the_texts():
    assert TEMPLATE.index('class="terms"') < TEMPLATE.index('id="texts"')
    for language, told in {"en": ("nats", "cost", " m,", "ln m"), "zh": ("奈特", "代价", " m，", "ln m")}.items():
        terms = " ".join(words for key, words in WORDS[language].items() if key.startswith("told "))
        assert [word for word in told if word not in terms] == []


@pytest.mark.parametrize(
    "why",
    [
        "日 at line 2, place 1", "， after line 1", "a level tone in rhyme with 东 at line 4, place 5",
        "an oblique tone at line 1, place 2 or line 3, place 2", "风 at place 4", "3 more characters",
        "any character or the end", "a rhyme word other than 东、风",
        "no text of at most 12 tokens obeys all rules after it",
        "anything but punctuation or 的", "山 at the end of line 3", "a line that is not known already",
    ],
)  # fmt: skip
def test_reasons_are_told_in_chinese(why):
    for pattern, words in WORDS["reasons"]:
        why = re.sub(pattern, re.sub(r"\$(\d)", r"\\\1", words), why)
    assert re.findall("[A-Za-z]+", why) == []
    assert why.count("（") == why.count("）")


# ----------------------------------------------------------------------------------------- what it is the page of


@pytest.fixture
def gen(monkeypatch, tmp_path, capsys):
    """Run `gen` with a model of three letters; returns the data of the page that it writes."""
    monkeypatch.setattr("gen_engine.engine.load", lambda name, **_: engine_of(chars("abc")))

    def run(*words):
        assert cli.main([*words, str(tmp_path / "p.html")]) == 0
        return data((tmp_path / "p.html").read_text("utf-8"))

    return run


@pytest.mark.parametrize("words", [("explain", "--html"), ("text", "--explain")])
def test_the_command_on_the_page_could_be_typed_as_shown(gen, words, tmp_path):
    made = gen(words[0], "--model", "m", "--prompt", "a", "--with", "ban=b c", "--max-new", "2", words[1])
    told = f"gen {words[0]} --model m --prompt a --with 'ban=b c' --max-new 2 {words[1]} {tmp_path / 'p.html'}"
    assert made["command"] == told


def test_chinese_words_of_a_command_need_no_quotes(monkeypatch, gen):
    monkeypatch.setattr("gen_engine.engine.load", lambda name, **_: engine_of(chars("白日")))
    assert (
        "--prompt 白 --with 'force=1:日|2:白'"
        in gen("explain", "--model", "m", "--prompt", "白", "--with", "force=1:日|2:白", "--max-new", "2", "--html")[
            "command"
        ]
    )


def test_seed_and_sample_and_model_of_each_text_are_told(gen):
    texts = gen("explain", "--model", "m", "--num", "2", "--seed", "7", "--max-new", "2", "--html")["texts"]
    assert [(text["seed"], text["sample"]) for text in texts] == [(7, 0), (7, 1)]
    assert all(text["model"] for text in texts)


def test_a_seed_that_nobody_gave_is_told_too(gen):
    [text] = gen("explain", "--model", "m", "--max-new", "2", "--html")["texts"]
    assert isinstance(text["seed"], int)


def test_a_given_text_has_no_seed(gen):
    [text] = gen("explain", "--model", "m", "--text", "ab", "--html")["texts"]
    assert text["seed"] is None


# ----------------------------------------------------------------------------------------------------- hostile texts

HOSTILE = [
    "</script><b>",
    "<!--<script>",
    "a\u2028b\u2029",
    "\u202eabc\u2066",
    "\x00\x07\x1b[31m",
    "\"'\\u0041`${1}",
    "\ufeff\u200b",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_in_a_text_or_command_escapes_its_data(text):
    html = page_of(f"x{text}", command=text)
    assert html.count("</script>") == html.count("<script") == TEMPLATE.count("</script>")
    assert [char for char in html if not char.isprintable() and char != "\n"] == []
    made = data(html)
    assert (made["command"], made["texts"][0]["new"]) == (text, text)


def test_half_a_surrogate_pair_does_not_prevent_a_page():
    assert data(page_of("ab", command="\ud800"))["command"] == "\ud800"
    page_of("ab", command="\ud800").encode("utf-8")


# ------------------------------------------------------------------------------------------------------ in a browser

LOOK = """<script>addEventListener("load", () => {
  const outside = [...document.querySelectorAll("main *")].filter(each => {
    const box = each.getBoundingClientRect();
    return box.width && (box.right > innerWidth + 1 || box.left < -1);
  });
  document.title = JSON.stringify({ wide: document.documentElement.scrollWidth,
    outside: outside.map(each => each.className), shown: document.querySelector("main").innerText });
});</script>"""


def look(tmp_path, html, *, width=390, language="en-US"):
    """What a browser makes of a page: how wide it is, what stands outside of it, and its text."""
    page_file, frame = tmp_path / "page.html", tmp_path / "frame.html"
    page_file.write_text(html.replace("</body>", LOOK + "</body>"), encoding="utf-8")
    script = "<script>onload = () => { document.title = frames[0].document.title; }</script>"
    # No window is narrower than 500 pixels; a frame in it is.
    frame.write_text(f'<iframe src="page.html" style="width:{width}px"></iframe>{script}', encoding="utf-8")
    words = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files", "--dump-dom",
             f"--lang={language}", f"--accept-lang={language}", f"--user-data-dir={tmp_path / 'user'}"]  # fmt: skip
    done = subprocess.run([*words, frame.as_uri()], capture_output=True, text=True, timeout=120, check=True)
    return json.loads(unescape(re.search("<title>(.*?)</title>", done.stdout, re.DOTALL)[1]))


def in_browser(test):
    return pytest.mark.slow(pytest.mark.skipif(not BROWSER, reason="there is no browser")(test))


@in_browser
@pytest.mark.parametrize("width", [320, 390, 768])
def test_nothing_stands_outside_of_a_narrow_page(tmp_path, width):
    html = page_of("春" * 90 + "\n" + "y" * 60, command="gen " + "z" * 300, processors=("no_repeat=100",))
    seen = look(tmp_path, html, width=width)
    assert seen["outside"] == []
    assert seen["wide"] <= width


@in_browser
@pytest.mark.parametrize(
    "language, title",
    [("zh-CN", "每个字的代价"), ("zh-TW", "每个字的代价"), ("en-US", "What each"), ("fr", "What each")],
)
def test_the_page_speaks_the_language_of_the_browser(tmp_path, language, title):
    assert look(tmp_path, page_of("春a"), language=language)["shown"].startswith(title)


@in_browser
@pytest.mark.parametrize(
    "text, shown", [("春a\n\nb秋", "春a⏎\n⏎\nb秋"), ("春\nb", "春⏎\nb"), ("\n春\n", "\n⏎\n"), ("春\u2028b", "春⏎\nb")]
)
def test_line_breaks_of_a_text_are_lines(tmp_path, text, shown):
    assert shown in look(tmp_path, page_of(" " + text))["shown"].replace("\n·", "\n")


@in_browser
@pytest.mark.parametrize(
    "text, shown", [("\u202eb", "⟨U+202E⟩"), ("\x1b[", "␛"), ("</script>", "</script>"), ("\u200b", "⟨U+200B⟩")]
)
def test_what_cannot_be_seen_is_shown_by_a_sign(tmp_path, text, shown):
    seen = look(tmp_path, page_of(f"a{text}", command=text))["shown"]
    assert seen.count(shown) >= 2
    assert [char for char in seen if not char.isprintable() and char not in "\n\t\xa0"] == []
