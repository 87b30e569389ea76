"""The options of what a model reads before a text, in every command that writes."""

import json

import pytest
from chatting import folder_of
from click.testing import CliRunner

from gen_engine import Chat, load
from gen_engine.cli.main import make_cli
from gen_engine.errors import GenError

ASKED = "What is the capital of France?"
RULES = ("regex=[a-z]*",)
"""What is drawn without rules may have line breaks of any kind."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return str(folder_of("chatml", tmp_path_factory.mktemp("chatml")))


@pytest.fixture(scope="module")
def verse(tmp_path_factory):
    """A chat model that writes verse."""
    return str(folder_of("characters", tmp_path_factory.mktemp("verse")))


@pytest.fixture(scope="module")
def engine(folder):
    return load(folder)


def gen(*words, given=""):
    """What a command prints; raises what it raises."""
    result = CliRunner().invoke(make_cli(), words, input=given)
    if result.exception is not None:
        raise result.exception
    return result.stdout


def refused(*words, given=""):
    with pytest.raises(GenError) as told:
        gen(*words, given=given)
    return str(told.value)


def test_a_chat_is_answered_and_not_printed(folder, engine):
    settings = ("--model", folder, "--seed", "1", "--max-new", "9", "--with", *RULES)
    [done] = engine.generate("It", context=Chat(ASKED, "Be brief."), processors=RULES, seed=1, max_new=9)
    told = gen("text", *settings, "--chat", ASKED, "--system", "Be brief.", "--prompt", "It")
    assert told == done.text + "\n"


def test_json_has_the_chat(folder):
    chat = ("--chat", ASKED, "--system", "Be brief.")
    [row] = map(json.loads, gen("text", "--model", folder, "--json", "--max-new", "2", *chat).splitlines())
    assert (row["chat"], row["system"]) == (ASKED, "Be brief.")


@pytest.mark.parametrize("where", ["@FILE", "@-"])
def test_a_text_is_read_from_a_file(folder, engine, tmp_path, where):
    (tmp_path / "asked").write_text(ASKED + "\r\n", encoding="utf-8")
    where = where.replace("FILE", str(tmp_path / "asked"))
    [done] = engine.generate("", context=Chat(ASKED), processors=RULES, seed=1, max_new=9)
    assert (
        gen("text", "--model", folder, "--seed", "1", "--max-new", "9", "--with", *RULES, "--chat", where, given=ASKED)
        == done.text + "\n"
    )


def test_two_signs_begin_a_text_with_one(folder):
    [row] = map(json.loads, gen("text", "--model", folder, "--json", "--max-new", "2", "--context", "@@a").splitlines())
    assert row["context"] == "@a"


def test_special_tokens_are_read_if_asked_for(folder, engine):
    typed = "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
    settings = ("--model", folder, "--seed", "1", "--max-new", "9", "--with", *RULES)
    [done] = engine.generate("It", context=engine.encode(typed, special=True), processors=RULES, seed=1, max_new=9)
    assert gen("text", *settings, "--context", typed, "--special", "--prompt", "It") == done.text + "\n"
    [done] = engine.generate("It", context=typed, processors=RULES, seed=1, max_new=9)
    assert gen("text", *settings, "--context", typed, "--prompt", "It") == done.text + "\n"


def test_special_tokens_of_a_prompt_are_read_and_printed(folder, engine):
    settings = ("--model", folder, "--seed", "1", "--max-new", "9", "--with", *RULES)
    [done] = engine.generate(engine.encode("a<|im_end|>", special=True), processors=RULES, seed=1, max_new=9)
    assert gen("text", *settings, "--prompt", "a<|im_end|>", "--special") == done.text + "\n"
    assert done.text.startswith("a<|im_end|>")


@pytest.mark.parametrize("command", [("explain", "--json"), ("text", "--json", "--explain")])
def test_an_explanation_makes_the_same_answer(folder, engine, command):
    [done] = engine.generate("", context=Chat(ASKED), seed=1, max_new=3)
    [row] = map(
        json.loads, gen(*command, "--model", folder, "--seed", "1", "--max-new", "3", "--chat", ASKED).splitlines()
    )
    assert (row["new"], row["explanation"]["context"]) == (done.new, engine.context_text(Chat(ASKED)))
    assert row["explanation"]["nats"] == pytest.approx(-done.logprob, rel=1e-3)


def test_an_answer_from_elsewhere_is_explained(folder):
    told = gen("explain", "--model", folder, "--chat", ASKED, "--prompt", "It", "--text", "It is Paris", "--json")
    row = json.loads(told)
    assert (row["new"], row["chat"], row["system"]) == (" is Paris", ASKED, "")


# ---------------------------------------------------------------------------------------------------- of plugins


def test_verse_is_asked_for_in_its_form(verse):
    words = ("--chat", "写秋夜", "--tones", "loose", "--form", "五绝", "--seed", "1", "--json", "--best-of", "2")
    told = gen("poem", "--model", verse, *words)
    row = json.loads(told)
    assert [len(line) for line in row["lines"]] == [6] * 4
    assert (row["chat"], row["context"]) == ("写秋夜", "")
    checked = CliRunner().invoke(make_cli(), ["check", "-", "--form", "五绝", "--tones", "loose"], input=told)
    assert (checked.exit_code, "format right, tones right, rhyme right" in checked.stdout) == (0, True)


@pytest.mark.parametrize("words", [("ci", "--tune", "十六字令"), ("couplet", "--cols", "5"), ("novel", "--len", "9")])
def test_every_writer_takes_a_chat(verse, words):
    settings = ("--model", verse, "--seed", "1", "--json")
    rows = [json.loads(gen(*words, *settings, "--chat", asked)) for asked in ("写秋夜", "写江南", "写秋夜")]
    assert rows[0] == rows[2]
    assert rows[0]["text"] != rows[1]["text"]
    assert "写" not in rows[0]["text"]


def test_a_context_stands_in_the_place_of_the_notes():
    words = ("poem", "--json", "--seed", "1", "--best-of", "1", "--form", "五绝")
    row = json.loads(gen(*words, "--context", "秋夜："))
    assert (row["context"], row["wishes"]) == ("秋夜：", {})
    own = json.loads(gen(*words))
    assert row["text"] != own["text"]
    assert json.loads(gen(*words, "--context", own["context"]))["text"] == own["text"]


# ----------------------------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(("words", "said"), [
    (("--chat", "a", "--context", "b"), "leave out --context"),
    (("--system", "a"), "add --chat TEXT"),
    (("--chat", " "), "--chat is empty"),
    (("--chat", "a", "--system", ""), "--system is empty"),
    (("--context", "@"), "names no file"),
    (("--chat", "@-", "--file", "-"), "Standard input can be read once"),
])  # fmt: skip
def test_what_does_not_go_together_is_refused(folder, words, said):
    assert said in refused("text", "--model", folder, *words)


@pytest.mark.parametrize(("words", "said"), [
    (("poem", "--title", "秋夜"), "or --title"), (("poem", "--no-context"), "or --no-context"),
    (("couplet", "--author", "李白"), "or --author"), (("novel", "--prompt", "一", "--like", "红楼梦"), "or --like"),
])  # fmt: skip
@pytest.mark.parametrize("option", ["--chat", "--context"])
def test_a_note_and_a_chat_exclude_each_other(words, said, option):
    told = refused(*words, option, "写")
    assert told.startswith(option)
    assert said in told


def test_special_tokens_have_no_place_in_verse():
    assert "--special is for --context and --chat" in refused("poem", "--special")


def test_a_model_without_a_template_is_named():
    assert "The model poem has no chat template" in refused("poem", "--chat", "写")


def test_a_text_is_not_written_over_the_context(folder, tmp_path):
    (tmp_path / "a.txt").write_text("a")
    where = str(tmp_path / "a.txt")
    assert "is what --context names, too" in refused(
        "text", "--model", folder, "--context", f"@{where}", "--out", where
    )
