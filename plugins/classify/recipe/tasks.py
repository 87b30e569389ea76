"""The seven tasks of the comparison: where their rows are, and which options of `gen train classifier` read them."""

from __future__ import annotations

import json
import lzma
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class DataSet:
    """One labelled file of GEN_DATA, main and held out under the same name; columns by name, or by number from 1."""

    file: str
    label: str = "label"
    text: str = "text"
    text2: str | None = None
    length: int = 96  # tokens that a classifier reads
    options: tuple[str, ...] = ()


TASKS = {
    "sms_spam": DataSet("sms_spam.tsv.xz", "1", "2", options=("--balance", "oversample")),
    "chnsenticorp": DataSet("chnsenticorp.tsv.xz"),
    "online_shopping": DataSet("online_shopping_10_cats.tsv.xz", options=("--loss", "bce")),
    "weibo": DataSet("weibo_smp2020_usual.tsv.xz"),
    "tnews": DataSet("tnews.jsonl.xz", text="sentence", length=64),
    "iflytek": DataSet("iflytek.jsonl.xz", text="sentence"),
    "afqmc": DataSet("afqmc.tsv.xz", text="sentence1", text2="sentence2", length=72),
}


def read_rows(path: Path) -> Iterator[dict[str, str]]:
    """The rows of a packed TSV (quoting off) or JSONL file, by column name, or by number where it has no header."""
    with lzma.open(path, "rt", encoding="utf-8", newline="") as file:
        lines = file.read().replace("\r\n", "\n").split("\n")
    if ".jsonl" in path.name:
        yield from (json.loads(line) for line in lines if line)
        return
    cells = [line.split("\t") for line in lines if line]
    names = cells.pop(0) if "label" in cells[0] else [str(number + 1) for number in range(len(cells[0]))]
    yield from (dict(zip(names, row, strict=False)) for row in cells)


def main() -> None:
    """Write the training texts of all tasks, one a line and without labels, as JSONL into the file named."""
    out = Path(sys.argv[1])
    out.parent.mkdir(parents=True, exist_ok=True)
    texts = {}
    for name, task in TASKS.items():
        for row in read_rows(Path(os.environ["GEN_DATA"]) / task.file):
            for column in filter(None, (task.text, task.text2)):
                texts[row[column][:256]] = name
    with out.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps({"text": text}, ensure_ascii=False) + "\n" for text in texts if text.strip())
    print(f"{len(texts)} texts, {sum(map(len, texts))} characters")


if __name__ == "__main__":
    main()
