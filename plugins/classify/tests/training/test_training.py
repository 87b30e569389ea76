import csv
import json
import os
import re
import subprocess
import sys
import tomllib
from dataclasses import fields

import classifier_folders as folders
import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    BertConfig,
    BertForMaskedLM,
    GPT2Config,
    GPT2LMHeadModel,
)

from gen_classify.commands.train import build_job, classifier_command
from gen_classify.training.training import prepare
from gen_engine.errors import GenError
from gen_trainkit.loop import Recipe
from gen_trainkit.metrics import read_metrics

GOOD, BAD = "好山好水好风好月", "坏酒坏店差房差间"
SIZES = ["--layers=1", "--width=16", "--heads=2", "--ff=32", "--positions=24"]
QUICK = ["--batch-tokens=200", "--rate=1e-2", "--save-every=0"]
SCRATCH = ["--from-scratch", *SIZES, *QUICK]


def texts(count):
    """Rows of (label, text): praise and blame, told apart by most of their characters."""
    return [(str(i % 2), (BAD, GOOD)[i % 2][i % 5 : i % 5 + 4] + "春夏秋冬"[i % 4] * (1 + i % 3)) for i in range(count)]


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    path = tmp_path_factory.mktemp("table") / "reviews.tsv"
    path.write_text("label\ttext\n" + "".join(f"{a}\t{b}\n" for a, b in texts(120)), encoding="utf-8")
    return path


