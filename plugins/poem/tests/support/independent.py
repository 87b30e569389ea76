"""A second opinion on poems, written from the rules and the raw tables; it shares no code with the constraints.

Regulated verse after 王力《诗词格律》: lines are opposed within a couplet and alike across couplets (对, 粘) at their
second place; even places alternate; odd lines end oblique, even ones level, the first either. Strictly, a line also
has neither 孤平 nor 三平尾 and keeps the odd places that are not named free.
Both take 平平仄平仄 for 平平平仄仄 (特拗).

What is wished for is a dict, as `asking.py` makes it.
"""

import re
from itertools import product

from raw_tables import LEVEL, OBLIQUE, Packaged, Tables, open_tables

MARKS = "，。"
LINES = {
    "五绝": (4, 5), "七绝": (4, 7), "五律": (8, 5), "七律": (8, 7), "五排": (0, 5), "七排": (0, 7),
    "六绝": (4, 6), "六律": (8, 6), "六言": (0, 6), "五古": (0, 5), "七古": (0, 7),
}  # fmt: skip
"""Lines (0: as many as are wished for) and characters a line."""

OLD = ("五古", "七古")
"""Old verse (古体) has rhymes and no tones."""

UNREAD = frozenset("?")
"""The tones of a character that the book does not know: none that a place could want."""


def judge(tables, wishes, prompt, text):
    """What is wrong with a text, in words; nothing if all is right."""
    if not text.startswith(prompt) or text == prompt == "":
        return ["prompt"]
    found = shape_faults(tables, wishes, text)
    return found or breaks(tables, text, prompt, wishes)


def shape_faults(tables, wishes, text):
    """What is wrong with lines, tones and rhymes."""
    if wishes.get("tune"):
        return [] if sung_ways(tables, text, wishes) else ["tune"]
    if wishes.get("couplet"):
        return couplet_faults(tables, text, wishes)
    if not is_layout(text, wishes["rows"], wishes["cols"]):
        return ["layout"]
    return ["tones and rhyme"] if wishes.get("form") and not ways(tables, split(text)[0], wishes) else []


# ---------------------------------------------------------------------------------------------- lines and tones


def split(text):
    """Lines and their marks; half-width marks count as full ones."""
    parts = re.findall("([^，。、]*)([，。、])", text.translate(str.maketrans(",.", "，。")))
    return [line for line, _ in parts], [mark for _, mark in parts]


def is_layout(text, rows, cols):
    """Whether the text is `rows` lines of `cols` characters with ， and 。 in turn."""
    lines, marks = split(text)
    ends = ["，" if n % 2 == 0 and n + 1 < rows else "。" for n in range(rows)]
    right = rows == len(lines) and all(len(line) == cols for line in lines) and marks == ends
    return right and len("".join(lines)) + len(marks) == len(text) and all(map(is_letter, "".join(lines)))


def is_letter(char):
    return char.isalpha() and not char.isascii()


def tones_of(wishes):
    """How tones are judged: strict, loose or off."""
    return "off" if wishes["form"] in OLD else wishes["tones"]


def ways(tables, lines, wishes):
    """The ways (tone of the second character, does the first line rhyme) in which it is the verse wished for."""
    return [way for way in open_ways(wishes) if is_way(tables, lines, wishes, *way)]


def open_ways(wishes):
    """The patterns that the wishes leave open."""
    for head, rhymed in product((LEVEL, OBLIQUE) if tones_of(wishes) != "off" else ("",), (True, False)):
        if rhymed and wishes.get("first") == "neighbour":
            rhymed = NEAR
        elif wishes.get("first") == "neighbour":
            continue
        named = (
            "平起" if head == LEVEL else "仄起",
            "neighbour" if rhymed == NEAR else "rhymed" if rhymed else "unrhymed",
        )
        if wishes.get("start") in (None, "", named[0]) and wishes.get("first") in (None, "", named[1]):
            yield head, rhymed


def is_way(tables, lines, wishes, head, rhymed):
    """Whether the lines have the tones and rhymes of a pattern."""
    tones, book = tones_of(wishes), wishes["book"]
    kinds = list(line_kinds(len(lines), head, rhymed))
    if tones != "off" and not all(
        line_fits([tables.tones(char, book) or UNREAD for char in line], second, end, tones == "strict")
        for line, (second, end) in zip(lines, kinds, strict=True)
    ):
        return False
    if rhymed == NEAR:
        return is_borrowed(tables, lines, wishes.get("group"), "" if tones == "off" else LEVEL)
    ends = [line[-1] for line in rhyming(lines, rhymed)]
    return book == "none" or agree(tables, ends, book, wishes.get("group"), "" if tones == "off" else LEVEL)


