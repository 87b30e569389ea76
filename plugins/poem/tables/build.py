"""Build the tables of tones, rhymes and tunes: `python build.py [--from rhyme.tar.xz] [--to FOLDER]`.

The archive is by default the one under GEN_DATA; `ci.jsonl.xz`, the real ci, stands beside it.

Facts only: character -> tone and rhyme group, tune -> pattern. See README.md beside this file for the sources, the
format, and what was left out or mended. Needs `opencc`, which says which traditional characters one simplified
character stands for.
"""

from __future__ import annotations

import json
import lzma
import os
import tarfile
from argparse import ArgumentParser
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from freedoms import Tones
from opencc import OpenCC
from tune_book import read_tunes

TABLES = Path(__file__).parent.parent / "gen_poem" / "tables"
UNUSED = Path(__file__).parent / "unused.txt"
"""Level readings by which (nearly) no poem rhymes, though the character often is a rhyme word; see README.md."""

VARIANTS = "傢闇汎閒徵"
"""Traditional characters that simplified texts replace by another, but not where they have other readings."""

Entries = dict[str, set[int]]


def load(archive: Path) -> dict[str, Any]:
    """Every JSON file of the archive, by name."""
    with tarfile.open(archive) as tar:
        files = {Path(each.name).stem: tar.extractfile(each) for each in tar if each.name.endswith(".json")}
        return {name: json.load(file) for name, file in files.items() if file is not None}


def save(name: str, lines: list[str], folder: Path) -> None:
    """Write a table, packed."""
    data = "".join(line + "\n" for line in lines).encode()
    packed = lzma.compress(data, preset=9 | lzma.PRESET_EXTREME)
    (folder / f"{name}.txt.xz").write_bytes(packed)
    print(f"{name}.txt.xz: {len(lines):,} lines, {len(data):,} bytes, {len(packed):,} packed")


def merge_simplified(entries: Entries, apart: Callable[[str, str], bool]) -> tuple[int, int]:
    """Give each simplified character what its traditional ones read, and a missing traditional one what its has.

    `apart(traditional, simplified)` says which pairs lend each other nothing if both are known.
    """
    simplify, fill = OpenCC("t2s").convert, OpenCC("s2t").convert
    widened = 0
    pairs = [(char, simplify(char)) for char in list(entries)]
    known = set(entries)
    for char, simple in pairs:
        if len(simple) == 1 and simple != char and not (simple in known and apart(char, simple)):
            before = len(entries.get(simple, ()))
            entries.setdefault(simple, set()).update(entries[char])
            widened += simple in known and len(entries[simple]) > before
    for char in list(entries):
        full = fill(char)
        if len(full) == 1 and full not in entries:
            entries[full] = set(entries[char])
    return widened, len(entries) - len(known)


def apart_today() -> Callable[[str, str], bool]:
    """Tells traditional forms proper (龍 of 龙, not 乾 of 干): a reading 龙 has not is none of today."""
    full_form = OpenCC("s2t").convert
    return lambda full, simple: full_form(simple) == full


def grouped(entries: Entries) -> list[str]:
    """One line for the characters that read alike: class numbers, a tab, the characters."""
    alike: dict[tuple[int, ...], list[str]] = defaultdict(list)
    for char, classes in entries.items():
        alike[tuple(sorted(classes))].append(char)
    return [f"{','.join(map(str, classes))}\t{''.join(sorted(chars))}" for classes, chars in sorted(alike.items())]


