"""What a model is told to write about, on the shipped model with a note of its own."""

import json
import re
import shutil

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gen_engine.cli.main import make_cli
from gen_engine.engine import Engine, Request, load
from gen_engine.errors import GenError
from gen_engine.models.notes import NOTE, ModelNote, save_note
from gen_poem import WEIGHTS
from gen_poem.judging.check import judge
from gen_poem.rules.form import Form
from gen_poem.verse.resolve import Wish, resolve
from gen_poem.writing.context import (
    COUPLET,
    LONGEST,
    ContextOptions,
    form_names,
    make_context,
    nearest,
    plain_title,
    seen,
)
from gen_poem.writing.poem import Poem

KNOWN = {
    "form": ("七绝", "七律", "五律", "联", "五绝", "浣溪沙", "念奴娇", "酹江月", "江神子"),
    "dynasty": ("宋", "唐"),
    "author": ("陆游", "苏轼", "李白", "李纲", "李贺", "杜甫", "乾康", "钟嵘"),
}
ORDER = ("form", "dynasty", "author", "title")
PARTS = {"form": "〔{}〕", "dynasty": "（{}）", "author": "{}", "title": "《{}》"}
VERSE = ModelNote(ORDER, PARTS, "：", KNOWN)


@pytest.fixture(scope="module")
def model(tmp_path_factory, one_engine):
    """A folder of the shipped model with a note."""
    folder = tmp_path_factory.mktemp("told") / "model"
    shutil.copytree(WEIGHTS, folder)
    save_note(VERSE, folder)
    return str(folder)


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """The same without one."""
    folder = tmp_path_factory.mktemp("bare") / "model"
    shutil.copytree(WEIGHTS, folder, ignore=shutil.ignore_patterns(NOTE))
    return str(folder)


def gen(command, model, *arguments):
    words = [*command.split(), "--model", model, "--best-of", "1", *map(str, arguments)]
    return CliRunner().invoke(make_cli(), words, catch_exceptions=False)


@pytest.fixture
def asked(monkeypatch):
    """The contexts that an engine is asked for texts with; it writes none, which takes no time."""
    found = []
    write = Engine.completions

    def listen(engine, prompt, **wish):
        found.append(wish["context"])
        return iter(())

    monkeypatch.setattr(Engine, "completions", listen)
    yield lambda command, model, *words: (gen(command, model, "--json", *words).stderr, found.pop())
    monkeypatch.setattr(Engine, "completions", write)


# ------------------------------------------------------------------------------------------------ what is told


ASKED = {"title": st.sampled_from(["秋夜", "加班"]), "author": st.sampled_from(KNOWN["author"]),
         "dynasty": st.sampled_from(["唐", "宋"])}  # fmt: skip


@settings(deadline=None, max_examples=40, suppress_health_check=list(HealthCheck))
@given(st.fixed_dictionaries({}, optional=ASKED), st.sampled_from([(), ("五绝",), COUPLET]))
def test_any_wishes_are_told_as_the_note_has_them(model, asked, forms):
    wanted = {**asked, **({"form": forms[0]} if forms else {})}
    found = make_context(ContextOptions(**asked), forms, model)
    assert found.text == VERSE.write(wanted)
    assert (found.parts, found.wishes) == (wanted, asked)


