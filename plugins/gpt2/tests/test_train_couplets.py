"""Texts of two parts: joined columns, one column that is split, and what becomes of texts that are too long."""

import json
import lzma
import random
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from gen_engine.errors import GenError
from gen_gpt2.data import encode_windows
from gen_gpt2.data_texts import Data, split_texts
from gen_gpt2.data_vocab import build_tokenizer
from gen_gpt2.train_command import gpt2_command

RECIPE = Path(__file__).parent.parent / "recipe" / "couplet.toml"
PAIRS = [("春风", "秋月"), ("山高，月小", "水落，石出"), ("明月松间照", "清泉石上流")]
JOINED = ["春风，秋月。", "山高，月小，水落，石出。", "明月松间照，清泉石上流。"]
lines = st.text("春夏秋冬 ", min_size=1, max_size=6).map(str.strip).filter(bool)


def written(path, text):
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def table(tmp_path):
    return written(tmp_path / "a.tsv", "".join(f"{first}\t{second}\n" for first, second in PAIRS))


def texts(*files, **options):
    return split_texts(Data(tuple(files), valid_share=0, **options), 0)[0]


def in_order(found):
    """What `split_texts` shuffled, as it stood in the file."""
    order = list(range(len(found)))
    random.Random(0).shuffle(order)
    return [found[order.index(number)] for number in range(len(found))]


def command(*arguments):
    done = CliRunner().invoke(gpt2_command, [str(argument) for argument in arguments])
    if isinstance(done.exception, GenError):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.stdout


def test_two_columns_by_number_are_joined_and_ended(table):
    assert in_order(texts(table, column="1", column2="2", ending="。")) == JOINED


def test_two_columns_by_name_and_two_fields_give_the_same(tmp_path):
    csv = written(tmp_path / "a.csv", "up,down\n" + "".join(f'"{a}","{b}"\n' for a, b in PAIRS))
    rows = "".join(json.dumps({"up": a, "down": b}) + "\n" for a, b in PAIRS)
    jsonl = written(tmp_path / "a.jsonl", rows)
    options = {"column": "up", "column2": "down", "ending": "。"}
    assert in_order(texts(csv, **options)) == in_order(texts(jsonl, **options)) == JOINED


def test_packed_tables_have_columns_too(table, tmp_path):
    packed = tmp_path / "b.tsv.xz"
    packed.write_bytes(lzma.compress(table.read_bytes()))
    assert texts(packed, column="1", column2="2") == texts(table, column="1", column2="2")


@given(
    st.lists(st.tuples(lines, lines), min_size=1, max_size=6), st.sampled_from("-／|"), st.sampled_from(["，", "", " "])
)
@settings(max_examples=25, deadline=None, derandomize=True)
def test_one_split_column_gives_what_two_columns_give(tmp_path_factory, pairs, mark, separator):
    folder = tmp_path_factory.mktemp("split")
    whole = written(folder / "a.txt", "".join(f"{a}{mark}{b}\n" for a, b in pairs))
    parts = written(folder / "a.tsv", "".join(f"{a}\t{b}\n" for a, b in pairs))
    found = texts(whole, split_at=mark, separator=separator)
    assert found == texts(parts, column="1", column2="2", separator=separator)
    assert in_order(found) == [a.strip() + separator + b.strip() for a, b in pairs]


def test_an_ending_is_put_only_where_it_is_missing(tmp_path):
    file = written(tmp_path / "a.txt", "春风。\n秋月\n")
    assert in_order(texts(file, ending="。")) == ["春风。", "秋月。"]
    assert in_order(texts(file)) == ["春风。", "秋月"]


def test_validation_texts_are_joined_alike(table):
    data = Data((table,), column="1", column2="2", ending="。", valid_files=(table,))
    assert split_texts(data, 0) == (JOINED, JOINED)


def test_rows_that_are_no_pairs_are_refused_with_the_remedy(tmp_path, table):
    with pytest.raises(GenError, match="Row 2 of .* has but one part, '春'. Fill in or remove it"):
        texts(written(tmp_path / "b.tsv", "春\t秋\n春\t\n"), column="1", column2="2")
    for bad in ("春", "春-", "春-夏-秋"):
        with pytest.raises(GenError, match=r"is not two parts with one '-' between\. Mend it"):
            texts(written(tmp_path / "b.txt", bad), split_at="-")
    with pytest.raises(GenError, match="has lines and no columns"):
        texts(written(tmp_path / "b.txt", "春"), column2="2")
    with pytest.raises(GenError, match="Give --column2 or --split-at"):
        texts(table, column="1", column2="2", split_at="-")
    with pytest.raises(GenError, match="There is no text"):
        texts(written(tmp_path / "c.tsv", "\t\n"), column="1", column2="2")


def windows(given_texts, room, longer):
    tokenizer = build_tokenizer(["春夏秋冬"], "chars", size=None, min_count=1, positions=9)
    found = encode_windows(tokenizer, given_texts, room, longer=longer)
    bounds = zip(found.starts, found.starts[1:], strict=False)
    return found, [tuple(found.ids[start:end].tolist()) for start, end in bounds]


@given(st.lists(st.text("春夏秋冬", min_size=1, max_size=9), min_size=1, max_size=6), st.integers(3, 9))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_a_text_too_long_is_split_or_cut_or_dropped(given_texts, room):
    alone = [windows([text], room, "split")[1] for text in given_texts]
    assert windows(given_texts, room, "split")[1] == [part for parts in alone for part in parts]
    assert windows(given_texts, room, "cut")[1] == [parts[0] for parts in alone]
    kept = [parts[0] for parts in alone if len(parts) == 1]
    found, dropped = windows(given_texts, room, "drop")
    assert (dropped, found.dropped) == (kept, len(given_texts) - len(kept))


SMALL = ["--from-scratch", "--layers=1", "--width=8", "--heads=1", "--valid-share=0"]


def test_the_couplet_recipe_is_read_and_command_line_options_win(table, tmp_path):
    options = [*SMALL, "--positions=66", "--config", RECIPE, "--dry-run", "--out", tmp_path / "out"]
    plan = json.loads(command(table, *options, "--steps=7"))
    assert (plan["training windows"], plan["steps"], plan["texts left out"]) == (3, 7, 0)
    assert plan["training tokens"] == sum(len(text) + 2 for text in JOINED)
    fewer = json.loads(command(table, *options, "--max-length=9"))
    assert (fewer["training windows"], fewer["texts left out"]) == (1, 2)
    assert json.loads(command(table, *options))["steps"] == 3 * plan["steps an epoch"]


def test_lengths_that_do_not_fit_are_refused_with_the_remedy(table, tmp_path):
    options = [table, *SMALL, "--config", RECIPE, "--dry-run", "--out", tmp_path / "out"]
    with pytest.raises(GenError, match="--max-length 66 is more than the model's 9 positions. Give at most 9"):
        command(*options, "--positions=9")
    with pytest.raises(GenError, match="All 3 texts are longer than 4 tokens. Raise --max-length"):
        command(*options, "--positions=66", "--max-length=4")


def test_the_card_tells_how_many_texts_were_too_long(table, tmp_path):
    command(
        table, *SMALL, "--positions=9", "--config", RECIPE, "--max-length=9", "--steps=1", "--out", tmp_path / "out"
    )
    assert "2 texts left out as too long" in (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
