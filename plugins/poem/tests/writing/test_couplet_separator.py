"""A model of couplets that learned another separator: it is said, and only then."""

import math

import pytest
from click.testing import CliRunner

from gen_engine.cli.main import make_cli
from gen_engine.errors import GenError
from gen_engine.testing.models import LongestMatch, TableModel, tiny_vocabulary
from gen_poem.writing.couplet_separator import other_separator

VOCABULARY = tiny_vocabulary("", "春", "夏", "，", ",", "|", " ", "\n", "；", "", "， ")
SEP = 9


def model(**shares):
    """A model that gives these tokens these probabilities behind 夏."""
    found = {int(name[1:]): share for name, share in shares.items()}
    rest = (1 - sum(found.values())) / (len(VOCABULARY) - len(found))
    logits = [math.log(found.get(token, rest)) for token in range(len(VOCABULARY))]
    return TableModel(LongestMatch(VOCABULARY), {(2,): logits})


@pytest.mark.parametrize(
    ("token", "told"),
    [(5, "'|'"), (6, "a space"), (7, "a line break"), (8, "'；'"), (0, "the end of the text"), (SEP, "''")],
)
def test_another_separator_is_told_with_its_share(token, told):
    found = other_separator(model(**{f"t{token}": 0.95}), "春夏")
    assert found == f"{told} (95%) rather than ， (1.5%)"


@pytest.mark.parametrize(
    "shares",
    [
        {"t3": 0.9},  # the mark
        {"t4": 0.9},  # in half width
        {"t10": 0.9},  # among others in a token
        {"t1": 0.9},  # a model that goes on with the line has learned no separator
        {"t5": 0.5, "t3": 0.2},  # both
        {"t5": 0.15, "t1": 0.1, "t2": 0.1, "t3": 0.0001},  # nothing is likely
    ],
)
def test_nothing_is_said_of_other_models(shares):
    assert other_separator(model(**shares), "春夏") == ""


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A model of a few couplets with | between the lines; of marks it knows ，, too, if there are any in these."""
    folder = tmp_path_factory.mktemp("couplets")
    lines = [(a + b, c + d) for a in "春夏雨" for b in "暖月" for c in "秋冬天" for d in "凉云"]
    for name, more in {"bar": [("春，月", "秋，云")], "bare": []}.items():
        rows = "".join(f"{a}\t{b}\n" for a, b in lines + more)
        (folder / f"{name}.tsv").write_text(rows, encoding="utf-8")
        options = ["--column", "1", "--column2", "2", "--separator", "|", "--ending", "。", "--from-scratch"]
        sizes = [
            "--layers",
            "1",
            "--width",
            "16",
            "--heads",
            "2",
            "--rate",
            "0.02",
            "--steps",
            "60",
            "--batch-tokens",
            "200",
        ]
        line = ["train", "gpt2", str(folder / f"{name}.tsv"), *options, *sizes, "--out", str(folder / name)]
        assert CliRunner().invoke(make_cli(), line, catch_exceptions=False).exit_code == 0
    return folder


def couplets(model, *how):
    line = ["couplet", "--model", str(model), *how, "--tones", "off", "--seed", "1", "--num", "2"]
    return CliRunner().invoke(make_cli(), line, catch_exceptions=False)


@pytest.mark.parametrize("how", [["--first", "春月"], ["--cols", "2"], ["--cols", "2", "--prompt", "春"]])
def test_the_command_says_so_once(trained, how):
    told = couplets(trained / "bar", *how).stderr
    assert (told.count("expects '|'"), told.count("--separator ，")) == (1, 1)
    assert "separator" not in couplets("poem", *how).stderr


def test_a_model_without_a_mark_it_needs_is_refused(trained):
    with pytest.raises(GenError, match="does not know the mark ， that ends a line of a couplet; take another"):
        couplets(trained / "bare", "--cols", "2")
    assert "expects '|'" in couplets(trained / "bare", "--first", "春月").stderr