@pytest.mark.parametrize(
    ("command", "context"),
    [
        ("poem --form 七绝", "〔七绝〕："),
        ("poem --form 五言絕句 --title 秋夜", "〔五绝〕《秋夜》："),
        ("poem", "〔五绝〕："),
        ("poem --rows 4 --cols 7", "〔七绝〕："),
        ("poem --rows 8 --cols 5", "〔五律〕："),
        ("poem --acrostic 春夏秋冬春夏秋冬 --cols 7 --author 李白", "〔七律〕李白："),
        ("poem --rows 6 --title 秋夜", "《秋夜》："),
        ("poem --rows 6", ""),
        ("poem --form 五古", ""),
        ("poem --template 床前□□光。", ""),
        ("poem --form 浣溪沙", "〔浣溪沙〕："),
        ("poem --no-context", ""),
        ("ci --tune 浣溪沙 --title 秋夜 --author 蘇軾", "〔浣溪沙〕苏轼《秋夜》："),
        ("ci --tune 浣沙溪", "〔浣溪沙〕："),
        ("ci --tune 百字令", "〔念奴娇〕："),
        ("ci --tune 江城子", "〔江神子〕："),
        ("couplet --dynasty 唐 --title 春節", "〔联〕（唐）《春节》："),
        ("couplet --cols 4，5", "〔联〕："),
    ],
)
def test_the_form_is_told_by_itself(model, asked, command, context):
    assert asked(command, model) == ("", context)


def test_the_text_follows_the_context_and_keeps_its_rules(model):
    wish = ["--form", "五绝", "--acrostic", "春花秋月", "--seed", 1, "--json"]
    tellings = (["--title", "秋夜"], ["--title", "春日"], ["--no-context"])
    texts = [json.loads(gen("poem", model, *wish, *more).stdout)["text"] for more in tellings]
    assert len(set(texts)) == 3
    assert all(judge(text, "五绝").ok for text in texts)
    assert all([line[0] for line in re.findall("[^，。]+", text)] == [*"春花秋月"] for text in texts)


def test_the_title_is_part_of_what_is_best(model):
    wish = ["--rows", 1, "--seed", 1, "--best-of", 2, "--json"]
    about, silent = (json.loads(gen("poem", model, *wish, *more).stdout) for more in (["--title", "秋夜"], []))
    assert about["score"]["relevance"] != 0 == silent["score"]["relevance"]


def test_what_is_streamed_is_what_json_tells(model):
    wish = ["--title", "秋夜", "--author", "李白", "--seed", 3]
    [line] = gen("poem", model, *wish, "--json").stdout.splitlines()
    assert gen("poem", model, *wish).stdout.splitlines() == json.loads(line)["lines"]


def test_a_seed_fixes_a_text_alone_and_beside_other_contexts(model):
    engine = load(model)
    contexts = [
        "",
        *(VERSE.write(each) for each in ({"title": "秋夜"}, {"author": "李白"}, {"title": "加班", "form": "五绝"})),
    ]
    rules = ("form=2x5", "top_k=200")
    wanted = [Request("白", rules, 1, 7, 12, context=context) for context in contexts]
    alone = [engine.generate_batch([request])[0] for request in wanted]
    assert engine.generate_batch(wanted) == alone
    assert len({each[0].text for each in alone}) == 4


def test_json_has_wishes_as_typed_and_the_context_as_written(model):
    wish = ["--title", "《秋夜》", "--author", "李 白", "--dynasty", "唐朝"]
    found = json.loads(gen("poem --rows 1 --json", model, *wish).stdout)
    assert found["wishes"] == {"title": "《秋夜》", "author": "李 白", "dynasty": "唐朝"}
    assert found["context"] == "（唐）李白《秋夜》："
    plain = json.loads(gen("poem --rows 1 --json --no-context", model).stdout)
    assert (plain["wishes"], plain["context"]) == ({}, "")


@pytest.mark.parametrize("command", ["poem --rows 1", "ci --tune 十六字令", "couplet --cols 3"])
def test_an_explanation_shows_the_context(model, command, tmp_path):
    words = ["--title", "秋夜", "--seed", 1, "--explain", tmp_path / "page.html"]
    found = json.loads(gen(command, model, *words, "--json").stdout)
    assert found["context"].endswith("《秋夜》：")
    assert found["explanation"]["context"] == found["context"]
    assert f'"context": "{found["context"]}"' in (tmp_path / "page.html").read_text(encoding="utf-8")
    assert found["explanation"]["nats"] == pytest.approx(-found["logprob"], rel=1e-2)
    assert f"The model read first: {found['context']}\n" in gen(command, model, *words).stdout


