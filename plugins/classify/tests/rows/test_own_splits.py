"""Data with splits of their own: no test row is trained on, and no trained row is scored unawares."""

import csv
import json

import classifier_folders as folders
import pytest
from click.testing import CliRunner

from gen_classify.commands.evaluate import classifier_command as eval_command
from gen_classify.rows.dataset import Data, load_rows
from gen_classify.rows.own_splits import trained_rows
from gen_classify.rows.reading import Table
from gen_classify.rows.splits import write_splits
from gen_engine.errors import GenError

datasets = pytest.importorskip("datasets")
SIZES = {"train": 60, "validation": 12, "test": 20}
"""ChnSentiCorp has 9,600, 1,200 and 1,200 rows of as many positive as negative reviews."""


def rows_of(split, count):
    """Rows whose texts say which split they are of, of two labels in turn."""
    return [(f"{'好坏'[number % 2]}店{split}{number}", number % 2) for number in range(count)]


def save(folder, sizes):
    features = datasets.Features(text=datasets.Value("string"), label=datasets.ClassLabel(names=["neg", "pos"]))
    made = {
        split: datasets.Dataset.from_dict(
            dict(zip(("text", "label"), zip(*rows_of(split, count), strict=True), strict=True)), features=features
        )
        for split, count in sizes.items()
    }
    datasets.DatasetDict(made).save_to_disk(str(folder))
    return folder


@pytest.fixture
def saved(tmp_path):
    return save(tmp_path / "chn", SIZES)


def texts(rows, part):
    return {rows.table.texts[index] for index in rows.parts[part]}


def test_no_test_row_of_a_dataset_is_trained_on(saved):
    rows = load_rows(Data((saved,)), seed=0)
    assert texts(rows, "train") == {text for text, _ in rows_of("train", 60)}
    assert texts(rows, "valid") == {text for text, _ in rows_of("validation", 12)}
    assert texts(rows, "test") == {text for text, _ in rows_of("test", 20)}
    assert "own splits are used: 60 train, 12 valid, 20 test rows" in " ".join(rows.told)


def test_shares_override_the_splits_and_it_is_said(saved):
    rows = load_rows(Data((saved,), split="70/10/20"), seed=0)
    assert {name: len(part) for name, part in rows.parts.items()} == {"train": 64, "valid": 10, "test": 18}
    assert "own splits (train, validation, test) are merged, and shared out anew by --split" in " ".join(rows.told)


@pytest.mark.parametrize(
    "sizes, found",
    [
        ({"train": 40, "test": 10}, {"train": 36, "valid": 4, "test": 10}),
        ({"train": 40, "dev": 8}, {"train": 40, "valid": 8}),
        ({"train": 40, "val": 8, "unsupervised": 6}, {"train": 40, "valid": 8}),
        ({"Train": 40, "VALID": 8, "Test": 4}, {"train": 40, "valid": 8, "test": 4}),
    ],
)
def test_splits_have_other_names_and_held_out_rows_leave_training(tmp_path, sizes, found):
    rows = load_rows(Data((save(tmp_path / "d", sizes),)), seed=0)
    assert {name: len(part) for name, part in rows.parts.items()} == found
    assert not {text for text in texts(rows, "valid") if "test" in text.lower()}
    assert ("used for nothing" in " ".join(rows.told)) == ("unsupervised" in sizes)


def test_labels_of_splits_that_are_left_out_are_no_classes(tmp_path):
    made = {"train": (["好", "坏"] * 9, [1, 0] * 9), "unsupervised": (["山"] * 3, [7, 8, 9])}
    datasets.DatasetDict(
        {name: datasets.Dataset.from_dict({"text": texts, "label": labels}) for name, (texts, labels) in made.items()}
    ).save_to_disk(str(tmp_path / "d"))
    assert load_rows(Data((tmp_path / "d",)), seed=0).labels.data == ("0", "1")


def test_data_without_a_train_split_are_refused(tmp_path):
    folder = save(tmp_path / "d", {"validation": 8, "test": 8})
    with pytest.raises(GenError, match=r"no train split \(validation, test\). Give --split 90/10"):
        load_rows(Data((folder,)), seed=0)


def test_a_sample_keeps_every_split(saved):
    rows = load_rows(Data((saved,), max_rows=46), seed=0)
    assert {name: len(part) for name, part in rows.parts.items()} == {"train": 30, "valid": 6, "test": 10}


def test_files_of_other_parts_take_their_own_split(saved, tmp_path):
    (tmp_path / "t.csv").write_text(
        "text,label\n" + "".join(f"{a},{('neg', 'pos')[b]}\n" for a, b in rows_of("csv", 20)), encoding="utf-8"
    )
    rows = load_rows(Data((tmp_path / "t.csv",), valid_files=(saved,), test_files=(saved,)), seed=0)
    assert {name: len(part) for name, part in rows.parts.items()} == {"train": 20, "valid": 12, "test": 20}
    with pytest.raises(GenError, match="There is a test part already"):
        load_rows(Data((saved,), test_files=(tmp_path / "t.csv",)), seed=0)


