import csv
import gzip
import json
import lzma
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gen_classify.rows.dataset import Data, load_rows
from gen_classify.rows.labelling import keep_labelled, make_labels, tell_bad
from gen_classify.rows.reading import Columns, Table, read_tables
from gen_engine.errors import GenError
from gen_trainkit.tally import Bad

HEALTH = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
EXAMPLES = settings(deadline=None, max_examples=60, derandomize=True, database=None, suppress_health_check=HEALTH)
CELL = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12).filter(str.strip)
ROWS = st.lists(st.tuples(CELL, CELL.filter(lambda cell: cell == cell.strip())), min_size=1, max_size=8)


def write(path, text):
    path.write_text(text, encoding="utf-8", newline="")
    return path


@EXAMPLES
@given(rows=ROWS, kind=st.sampled_from([".csv", ".tsv", ".jsonl"]))
def test_whatever_was_written_is_read_back(tmp_path, rows, kind):
    with (tmp_path / f"t{kind}").open("w", encoding="utf-8", newline="") as file:
        if kind == ".jsonl":
            file.writelines(json.dumps({"text": text, "label": label}) + "\n" for text, label in rows)
        elif kind == ".csv":
            csv.writer(file).writerows([("text", "label"), *rows])
        else:
            file.writelines(f"{text}\t{label}\n" for text, label in [("text", "label"), *rows])
    table = read_tables([tmp_path / f"t{kind}"], Columns())
    assert list(zip(table.texts, table.labels, strict=True)) == rows


def test_packed_files_are_unpacked_and_files_are_joined_in_order(tmp_path):
    with gzip.open(tmp_path / "a.tsv.gz", "wt", encoding="utf-8") as file:
        file.write("label\ttext\n1\t好\n")
    with lzma.open(tmp_path / "b.jsonl.xz", "wt", encoding="utf-8") as file:
        file.write('{"label": 0, "text": "坏"}\n')
    table = read_tables([tmp_path / "a.tsv.gz", tmp_path / "b.jsonl.xz"], Columns())
    assert (table.texts, table.labels) == (["好", "坏"], ["1", "0"])


def test_numbered_columns_skip_no_header_and_tsv_has_no_quotes(tmp_path):
    path = write(tmp_path / "a.tsv", 'ham\t"Hi there\nspam\tWin"\n')
    table = read_tables([path], Columns("2", label="1"))
    assert (table.texts, table.labels) == (['"Hi there', 'Win"'], ["ham", "spam"])
    assert read_tables([path], Columns("2", label="1", header=True)).texts == ['Win"']


def test_bad_rows_are_told_with_their_place(tmp_path):
    path = write(tmp_path / "a.csv", "text,label,split\n好,1,train\n,1,train\n好,,train\n好\n好,1,maybe\n")
    table = read_tables([path], Columns(split="split"))
    assert (table.texts, table.splits) == (["好"], ["train"])
    assert [bad.where for bad in table.bad] == ["a.csv:3", "a.csv:4", "a.csv:5", "a.csv:6"]
    assert [
        next(part for part in ("text is empty", "label is empty", "1 columns", "'maybe' is none") if part in bad.why)
        for bad in table.bad
    ] == ["text is empty", "label is empty", "1 columns", "'maybe' is none"]


def test_lines_that_are_no_json_are_bad_rows(tmp_path):
    path = write(tmp_path / "a.jsonl", '{"text": "好", "label": 1}\n{"text"\n[1]\n{"text": "好", "label": null}\n')
    table = read_tables([path], Columns())
    assert [bad.where for bad in table.bad] == ["a.jsonl:2", "a.jsonl:3", "a.jsonl:4"]


@pytest.mark.parametrize("value, label", [(1, "1"), (1.0, "1"), (True, "true"), ("1", "1"), (" 1 ", "1"), (0.5, "0.5")])
def test_a_label_is_the_same_however_it_is_written(tmp_path, value, label):
    path = write(tmp_path / "a.jsonl", json.dumps({"text": "好", "label": value}))
    assert read_tables([path], Columns()).labels == [label]


@pytest.mark.parametrize(
    "columns, message",
    [
        (Columns("body"), "no column 'body' .text, label"),
        (Columns(split="part"), "Choose one with --split-column"),
        (Columns("3", label="1"), "no column '3' .1, 2"),
        (Columns("0", label="1"), "counted from 1"),
        (Columns("²", label="1"), "no column '²'"),
        (Columns(""), "--text names no column"),
        (Columns(label=""), "--label names no column"),
    ],
)
def test_wrong_tables_are_refused_with_a_remedy(tmp_path, columns, message):
    good = write(tmp_path / "a.csv", "text,label\n好,1\n")
    with pytest.raises(GenError, match=message):
        read_tables([good], columns)