@pytest.mark.slow
def test_poems_to_be_judged_are_told_as_well(model):
    wish = ["--num", 2, "--seed", 1, "--json"]
    about, other = (gen("eval poem --form 五绝", model, *wish, "--title", title).stdout for title in ("秋夜", "春日"))
    assert "〔五绝〕《秋夜》：" in json.loads(about)["source"]
    assert json.loads(about)["figures"] != json.loads(other)["figures"]


def test_wishes_are_for_poems_that_are_to_be_written(model, tmp_path):
    (tmp_path / "poems.txt").write_text("白日依山尽，黄河入海流。欲穷千里目，更上一层楼。\n", encoding="utf-8")
    with pytest.raises(GenError, match="has poems already, and --author is for new ones"):
        CliRunner().invoke(make_cli(), ["eval", "poem", str(tmp_path / "poems.txt"), "--author", "李白"],
                           catch_exceptions=False)  # fmt: skip


# ------------------------------------------------------------------------------------------------ what is typed


@pytest.mark.parametrize(
    ("typed", "title"),
    [("秋夜思鄉", "秋夜思乡"), (" 秋 夜 ", "秋夜"), ("《靜夜思》", "静夜思"), ("（秋夜）", "秋夜"), ("秋·夜", "秋夜")],
)
def test_a_title_may_have_blanks_brackets_and_traditional_characters(model, capsys, typed, title):
    assert make_context(ContextOptions(title=typed), (), model).text == f"《{title}》："
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("typed", "title"),
    [
        ("秋夜 其二", "秋夜"),
        ("秋夜（二首）", "秋夜"),
        ("G20峰会", "峰会"),
        ("秋" * 20, "秋" * LONGEST),
        ("秋\n夜\x1b[2J", "秋夜"),
    ],
)
def test_what_a_title_loses_is_said_once(model, capsys, typed, title):
    assert make_context(ContextOptions(title=typed), (), model).text == f"《{title}》："
    said = capsys.readouterr().err
    assert said.count("the model is told") == 1
    assert f"told {title}." in said
    assert "\x1b[2J" not in said


@pytest.mark.parametrize("option", ["--title", "--author", "--dynasty"])
def test_a_wish_without_characters_is_refused(model, option):
    for empty in ("", " ", "\u3000"):
        with pytest.raises(GenError, match=f"{option} is empty; write one, such as"):
            gen("poem", model, option, empty)
    for foreign in ("KTV", "《》", "🌙", "123"):
        with pytest.raises(GenError, match="has no Chinese characters; write one, such as"):
            gen("couplet", model, option, foreign)


def test_characters_that_the_model_does_not_know_are_said_once(model):
    said = gen("poem --rows 1", model, "--title", "𬭭𬭭夜", "--num", 2, "--seed", 1).stderr
    assert said == "note: the model does not know 𬭭 of what it is told, and reads [UNK] there.\n"


@pytest.mark.parametrize("typed", ["蘇軾", "苏轼", " 苏 轼 ", "苏轼（宋）"])
def test_an_author_may_be_typed_in_either_script(model, asked, typed):
    assert asked("poem", model, "--author", typed) == ("", "〔五绝〕苏轼：")


def test_a_known_name_is_told_in_its_own_spelling(model):
    assert seen(["乾康"], KNOWN["author"]) == "乾康"
    assert seen(["鍾嶸"], KNOWN["author"]) == "钟嵘"
    assert seen(["钟嵘"], ("鍾嶸",)) == "鍾嶸"
    assert seen(["酹江月", "念奴娇"], KNOWN["form"]) == "念奴娇"  # the commoner


