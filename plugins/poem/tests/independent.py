"""A second opinion on poems, written from the rules and the raw tables; it shares no code with the constraints.

Regulated verse after 王力《诗词格律》: lines are opposed within a couplet and alike across couplets (对, 粘) at their
second place; even places alternate; odd lines end oblique, even ones level, the first either. Strictly, a line also
has neither 孤平 nor 三平尾 and keeps the odd places that are not named free.
Both take 平平仄平仄 for 平平平仄仄 (特拗).
"""

import json
import re
import tarfile
from functools import cache
from itertools import product

LEVEL, OBLIQUE = "平", "仄"
MARKS = "，。"
LINES = {"五绝": (4, 5), "七绝": (4, 7), "五律": (8, 5), "七律": (8, 7), "五排": (0, 5), "七排": (0, 7)}


class Tables:
    """Readings of characters out of the raw tables: sets of (tone, group, is entering)."""

    def __init__(self, archive):
        with tarfile.open(archive, "r:xz") as tar:

            def read(name):
                return json.load(tar.extractfile(next(m for m in tar.getnames() if m.endswith(name))))

            self.old, self.new, self.tunes = (
                read("pingshui_char.json"),
                read("couyun_newrhyme.json"),
                read("cipu_qinding.json"),
            )
        from opencc import OpenCC

        self._convert = cache(OpenCC("s2t").convert)

    def readings(self, char, book):
        spellings = {char, self._convert(char)}
        return set().union(*(self._raw(spelling, book) for spelling in spellings))

    @cache  # noqa: B019 - one instance lives as long as the tests
    def _raw(self, char, book):
        if book == "pingshui":
            return {
                (tone_of(r[0]), re.sub("^[上下]?[平去入]?[一二三四五六七八九十]+", "", r[1]), r[0] == "入")
                for r in self.old.get(char, ())
            }
        if book == "cilin":
            return {(tone_of(r[0]), r[2], r[0] == "入") for r in self.old.get(char, ())}
        table = self.new["xin_yun" if book == "xinyun" else "tong_yun"]
        names = self.new["xin_hanzi" if book == "xinyun" else "tong_hanzi"]
        found = set()
        for final, oblique in self.new["pinyin_finals"].get(char, ()):
            group = next((number for number, finals in table.items() if final in finals), None)
            if group is not None:
                found.add((OBLIQUE if oblique else LEVEL, names[int(group) - 1], False))
        return found

    def tones(self, char, book):
        return {tone for tone, _, _ in self.readings(char, book)}

    def of_tune(self, name):
        return next(tune for tune in self.tunes if name in tune["names"])["forms"]


def tone_of(name):
    return LEVEL if name == "平" else OBLIQUE


def open_tables(data):
    return Tables(data / "rhyme.tar.xz")


def split(text):
    """Lines and their marks; half-width marks count as full ones."""
    parts = re.findall("([^，。、]*)([，。、])", text.translate(str.maketrans(",.", "，。")))
    return [line for line, _ in parts], [mark for _, mark in parts]


def is_layout(text, rows, cols):
    """Whether the text is `rows` (0: any even number from ten) lines of `cols` characters with ， and 。 in turn."""
    lines, marks = split(text)
    wanted = len(lines) if rows == 0 else rows
    ends = ["，" if n % 2 == 0 and n + 1 < wanted else "。" for n in range(wanted)]
    right = wanted == len(lines) and all(len(line) == cols for line in lines) and marks == ends
    return right and len("".join(lines)) + len(marks) == len(text) and (rows > 0 or (wanted >= 10 and wanted % 2 == 0))


def obeys_regulated(tables, text, form, *, tones, book, group="", start="", first=""):
    """Whether some standard pattern, and some reading of every character, makes the text regulated verse."""
    lines, _ = split(text)
    for head, rhymed in product((LEVEL, OBLIQUE), (True, False)):
        named = ("平起" if head == LEVEL else "仄起", "rhymed" if rhymed else "unrhymed")
        if start not in ("", named[0]) or first not in ("", named[1]):
            continue
        if _fits(tables, lines, head, rhymed, tones, book or "pingshui") and (
            not book or _rhymes(tables, lines, rhymed, book, group, tones)
        ):
            return True
    return False


def _fits(tables, lines, head, rhymed, tones, book):
    return tones == "off" or all(
        line_fits([tables.tones(char, book) for char in line], second, end, tones == "strict")
        for line, (second, end) in zip(lines, line_kinds(len(lines), head, rhymed), strict=True)
    )


def line_kinds(count, head, rhymed):
    """The tones of the second and of the last place of each line."""
    second = head
    for number in range(count):
        if number:
            second = second if number % 2 == 0 else other(second)
        yield second, LEVEL if number % 2 or (number == 0 and rhymed) else OBLIQUE


def other(tone):
    return OBLIQUE if tone == LEVEL else LEVEL


def line_fits(options, second, end, strict):
    """Whether the tones of a line can be read so that they fit; `options` are the tones each character may have."""
    return any(_reading_fits(reading, second, end, strict) for reading in product(*map(sorted, options)))


def _reading_fits(tones, second, end, strict):
    even = all(tones[place] == (second if place % 4 == 1 else other(second)) for place in range(1, len(tones) - 1, 2))
    special = _is_special(tones, second, end)
    if tones[-1] != end or not (even or special):
        return False
    return not strict or special or _is_strict(tones[-5:])


