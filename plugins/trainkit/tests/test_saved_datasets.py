"""Folders of `datasets`, with splits of their own: what the trainers of language models read of them."""

import os
from pathlib import Path

import pytest

from gen_engine.errors import GenError
from gen_nextchar.data import Data, split_texts
from gen_trainkit.holding_out import hold_out
from gen_trainkit.reading import HELD_OUT, TRAINING, read_texts
from gen_trainkit.saved_datasets import choose_splits, load_splits
from gen_trainkit.tables import Reading
from gen_trainkit.tally import Tally

datasets = pytest.importorskip("datasets")


@pytest.fixture
def saved(tmp_path):
    """What saves splits (name: texts) as a folder, or one list of texts without splits."""

    def save(**splits):
        made = {name: datasets.Dataset.from_dict({"text": texts}) for name, texts in splits.items()}
        found = made.get("alone") or datasets.DatasetDict(made)
        found.save_to_disk(str(tmp_path / "d"))
        return tmp_path / "d"

    return save


@pytest.mark.parametrize(
    "names, usually, chosen",
    [
        (["train", "validation", "test"], TRAINING, ["train"]),
        (["train", "validation", "test"], HELD_OUT, ["test"]),
        (["train", "dev"], HELD_OUT, ["dev"]),
        (["all_of_it"], TRAINING, ["all_of_it"]),
        (["train", "val", "valid"], ["valid"], ["val", "valid"]),
    ],
)
def test_the_usual_split_is_chosen(names, usually, chosen):
    assert choose_splits(names, None, usually=usually, path=Path("d")) == chosen


@pytest.mark.parametrize(
    "wanted, chosen",
    [("all", ["train", "dev", "extra"]), ("extra", ["extra"]), ("valid", ["dev"]), ("dev", ["dev"])],
)
def test_a_split_is_chosen_by_its_name_or_its_purpose(wanted, chosen):
    assert choose_splits(["train", "dev", "extra"], wanted, usually=TRAINING, path=Path("d")) == chosen


@pytest.mark.parametrize("names, wanted", [(["a", "b"], None), (["train"], "test"), (["train", "test"], "dev")])
def test_a_missing_split_is_refused_and_the_existing_ones_named(names, wanted):
    with pytest.raises(GenError, match=f"has no .*split.*{', '.join(names)}.* Name the folder of one, such as d/"):
        choose_splits(names, wanted, usually=TRAINING, path=Path("d"))


def test_texts_of_one_split_are_read_and_told(saved):
    folder, tally = saved(train=["春", ""], validation=["夏"], test=["秋", "冬"]), Tally()
    assert read_texts([folder], tally=tally) == ["春"]
    assert tally.told() == ["2 rows read, 1 used, 1 without text.",
                            f"{folder}: rows of train, of the splits train, validation, test."]  # fmt: skip
    assert read_texts([folder], splits=HELD_OUT) == ["秋", "冬"]
    assert read_texts([folder], part="all") == ["春", "夏", "秋", "冬"]
    assert read_texts([folder / "validation"]) == ["夏"]


def test_a_folder_without_splits_is_read_whole(saved):
    folder = saved(alone=["春", "夏"])
    assert read_texts([folder]) == read_texts([folder], part="all") == ["春", "夏"]
    for part in ("train", "test", "x"):
        with pytest.raises(GenError, match="has no splits of its own. Leave --part out"):
            read_texts([folder], part=part)


def test_a_split_validates_unless_something_else_is_asked_for(saved):
    folder = saved(train=["春"] * 10, validation=["夏"], test=["秋"])
    assert split_texts(Data((folder,)), 0) == (["春"] * 10, ["夏"])
    assert split_texts(Data((folder,), valid_share=0.2), 0) == (["春"] * 8, ["春"] * 2)
    assert split_texts(Data((folder,), part="test", valid_share=0), 0) == (["秋"], [])
    assert split_texts(Data((folder,), valid_files=(folder / "test",)), 0) == (["春"] * 10, ["秋"])
    assert split_texts(Data((folder,), join=True), 0) == (["\n".join("春" * 10)], ["夏"])


def test_a_folder_is_read_by_every_reader(saved):
    from gen_gpt2.data_texts import Data as Gpt2
    from gen_gpt2.data_texts import split_texts as gpt2
    from gen_mlm.train import Data as Mlm
    from gen_mlm.train import split_texts as mlm

    folder = saved(train=["春"], validation=["夏"], test=["秋"])
    for read, data in ((gpt2, Gpt2), (mlm, Mlm), (split_texts, Data)):
        assert read(data((folder,)), 0) == (["春"], ["夏"])
        assert read(data((folder,), part="test", valid_share=0), 0) == (["秋"], [])


def test_a_share_is_drawn_where_nothing_validates():
    texts = [str(number) for number in range(1000)]
    drawn = {"valid_files": (), "valid_share": None, "part": None, "seed": 1}
    train, valid = hold_out(lambda files, splits: list(texts), (), **drawn)
    assert (len(train), len(valid), sorted([*train, *valid])) == (990, 10, sorted(texts))


def test_a_number_in_a_dataset_is_no_text(tmp_path):
    datasets.Dataset.from_dict({"text": [5, 6], "tokens": [["a"], ["b"]]}).save_to_disk(str(tmp_path / "d"))
    for column, what in (("text", "a number"), ("tokens", "a list")):
        with pytest.raises(GenError, match=f"Line 1 of .* holds {what}"):
            read_texts([tmp_path / "d"], column=column, reading=Reading())


def test_another_folder_is_told_to_be_one(tmp_path):
    with pytest.raises(GenError, match="is a folder. Name the files in it"):
        read_texts([tmp_path])


@pytest.mark.parametrize("name, content", [("state.json", "{"), ("state.json", "{}"), ("dataset_info.json", "[]")])
def test_a_damaged_folder_is_told(saved, name, content):
    folder = saved(alone=["春"])
    (folder / name).write_text(content, encoding="utf-8")
    with pytest.raises(GenError, match="is no folder of a saved dataset"):
        read_texts([folder])


@pytest.mark.parametrize("place", ["d/dataset_dict.json", "d/train/state.json", "d/train/data-00000-of-00001.arrow"])
def test_a_pipe_in_a_folder_is_not_waited_for(saved, tmp_path, place):
    folder = saved(train=["春眠"], test=["不觉晓"])
    (tmp_path / place).rename(tmp_path / "aside")
    os.mkfifo(tmp_path / place)
    with pytest.raises(GenError, match="is a pipe, a socket or a device"):
        load_splits(folder)