NEAR = "near"
"""How a first line rhymes that borrows its rhyme."""

BESIDE_EACH_OTHER = """东冬 江阳 支微 支齐 微齐 鱼虞 佳灰 佳麻 真文 真元 文元 元寒 元删 元先 寒删 寒先 删先
萧肴 萧豪 肴豪 庚青 庚蒸 青蒸 覃盐 覃咸 盐咸""".split()


def beside(group):
    """The neighbours of a group."""
    return {pair.replace(group, "") for pair in BESIDE_EACH_OTHER if group in pair}


def is_borrowed(tables, lines, group, tone):
    """Whether the even lines rhyme, and the first in a neighbouring group."""
    ends = [line[-1] for line in lines[1::2]]
    shared = {r[1] for r in tables.readings(ends[0], "pingshui")}
    mains = [main for main in shared if group in (None, "", main) and agree(tables, ends, "pingshui", main, tone)]
    borrowed = {g for level, g, _ in tables.readings(lines[0][-1], "pingshui") if level == LEVEL}
    return any(beside(main) & borrowed for main in mains)


def rhyming(lines, rhymed):
    """The lines that rhyme: even ones, and the first if it does."""
    return [line for number, line in enumerate(lines) if number % 2 or (number == 0 and rhymed)]


def agree(tables, chars, book, group, tone):
    """Whether the characters share a reading; of that tone (else of any one) and that group, if they are given."""
    read = [{r if not tone else r[:2] for r in tables.readings(char, book)} for char in chars]
    shared = set.intersection(*read) if read else {(tone, group)}
    return any((not group or r[1] == group) and (not tone or r[0] == tone) for r in shared)


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
    if strict and len(tones) == 6:
        return _is_strict_six(tones, second, end)
    return not strict or special or _is_strict(tones[-5:])


def _is_special(tones, second, end):
    """特拗: 平平仄平仄 instead of 平平平仄仄, the first of the five level."""
    if len(tones) not in (5, 7):
        return False
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


def _is_strict_six(tones, second, end):
    """Six characters: the fifth goes with the second, and 仄仄平平仄平 keeps its level third (no 孤平)."""
    alone = (second, end) == (OBLIQUE, LEVEL)
    return tones[4] == second and (not alone or tones[2] == LEVEL)


# --------------------------------------------------------------------------------------------------- tunes of ci


def size(form):
    """How many characters a form has."""
    return sum(len(options[0]) for options, _, _ in form["lines"])


def variants(tables, wishes):
    """The forms of the tune wished for: all, or the one of the number wished for."""
    forms = tables.of_tune(wishes["tune"])
    wanted = wishes.get("variant")
    return [form for form in forms if form["number"] == wanted][:1] if wanted else forms


def sung_ways(tables, text, wishes):
    """The forms of the tune that the text is one of."""
    return [form for form in variants(tables, wishes) if _is_sung(tables, text, form, wishes)]


def _is_sung(tables, text, form, wishes):
    rows, marks = split(text)
    if [len(row) for row in rows] != [len(options[0]) for options, _, _ in form["lines"]]:
        return False
    if sum(map(len, rows)) + len(marks) != len(text) or any(
        mark != asked and (mark, asked) != ("，", "、")
        for mark, (_, _, asked) in zip(marks, form["lines"], strict=True)
    ):
        return False
    known, off = {char: tables.tones(char, wishes["book"]) for char in text}, wishes["tones"] == "off"
    for row, (options, _, _) in zip(rows, form["lines"], strict=True):
        if not off and not any(all(s == "中" or s in known[c] for c, s in zip(row, o, strict=True)) for o in options):
            return False
    return all(_sing_alike(tables, words, wishes["book"]) for words in _rhyming(rows, form).values())


def _rhyming(rows, form):
    """For each letter the words that rhyme, with the tone of each."""
    found = {}
    for row, (options, letter, _) in zip(rows, form["lines"], strict=True):
        if letter:
            found.setdefault(letter, []).append((row[-1], options[0][-1]))
    return found


def _sing_alike(tables, words, book):
    """Whether the words of one rhyme share a group: each by a reading of its tone."""
    options = [{group for tone, group, _ in tables.readings(char, book) if tone == sign} for char, sign in words]
    return bool(set.intersection(*options))


def sung_rhymes(text, form):
    """The words of each rhyme of a form."""
    return [[char for char, _ in words] for words in _rhyming(split(text)[0], form).values()]


# ------------------------------------------------------------------------------------------------------ couplets


