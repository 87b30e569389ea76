"""Whole sessions with the shipped model: every text shown obeys what was asked, and scripts repeat."""

import re
import signal
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from terminals import as_terminal

from gen_engine.cli.config import Defaults
from gen_engine.cli.main import make_cli
from gen_engine.system.interrupts import Stopped
from gen_engine.system.screen import cells
from gen_poem.interactive import wishes
from gen_poem.interactive.words import HELP
from gen_poem.interactive.writer import Writer
from gen_poem.judging.check import judge

pytestmark = pytest.mark.usefixtures("one_engine")
ROW = re.compile(r"^ +(\d+)  ([^ ]+)  +[○●◐△▲?]+$", re.MULTILINE)


def talk(*typed, options=("--form", "五绝"), command="poem", seed=1):
    """What is printed when these commands are typed."""
    arguments = [command, *options, "--seed", str(seed), "--interactive"]
    done = CliRunner().invoke(make_cli(), arguments, input="\n".join([*typed, ""]), catch_exceptions=False)
    assert done.exit_code == 0, done.stderr
    return done.stdout


def shown(told):
    """The texts that were shown one after the other, fixed characters in brackets."""
    found = []
    for number, line in ROW.findall(told):
        found += [""] if number == "1" else []
        found[-1] += line
    return found


def bare(text):
    return re.sub(r"[\[\]]", "", text)


PLACES = st.tuples(st.integers(1, 4), st.integers(1, 5)).map("{0[0]}.{0[1]}".format)
TYPED = st.one_of(
    st.sampled_from(["n", "u", "r", "k", "d", "c 1", "c 2", "l 1", "l 3"]),
    PLACES.map("x {}".format),
    st.builds("f {} {}".format, PLACES, st.sampled_from("月春山不东")),
)


@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(TYPED, max_size=5), st.integers(0, 999))
def test_every_text_shown_obeys_the_form_and_what_is_fixed(typed, seed):
    told = talk(*typed, seed=seed)
    texts = shown(told)
    assert texts
    assert all(judge(bare(text), "五绝").ok for text in texts)
    assert shown(talk(*typed, seed=seed)) == texts


def test_the_first_text_is_that_of_the_command_without():
    alone = CliRunner().invoke(make_cli(), ["poem", "--form", "五绝", "--seed", "3"]).stdout
    assert shown(talk(seed=3)) == [alone.replace("\n", "")]


def test_a_line_anew_is_another_line_and_the_rest_stays():
    first, second = shown(talk("l 2"))
    lines = [re.findall("[^，。]+[，。]", text) for text in (first, second)]
    assert [a == b for a, b in zip(*lines, strict=True)] == [True, False, True, True]


def test_a_fixed_character_stays_in_every_later_text():
    *_, fixed, later, anew = shown(talk("f 2.3 月", "n", "c 1"))
    assert all(bare(text)[8] == "月" and "[月]" in text for text in (fixed, later, anew))


def test_a_contradiction_names_the_fixed_character_and_changes_nothing():
    told = talk("f 1.2 月", "f 4.5 月", "n", options=("--form", "五绝", "--rhyme", "东"))
    assert re.search("! 月 fixed at 4.5 and form=五绝,rhyme=东 admit no text together", told)
    assert [text.count("[") for text in shown(told)] == [0, 1, 1]


def test_options_are_changed_and_changed_back():
    told = talk("form 七绝", "acrostic 春夏秋冬", "l 2", "form -", "u", "u", "u", "u")
    five, seven, acrostic, line, sized, *back = shown(told)
    assert [judge(text, form).ok for text, form in ((five, "五绝"), (seven, "七绝"), (acrostic, "七绝"))] == [True] * 3
    assert all([line[0] for line in text.split("。")[0].split("，")] == ["春", "夏"] for text in (acrostic, line))
    assert (len(sized), sized[::6]) == (24, "春夏秋冬")
    assert back == [line, acrostic, seven, five]


@pytest.mark.parametrize(
    ("command", "options", "typed", "given"),
    [
        ("poem", ("--distinct", "--rhyme", "东", "--form", "五绝"), ["distinct -", "rhyme 支", "title 秋 夜"],
         "form 五绝; rhyme 支; title 秋 夜"),
        ("ci", ("--tune", "浣溪沙"), ["tune 如梦令", "distinct"], "tune 如梦令; distinct"),
        ("couplet", (), ["first 春满神州花似锦", "with no_unk top_k=9"], "first 春满神州花似锦; with no_unk top_k=9"),
        ("poem", (), [], "no option"),
    ],
)  # fmt: skip
def test_the_options_that_are_given_are_listed(command, options, typed, given):
    told = talk(*typed, "a", command=command, options=options)
    assert f"Given: {given}." in told
    assert "! " not in told


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("title -", "title is not asked for"), ("rhyme", "rhyme takes a value"), ("distinct 1", "takes nothing behind"),
        ("tones x", "Invalid value for '--tones'"), ("rows x", "is not a valid integer"), ("cols 7", "out --cols"),
        ("prompt 白日", "白 at line 1, place 1, where acrostic=春夏秋冬 wants 春"), ("num 2", "is no command"),
        ("model ./none", "There is no folder"), ("decoder greedy", "--interactive asks for another text"),
        ("start -", "start is not asked for"), ("seed 4", "is no command"), ("form 七绝", "lines; d frees it"),
        ("rhyme 八", "八"), ("no-context", "leave out one of them"),
        ("with ban=，", "ban=， admit no text together"),
    ],
)  # fmt: skip
def test_a_wrong_option_is_told_and_changes_nothing(typed, said):
    options = ("--form", "五绝", "--acrostic", "春夏秋冬", "--title", "秋")[: 4 if typed == "title -" else 6]
    told = talk("f 2.3", typed, "n", "a", options=options)
    assert said in " ".join(told.split())
    assert len(shown(told)) == 3
    assert f"Given: {' '.join(options).removeprefix('--').replace(' --', '; ')}." in told