def _is_special(tones, second, end):
    """特拗: 平平仄平仄 instead of 平平平仄仄, the first of the five level."""
    before = len(tones) == 5 or tones[1] == second
    kind = second == (LEVEL if len(tones) == 5 else OBLIQUE) and end == OBLIQUE
    return before and kind and tones[-5:] == (LEVEL, LEVEL, OBLIQUE, LEVEL, OBLIQUE)


def _is_strict(five):
    """The last five places: which odd places are free depends on the kind of line."""
    first, second, third, _, end = five
    if (second, end) == (LEVEL, LEVEL):  # 平平仄仄平: a level first place, or a level third one to make up for it
        return LEVEL in (first, third)
    if end == LEVEL:  # 仄仄仄平平: a level third place would end the line in three level tones
        return third == OBLIQUE
    return third == LEVEL or second == OBLIQUE  # 平平平仄仄; in 仄仄平平仄 an oblique third place is 小拗, which passes


def _rhymes(tables, lines, rhymed, book, group, tones):
    ends = [line[-1] for number, line in enumerate(lines) if number % 2 or (number == 0 and rhymed)]
    if tones == "off":  # then any tone will do, but it is one
        return _agree(tables, ends, book, group)
    shared = set.intersection(
        *({name for tone, name, _ in tables.readings(char, book) if tone == LEVEL} for char in ends)
    )
    return group in shared if group else bool(shared)


def obeys_old(tables, text, book, group=""):
    """Old verse (古体): all even lines rhyme by one group of one tone."""
    return _agree(tables, [line[-1] for line in split(text)[0][1::2]], book, group)


def _agree(tables, chars, book, group):
    shared = set.intersection(*(tables.readings(char, book) for char in chars))
    return any(name == group for _, name, _ in shared) if group else bool(shared)


def obeys_tune(tables, text, name, book="cilin"):
    """Whether the text is one of the tune's forms, as the raw tune book has them."""
    return any(_obeys_form(tables, text, form, book) for form in tables.of_tune(name) if _segments(form) is not None)


def _segments(form):
    """The tones of each segment and its mark, None if the book's line cannot be read."""
    found = []
    for part in form["ge_lyu_sep"]:
        pieces = re.findall("([平仄中]+)(句|读|韵|叶|换韵|换叶|叠韵|叠|重)", part)
        if "".join(a + b for a, b in pieces) != part:
            return None
        found += [(tones, {"句": "，", "读": "、"}.get(kind, "。")) for tones, kind in pieces]
    return found if "".join(tones for tones, _ in found) == form["ge_lyu_str"] else None


def _obeys_form(tables, text, form, book):
    segments = _segments(form)
    lines, marks = split(text)
    if [len(line) for line in lines] != [len(tones) for tones, _ in segments]:
        return False
    if any(
        mark != wanted and (mark, wanted) != ("，", "、") for mark, (_, wanted) in zip(marks, segments, strict=True)
    ):
        return False
    chars, signs = "".join(lines), form["ge_lyu_str"]
    if any(sign != "中" and sign not in tables.tones(char, book) for char, sign in zip(chars, signs, strict=True)):
        return False
    for places in form["yun_classify"].values():
        options = [
            {name for tone, name, _ in tables.readings(chars[abs(p)], book) if signs[abs(p)] in ("中", tone)}
            for p in places
        ]
        if options and not set.intersection(*options):
            return False
    return True


# ------------------------------------------------------------------------------------------ wishes of all kinds


def breaks(text, prompt, wishes):
    """The names of those wishes, {name: value}, that the text does not fulfil."""
    lines, _ = split(text)
    han = [char for char in text if char not in "，。、"]
    new = text[len(prompt) :]
    verdicts = {
        "acrostic": lambda wish: [line[0] for line in lines[: len(wish)]] == list(wish),
        "acrostic tail": lambda wish: [line[-1] for line in lines[: len(wish)]] == list(wish),
        "acrostic diagonal": lambda wish: [line[n] for n, line in enumerate(lines[: len(wish)])] == list(wish),
        "template": lambda wish: (
            len(wish) == len(text)
            and all(w in ("□", c) or (w in MARKS and c in ",.，。") for w, c in zip(wish, text, strict=True))
        ),
        "require": lambda wish: set(wish) <= set(text),
        "ban": lambda wish: set(wish).isdisjoint(new),
        "distinct": lambda wish: len(set(han)) == len(han),
        "no_repeat": lambda wish: all(
            c not in text[max(0, i - wish) : i] for i, c in enumerate(text) if c in han and i >= len(prompt)
        ),
        "distinct_rhymes": lambda wish: len({line[-1] for line in lines[1::2]}) == len(lines[1::2]),
        "parallel": lambda wish: all(is_parallel(lines[n], lines[n + 1]) for n in wish),
    }
    return [name for name, wish in wishes.items() if not verdicts[name](wish)]


def is_parallel(one, two):
    """No shared character; characters of one line are equal where those of the other are."""
    alike = all((one[i] == one[j]) == (two[i] == two[j]) for i in range(len(one)) for j in range(i))
    return set(one).isdisjoint(two) and alike
