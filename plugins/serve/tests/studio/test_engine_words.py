"""The Chinese page says what the engine says in Chinese: every sentence that can reach it, and no other."""

import random
import re
from mimetypes import guess_type
from urllib.parse import urlsplit

import pytest
from engine_refusals import EXPLAINED, POEMS, REFUSED
from engine_sentences import FILLED, modules_of, sentences_of

from gen_serve.api.fields import fields_of, installed
from gen_serve.api.lookups import printed
from gen_serve.api.page import FOLDER

MODULES = """
gen_engine.chain gen_engine.constraints gen_engine.decoding.beam gen_engine.decoding.generation gen_engine.engine
gen_engine.decoding.packing gen_engine.decoding.scheduler gen_engine.hooks.registry gen_engine.hooks.specs
gen_engine.inspecting.explain gen_engine.cli.options gen_engine.cli.contexts gen_engine.cli.output gen_engine.patience
gen_engine.proving.conflicts gen_engine.proving.prover gen_engine.shapers
gen_novel gen_poem.commands.check gen_poem.commands.ci gen_poem.commands.couplet gen_poem.commands.nearest
gen_poem.commands.poem gen_poem.judging gen_poem.rules gen_poem.verse gen_poem.writing
gen_serve.api.asking gen_serve.api.errors gen_serve.api.lookups gen_serve.api.models gen_serve.api.queries
gen_serve.api.streams gen_serve.api.texts gen_serve.app gen_serve.engine_process.commands gen_serve.engine_process.jobs
gen_serve.engine_process.loop gen_serve.guards gen_serve.lanes
""".split()
"""Whose sentences can reach the page."""

UNSEEN = re.compile(
    r"(?!)"
    # the studio names no decoder, no draft, no context, no chat, and no file
    r"|^The decoder |draft|^groups=|^length_penalty|^decoder=|is for (--)?decoder|and its option give"
    r"|no chat template|no special tokens|Standard input (can|is closed)|--file were given|names no file"
    r"|\bspecial is for|\bchat\b|all that the model is told|unseen refuse|^repeat_words"
    # only who writes Python or a plugin is told
    r"|is no (ticket|processor|request|list of requests)|did not return logits|^A step is called|no proper StepRequest"
    r"|is not as it should be|has no lines; give it one|^The line .* is none|^patience="
    # only who runs the server is told, or nobody
    r"|entry_points|known lines|real lines|cannot be read|is of the format|leaves room for nothing|exit code"
    r"|is no whole number; give one|give a file with one"
    # what is put together here, and never is there
    rf"|^ |wants ,|\(\), though|^There is no \S+ \S+; {FILLED}$|{FILLED}leave out"
)
"""The sentences of these modules that cannot reach the page."""

JOINED = (
    "line 1, place 3: 回 (平第三部) does not rhyme in 第五部; it does in 平水韵 (灰) and 中华新韵 (支); "
    "poets often join 第三部 to 第五部 (通押)"
)
SAID_JOINED = "第1句第3字“回”（平第三部）不押第五部韵；在平水韵（灰）、中华新韵（支）中押韵；前人常以第三部与第五部通押"
CLASH = (
    "form=4x5 and acrostic=春 admit no text together within 9 new tokens: form=4x5 wants the end, acrostic=春 wants "
    "春 at line 5, place 1; drop or change one of them."
)

SAID_CLASH = "格律、藏字在 9 个词元的篇幅内不能并存（格律：就此结束；藏字：第5句第1字要“春”）；请去掉或改动其中一项。"

IN_CHINESE = """async (sentences) => {
  const { inOurWords } = await import("/engine_words.js");
  return sentences.map(inOurWords);
}"""

ASK = """async (asked) => {
  const { post } = await import("/studio/server.js");
  const told = [];
  for (const [path, body] of asked) told.push(await post(path, body).then(() => "", (problem) => problem.message));
  return told;
}"""

WHYS = """async (asked) => {
  const [{ inOurWords }, { post }] = [await import("/studio/engine_words.js"), await import("/studio/server.js")];
  const whys = new Set();
  for (const [path, { command, ...body }] of asked) {
    const { texts, notes } = await post(path, body);
    const request = { command, ...body };
    const { explanation } = await post("v1/explain", { request, text: texts[0].text, top: 20 });
    const removed = explanation.places.flatMap((place) => place.wanted.flatMap((each) => each.removed));
    for (const why of [...notes, ...removed.map((each) => each.why)]) whys.add(inOurWords(why));
  }
  return [...whys];
}"""


def file_of(route):
    """A file of the studio; an empty page where there is none."""
    file = FOLDER / urlsplit(route.request.url).path.lstrip("/")
    body = file.read_text(encoding="utf-8") if file.is_file() else ""
    route.fulfill(body=body, content_type=guess_type(file)[0] or "text/html")


@pytest.fixture(scope="module")
def in_chinese(browser):
    """What the Chinese page says for sentences. It needs no server."""
    page = browser.new_page(locale="zh-CN")
    page.route("**/*", file_of)
    page.goto("http://studio.invalid/")
    yield lambda sentences: page.evaluate(IN_CHINESE, list(sentences))
    page.close()


def english(sentences):
    """Those in which two English words stand side by side, outside of `commands`."""
    return [each for each in sentences if re.search("[A-Za-z]{2,} [a-z]{2,}", re.sub("`[^`]*`", "", each))]


