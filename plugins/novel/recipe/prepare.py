"""Write passages of novels, a row each, from novels.tar.xz in the folder GEN_DATA.

novels.train.jsonl and novels.valid.jsonl, which is set aside, have neither names nor 西游记: the first stage had these
rows, and so have the other models of novels. named.train.jsonl has both, most passages with the name of their work.
named.valid.jsonl and xiyouji.valid.jsonl have each passage set aside without and with it. context.json is the note that
says how it is written.
"""

from __future__ import annotations

import io
import json
import os
import random
import re
import sys
import tarfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from commas import learn

WORKS = {
    "hongloumeng.txt": "红楼梦",
    "jingshitongyan.txt": "警世通言",
    "laocanyouji.txt": "老残游记",
    "liaozhaizhiyi.txt": "聊斋志异",
    "luxun.txt": "",  # several works: see COLLECTIONS
    "rulinwaishi.txt": "儒林外史",
    "sanguoyanyi.txt": "三国演义",
    "shuihuzhuan.txt": "水浒传",
}
COLLECTIONS = {  # the first line of each
    "《呐喊》自序": "呐喊",
    "鲁迅《彷徨》": "彷徨",
    "鲁迅《故事新编》": "故事新编",
    "《朝花夕拾》小引": "朝花夕拾",
    "《野草》英文译本序": "野草",
    "鲁迅《热风》": "热风",
    "从胡须说到牙齿": "坟",
    "“公理”的把戏": "华盖集",
    "一点比喻": "华盖集续编",
    "“公理”之所在": "而已集",
    "“皇汉医学”": "三闲集",
    "“丧家的”“资本家的乏走狗”": "二心集",
}
WITHOUT_COMMAS = {"xiyouji.txt": "西游记"}
LIKE_IT = (
    "hongloumeng.txt",
    "jingshitongyan.txt",
    "laocanyouji.txt",
    "rulinwaishi.txt",
    "sanguoyanyi.txt",
    "shuihuzhuan.txt",
)
NAMED = 0.75  # of the rows have the name of their work before them
DEBRIS = re.compile(
    r"[（(]?奇[^\u4e00-\u9fff]*书[^\u4e00-\u9fff]*网(整理提供[）)]?)?|ww奇[^，。]{0,12}?网|整理提供[）)]"
)
FULL_WIDTH = str.maketrans({",": "，", "!": "！", "?": "？", ":": "：", ";": "；", "(": "（", ")": "）", "·": ""})
ALLOWED = re.compile(r"[\u4e00-\u9fff，。、：；？！“”‘’《》（）—…]+")
MOSTLY = 0.98  # a line with fewer allowed characters is thrown away whole
ENDS = "。！？”’…：；—）"  # a line that ends otherwise is a heading, a verse line or broken in the middle
PASSAGE = 2000
VALIDATION_PASSAGES = 40
VALIDATION_WITHOUT_COMMAS = 8
NOTE = {"order": ["work"], "parts": {"work": "《{}》"}, "end": ""}

Passage = tuple[str, str]
"""The name of a work, and about `PASSAGE` characters of it."""
Rows = list[dict[str, str]]


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


def cut_passages(text: str, work: str) -> list[Passage]:
    """Runs of whole paragraphs, parted by a newline; each is named by `work` or the collection in which it begins."""
    passages: list[Passage] = []
    passage, begun, ahead = "", work, dict(COLLECTIONS)
    for raw in text.splitlines():
        work = ahead.pop(raw.strip(), work)
        line = clean_line(raw)
        if not line:
            continue
        begun = begun if passage else work
        passage += line + "\n"
        if len(passage) >= PASSAGE:
            passages.append((begun, passage))
            passage = ""
    return [*passages, (begun, passage)] if passage else passages


def restore_commas(novels: dict[str, str], name: str) -> str:
    """The clean lines of a novel with commas after the manner of the novels that are like it."""
    lines = [line for like in LIKE_IT for line in clean_lines(novels[like])]
    random.Random(0).shuffle(lines)
    return "\n".join(learn(lines).restore(clean_lines(novels[name])))


def clean_lines(text: str) -> list[str]:
    """The lines of a text that are clean prose."""
    return [line for line in map(clean_line, text.splitlines()) if line]


def context(work: str) -> str:
    """How the name of a work is written before its text."""
    return NOTE["parts"]["work"].format(work)


def bare(passages: Iterable[Passage]) -> Rows:
    """Each passage by itself."""
    return [{"text": text} for _, text in passages]


def bare_and_named(passages: Iterable[Passage]) -> Rows:
    """Each passage without and with the name of its work."""
    return [{"context": each, "text": text} for work, text in passages for each in ("", context(work))]


def mixed(passages: Iterable[Passage], chance: random.Random) -> Rows:
    """Each passage once, most of them with the name of their work."""
    return [{"context": context(work) if chance.random() < NAMED else "", "text": text} for work, text in passages]


def main() -> None:
    """Write all files into the folder named on the command line."""
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    novels = read_novels(Path(os.environ["GEN_DATA"]) / "novels.tar.xz")
    passages = [each for name, work in WORKS.items() for each in cut_passages(novels[name], work)]
    random.Random(0).shuffle(passages)
    known = passages[VALIDATION_PASSAGES:]
    mended = [
        each for name, work in WITHOUT_COMMAS.items() for each in cut_passages(restore_commas(novels, name), work)
    ]
    chance = random.Random(1)
    chance.shuffle(mended)
    new = mended[VALIDATION_WITHOUT_COMMAS:]
    files = {
        "novels.train": bare(known),
        "novels.valid": bare(passages[:VALIDATION_PASSAGES]),
        "named.train": mixed([*known, *new, *new], chance),  # 西游记 twice: the first stage has not seen it
        "named.valid": bare_and_named(passages[:VALIDATION_PASSAGES]),
        "xiyouji.valid": bare_and_named(mended[:VALIDATION_WITHOUT_COMMAS]),
    }
    for name, rows in files.items():
        lines = (json.dumps(row, ensure_ascii=False) for row in rows)
        (out / f"{name}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
        print(f"{name}: {len(rows)} rows, {sum(len(row['text']) for row in rows)} characters")
    works = [work for work, _ in Counter(work for work, _ in passages + mended).most_common()]
    note = {**NOTE, "known": {"work": works}}
    (out / "context.json").write_text(json.dumps(note, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
