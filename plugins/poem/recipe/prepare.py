"""Write the verse that the model is trained on, out of the folder GEN_DATA: each text after what is known of it.

Writes `poems.train.txt` and `poems.valid.txt`, a poem a line, for the first stage, and `verse.train.jsonl` and
`verse.valid.jsonl` with `context` and `text`, for the second, and the model note `context.json`. Every text stands in
the second several times, each time with other parts of its context left out.
"""

from __future__ import annotations

import json
import lzma
import os
import random
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

COPIES = 3
VALIDATION_POEMS, VALIDATION_CI = 1000, 300
BARE, KEPT = 0.3, {"form": 0.5, "dynasty": 0.5, "author": 0.6, "title": 0.75}
"""How often a text comes without context, and else each part of it."""
COUPLETS = 0.3
"""The share of regulated eight-line poems out of which a copy takes a couplet."""
LONGEST_TITLE = 16
FULL_WIDTH = {ord(","): "，", ord("."): "。"}
NOTE = json.loads((Path(__file__).parent / "context.json").read_text(encoding="utf-8"))
"""How each part is written: see the recipe's README."""
SEEN = 10
"""The forms and authors of which the model has seen at least so many texts are known to it."""


@dataclass(frozen=True)
class Verse:
    """A text and what is known of it; "" where nothing is."""

    text: str
    form: str
    dynasty: str = ""
    author: str = ""
    title: str = ""


def read_rows(name: str) -> Iterator[dict[str, Any]]:
    """The rows of a packed JSONL file in GEN_DATA."""
    with lzma.open(Path(os.environ["GEN_DATA"]) / f"{name}.jsonl.xz", "rt", encoding="utf-8") as file:
        yield from map(json.loads, file)


def read_poems() -> list[Verse]:
    """Tang and Song regular verse."""
    return [
        Verse(row["text"].translate(FULL_WIDTH), row["form"], row["dynasty"], row["author"], plain_title(row["title"]))
        for row in read_rows("poems")
    ]


def read_ci() -> list[Verse]:
    """Song ci; what the source calls their titles are other names of the tunes."""
    return [Verse(row["text"], row["cipai"], "宋", row["author"]) for row in read_rows("ci")]


def read_anthologies() -> list[Verse]:
    """Famous Tang poems, those in old forms included; without the modern prologues and tags."""
    rows = [(row, "".join(row["lines"]).replace("　", "")) for row in read_rows("tang_anthologies")]
    return [
        Verse(text, form_of(text), "唐", row["author"], plain_title(row["title"]))
        for row, text in rows
        if not re.search("[^，。？！；、：\u3400-\u9fff]", text)
    ]


def form_of(text: str) -> str:
    """五绝, 七律 and so on by the lines' lengths; 五古 and 七古 for other numbers of lines, else 古诗."""
    lengths = {len(line) for line in lines_of(text)}
    if lengths not in ({5}, {7}):
        return "古诗"
    return ("五" if lengths == {5} else "七") + {4: "绝", 8: "律"}.get(len(lines_of(text)), "古")


def plain_title(title: str) -> str:
    """A title without the number of the poem, notes in brackets, gaps and what goes on beyond the longest."""
    title = re.sub(r"[（\[{(].*?[）\]})]", "", title)
    title = re.sub(r"\s+其[一二三四五六七八九十百○]+.*$|\s+[一二三四五六七八九十百○]+$", "", title)
    return re.sub("[^\u3400-\u9fff\U00020000-\U0003ffff]", "", title)[:LONGEST_TITLE]


def lines_of(text: str) -> list[str]:
    """The lines without punctuation."""
    return [line for line in re.split("[,.，。？！；、：]", text) if line]


def unique(verses: Iterable[Verse]) -> list[Verse]:
    """Each text once, in an order that depends on nothing but the texts."""
    return [each for _, each in sorted({each.text: each for each in verses}.items())]