def served(sentence):
    """A sentence as the server tells it, which speaks of fields instead of options."""
    for command in ("poem", "ci", "couplet", "novel", "text", "check"):
        sentence = fields_of(installed(command), command).words(sentence)
    return sentence


@pytest.mark.parametrize("name", MODULES)
def test_what_a_module_may_say_is_said_in_chinese(in_chinese, name):
    told = {served(each) for file in modules_of(name) for each in sentences_of(file)}
    asked = sorted(each for each in told if re.search("[A-Za-z]", each) and not UNSEEN.search(each))
    assert english(in_chinese(asked)) == []


def test_the_census_finds_many_sentences():
    counts = [len({*sentences_of(file)}) for name in MODULES for file in modules_of(name)]
    assert sum(counts) > 350


@pytest.mark.slow
def test_what_the_server_refuses_is_said_in_chinese(visit):
    told = visit().page.evaluate(ASK, REFUSED)
    assert [asked for asked, words in zip(REFUSED, told, strict=True) if not words] == []
    assert english(told) == []


@pytest.mark.slow
def test_what_an_explanation_says_is_said_in_chinese(visit):
    told = visit().page.evaluate(WHYS, EXPLAINED)
    assert len(told) > 50
    assert english(told) == []


def spoilt(poem, dice):
    """A poem with some characters lost, doubled, exchanged or replaced."""
    signs = list(poem)
    for _ in range(dice.randrange(5)):
        at = dice.randrange(len(signs))
        signs[at : at + dice.randrange(4)] = dice.choice(["", signs[at] * 2, "春", "不江", "月a", "1㐀，", "。花"])
        signs = signs or ["春"]
    return "".join(signs)


@pytest.mark.parametrize(
    "options",
    [(), ("--tones=strict",), ("--rhyme-book=cilin",), ("--form=五绝",), ("--form=七律", "--tones=strict"),
     ("--tune=浣溪沙",), ("--rows=4", "--cols=5"), ("--rhyme=东",)],
)  # fmt: skip
def test_what_is_wrong_with_poems_is_said_in_chinese(in_chinese, tmp_path, options):
    dice = random.Random(str(options))
    file = tmp_path / "poems"
    file.write_text("\n\n".join(spoilt(poem, dice) for poem in POEMS * 8), encoding="utf-8")
    told = set()
    for line in printed("check", *options, "--json", "--", str(file)):
        told |= {found for found in re.findall(r'"(?:words|why|error)": "((?:[^"\\]|\\.)*)"', line) if found}
    assert len(told) > 20
    assert english(in_chinese(told)) == []


@pytest.mark.parametrize(
    "told, chinese",
    [
        ("line 3, place 2: 月 is 仄, 平 is wanted (孤平)", "第3句第2字“月”读仄，此处应平（孤平）"),
        (JOINED, SAID_JOINED),
        ("a level tone in rhyme with 东 at line 1, place 7 or line 3, place 7", "第1句第7字或第3句第7字要平声，押东韵"),
        ("， after line 4 or ， after line 4 or 6", "第4句后要“，”，或第4或6句后要“，”"),
        ("anything but 㐀, 日 or 3 others", "不许“㐀”、“日”或其他 3 字"),
        ("han or ，", "汉字或“，”"),
        (CLASH, SAID_CLASH),
        ("cols: Input should be less than or equal to 100.", "“每行字数”不能大于 100。"),
        ("as 五绝 it has 2 tones wrong; --form 五绝 shows them", "若论五绝，有2处平仄不合；选定诗体“五绝”可逐处看到"),
        ("The title 'the end' has no Chinese characters; write one, such as 秋夜.",
         "题目“the end”中没有汉字；请填写汉字，如“秋夜”。"),
        ("What nobody foresaw.", "What nobody foresaw."),
    ],
)  # fmt: skip
def test_a_sentence_is_said_in_natural_chinese(in_chinese, told, chinese):
    assert in_chinese([told]) == [chinese]


def test_the_english_page_says_what_the_engine_says(visit):
    problem = visit("#lang=en").page.evaluate(ASK, [["v1/check", {"text": "hello"}]])
    assert problem == ["There is no Chinese character in the text; give a poem."]


def test_the_check_says_why_a_poem_cannot_be_judged(visit):
    page = visit("#view=check").page
    page.fill("#wish-check_text", "白日依山尽，黄河入海流。欲穷千里目，更上一层楼。\n\n春")
    page.click("#check-go")
    page.locator(".report").wait_for()
    assert "这篇共 1 句 1 字" in page.locator(".refusal", has_text="句").inner_text()


def test_a_broken_rule_is_called_by_its_name(visit):
    wanted = [{"text": "花", "probability": 0.5, "chosen": True, "removed": []}]
    place = {"text": "花", "forced": False, "together": 0, "broken": ["acrostic=春江花月"], "wanted": wanted}
    explanation = {"explanation": {"prompt": "", "places": [place] * 24}}
    studio = visit("#kind=poem&form=五绝&best_of=1&seed_wish=7")
    studio.page.route("**/v1/explain", lambda route: route.fulfill(json=explanation))
    studio.write()
    studio.pick(3)
    assert "此字不合：藏字" in studio.page.inner_text(".candidates")