def test_what_is_fixed_stays_under_other_options():
    told = talk("f 2.3 月", "title 秋夜", "rhyme 东", "f 4.5 月", "rhyme 支")
    assert all(bare(text)[8] == "月" and "[月]" in text for text in shown(told)[1:])
    assert "! 月 fixed at 4.5" in told


def test_options_of_a_file_are_taken_back(tmp_path, monkeypatch):
    (tmp_path / "gen.toml").write_text('[poem]\nform = "七绝"\n', encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    gen = make_cli()
    done = CliRunner().invoke(gen, ["poem", "--interactive"], input="form -\ntitle 秋\n", default_map=Defaults(gen))
    assert [text.index("，") for text in shown(done.stdout)] == [7, 5, 5]


def test_a_model_is_loaded_once(monkeypatch):
    loaded = []
    load = wishes.load_engine
    monkeypatch.setattr(wishes, "load_engine", lambda name, **how: loaded.append(name) or load(name, **how))
    talk("distinct", "model novel", "model poem", options=())
    assert loaded == ["poem", "novel"]


def test_the_help_has_two_straight_columns():
    rows = [line for line in talk("?").split("> ?\n")[1].splitlines() if line]
    starts = {cells(line[: line.index(does)]) for line, (_, does) in zip(rows, HELP, strict=True)}
    assert starts == {17}


def test_what_was_typed_as_traditional_is_shown_so():
    assert "[髮]" in shown(talk("f 2.3 髮"))[-1]


@pytest.mark.parametrize(
    ("command", "options"), [("ci", ("--tune", "浣溪沙")), ("couplet", ()), ("poem", ("--rows", "2"))]
)
def test_ci_couplets_and_sizes_are_written_so_too(command, options):
    first, second, third = shown(talk("l 2", "x 1.1", command=command, options=options))
    assert bare(first)[:5] == bare(second)[:5]
    assert bare(second)[0] != bare(third)[0]


def test_what_is_kept_unsaved_is_printed_at_the_end():
    told = talk("k", "n")
    first, _ = shown(told)
    assert told.endswith("\n".join(["", *re.findall("[^，。]+[，。]", first), ""]))


def test_quitting_warns_of_what_is_in_no_file():
    assert "1 kept and in no file" in talk("k", "q", "l 2", "q", "q")
    assert len(shown(talk("k", "q", "q", "n"))) == 1


def test_kept_texts_are_saved_and_no_file_is_overwritten(tmp_path):
    path = tmp_path / "kept.txt"
    told = talk("k", "n", "k", "s none/kept", f"s {path}", f"s {path}", "q", "n")
    assert "none/kept cannot be written (No such file or directory); choose another FILE." in " ".join(told.split())
    first, second = shown(told)
    assert path.read_text("utf-8").replace("\n", "") == first + second
    assert path.read_text("utf-8").count("\n\n") == 1
    assert f"! {path} is there already" in told


def test_a_picture_of_the_text_is_saved(tmp_path):
    text = shown(talk(f"s {tmp_path / 'card.svg'}"))[0]
    assert text[0] in (tmp_path / "card.svg").read_text("utf-8")


def test_why_tells_what_the_model_wanted():
    assert re.search(r"2\.3 .: the model gives it [\d.]+%.*\n.*Likeliest of what may stand there", talk("w 2.3"))
    assert "given by --prompt" in talk("w 1.1", options=("--form", "五绝", "--prompt", "白"))


@pytest.mark.parametrize(
    "options", [("--num", "2"), ("--json",), ("--out", "f"), ("--explain",), ("--card", "c.svg"), ("--beams", "2")]
)
def test_options_that_make_no_sense_with_it_are_refused(options, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(make_cli(), ["poem", "--interactive", *options])
    assert "--interactive" in str(done.exception)
    assert list(tmp_path.iterdir()) == []


def stopped_at(number, asked):
    """A writer whose text of that number is stopped by Ctrl-C."""
    write = Writer.write

    def stopped(self, ask):
        asked.append(ask.seed)
        if len(asked) == number:
            raise Stopped(signal.SIGINT)
        return write(self, ask)

    return stopped


def test_ctrl_c_ends_what_is_written_and_not_the_session(monkeypatch):
    asked = []
    monkeypatch.setattr(Writer, "write", stopped_at(2, asked))
    told = talk("n", "n")
    assert "Stopped; nothing has changed" in told
    assert len(shown(told)) == 2
    assert asked == [1, 2, 2]


README = Path(__file__).parents[2] / "README.md"


@pytest.mark.slow
def test_the_readme_shows_a_session_as_it_is(monkeypatch, tmp_path):
    shown_there = re.search(r"```text\n(  1  .*?)```", README.read_text("utf-8"), re.DOTALL)[1]
    monkeypatch.chdir(tmp_path)
    as_terminal(monkeypatch, 80, NO_COLOR="1")
    told = talk(*re.findall("^> (.*)$", shown_there, re.MULTILINE), options=("--form", "五绝", "--title", "秋夜"))
    assert [line.rstrip() for line in told.splitlines()] == shown_there.splitlines()
    assert max(map(cells, told.splitlines())) <= 80
