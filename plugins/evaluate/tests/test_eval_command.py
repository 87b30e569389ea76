import json
import math
import subprocess
import sys

import click
import pytest
import torch
from click.testing import CliRunner
from transformers import GPT2Config, GPT2LMHeadModel

from gen_engine.errors import GenError
from gen_engine.hooks.lazy import LazyCommand
from gen_evaluate import add_evaluators
from gen_evaluate.command import lm_command
from gen_trainkit.vocab import bert_tokenizer

LINES = ["春山夏水", "秋山冬水", "春水秋山"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A GPT-2 that is not trained."""
    folder = tmp_path_factory.mktemp("model")
    tokenizer = bert_tokenizer(LINES, size=None, min_count=1, positions=16)
    config = GPT2Config(vocab_size=len(tokenizer), n_positions=16, n_embd=16, n_layer=1, n_head=2,
                        bos_token_id=2, eos_token_id=3)  # fmt: skip
    torch.manual_seed(0)
    GPT2LMHeadModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture
def texts(tmp_path):
    return write(tmp_path / "lines.txt", *LINES)


def write(path, *lines):
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def command(*arguments):
    result = CliRunner().invoke(lm_command, [str(argument) for argument in arguments])
    if isinstance(result.exception, GenError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


def test_a_gpt2_costs_what_transformers_says(folder, texts):
    [row] = json.loads(command(texts, "--model", folder, "--dtype=float32", "--json"))["reading"]
    tokenizer = bert_tokenizer(LINES, size=None, min_count=1, positions=16)
    model = GPT2LMHeadModel.from_pretrained(folder).eval()
    rows = torch.tensor([tokenizer(line)["input_ids"][:-1] for line in LINES])
    assert row["nats_per_token"] == pytest.approx(model(rows, labels=rows).loss.item(), abs=1e-5)
    assert row["perplexity"] == pytest.approx(math.exp(row["nats_per_token"]))
    assert row["tokens"] == 12
    assert row["tokens_per_second"] > 0


def test_a_model_and_a_baseline_stand_in_one_table(folder, texts):
    shown = command(texts, "--model", folder, "--baseline=ngram=2", "--train", texts)
    assert "3 texts, 12 characters" in shown
    assert str(folder) in shown
    assert "2-gram" in shown
    assert "nats/char" in shown


def test_the_tables_are_chinese_by_option_and_json_never_is(texts):
    given = [texts, "--baseline=ngram=2", "--train", texts, "--candidates", texts, "--references", texts, "--lang=zh"]
    told = command(*given)
    for words in ("3 篇文本，12 个字符", "奈特/字符", "困惑度", "命中率", "未知字符", "候选", "各篇文本的平均"):
        assert words in told
    assert json.loads(command(*given, "--json"))["reading"][0]["perplexity"] > 0


def test_texts_are_held_against_references_and_the_json_is_kept(texts, tmp_path):
    out = tmp_path / "out.json"
    shown = command("--candidates", texts, "--references", texts, "--out", out)
    [row] = json.loads(out.read_text(encoding="utf-8"))["writing"]
    assert "100.00" in shown
    assert row["bleu"] == pytest.approx(100)
    assert row["distinct_1"] == 6 / 12


def test_an_empty_candidate_keeps_its_place(tmp_path):
    candidates, references = write(tmp_path / "a.txt", "", "春山"), write(tmp_path / "b.txt", "夏水", "春山")
    [row] = json.loads(command("--candidates", candidates, "--references", references, "--json"))["writing"]
    assert row["rouge1"]["f"] == 0.5


def test_a_model_writes_the_candidates_reproducibly(folder, texts):
    given = ["--model", folder, "--prompts", texts, "--references", texts, "--max-new=4", "--with", "no_unk", "--json"]
    one, other = (json.loads(command(*given))["writing"][0] for _ in range(2))
    assert one["texts"] == 3
    same = ("bleu", "rouge1", "distinct_2")
    assert [one[name] for name in same] == [other[name] for name in same]


def test_a_figure_that_is_no_number_is_null(tmp_path):
    latin = write(tmp_path / "latin.txt", "abc", "cab")
    [row] = json.loads(command(latin, "--baseline=ngram=2", "--train", latin, "--json"))["reading"]
    assert row["nats_per_han"] is None
    assert row["nats_per_character"] > 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "nothing to measure. Name files"),
        (["x"], "Give --model MODEL, or --baseline"),
        (["x", "--baseline=ngram=2"], "Give them by --train"),
        (["x", "--model=y", "--train=z"], "Give --baseline ngram=5, too"),
        (["x", "--baseline=words=2"], "There is no baseline 'words=2'. Give ngram=N"),
        (["x", "--baseline=ngram=0"], "with N from 1 to 20"),
        (["--prompts=x"], "continue the prompts. Give --model"),
        (["x", "--model=y", "--references=z"], "Give --candidates FILE"),
        (["--candidates=x", "--encoder=y"], "Give --references FILE"),
        (["--candidates=none.txt"], "There is no file none.txt. Check the path"),
    ],
)
def test_errors_end_in_a_remedy(arguments, message):
    with pytest.raises(GenError, match=message):
        command(*arguments)


def test_texts_of_unknown_characters_alone_are_refused(folder, tmp_path):
    strange = write(tmp_path / "strange.txt", "ЖЖЖ", "Ж")
    with pytest.raises(GenError, match="no character that every model knows"):
        command(strange, "--model", folder)


def test_it_is_mounted_with_the_summary_of_the_command():
    group = click.Group("eval")
    add_evaluators(group)
    later = group.commands["lm"]
    assert isinstance(later, LazyCommand)
    assert later.load() is lm_command
    assert lm_command.help.split("\n\n")[0] == later.help


def test_importing_the_command_imports_no_torch():
    code = "import sys, gen_evaluate.command; print({'torch', 'numpy', 'tokenizers', 'rich'} & {*sys.modules})"
    assert subprocess.check_output([sys.executable, "-c", code]) == b"set()\n"


def test_a_dataset_is_read_by_its_split(tmp_path):
    datasets = pytest.importorskip("datasets")
    made = {name: datasets.Dataset.from_dict({"text": [name] * count}) for name, count in (("train", 5), ("test", 2))}
    datasets.DatasetDict(made).save_to_disk(str(tmp_path / "d"))
    counted = ["--baseline=ngram=2", "--train", tmp_path / "d", "--json"]
    assert json.loads(command(tmp_path / "d", *counted))["texts"] == 2
    assert json.loads(command(tmp_path / "d", *counted, "--part=all"))["texts"] == 7


def test_texts_are_counted_and_quotes_looked_at(tmp_path):
    write(tmp_path / "a.csv", "text,label", "春,1", '"夏,0', '秋",1', ",0")
    with pytest.raises(GenError, match="lines 3 to 4 of .*a.csv looks like 2 rows in one"):
        command(tmp_path / "a.csv", "--baseline=ngram=2", "--train", tmp_path / "a.csv")
    words = [tmp_path / "a.csv", "--baseline=ngram=2", "--train", tmp_path / "a.csv", "--quotes=repair"]
    told = CliRunner().invoke(lm_command, [str(word) for word in words]).stderr
    assert "4 texts read, 3 used, 1 without text." in told