def pingshui(data: dict[str, Any], folder: Path) -> dict[str, frozenset[str]]:
    """Tones, the 106 rhymes of 平水韵 and the 19 parts of 词林正韵; the tones that each character has."""
    names = {(name, part) for readings in data["pingshui_char"].values() for _, name, part in readings}
    tables = data["couyun_newrhyme"]["pingshui_names"]
    rank = {group: i for i, group in enumerate("".join(tables).replace("？", ""))}
    classes = sorted(names, key=lambda each: (rank[each[0][-1]], each[1]))
    number = {each: i for i, each in enumerate(classes)}
    entries = {char: {number[name, part] for _, name, part in rs} for char, rs in data["pingshui_char"].items()}
    counts = Counter(known=len(entries))
    for groups in data["pingshui"].values():
        for group, chars in groups.items():
            same = [i for (name, _), i in number.items() if name[-1] == group[-1]]
            for char in chars:
                if char not in data["pingshui_char"] and len(char) == 1 and len(same) == 1:
                    counts["added from pingshui.json"] += char not in entries
                    entries.setdefault(char, set()).add(same[0])
    entries["暖"].update(entries["煖"])
    entries.pop("♂", None)  # which stands in the source for a character it could not write
    counts["widened"], counts["filled"] = merge_simplified(entries, lambda full, _: full in VARIANTS)
    counts["left out, since unused"] = leave_out_unused(entries, classes)
    counts["characters"] = len(entries)
    save("pingshui", [f"{name} {part}" for name, part in classes] + [""] + grouped(entries), folder)
    print("  ", dict(counts))
    signs = ["平" if "平" in name else "仄" for name, _ in classes]
    return {char: frozenset(signs[number] for number in numbers) for char, numbers in entries.items()}


def leave_out_unused(entries: Entries, classes: list[tuple[str, int]]) -> int:
    """Drop the readings by which no poet rhymes, in both scripts; how many."""
    unused = {tuple(line.split()) for line in UNUSED.read_text(encoding="utf-8").splitlines()}
    simplify = OpenCC("t2s").convert
    dropped = 0
    for char, numbers in entries.items():
        odd = {number for number in numbers if (simplify(char), classes[number][0][-1]) in unused}
        if any("平" in classes[number][0] for number in numbers - odd):
            numbers -= odd
            dropped += len(odd)
    return dropped


def modern(data: dict[str, Any], folder: Path) -> None:
    """Finals and tones of today, and the groups of 中华新韵 and 中华通韵 they belong to."""
    tables = data["couyun_newrhyme"]
    finals = {final: name for name, (_, finals) in zip(tables["xin_hanzi"], tables["xin_yun"].items(), strict=True)
              for final in finals}  # fmt: skip
    common = {final: name for name, (_, finals) in zip(tables["tong_hanzi"], tables["tong_yun"].items(), strict=True)
              for final in finals}  # fmt: skip
    used = Counter((final, tone) for rs in tables["pinyin_finals"].values() for final, tone in rs)
    classes = sorted(each for each in used if each[0] in finals and each[0] in common)
    number = {each: i for i, each in enumerate(classes)}
    entries = {char: {number[final, tone] for final, tone in rs if (final, tone) in number}
               for char, rs in tables["pinyin_finals"].items()}  # fmt: skip
    entries = {char: readings for char, readings in entries.items() if readings}
    left_out = {each: count for each, count in used.items() if each not in number}
    widened, filled = merge_simplified(entries, apart_today())
    head = [f"{final} {'平仄'[tone]} {finals[final]} {common[final]}" for final, tone in classes]
    save("modern", [*head, "", *grouped(entries)], folder)
    print("  ", {"characters": len(entries), "widened": widened, "filled": filled, "readings left out": left_out})


def tunes(data: dict[str, Any], songs: Path, tones: Tones, folder: Path) -> None:
    """Patterns of the tune books, with freedoms that real ci bear out."""
    part = {char: {(tone == "平", cilin) for tone, _, cilin in rs} for char, rs in data["pingshui_char"].items()}
    by_name: dict[str, list[str]] = defaultdict(list)
    with lzma.open(songs, "rt", encoding="utf-8") as file:
        for song in map(json.loads, file):
            by_name[song["cipai"]].append(song["text"])
    lines, counts = read_tunes(data["cipu_qinding"], data["cipu_longyusheng"], part, by_name, tones)
    save("tunes", lines, folder)
    for what, where in counts.items():
        print(f"   {what}: {len(where)} {'; '.join(where[:12])}")


def main() -> None:
    """Build all tables."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--from", dest="archive", type=Path, help="rhyme.tar.xz")
    parser.add_argument("--to", dest="folder", type=Path, default=TABLES, help="where the tables go")
    chosen = parser.parse_args()
    archive = chosen.archive or Path(os.environ["GEN_DATA"]) / "rhyme.tar.xz"
    sources = load(archive)
    chosen.folder.mkdir(exist_ok=True)
    tones = pingshui(sources, chosen.folder)
    modern(sources, chosen.folder)
    tunes(sources, archive.parent / "ci.jsonl.xz", tones, chosen.folder)


if __name__ == "__main__":
    main()