@pytest.fixture
def model(tmp_path):
    """A classifier that says it was trained on some of the rows of `saved`."""
    return folders.write(tmp_path / "model", labels=("neg", "pos"))


def trained_on(model, train, **parts):
    """Have the run of `model` say which texts it was trained on."""
    all_of_them = {"train": train, **parts}
    for name, rows in all_of_them.items():
        write_splits(Table(rows, labels=["pos"] * len(rows)), {name: range(len(rows))}, model / "run" / "splits")


def evaluate(*arguments):
    done = CliRunner().invoke(eval_command, [str(argument) for argument in arguments])
    if isinstance(done.exception, GenError):
        raise done.exception
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout), done.stderr


def test_an_evaluation_takes_the_test_split_and_says_so(saved, model):
    found, told = evaluate(saved, "--model", model, "--json")
    assert found["model"]["rows"] == 20
    assert found["title"].endswith("on 20 rows of chn (test)")
    assert f"{saved}: rows of test, of the splits train, validation, test." in told
    assert "20 rows read, 20 used." in told


@pytest.mark.parametrize("part, count", [("train", 60), ("valid", 12), ("validation", 12), ("all", 92)])
def test_another_part_is_evaluated_if_it_is_asked_for(saved, model, part, count):
    assert evaluate(saved, "--model", model, "--json", "--part", part)[0]["model"]["rows"] == count


def test_rows_trained_on_are_refused_or_left_out_or_scored(saved, model):
    trained_on(model, [text for text, _ in rows_of("test", 5)])
    with pytest.raises(GenError, match=r"5 of the 20 rows are among those .*test:1 is the first.*--trained-on skip or"):
        evaluate(saved, "--model", model)
    found, told = evaluate(saved, "--model", model, "--json", "--trained-on=skip")
    assert found["model"]["rows"] == 15
    assert "5 of the 20 rows are among those" in told
    assert evaluate(saved, "--model", model, "--json", "--trained-on=score")[0]["model"]["rows"] == 20


def test_if_all_rows_were_trained_on_none_can_be_scored(saved, model):
    trained_on(model, [text for text, _ in rows_of("test", 20)])
    with pytest.raises(GenError, match="20 of the 20 rows"):
        evaluate(saved, "--model", model, "--trained-on=skip")


def test_a_text_held_out_too_is_not_trained_on(model):
    trained_on(model, ["好", "坏"], test=["好", "店"])
    assert trained_rows(model, ["好", "坏", "店", "新"]) == [1]
    assert trained_rows(model.parent, ["好", "坏"]) == []


def test_pairs_are_told_from_their_texts(model):
    pairs = Table(["a", "a"], ["b", "c"], labels=["1", "1"])
    write_splits(pairs, {"train": [0]}, model / "run" / "splits")
    assert trained_rows(model, [("a", "b"), ("a", "c"), ("b", "a")]) == [0]


@pytest.mark.parametrize("damage", ["label\n1\n", "text,label\n\udcff,1\n"])
def test_splits_that_cannot_be_read_are_told(model, damage):
    (model / "run" / "splits").mkdir(parents=True)
    (model / "run" / "splits" / "train.csv").write_text(damage, encoding="utf-8", errors="surrogateescape")
    with pytest.raises(GenError, match=r"train.csv cannot be read\. Restore it, or remove"):
        trained_rows(model, ["a"])


def write_rows(path, rows):
    """A table of texts and labels, in the format of its suffix."""
    with path.open("w", encoding="utf-8", newline="") as file:
        if path.suffix == ".jsonl":
            file.writelines(json.dumps({"text": text, "label": label}) + "\n" for text, label in rows)
        else:
            csv.writer(file, delimiter=",\t"[path.suffix == ".tsv"]).writerows([("text", "label"), *rows])
    return path


@pytest.mark.parametrize("kind", ["csv", "jsonl", "tsv"])
@pytest.mark.parametrize("spelled", [("1", "0"), ("1.0", "0.0"), (" 1", " 0"), ("+1", "-0"), (1.0, 0)])
def test_labels_are_one_in_training_validation_and_test(tmp_path, kind, spelled):
    train = write_rows(tmp_path / "train.csv", [(f"好{n}", n % 2) for n in range(8)])
    other = write_rows(tmp_path / f"other.{kind}", [(f"坏{n}", spelled[n % 2]) for n in range(4)])
    found = load_rows(Data((train,), valid_files=(other,), test_files=(other,), labels=("1.0", "0")), seed=0)
    assert found.labels.data == ("1", "0")
    assert [found.targets[index] for index in found.parts["valid"] + found.parts["test"]] == [0, 1, 0, 1] * 2


@pytest.mark.parametrize("label", ["1", "1.0", " 1", "+1"])
def test_a_prediction_knows_a_label_in_every_spelling(tmp_path, label):
    from gen_classify.predicting.classifier import load_classifier

    classifier = load_classifier(folders.write(tmp_path / "m", labels=("差", "好"), data_labels=["0", "1"]))
    assert classifier.index(label) == 1
    assert classifier.index("true") == 1  # as models of earlier versions have it
    assert classifier.index("2") is None