def test_empty_and_strange_files_are_refused(tmp_path):
    with pytest.raises(GenError, match=r"no labelled text in .*\(1 unusable rows; e.csv:2: its text is empty"):
        read_tables([write(tmp_path / "e.csv", "text,label\n,1\n")], Columns())
    with pytest.raises(GenError, match="no labelled text in"):
        read_tables([write(tmp_path / "nothing.csv", "")], Columns())
    with pytest.raises(GenError, match="is no table. Give a .csv, .tsv or .jsonl"):
        read_tables([write(tmp_path / "a.docx", "好")], Columns())
    with pytest.raises(GenError, match="is not utf-8"):
        (tmp_path / "g.csv").write_bytes("text,label\n好,1\n".encode("gb18030"))
        read_tables([tmp_path / "g.csv"], Columns())
    assert read_tables([tmp_path / "g.csv"], Columns(), encoding="gb18030").texts == ["好"]


def test_datasets_folders_tell_names_of_labels_and_splits(tmp_path):
    datasets = pytest.importorskip("datasets")
    features = datasets.Features(text=datasets.Value("string"), label=datasets.ClassLabel(names=["bad", "good"]))
    rows = datasets.Dataset.from_dict({"text": ["好", "坏"], "label": [1, 0]}, features=features)
    datasets.DatasetDict(train=rows, test=rows.select([0])).save_to_disk(str(tmp_path / "d"))
    table = read_tables([tmp_path / "d"], Columns(split="split"))
    assert (table.texts, table.labels) == (["好", "坏", "好"], ["good", "bad", "good"])
    assert table.splits == ["train", "train", "test"]


def test_hub_names_are_loaded_with_their_configuration(monkeypatch):
    datasets = pytest.importorskip("datasets")
    rows = datasets.Dataset.from_dict({"text": ["好"], "label": ["1"]})
    asked = []
    monkeypatch.setattr(datasets, "load_dataset", lambda *names: asked.append(names) or {"train": rows})
    assert read_tables([Path("owner/name:part")], Columns()).places == ["owner/name:part/train:1"]
    assert read_tables([Path("name")], Columns()).texts == ["好"]
    assert asked == [("owner/name", "part"), ("name", None)]


def test_a_hub_out_of_reach_is_told(monkeypatch):
    datasets = pytest.importorskip("datasets")

    def fail(*names):
        raise ConnectionError("no network")

    monkeypatch.setattr(datasets, "load_dataset", fail)
    with pytest.raises(GenError, match="owner/name is neither a file nor a dataset of the hub within reach"):
        read_tables([Path("owner/name")], Columns())


def test_a_folder_without_a_dataset_is_refused(tmp_path):
    pytest.importorskip("datasets")
    with pytest.raises(GenError, match="no folder of a saved dataset"):
        read_tables([tmp_path], Columns())


def test_halves_of_characters_are_bad_rows(tmp_path):
    rows = [{"text": "\ud83d", "label": "1"}, {"text": "好", "label": "\ude00"}, {"text": "好😀", "label": "1"}]
    table = read_tables([write(tmp_path / "a.jsonl", "\n".join(map(json.dumps, rows)))], Columns())
    assert table.texts == ["好😀"]
    assert [bad.why for bad in table.bad] == ["its text holds half a character", "its label holds half a character"]


def test_a_label_longer_than_any_number_is_a_name():
    assert make_labels(["9" * 5000, "10"]).data == ("10", "9" * 5000)


def test_a_name_that_cannot_be_seen_is_refused():
    with pytest.raises(GenError, match="One of --label-names is empty"):
        make_labels(["0", "1"], names=["好", ""])


def test_labels_are_ordered_by_number_or_by_spelling():
    assert make_labels(["10", "9", "100"]).data == ("9", "10", "100")
    assert make_labels(["b", "10", "a"]).data == ("10", "a", "b")
    assert make_labels(["0", "1"], given=["1", "0"], names=["好", "坏"]).names == ("好", "坏")


def test_a_label_or_name_given_twice_is_refused():
    with pytest.raises(GenError, match="--labels has '1' 2 times"):
        make_labels(["0", "1"], given=["1", "1", "0"])
    with pytest.raises(GenError, match="--label-names has 'a' 2 times"):
        make_labels(["0", "1"], names=["a", "a"])


def test_rows_of_unknown_labels_are_bad():
    table = keep_labelled(Table(["a", "b"], labels=["1", "-1"], places=["f:1", "f:2"]), ["0", "1"])
    assert (table.texts, [bad.where for bad in table.bad]) == (["a"], ["f:2"])
    assert tell_bad(table.bad) == "1 rows cannot be used (f:2: its label '-1' is unknown)"


def test_of_many_bad_rows_the_first_three_are_shown():
    assert tell_bad([Bad(f"f:{i}", "no") for i in range(9)]).endswith("f:2: no; 6 more)")
    assert tell_bad([]) == ""