# ------------------------------------------------------------------------------------------- what was never seen


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("poem --author 李小白", "no author '李小白' and is not told of it; it knows 李白, 李纲, 李贺."),
        ("poem --author 東坡", "no author '東坡' and is not told of it; it knows 陆游, 苏轼, 李白, 李纲, 李贺."),
        ("couplet --dynasty 漢", "no dynasty '漢' and is not told of it; it knows 宋, 唐."),
        ("ci --tune 浣溪纱慢", "no tune '浣溪纱慢' and is not told of it; it knows 浣溪沙."),
        ("ci --tune 竹枝", "no tune '竹枝' and is not told of it; it knows 浣溪沙, 念奴娇, 酹江月, 江神子."),
    ],
)
def test_what_the_model_has_not_seen_is_noted_and_ignored(model, asked, command, said):
    wish = ["--title", "秋夜"]
    told, context = asked(command, model, *wish)
    assert told.count("\n") == 1
    assert told.partition(" knows ")[2] == said + "\n"
    assert "《秋夜》：" in context
    with pytest.raises(GenError, match="^The model .* name one that it knows, such as .* leave out --unseen refuse.$"):
        gen(command, model, "--unseen", "refuse", *wish)


@given(st.sampled_from(KNOWN["author"]), st.characters(whitelist_categories=("Lo",)))
def test_a_name_with_one_character_more_is_near(name, char):
    assert name in nearest(name + char, KNOWN["author"])
    assert nearest(name, KNOWN["author"])[0] == name


# --------------------------------------------------------------------------------------- models that are told nothing


@pytest.mark.parametrize(
    ("command", "what"),
    [
        ("poem --title 秋夜", "a title"),
        ("ci --tune 浣溪沙 --author 李白", "an author"),
        ("couplet --dynasty 唐", "a dynasty"),
        ("eval poem --form 五绝 --title 秋夜", "a title"),
    ],
)
def test_a_model_without_a_note_is_told_nothing(bare, command, what):
    with pytest.raises(GenError, match=f"cannot be told {what}; .*leave out --{what.split()[1]}.$"):
        gen(command, bare)


def test_without_wishes_such_a_model_writes_as_ever(bare, model):
    plain = ["--seed", 1, "--no-context"]
    assert (
        gen("poem", bare, "--seed", 1).stdout == gen("poem", bare, *plain).stdout == gen("poem", model, *plain).stdout
    )


def test_models_that_can_be_told_are_offered(bare, model, monkeypatch):
    monkeypatch.setattr("gen_engine.sources.told_of", lambda part: ["poem"] if part == "title" else [])
    with pytest.raises(GenError, match="cannot be told a title; take poem, or leave out --title.$"):
        gen("poem", bare, "--title", "秋夜")


def test_a_part_that_the_note_lacks_cannot_be_told(model, tmp_path, asked):
    folder = shutil.copytree(model, tmp_path / "model")
    save_note(ModelNote(("title",), {"title": "题：{}\n"}), folder)
    assert asked("poem", str(folder), "--title", "秋夜") == ("", "题：秋夜\n")
    with pytest.raises(GenError, match="cannot be told an author"):
        gen("poem", str(folder), "--author", "李白")


def test_no_context_and_a_wish_exclude_each_other(model):
    with pytest.raises(GenError, match="--no-context tells the model nothing, not even --title; leave out one of them"):
        gen("poem", model, "--no-context", "--title", "秋夜")


# ------------------------------------------------------------------------------------------------------ small parts


def test_forms_go_by_their_names():
    assert form_names(Poem((), Form(8, 7))) == ("七律",)
    assert form_names(Poem((), Form(3, 3))) == form_names(Poem((), None, 9)) == ()
    assert {"念奴娇", "百字令", "酹江月"} <= set(form_names(Poem((), resolve(Wish("百字令")))))


@given(st.text())
def test_a_plain_title_is_chinese_characters_and_stays_plain(title):
    plain = plain_title(title)
    assert plain_title(plain) == plain
    assert set(plain) <= set(title)