@pytest.fixture(autouse=True, scope="module")
def cache(tmp_path_factory):
    """All runs keep their token ids away from the user's own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GEN_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def command(*arguments):
    result = CliRunner().invoke(classifier_command, [str(argument) for argument in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code in (0, 130, 143), result.output
    return result


def refused(message, *arguments):
    with pytest.raises(GenError, match=message):
        command(*arguments)


@pytest.fixture(scope="module")
def trained(table, tmp_path_factory):
    """A BERT from scratch, split in three, with names, a baseline and early stopping."""
    out = tmp_path_factory.mktemp("trained") / "tiny"
    scores = ["--goal=macro_f1", "--valid-every=2", "--valid-batches=1", "--baseline"]
    names = "--label-names=负向评价,正向评价"
    split = ["--split=70/10/20", "--epochs=8", "--dtype=bf16"]
    return out, command(table, *SCRATCH, *scores, names, *split, "--lang=en", "--out", out).output


def test_it_learns_and_tells_test_scores_beside_the_baseline(trained):
    out, told = trained
    found = json.loads((out / "run" / "test.json").read_text(encoding="utf-8"))
    assert (found["part"], found["rows"]) == ("test", 24)
    assert found["model"]["accuracy"] > 0.9
    assert found["baseline"]["macro_f1"] > 0.9
    assert "24 rows of the test part" in told
    assert found["repeated"] > 0
    assert f"{found['repeated']} of the texts stand in the training part, too." in told
    assert "TF-IDF + logistic regression" in told


@pytest.mark.parametrize(
    "names, words", [("负向评价,正向评价", "测试集 24 条样本："), ("bad,good", "24 rows of the test part:")]
)
def test_it_is_told_in_the_language_of_the_labels(table, tmp_path, names, words):
    out = tmp_path / "tiny"
    told = command(table, *SCRATCH, f"--label-names={names}", "--split=70/10/20", "--steps=2", "--out", out).output
    assert words in told
    assert tomllib.loads((out / "run" / "config.toml").read_text("utf-8"))["lang"] == "auto"


def test_figures_within_an_epoch_use_few_batches_without_f1(trained):
    rows = read_metrics(trained[0] / "run" / "metrics.jsonl")
    assert any("few_valid_accuracy" in row and "valid_accuracy" not in row for row in rows)
    assert len([row for row in rows if "valid_macro_f1" in row]) == 9  # once before the first step


def test_the_splits_are_saved_and_keep_the_shares(trained):
    parts = {}
    for name in ("train", "valid", "test"):
        with (trained[0] / "run" / "splits" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            parts[name] = [(row["label"], row["text"]) for row in csv.DictReader(file)]
    assert {name: len(rows) for name, rows in parts.items()} == {"train": 84, "valid": 12, "test": 24}
    assert sorted(row for rows in parts.values() for row in rows) == sorted(texts(120))
    assert [sum(label == "1" for label, _ in rows) for rows in parts.values()] == [42, 6, 12]


def test_names_and_data_labels_stand_in_config_and_card(trained):
    config = AutoConfig.from_pretrained(trained[0])
    assert config.id2label == {0: "负向评价", 1: "正向评价"}
    assert (config.data_labels, config.label_names) == (["0", "1"], ["负向评价", "正向评价"])
    card = (trained[0] / "README.md").read_text(encoding="utf-8")
    for fact in ("负向评价 (0), 正向评价 (1)", "84 train, 12 valid, 24 test", "text-classification", "from scratch"):
        assert fact in card


PLAIN = """
import sys
from transformers import pipeline
pipe = pipeline("text-classification", model=sys.argv[1])
print(*[found["label"] for found in pipe(["好山好水", "坏酒坏店"])])
assert not [name for name in sys.modules if name.startswith("gen_")]
"""


def plain_labels(folder):
    environment = {"HF_HUB_OFFLINE": "1", "PATH": os.environ["PATH"], "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run([sys.executable, "-c", PLAIN, folder], capture_output=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().split()


def test_a_plain_pipeline_classifies_with_the_folder(trained):
    assert plain_labels(trained[0]) == ["正向评价", "负向评价"]


@pytest.fixture(scope="module")
def encoders(tmp_path_factory):
    """Folders of a masked and a causal language model with random weights."""
    root = tmp_path_factory.mktemp("encoders")
    torch.manual_seed(0)
    tokenizer = folders.bert_tokenizer(root / "bert")
    config = BertConfig(vocab_size=len(tokenizer), hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
                        intermediate_size=16, max_position_embeddings=24)  # fmt: skip
    BertForMaskedLM(config).save_pretrained(root / "bert")
    tokenizer.save_pretrained(root / "bert")
    tokenizer = folders.gpt2_tokenizer()
    GPT2LMHeadModel(GPT2Config(vocab_size=len(tokenizer), n_positions=24, n_embd=16, n_layer=2, n_head=2,
                               bos_token_id=0, eos_token_id=0)).save_pretrained(root / "gpt2")  # fmt: skip
    tokenizer.save_pretrained(root / "gpt2")
    return root


def moved(encoder, out):
    """Names of the weights that are not as they were in the encoder, beside those it lacks."""
    before, after = load_file(encoder / "model.safetensors"), load_file(out / "model.safetensors")
    return {name for name, tensor in after.items() if name in before and not torch.equal(before[name], tensor)}


@pytest.mark.parametrize("kind, what, learns", [
    ("gpt2", "all-but-last", r"transformer\.(h\.1|ln_f)\."),
    ("gpt2", "all", "none"),
    ("bert", "all-but-last", r"bert\.encoder\.layer\.1\."),
    ("bert", "all-but-pooler", "none"),
])  # fmt: skip
def test_only_what_is_not_frozen_learns(encoders, table, tmp_path, kind, what, learns):
    encoder, out = encoders / kind, tmp_path / "out"
    command(table, "--encoder", encoder, *QUICK, f"--freeze={what}", "--steps=2", "--out", out)
    names = set(load_file(encoder / "model.safetensors"))
    assert moved(encoder, out) == {name for name in names if re.match(learns, name)}


def test_a_gpt2_reads_its_label_at_the_last_unpadded_token(encoders, table, tmp_path):
    command(table, "--encoder", encoders / "gpt2", *QUICK, "--steps=3", "--out", tmp_path)
    model, tokenizer = (auto.from_pretrained(tmp_path) for auto in (AutoModelForSequenceClassification, AutoTokenizer))
    assert "token_type_ids" not in tokenizer(["好"])
    rows = tokenizer(["好山", "坏酒坏店春春"], padding=True, return_tensors="pt")
    alone = model(**tokenizer(["好山"], return_tensors="pt")).logits
    torch.testing.assert_close(model(**rows).logits[:1], alone)
    torch.testing.assert_close(model(input_ids=rows["input_ids"]).logits[:1], alone)


def test_untrained_takes_sizes_and_vocabulary_but_no_weight(encoders, table, tmp_path):
    arguments = (table, "--encoder", encoders / "bert", "--untrained", *QUICK, "--rate=0", "--steps=1", "--seed=3")
    command(*arguments, "--out", tmp_path / "one")
    command(*arguments, "--out", tmp_path / "two")
    encoder = load_file(encoders / "bert" / "model.safetensors")
    one, two = (load_file(tmp_path / name / "model.safetensors") for name in ("one", "two"))
    assert not [
        name for name in one if name in encoder and one[name].std() > 0 and torch.equal(one[name], encoder[name])
    ]
    assert all(torch.equal(one[name], two[name]) for name in one)


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_a_narrow_hidden_layer_stays_narrow_in_a_plain_bert(table, tmp_path, optimizer):
    command(table, *SCRATCH, "--hidden=3", "--dropout=0.1", f"--optimizer={optimizer}", "--epochs=1", "--out", tmp_path)
    found = load_file(tmp_path / "model.safetensors")
    assert found["bert.pooler.dense.weight"][3:].abs().sum() == found["classifier.weight"][:, 3:].abs().sum() == 0
    assert found["bert.pooler.dense.bias"][3:].abs().sum() == 0
    assert found["bert.pooler.dense.weight"][:3].abs().min() > 0
    assert AutoConfig.from_pretrained(tmp_path).classifier_dropout == 0.1


@pytest.fixture(scope="module")
def one_logit(table, tmp_path_factory):
    out = tmp_path_factory.mktemp("bce")
    names = ["--loss=bce", "--threshold=0.6", "--label-names=负向评价,正向评价"]
    command(table, *SCRATCH, *names, "--class-weights=balanced", "--epochs=8", "--out", out)
    return out


def test_one_logit_is_stored_with_its_threshold_and_both_names(one_logit):
    config = AutoConfig.from_pretrained(one_logit)
    assert (config.num_labels, config.id2label, config.threshold) == (1, {0: "正向评价"}, 0.6)
    assert (config.label_names, config.data_labels) == (["负向评价", "正向评价"], ["0", "1"])
    assert read_metrics(one_logit / "run" / "metrics.jsonl")[-1]["valid_accuracy"] > 0.9


def test_pairs_are_read_with_both_types(tmp_path):
    rows = [{"label": i % 2, "a": "好山" * (1 + i % 3), "b": ("坏酒", "好山")[i % 2]} for i in range(40)]
    (tmp_path / "p.jsonl").write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    command(
        tmp_path / "p.jsonl", *SCRATCH, "--text=a", "--text2=b", "--epochs=1", "--baseline", "--out", tmp_path / "o"
    )
    with (tmp_path / "o" / "run" / "splits" / "train.csv").open(encoding="utf-8", newline="") as file:
        assert next(csv.reader(file)) == ["text", "text2", "label"]
    assert json.loads((tmp_path / "o" / "run" / "test.json").read_text())["part"] == "valid"


def test_a_dry_run_tells_the_plan_and_writes_nothing(table, tmp_path):
    done = command(table, *SCRATCH, "--split=70/10/20", "--balance=undersample", "--out", tmp_path / "out", "--dry-run")
    assert done.stderr == "120 rows read, 120 used.\n"
    told = json.loads(done.stdout)
    assert told["rows"] == {"train": 84, "valid": 12, "test": 24}
    assert told["labels"] == ["0", "1"]
    assert not (tmp_path / "out").exists()


def ready(*arguments):
    """What the trainer prepares for these arguments."""
    given = classifier_command.make_context("classifier", [str(argument) for argument in arguments]).params
    return prepare(build_job(given))


def test_prefixes_are_cut_anew_in_every_epoch_and_stay_framed(table, tmp_path):
    whole, cut = (ready(table, *SCRATCH, *more, "--out", tmp_path) for more in ([], ["--prefixes"]))
    rows = {}
    for row in range(20):
        full = whole.task.collate("train", [row], 0).inputs["input_ids"][0].tolist()
        rows[row] = [cut.task.collate("train", [row], epoch).inputs["input_ids"][0].tolist() for epoch in (0, 0, 1, 2)]
        assert all(found == [*full[: len(found) - 1], full[-1]] and len(found) > 2 for found in rows[row])
        assert rows[row][0] == rows[row][1]
    assert all(len({len(rows[row][epoch]) for row in rows}) > 2 for epoch in range(4))
    assert any(found[1] != found[2] != found[3] for found in rows.values())


def test_a_pair_has_no_prefix(table, tmp_path):
    refused("A pair of texts has no prefix", table, *SCRATCH, "--prefixes", "--text2=label", "--out", tmp_path / "o")


def test_a_run_resumed_ends_as_one_that_was_not_stopped(table, tmp_path):
    common = [table, *SCRATCH, "--encoder-dropout=0.1", "--schedule=constant"]
    command(*common, "--epochs=2", "--out", tmp_path / "whole")
    command(*common, "--epochs=1", "--out", tmp_path / "cut")
    command(*common, "--epochs=2", "--resume", "--keep=best", "--out", tmp_path / "cut")
    one, other = (
        next((tmp_path / name / "run" / "checkpoints").glob("*/state.safetensors")) for name in ("whole", "cut")
    )
    assert one.read_bytes() == other.read_bytes()


def test_errors_of_the_data_end_in_a_remedy(table, tmp_path):
    out = ["--out", tmp_path / "out"]
    refused("There is no file .*none.tsv. Check the path", tmp_path / "none.tsv", *SCRATCH, *out)
    refused(r"no column 'body' \(label, text.*Choose one with --text", table, *SCRATCH, "--text=body", *out)
    refused("No row is labelled '7' .there are 0, 1.. Mend --labels", table, *SCRATCH, "--labels=0,7", *out)
    refused("There is one label only, '0'", table, *SCRATCH, "--labels=0", *out)
    refused("2 labels .0, 1. and 3 names", table, *SCRATCH, "--label-names=a,b,c", *out)
    refused("--max-rows 4 is too few for 2 classes", table, *SCRATCH, "--max-rows=4", *out)
    refused("--split and --valid both say", table, *SCRATCH, "--split=90/10", "--valid", table, *out)
    refused("--split 90 is no split", table, *SCRATCH, "--split=90", *out)
    refused("--class-weights 1 does not weigh 2 labels", table, *SCRATCH, "--class-weights=1", *out)


def test_texts_of_which_the_encoder_knows_nothing_are_refused(encoders, tmp_path):
    strange, out = tmp_path / "a.tsv", ["--out", tmp_path / "out"]
    strange.write_text("text\tlabel\n" + "𠀀𠀁\t1\n𠀂\t0\n" * 20, encoding="utf-8")
    for encoder in ("bert", "gpt2"):
        refused("no character that it knows", strange, "--encoder", encoders / encoder, *out, "--dry-run")


def test_errors_of_the_model_end_in_a_remedy(table, encoders, tmp_path):
    out, gpt2 = ["--out", tmp_path / "out"], ["--encoder", encoders / "gpt2"]
    refused("Give either --encoder MODEL or --from-scratch", table, *out)
    refused("neither a model folder nor a hub name", table, "--encoder", tmp_path / "none", *out)
    refused("--layers does nothing beside --encoder", table, *gpt2, "--layers=2", *out)
    refused("--threshold does nothing without --loss bce", table, *gpt2, "--threshold=0.4", *out)
    refused("A GPT-2 has no pooler", table, *gpt2, "--freeze=all-but-pooler", *out)
    refused("one linear layer. Leave --hidden out", table, *gpt2, "--hidden=3", *out)
    refused("--hidden 17 is more than the encoder is wide. Give at most 16", table, *SCRATCH, "--hidden=17", *out)
    refused("cannot be shared by 3 heads", table, *SCRATCH, "--heads=3", *out)
    refused("--rate nan is no number", table, *SCRATCH, "--rate=nan", *out)


def test_an_encoder_of_another_kind_or_other_labels_is_refused(table, trained, tmp_path):
    AutoConfig.for_model("t5").save_pretrained(tmp_path)
    refused("is a t5 model. Give a BERT or a GPT-2", table, "--encoder", tmp_path, "--out", tmp_path / "out")
    path = tmp_path / "three.csv"
    path.write_text("label,text\n" + "".join(f"{i % 3},好{i}\n" for i in range(30)), encoding="utf-8")
    refused("already classifies, into 2 labels, not 3", path, "--encoder", trained[0], "--out", tmp_path / "out")


def test_a_vocabulary_that_does_not_fit_the_model_is_refused(encoders, table, tmp_path):
    BertForMaskedLM(
        BertConfig(vocab_size=5, hidden_size=8, num_hidden_layers=1, num_attention_heads=1)
    ).save_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(encoders / "bert").save_pretrained(tmp_path)
    refused(r"has \d+ tokens and the model 5", table, "--encoder", tmp_path, "--out", tmp_path / "out")


def test_importing_the_command_imports_no_torch():
    code = "import sys, gen_classify.commands.train; print({'torch', 'sklearn', 'rich'} & {*sys.modules})"
    assert subprocess.check_output([sys.executable, "-c", code]) == b"set()\n"


def test_the_help_names_every_option_of_the_recipe():
    shown = set(re.findall("--([a-z-]+)", command("--help").output))
    assert {field.name.replace("_", "-") for field in fields(Recipe)} <= shown


@pytest.mark.parametrize(("more", "where"), [
    (["--split=70/10/20"], "validation and test"), (["--split=80/20"], "validation"),
    (["--split=70/10/20", "--keep=last"], "validation and test"), (["--split=80/20", "--goal=loss"], "validation"),
])  # fmt: skip
def test_a_classifier_that_knows_one_label_only_is_warned_of(table, tmp_path, more, where):
    done = command(table, *SCRATCH, "--rate=1e-6", "--steps=1", *more, "--out", tmp_path / "out")
    assert f"warning: the classifier gives every row of {where} the same label; try more --epochs" in done.stderr


def test_a_classifier_of_several_labels_is_not_warned_of(trained):
    assert "warning" not in trained[1]
    assert "Validation macro F1: " in trained[1]


def test_where_the_rows_have_one_label_no_classifier_is_blamed(tmp_path):
    rows = [*texts(60), *((label, f"{text}。") for label, text in texts(24) if label == "1")]
    parts = [*["train"] * 60, *["valid"] * 6, *["test"] * 6]
    lines = [f"{label}\t{text}\t{part}\n" for (label, text), part in zip(rows, parts, strict=True)]
    (tmp_path / "t.tsv").write_text("label\ttext\tpart\n" + "".join(lines), encoding="utf-8")
    done = command(tmp_path / "t.tsv", *SCRATCH, "--split-column=part", "--steps=1", "--out", tmp_path / "out")
    assert "the same label" not in done.output