@pytest.fixture
def table(tmp_path):
    rows = [("train", i % 3) for i in range(30)] + [("dev", i % 3) for i in range(6)] + [("test", 0)]
    lines = [f"{split},{label},好{i}\n" for i, (split, label) in enumerate(rows)]
    return write(tmp_path / "a.csv", "split,label,text\n" + "".join(lines))


def sizes(data, seed=0):
    return {name: len(indices) for name, indices in load_rows(data, seed=seed).parts.items()}


def test_a_split_comes_from_a_column_or_files_or_shares(table):
    assert sizes(Data((table,), split_column="split")) == {"train": 30, "valid": 6, "test": 1}
    assert sizes(Data((table,))) == {"train": 34, "valid": 3}
    assert sizes(Data((table,), valid_files=(table,), test_files=(table,))) == {"train": 37, "valid": 37, "test": 37}
    assert sizes(Data((table,), split="60/20/20", max_rows=15)) == {"train": 9, "valid": 3, "test": 3}


def test_two_test_parts_are_refused(table):
    with pytest.raises(GenError, match="There is a test part already. Leave --test out"):
        load_rows(Data((table,), split="60/20/20", test_files=(table,)), seed=0)


def test_a_split_column_without_validation_rows_is_refused(tmp_path):
    path = write(tmp_path / "a.csv", "split,label,text\ntrain,0,好\ntrain,1,坏\n")
    with pytest.raises(GenError, match="No row is there for valid"):
        load_rows(Data((path,), split_column="split"), seed=0)


def test_bad_rows_are_refused_if_wanted(table):
    data = Data((table,), labels=("0", "1"), bad_rows="refuse")
    with pytest.raises(GenError, match="12 rows cannot be used .*; 9 more.*Mend them, or give --bad-rows skip"):
        load_rows(data, seed=0)
    assert load_rows(Data((table,), labels=("0", "1")), seed=0).remark.startswith("12 rows cannot be used")


def test_rows_of_a_test_file_keep_the_labels_of_training(table, tmp_path):
    test = write(tmp_path / "t.csv", "label,text\n2,好\n9,好\n")
    rows = load_rows(Data((table,), test_files=(test,)), seed=0)
    assert [rows.targets[index] for index in rows.parts["test"]] == [2]
    assert "t.csv:3: its label '9' is unknown" in rows.remark


def test_balance_touches_the_training_part_only(table):
    rows = load_rows(Data((table,), split_column="split", balance="oversample", labels=("0", "1")), seed=0)
    assert Counter(rows.targets[index] for index in rows.train) == {0: 10, 1: 10}
    assert (len(rows.parts["train"]), len(rows.parts["valid"])) == (20, 4)


@pytest.mark.parametrize(
    "row, why",
    [
        ({"text": 5, "label": 1}, "its text holds a number (5) where a text belongs"),
        ({"text": ["a"], "label": 1}, 'its text holds a list (["a"]) where a text belongs'),
        ({"text": {"a": 1}, "label": 1}, 'its text holds an object ({"a": 1}) where a text belongs'),
        ({"text": "好\0", "label": 1}, "its text holds a NUL character"),
        ({"text": "好", "label": [1]}, "its label is a list or an object"),
        ({"text": "好", "label": float("nan")}, "its label is empty"),
        ({"text": "好", "label": "\u200b"}, "its label is empty"),
        ({"text": "好", "label": "a\0"}, "its label holds a NUL character"),
    ],
)
def test_what_is_neither_text_nor_label_is_a_bad_row(tmp_path, row, why):
    rows = [{"text": "山", "label": 0}, row]
    table = read_tables([write(tmp_path / "a.jsonl", "\n".join(map(json.dumps, rows)))], Columns())
    assert (table.texts, [(bad.where, bad.why) for bad in table.bad]) == (["山"], [("a.jsonl:2", why)])


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl"])
def test_labels_in_one_file_are_one_however_they_are_spelled(tmp_path, kind):
    spelled = ["1", "1.0", " 1", "+1", "1."]
    rows = {
        "csv": "text,label\n" + "".join(f"好,{label}\n" for label in spelled),
        "tsv": "text\tlabel\n" + "".join(f"好\t{label}\n" for label in spelled),
        "jsonl": "".join(json.dumps({"text": "好", "label": label}) + "\n" for label in [*spelled, 1, 1.0]),
    }
    assert set(read_tables([write(tmp_path / f"a.{kind}", rows[kind])], Columns()).labels) == {"1"}


def test_quotes_are_looked_at_and_rows_counted(tmp_path):
    path = write(tmp_path / "a.csv", 'text,label\n好,1\n"坏,0\n山",1\n,0\n水,0\n')
    with pytest.raises(GenError, match="lines 3 to 4 of .*a.csv looks like 2 rows"):
        load_rows(Data((path,)), seed=0)
    rows = load_rows(Data((path,), quotes="repair"), seed=0)
    assert rows.told[0] == "5 rows read, 4 used, 1 left out (a.csv:5: its text is empty)."
