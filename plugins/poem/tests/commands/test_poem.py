"""`gen poem` on the shipped model: every poem has its form, whatever is asked of it."""

import json
import re

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gen_engine.cli.main import make_cli
from gen_engine.errors import GenError
from gen_poem.judging.check import judge

RARE = "𬭭"


def gen(*arguments):
    return CliRunner().invoke(make_cli(), ["poem", *map(str, arguments)], catch_exceptions=False)


def poems(*arguments):
    done = gen(*arguments, "--json")
    assert done.exit_code == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def well_formed(text, rows, cols):
    lines = re.findall(r"[^，。]+[，。]", text)
    marks = ["，" if row % 2 == 0 and row + 1 < rows else "。" for row in range(rows)]
    return (
        "".join(lines) == text
        and [len(line) for line in lines] == [cols + 1] * rows
        and [*text[cols :: cols + 1]] == marks
    )


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(1, 6), st.integers(1, 9), st.integers(1, 3), st.integers(0, 99), st.sampled_from(["", "白", "青山"]))
def test_every_poem_has_its_form(rows, cols, num, seed, prompt):
    found = poems("--prompt", prompt[: rows * cols], "--rows", rows, "--cols", cols, "--num", num, "--seed", seed)
    assert len(found) == num
    assert all(well_formed(poem["text"], rows, cols) for poem in found)
    assert all(poem["text"].startswith(prompt[:cols]) for poem in found)


def test_json_says_all_that_was_asked_of_it():
    (poem,) = poems("--prompt", "白日依山尽黄河", "--seed", 4)
    assert poem["text"].startswith("白日依山尽，黄河")
    assert poem["text"] == "".join(poem["lines"])
    assert poem["text"].endswith(poem["new"])
    assert {"logprob", "seed", "model", "dtype", "exact"} <= set(poem)
    assert (poem["seed"], poem["model"], poem["exact"]) == (4, "poem", True)


def test_characters_asked_for_may_be_traditional_where_such_are_shown():
    (poem,) = poems("--script", "trad", "--seed", 5, "--acrostic", "風雲雪月", "--forbid", "見來", "--require", "風")
    assert "".join(line[0] for line in poem["lines"]) == "風雲雪月"
    (free,) = poems("--script", "trad", "--seed", 5, "--num", 1)
    (barred,) = poems("--script", "trad", "--seed", 5, "--forbid", free["text"][:5])
    assert not set(free["text"][:5]) & set(barred["text"])


def test_a_seed_fixes_each_sample_whatever_num_is():
    five = poems("--prompt", "月", "--num", 5, "--seed", 9)
    assert [poem["text"] for poem in poems("--prompt", "月", "--num", 2, "--seed", 9)] == [p["text"] for p in five[:2]]


def test_an_unknown_character_stays_and_is_mentioned_once():
    done = gen("--prompt", f"{RARE}{RARE}", "--num", 2, "--seed", 1)
    assert done.stdout.count(RARE) == 4
    assert done.stderr.count(RARE) == 1


def test_a_prompt_that_fills_the_poem_is_the_poem():
    assert gen("--prompt", "春夏", "--rows", 1, "--cols", 2).stdout.strip() == "春夏。"


def test_a_prompt_longer_than_the_poem_learns_its_length():
    with pytest.raises(GenError, match="at most 2"):
        gen("--prompt", "春夏秋", "--rows", 1, "--cols", 2)


def test_a_folder_called_poem_is_not_taken_for_the_model(tmp_path, monkeypatch):
    (tmp_path / "poem").mkdir()
    monkeypatch.chdir(tmp_path)
    assert gen("--rows", 1, "--cols", 2).exit_code == 0


def test_processors_of_any_plugin_join_in():
    found = poems("--prompt", "白", "--with", "no_repeat=30,exempt=punctuation", "--with", "ban=月|风", "--num", 5)
    for poem in found:
        letters = re.sub("[，。]", "", poem["text"])
        assert len(set(letters)) == 20
        assert not set("月风") & set(letters)


def test_a_conflict_with_the_form_is_named():
    with pytest.raises(GenError, match="form=4x5 and ban=， admit no text"):
        gen("--prompt", "白", "--with", "ban=，")


def test_out_writes_the_poems_to_a_file(tmp_path):
    done = gen("--prompt", "白", "--num", 2, "--out", tmp_path / "poems.txt")
    assert done.stdout == ""
    assert (tmp_path / "poems.txt").read_text("utf-8").count("。") == 4
    assert [path.name for path in tmp_path.iterdir()] == ["poems.txt"]