def couplet_faults(tables, text, wishes):
    """What is wrong with a couplet 上联，下联。 whose lines have parts of these sizes."""
    wanted = "，".join("." * size for size in wishes["couplet"])
    if not re.fullmatch(f"({wanted})，({wanted})。", text) or text.count("，") != 2 * len(wishes["couplet"]) - 1:
        return ["layout"]
    half = len(text) // 2
    one, two = (line.replace("，", "") for line in (text[: half - 1], text[half:-1]))
    found = [] if is_parallel(one, two) else ["shared or unlike repetitions"]
    if wishes["book"] == "none":
        return found
    ends = OBLIQUE in tables.tones(one[-1], wishes["book"]) and LEVEL in tables.tones(two[-1], wishes["book"])
    toned = {place for place in opposed_places(wishes["couplet"]) if place != len(one) - 1}
    right = ends and all(is_opposed(tables, one[p], two[p], wishes["book"]) for p in toned)
    return found if right else [*found, "tones"]


def opposed_places(parts):
    """Even places, and the last, of each part."""
    begin = 0
    for size in parts:
        yield from (begin + p for p in range(size) if p % 2 == 1 or p == size - 1)
        begin += size


def is_opposed(tables, one, two, book):
    """Whether the second has a tone opposed to that of the first, if that has one only."""
    tones = tables.tones(one, book)
    return len(tones) != 1 or other(*tones) in tables.tones(two, book)


def is_parallel(one, two):
    """No shared character; characters of one line are equal where those of the other are."""
    alike = all((one[i] == one[j]) == (two[i] == two[j]) for i in range(len(one)) for j in range(i))
    return set(one).isdisjoint(two) and alike


def are_couplets_parallel(tables, lines, wish):
    """Whether the couplets of these numbers are parallel, as far as there are any."""
    numbers, book = wish
    pairs = [(lines[2 * n - 2], lines[2 * n - 1]) for n in numbers if 2 * n <= len(lines)]
    return all(
        len(one) == len(two)
        and is_parallel(one, two)
        and (book == "none" or all(is_opposed(tables, one[p], two[p], book) for p in opposed_places([len(one)])))
        for one, two in pairs
    )


# ------------------------------------------------------------------------------------------ wishes of all kinds

BESIDE = ("acrostic", "acrostic tail", "acrostic diagonal", "template", "require", "ban", "distinct", "no_repeat",
          "distinct_rhymes", "parallel")  # fmt: skip
"""The wishes beside the form."""


def breaks(tables, text, prompt, wishes):
    """The names of those wishes beside the form that the text does not fulfil."""
    lines, _ = split(text)
    han = [char for char in text if char not in "，。、"]
    verdicts = {
        "acrostic": lambda wish: [line[0] for line in lines[: len(wish)]] == list(wish),
        "acrostic tail": lambda wish: [line[-1] for line in lines[: len(wish)]] == list(wish),
        "acrostic diagonal": lambda wish: [line[n] for n, line in enumerate(lines[: len(wish)])] == list(wish),
        "template": lambda wish: fits_template(text, wish),
        "require": lambda wish: set(wish) <= set(text),
        "ban": lambda wish: set(wish).isdisjoint(text[len(prompt) :]),
        "distinct": lambda wish: len(set(han)) == len(han),
        "no_repeat": lambda wish: (
            not any(
                char in text[max(0, i - wish) : i] for i, char in enumerate(text) if char in han and i >= len(prompt)
            )
        ),
        "distinct_rhymes": lambda wish: all(len(set(words)) == len(words) for words in ends(tables, text, wishes)),
        "parallel": lambda wish: are_couplets_parallel(tables, lines, wish),
    }
    return [name for name in BESIDE if wishes.get(name) and not verdicts[name](wishes[name])]


def fits_template(text, wish):
    """Whether the text is the template, with any characters for its blanks."""
    pairs = zip(wish, text.translate(str.maketrans(",.", "，。")), strict=False)
    return len(wish) == len(text) and all(w == c or (w == "□" and c not in MARKS) for w, c in pairs)


def ends(tables, text, wishes):
    """The rhyme words together, for each way to read the text and each of its rhymes."""
    if wishes.get("tune"):
        return [words for form in sung_ways(tables, text, wishes) for words in sung_rhymes(text, form)]
    lines = split(text)[0]
    if wishes["book"] == "none":
        return []
    return [[line[-1] for line in rhyming(lines, rhymed)] for _, rhymed in ways(tables, lines, wishes)]


__all__ = ["LEVEL", "LINES", "OBLIQUE", "Packaged", "Tables", "judge", "open_tables", "split"]
