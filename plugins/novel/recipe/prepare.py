"""Write novels.train.jsonl and novels.valid.jsonl, a passage a line, from novels.tar.xz in the folder GEN_DATA."""

from __future__ import annotations

import io
import json
import os
import random
import re
import sys
import tarfile
from pathlib import Path

DAMAGED = {"xiyouji.txt"}  # has lost all its commas
DEBRIS = re.compile(
    r"[（(]?奇[^\u4e00-\u9fff]*书[^\u4e00-\u9fff]*网(整理提供[）)]?)?|ww奇[^，。]{0,12}?网|整理提供[）)]"
)
FULL_WIDTH = str.maketrans({",": "，", "!": "！", "?": "？", ":": "：", ";": "；", "(": "（", ")": "）", "·": ""})
ALLOWED = re.compile(r"[\u4e00-\u9fff，。、：；？！“”‘’《》（）—…]+")
MOSTLY = 0.98  # a line with fewer allowed characters is thrown away whole
ENDS = "。！？”’…：；—）"  # a line that ends otherwise is a heading, a verse line or broken in the middle
PASSAGE = 2000
VALIDATION_PASSAGES = 40


def read_novels(path: Path) -> dict[str, str]:
    """The text of every novel by file name."""
    with tarfile.open(path) as archive:
        files = {Path(member.name).name: archive.extractfile(member) for member in archive if member.isfile()}
        return {name: io.TextIOWrapper(file, "utf-8").read() for name, file in sorted(files.items()) if file}


def clean_line(line: str) -> str:
    """The line with full-width punctuation and without debris, or nothing if it is not clean prose."""
    line = DEBRIS.sub("", line.translate(FULL_WIDTH))
    line = re.sub(r"\s+|<[^>]*>", "", line).replace("--", "——")
    kept = "".join(ALLOWED.findall(line))
    if len(kept) < 10 or len(kept) < MOSTLY * len(line) or kept[-1] not in ENDS:
        return ""
    return kept


def cut_passages(text: str) -> list[str]:
    """Runs of whole paragraphs of about `PASSAGE` characters, paragraphs parted by a newline."""
    passages, passage = [], ""
    for line in filter(None, map(clean_line, text.splitlines())):
        passage += line + "\n"
        if len(passage) >= PASSAGE:
            passages.append(passage)
            passage = ""
    return [*passages, passage] if passage else passages


def main() -> None:
    """Write both files into the folder named on the command line."""
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    novels = read_novels(Path(os.environ["GEN_DATA"]) / "novels.tar.xz")
    passages = [passage for name, text in novels.items() if name not in DAMAGED for passage in cut_passages(text)]
    random.Random(0).shuffle(passages)
    parts = {"valid": passages[:VALIDATION_PASSAGES], "train": passages[VALIDATION_PASSAGES:]}
    for name, part in parts.items():
        rows = (json.dumps({"text": passage}, ensure_ascii=False) for passage in part)
        (out / f"novels.{name}.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")
        print(f"{name}: {len(part)} passages, {sum(map(len, part))} characters")


if __name__ == "__main__":
    main()