@pytest.mark.parametrize(("form", "tones"), [("七律", "strict"), ("六言", "loose"), ("五古", "off")])
def test_poems_keep_the_lines_tones_and_rhymes_of_forms(form, tones):
    for poem in poems("--form", form, "--tones", tones, "--num", 2, "--seed", 5):
        assert judge(poem["text"], form, tones=tones).faults == ()
        words = [line[-2] for line in poem["lines"][1::2]]
        assert len(set(words)) == len(words)


@pytest.mark.slow
@pytest.mark.parametrize("form", ["五绝", "七绝", "五律", "七律", "六言", "六律", "七古", "五排", "七排"])
@pytest.mark.parametrize("tones", ["strict", "loose"])
@pytest.mark.parametrize("book", ["pingshui", "cilin", "xinyun", "tongyun"])
def test_every_poem_of_any_form_is_right_by_any_book(form, tones, book):
    plain = ("--seed", 1, "--best-of", 1)  # all are right, so that the best are
    for poem in poems("--form", form, "--tones", tones, "--rhyme-book", book, "--num", 8, *plain):
        assert judge(poem["text"], form, tones=tones, rhyme_book=book).faults == ()


@pytest.mark.parametrize("book", ["xinyun"])
def test_other_rhyme_books_are_kept_as_well(book):
    (poem,) = poems("--form", "七绝", "--tones", "strict", "--rhyme-book", book, "--seed", 3)
    assert judge(poem["text"], "七绝", tones="strict", rhyme_book=book).faults == ()


def test_all_that_is_asked_for_is_kept_together():
    asked = ["--tones", "strict", "--rhyme", "东", "--start", "仄起", "--first", "unrhymed", "--distinct", "--parallel"]
    (poem,) = poems("--form", "五律", *asked, "--acrostic", "春江花月夜长安月"[:4], "--require", "山", "--seed", 2)
    report = judge(poem["text"], "五律", tones="strict", start="仄起", first="unrhymed", rhyme="东")
    letters = re.sub("[，。]", "", poem["text"])
    assert report.faults == ()
    assert "".join(line[0] for line in poem["lines"][:4]) == "春江花月"
    assert "山" in letters
    assert len(set(letters)) == 40


def test_a_template_by_itself_says_how_the_poem_is_made():
    (poem,) = poems("--template", "床前□□光，疑是□□霜。", "--forbid", "月明", "--seed", 1)
    assert re.fullmatch("床前..光，疑是..霜。", poem["text"])
    assert not set("月明") & set(poem["text"])


@pytest.mark.parametrize("at", ["tail", pytest.param("diagonal", marks=pytest.mark.slow)])
def test_an_acrostic_sets_the_length_and_stands_where_asked(at):
    (poem,) = poems("--acrostic", "春风又绿江南", "--acrostic-at", at, "--cols", 7, "--seed", 1)
    found = (line[6 if at == "tail" else n] for n, line in enumerate(poem["lines"]))
    assert "".join(found) == "春风又绿江南"


def test_traditional_characters_are_read_and_written():
    done = gen("--prompt", "東風", "--form", "五绝", "--tones", "off", "--script", "trad", "--seed", 1)
    (poem,) = poems("--prompt", "東風", "--form", "五绝", "--tones", "off", "--script", "trad", "--seed", 1)
    assert poem["text"].startswith("東風")
    assert done.stderr == ""
    assert done.stdout.split() == poem["lines"]


def test_a_conflict_between_form_and_options_is_named():
    with pytest.raises(GenError, match="form=五绝,rhyme=东,first=rhymed and acrostic=月月,at=tail"):
        gen("--form", "五绝", "--rhyme", "东", "--first", "rhymed", "--acrostic", "月月", "--acrostic-at", "tail")


@pytest.mark.parametrize(("arguments", "words"), [
    (["--tones", "strict"], "name one, as in --form 五绝"), (["--start", "平起"], "name one, as in --form 五绝"),
    (["--form", "七律", "--cols", 5], "leave out --cols"),
    (["--form", "七绝句"], "no form and no tune '七绝句'; take 七绝"), (["--form", "五绝 七绝"], "take 五绝, 七绝"),
    (["--form", "八绝"], "no form and no tune '八绝'; take 六绝, 五绝, 七绝"),
    (["--form", "sonnet"], "`gen forms` lists"),
    (["--form", "五绝", "--prompt", "春眠不觉晓处处闻啼鸟夜来风雨声花落知多少"], "晓|鸟"),
    (["--form", "五绝", "--rhyme-book", "none", "--rhyme", "东"], "leave one of them out"),
])  # fmt: skip
def test_what_does_not_go_together_is_refused_with_the_remedy(arguments, words):
    with pytest.raises(GenError, match=words):
        gen(*arguments)


def test_a_poem_without_a_last_mark_is_written_whole():
    options = ("--template", "床前□□光", "--script", "trad", "--best-of", 1, "--seed", 6)
    [poem] = poems(*options)
    assert gen(*options).stdout == f"{poem['text']}\n"