def split(verses: list[Verse], aside: int) -> tuple[list[Verse], list[Verse]]:
    """(training texts, validation texts); the latter share no line with any other text."""
    shuffled = list(verses)
    random.Random(0).shuffle(shuffled)
    counts = Counter(line for verse in shuffled for line in set(lines_of(verse.text)))
    alone = [each.text for each in shuffled if all(counts[line] == 1 for line in lines_of(each.text))]
    valid = set(alone[:aside])
    return [each for each in shuffled if each.text not in valid], [each for each in verses if each.text in valid]


def context(verse: Verse) -> str:
    """What is known of a text, in the model's notation; "" if nothing is."""
    parts = [NOTE["parts"][part].format(getattr(verse, part)) for part in NOTE["order"] if getattr(verse, part)]
    return "".join(parts) + NOTE["end"] if parts else ""


def forget(verse: Verse, chance: random.Random) -> Verse:
    """The same text of which less is known."""
    bare = chance.random() < BARE
    return replace(verse, **{part: "" for part, share in KEPT.items() if bare or chance.random() >= share})


def couplet(verse: Verse, chance: random.Random) -> Verse:
    """One of the two middle couplets of eight lines."""
    lines = lines_of(verse.text)
    first = chance.choice((2, 4))
    return replace(verse, text=f"{lines[first]}，{lines[first + 1]}。", form="联")


def copies(poems: list[Verse], others: list[Verse]) -> Iterator[Verse]:
    """What is trained on: each poem in COPIES variants, each of the fewer others in twice as many, and couplets."""
    chance = random.Random(1)
    for _ in range(COPIES):
        for verse in (*poems, *others, *others):
            yield forget(verse, chance)
        for verse in poems:
            if verse.form in ("五律", "七律") and chance.random() < COUPLETS:
                yield forget(couplet(verse, chance), chance)


def write(path: Path, verses: Iterable[Verse]) -> None:
    """Write a JSONL file of contexts and texts."""
    with path.open("w", encoding="utf-8") as file:
        for verse in verses:
            print(json.dumps({"context": context(verse), "text": verse.text}, ensure_ascii=False), file=file)


def note(verses: Sequence[Verse]) -> dict[str, Any]:
    """The notation, and what the model will know: the names it has seen often enough, the commonest first."""
    known = {}
    for part in ("form", "dynasty", "author"):
        counts = Counter(getattr(verse, part) for verse in verses if getattr(verse, part))
        known[part] = [name for name, count in counts.most_common() if count >= SEEN]
    return {**NOTE, "known": {**known, "form": ["联", *known["form"]]}}


def main() -> None:
    """Write all files into the folder named on the command line."""
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    poems, valid_poems = split(unique(read_poems()), VALIDATION_POEMS)
    ci, valid_ci = split(unique(read_ci()), VALIDATION_CI)
    held_out = [row["text"] for name in ("eval/poems", "eval/ci") for row in read_rows(name)]
    taken = {line for text in (*held_out, *(each.text for each in valid_poems)) for line in lines_of(text)}
    famous = [each for each in unique(read_anthologies()) if not taken & set(lines_of(each.text))]
    for name, verses in (("train", poems), ("valid", valid_poems)):
        text = "".join(verse.text + "\n" for verse in verses)
        (out / f"poems.{name}.txt").write_text(text, encoding="utf-8")
    write(out / "verse.train.jsonl", copies(poems, [*ci, *famous]))
    told = json.dumps(note([*poems, *ci, *famous]), ensure_ascii=False)
    (out / "context.json").write_text(told + "\n", encoding="utf-8")
    bare = [Verse(verse.text, "") for verse in valid_poems]
    write(out / "verse.valid.jsonl", (*bare, *valid_poems, *valid_ci))
    print(f"{len(poems)} poems, {len(ci)} ci, {len(famous)} famous poems; {len(valid_poems)} and {len(valid_ci)} aside")


if __name__ == "__main__":
    main()
