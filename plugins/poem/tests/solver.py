"""Does any poem over a small alphabet fulfil the wishes? Every way to choose patterns, rhymes and places is tried.

Written from the rules of `independent.py`, for lines of fixed lengths whose wishes are a set of characters for each
place, no character (or no rhyme word) twice, or none among the last few.
"""

from functools import cache
from itertools import product

import independent
from independent import LEVEL, LINES, OBLIQUE


@cache
def boxes(cols, second, end, strict):
    """The tones of a line as few sets of tones for each place, any combination of which is right."""

    def right(tones):
        return independent.line_fits([{tone} for tone in tones], second, end, strict)

    options = ({LEVEL}, {OBLIQUE}, {LEVEL, OBLIQUE})
    found = [box for box in product(*[map(frozenset, options)] * cols) if all(map(right, product(*box)))]
    return [box for box in found if not any(box != more and all(map(frozenset.issubset, box, more)) for more in found)]


def is_possible(tables, alphabet, wishes):
    """Whether a text of these characters exists; `wishes` as the requests of `asking.py` hold them."""
    return any(_has_choice(places, wishes) for places in _layouts(tables, alphabet, wishes))


def _layouts(tables, alphabet, wishes):
    """For every pattern and rhyme the characters each place may have, all lines together, with the marks left out."""
    rows, cols = wishes["rows"], wishes["cols"]
    fixed = _fixed(wishes, rows, cols)
    plain = [[chars if chars else set(alphabet) for chars in line] for line in fixed]
    if any(not chars <= set(alphabet) for line in plain for chars in line):
        return
    if not wishes.get("form"):
        yield plain
        return
    tones, book = wishes["tones"], wishes["book"]
    level_ends = {name for char in alphabet for tone, name, _ in tables.readings(char, book) if tone == LEVEL}
    groups = [wishes["group"]] if wishes.get("group") else sorted(level_ends)
    for head, rhymed in product((LEVEL, OBLIQUE), (True, False)):
        kinds = list(independent.line_kinds(rows, head, rhymed))
        options = (
            [boxes(cols, second, end, tones == "strict") for second, end in kinds]
            if tones != "off"
            else [[None]] * rows
        )
        for chosen, group in product(product(*options), groups):
            yield [
                [_fitting(tables, chars, book, box and box[p], group if p + 1 == cols and (n % 2 or (n == 0 and rhymed)) else "")
                 for p, chars in enumerate(line)]
                for n, (line, box) in enumerate(zip(plain, chosen, strict=True))
            ]  # fmt: skip


@cache
def _allowed(tables, char, book, tones, group):
    readings = tables.readings(char, book)
    if group:
        return any(tone == LEVEL and name == group for tone, name, _ in readings)
    return tones is None or any(tone in tones for tone, _, _ in readings)


def _fitting(tables, chars, book, tones, group):
    return {char for char in chars if _allowed(tables, char, book, tones, group)}


def _fixed(wishes, rows, cols):
    fixed = [[set() for _ in range(cols)] for _ in range(rows)]

    def put(line, place, char):
        if line < rows and place < cols:
            fixed[line][place] = fixed[line][place] & {char} or ({char} if not fixed[line][place] else {""})
        else:
            fixed[0][0] = {""}  # there is no such place: nothing fits

    for kind, place_of in (
        ("acrostic", lambda n: 0),
        ("acrostic tail", lambda n: cols - 1),
        ("acrostic diagonal", lambda n: n),
    ):
        for line, char in enumerate(wishes.get(kind, "")):
            put(line, place_of(line), char)
    for line, text in enumerate(independent.split(wishes.get("template", ""))[0]):
        for place, char in enumerate(text):
            if char != "□":
                put(line, place, char)
    return fixed


def _has_choice(places, wishes):
    flat = [chars for line in places for chars in line]
    if not all(flat):
        return False
    if wishes.get("distinct"):
        return _match(flat)
    if wishes.get("distinct_rhymes") and not _match([line[-1] for line in places[1::2]]):
        return False
    return not wishes.get("no_repeat") or _no_repeats(flat, wishes["no_repeat"], places)


def _match(domains):
    """Whether different characters can be chosen for all places (bipartite matching)."""
    owner = {}

    def place(number, seen):
        for char in domains[number] - seen:
            seen.add(char)
            if char not in owner or place(owner[char], seen):
                owner[char] = number
                return True
        return False

    return all(place(number, set()) for number in range(len(domains)))


def _no_repeats(flat, window, places):
    """Whether a text exists in which no character stands among the `window` signs before it, marks counted."""
    marked = [chars for line in places for chars in (*line, None)]
    ends = {()}
    for chars in marked:
        ends = {(*end, char)[-window:] for end in ends for char in (chars or {""}) if not char or char not in end}
    return bool(ends)


def shape_of(form, rows):
    """Lines and characters a line of a form."""
    lines, cols = LINES[form]
    return lines or rows, cols
