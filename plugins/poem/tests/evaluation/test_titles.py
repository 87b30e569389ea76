"""A poem for each title of a file: the titles read, the poems those of `gen poem --title`, and the command."""

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from gen_engine.cli.main import make_cli
from gen_engine.errors import GenError
from gen_poem.evaluation.titles import read_titles
from gen_poem.writing.context import ContextOptions

WEIGHTS = Path(__file__).parents[2] / "gen_poem" / "weights" / "poem"
NOTE = {"order": ["form", "title"], "parts": {"form": "{}", "title": "{}"}, "end": "。"}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """The shipped model, with a note of how it is told a title."""
    folder = tmp_path_factory.mktemp("noted") / "model"
    shutil.copytree(WEIGHTS, folder, ignore=shutil.ignore_patterns("*.bloom"))
    (folder / "context.json").write_text(json.dumps(NOTE), "utf-8")
    return folder


def gen(*words):
    return CliRunner().invoke(make_cli(), [*map(str, words)], catch_exceptions=False)


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def test_titles_are_lines_or_fields_beside_what_was_wished_for(tmp_path):
    wished = ContextOptions(author="李白", unseen="refuse")
    plain = read_titles(str(write(tmp_path / "plain", "秋夜\n\n春日\n")), wished)
    rows = '{"title": "秋夜", "author": "杜甫", "dynasty": ""}\n{"title": "春日", "author": null, "form": 1}\n'
    assert plain == [ContextOptions("秋夜", "李白", unseen="refuse"), ContextOptions("春日", "李白", unseen="refuse")]
    assert read_titles(str(write(tmp_path / "rows", rows)), wished) == [
        ContextOptions("秋夜", "杜甫", unseen="refuse"), ContextOptions("春日", "李白", unseen="refuse")]  # fmt: skip


@pytest.mark.parametrize(
    "text, message",
    [("\n \n", "no title"), ('{"text": "春"}\n', "Line 1"), ("秋\n{oops\n", "Line 2"),
     ('{"title": 3}\n', "a number"), ('{"title": "秋", "author": ["李白"]}\n', "a list"), ("a,b\n1,2\n", "a table")],
)  # fmt: skip
def test_what_has_no_titles_is_refused(tmp_path, text, message):
    with pytest.raises(GenError, match=message):
        read_titles(str(write(tmp_path / "titles", text)), ContextOptions())


def test_wishes_that_contradict_the_titles_are_refused(tmp_path):
    path = str(write(tmp_path / "titles", "秋夜"))
    with pytest.raises(GenError, match="leave out one"):
        read_titles(path, ContextOptions(title="春"))
    with pytest.raises(GenError, match="not even --titles"):
        read_titles(path, ContextOptions(silent=True))


@pytest.mark.parametrize("best_of", [1, 2])
def test_each_title_takes_the_poem_of_the_next_seed(tmp_path, model, best_of):
    titles = write(tmp_path / "titles", "秋夜\n春日\n雪\n")
    options = ("--form", "五绝", "--model", model, "--best-of", best_of, "--json")
    found = json.loads(gen("eval", "poem", "--titles", titles, "--seed", 5, "--num", 2, *options).stdout)
    alone = [gen("poem", "--title", title, "--seed", seed, *options) for title, seed in (("秋夜", 5), ("春日", 6))]
    assert [each["text"] for each in found["each"]] == [json.loads(each.stdout)["text"] for each in alone]
    assert [each["title"] for each in found["each"]] == ["秋夜", "春日"]
    assert found["figures"]["nats with context"] != found["figures"]["nats a character"]


def test_judges_want_titles_and_a_folder(tmp_path):
    poems = write(tmp_path / "poems.jsonl", '{"text": "春花。"}\n')
    with pytest.raises(GenError, match="--judges look for titles"):
        gen("eval", "poem", poems, "--judges", tmp_path)
    write(poems, '{"text": "春花。", "title": "春"}\n')
    with pytest.raises(GenError, match=r"no folder of judges.*recipe/judges\.py"):
        gen("eval", "poem", poems, "--judges", tmp_path)


def test_titles_are_for_new_poems(tmp_path):
    poems, titles = write(tmp_path / "poems", "春花。"), write(tmp_path / "titles", "春")
    with pytest.raises(GenError, match="--titles is for new ones"):
        gen("eval", "poem", poems, "--titles", titles)


def test_a_model_without_titles_is_refused_before_it_writes(tmp_path):
    with pytest.raises(GenError, match="cannot be told a title"):
        gen("eval", "poem", "--form", "五绝", "--model", "novel", "--titles", write(tmp_path / "titles", "春"))
