"""Traditional characters that are typed: understood, kept as typed, with their own tones; and `--script`."""

import json

import pytest
from click.testing import CliRunner

import gen_engine.engine
from gen_engine.cli.main import make_cli
from gen_engine.errors import GenError
from gen_poem.writing.script import TypedText, in_model_script, is_in_traditional

pytestmark = pytest.mark.usefixtures("one_engine")


def gen(*words):
    return CliRunner().invoke(make_cli(), [*map(str, words), "--seed", "1"], catch_exceptions=False)


def poem(*words):
    """The lines of a poem, which are the same streamed and as JSON; and what was said."""
    done, whole = gen(*words), json.loads(gen(*words, "--json").stdout)
    assert done.stdout.split() == whole["lines"]
    assert whole["text"] == "".join(whole["lines"])
    return whole["lines"], done.stderr


@pytest.mark.parametrize(("typed", "options"), [
    ("東風", ()), ("高樓", ("--form", "五絕")), ("雲開見", ("--rows", 2, "--cols", 7)), ("楽園", ("--rows", 1)),
])  # fmt: skip
def test_a_prompt_comes_back_as_typed(typed, options):
    lines, said = poem("poem", "--prompt", typed, *options)
    assert lines[0].startswith(typed)
    assert "does not know" not in said
    assert "--script trad prints" in said


@pytest.mark.parametrize(("text", "at"), [
    ("中秋快樂", "head"), ("髮發中秋", "head"), ("風花雪月", "tail"), ("樂乐快髮", "diagonal"),
])  # fmt: skip
@pytest.mark.parametrize("script", [(), pytest.param(("--script", "trad"), marks=pytest.mark.slow)])
def test_an_acrostic_comes_back_as_typed(text, at, script):
    lines, _ = poem("poem", "--acrostic", text, "--acrostic-at", at, *script)
    found = [line[{"head": 0, "tail": -2, "diagonal": n}[at]] for n, line in enumerate(lines)]
    assert "".join(found) == (text.replace("乐", "樂") if script else text)


@pytest.mark.parametrize("script", [(), ("--script", "trad")])
def test_a_template_stays_as_typed_the_rest_in_its_script(script):
    lines, _ = poem("poem", "--template", "白髮三千□，□□發□□。", *script)
    assert (lines[0][:4], lines[1][2]) == ("白髮三千", "發")


def test_what_is_required_stands_and_what_is_forbidden_does_not():
    lines, _ = poem("poem", "--prompt", "月", "--require", "樂風", "--forbid", "東雲")
    assert {"樂", "風"} < set("".join(lines))
    assert not set("东東云雲") & set("".join(lines))


@pytest.mark.parametrize(("typed", "shown"), [("東風", "东风"), ("髮", "发"), ("东风", "东风")])
def test_simplified_characters_are_printed_where_these_are_asked_for(typed, shown):
    lines, said = poem("poem", "--prompt", typed, "--script", "simp")
    assert lines[0].startswith(shown)
    assert "--script" not in said


@pytest.mark.parametrize(
    ("typed", "shown"), [("皇后萬歲", "皇后萬歲"), ("头发", "頭髮"), ("東风", "東風"), ("里巷幾", "里巷幾")]
)
def test_traditional_keeps_typed_characters_and_converts_simplified_ones(typed, shown):
    lines, _ = poem("poem", "--prompt", typed, "--script", "trad")
    assert "".join(lines).replace("，", "").startswith(shown)


def test_the_tones_are_those_of_the_character_that_was_typed():
    with pytest.raises(GenError, match="幹"):
        gen("poem", "--form", "五绝", "--tones", "strict", "--start", "平起", "--first", "unrhymed", "--prompt", "東幹")
    with pytest.raises(GenError, match="乾"):
        gen("poem", "--form", "五绝", "--tones", "strict", "--start", "仄起", "--first", "unrhymed", "--prompt", "遠乾")


@pytest.mark.parametrize(("prompt", "start", "fits"), [
    ("遠幹", "仄起", True), ("東幹", "平起", False), ("東乾", "平起", True), ("遠乾", "仄起", False),
    ("遠鬥", "仄起", True),
    ("東鬥", "平起", False),
])  # fmt: skip
def test_tones_are_those_of_typed_characters_not_of_read_ones(prompt, start, fits):
    engine = gen_engine.engine.load("poem")
    rules = [f"form=五绝,tones=strict,start={start},first=unrhymed"]
    if not fits:
        with pytest.raises(GenError, match=prompt[1]):
            engine.generate(prompt, processors=rules, seed=1, max_new=24)
    else:
        assert engine.generate(prompt, processors=rules, seed=1, max_new=24)[0].text.startswith(prompt)


@pytest.mark.parametrize("first", ["萬里雲開見遠岫", "處處鶯聲處處柳", "髮白髮長頭髮短"])
def test_a_couplet_shares_no_character_with_its_traditional_line(first):
    (line, second), _ = poem("couplet", "--first", first)
    assert line == first + "，"
    assert not set(gen("couplet", "--first", first, "--script", "simp").stdout.split()[0][:-1]) & set(second)


@pytest.mark.parametrize("words", [("ci", "--tune", "臨江仙", "--prompt", "滾滾長江東逝水")])
def test_a_tune_in_traditional_characters(words):
    lines, _ = poem(*words)
    assert lines[0].startswith("滾滾長江東逝水")
    assert "临" not in "".join(lines) or "臨" not in "".join(lines[1:])


def test_prose_is_continued_in_the_light_of_what_was_meant():
    traditional, simplified = (gen("novel", "--prompt", text, "--len", 20) for text in ("東風吹了", "东风吹了"))
    assert traditional.stdout.startswith("東風吹了")
    assert traditional.stdout[4:] == simplified.stdout[4:]
    assert "note: the model reads 東風 as 东风.\n" in traditional.stderr


def test_a_page_that_explains_has_what_was_typed(tmp_path):
    done = gen("poem", "--acrostic", "中秋快樂", "--explain", tmp_path / "page.html", "--json")
    told = json.loads(done.stdout)
    assert [line[0] for line in told["lines"]] == list("中秋快樂")
    assert "樂" in (tmp_path / "page.html").read_text("utf-8")


def test_typed_characters_stand_at_their_places_only():
    typed = TypedText("發", acrostic="發髮", template="")
    assert typed.shown("发发发，发发发。") == "發发发，髮发发。"
    assert TypedText("", template="髮□發").shown("发发发") == "髮发發"
    assert TypedText("后", script="trad").shown("后来") == "後來"


@pytest.mark.parametrize(("char", "known"), [("后", True), ("風", True), ("风", False), ("干", True), ("东", False)])
def test_characters_of_traditional_texts_are_told_apart(char, known):
    assert is_in_traditional(char) is known


def test_a_model_of_both_scripts_reads_simplified_for_traditional():
    engine = gen_engine.engine.load("novel")
    assert in_model_script("後來東麽", "trad", engine.tokenizer.vocabulary) == "后来東么".replace("来", "來")
    assert in_model_script("後來", None, engine.tokenizer.vocabulary) == "後來"
