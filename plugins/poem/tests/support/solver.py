"""Does any text over a small alphabet fulfil the wishes? All patterns, rhymes and places are tried.

Written from the rules of `independent.py`. Each way to write the poem becomes a puzzle: a set of characters for each
place, places that must differ, and couplets that must answer each other. Puzzles are solved by counting where that
settles them, else by backtracking; None where that takes too many steps.
"""

from dataclasses import dataclass, field
from functools import cache
from itertools import combinations, product

import independent
from independent import LEVEL, NEAR, OBLIQUE

STEPS, PUZZLES = 4000, 3000


@dataclass
class Puzzle:
    """`places[i]` are the characters that place i may have; places of one `clique`, and `apart` pairs, must differ.

    `couplets` are pairs of lines, as places, with the places of them that are opposed in tone.
    """

    places: list
    cliques: list = field(default_factory=list)
    apart: set = field(default_factory=set)
    couplets: list = field(default_factory=list)


def is_possible(tables, alphabet, wishes, prompt=""):
    """Whether a text of these characters exists that begins with the prompt; None if that is not found out."""
    doubt = False
    for number, (signs, sets, rhymes) in enumerate(layouts(tables, frozenset(alphabet), wishes)):
        if number == PUZZLES:
            return None
        puzzle = puzzle_of(signs, sets, rhymes, wishes, prompt)
        answer = puzzle is not None and solve(tables, puzzle, wishes)
        if answer:
            return True
        doubt = doubt or answer is None
    return None if doubt else False


# --------------------------------------------------------------------------------- from wishes to sets of characters


def layouts(tables, alphabet, wishes):
    """(the marks and blanks of the text, the characters of each blank, the blanks that rhyme) for every way."""
    if wishes.get("tune"):
        yield from sung_layouts(tables, alphabet, wishes)
    elif wishes.get("couplet"):
        line = "，".join("□" * size for size in wishes["couplet"])
        sets = [set(alphabet) for _ in range(2 * sum(wishes["couplet"]))]
        if wishes["book"] != "none":
            half = sum(wishes["couplet"])
            sets[half - 1] = toned(tables, alphabet, OBLIQUE, wishes["book"])
            sets[-1] = toned(tables, alphabet, LEVEL, wishes["book"])
        yield f"{line}，{line}。", sets, []
    else:
        rows, cols = wishes["rows"], wishes["cols"]
        marks = ("，" if n % 2 == 0 and n + 1 < rows else "。" for n in range(rows))
        signs = "".join("□" * cols + mark for mark in marks)
        if wishes.get("form"):
            found = regulated_layouts(tables, alphabet, wishes)
        else:
            found = [([alphabet] * rows * cols, [])]
        yield from ((signs, [set(chars) for chars in sets], rhymes) for sets, rhymes in found)


def toned(tables, chars, tone, book):
    return {char for char in chars if tone in tables.tones(char, book)}


@cache
def boxes(cols, second, end, strict):
    """The tones of a line as few sets of tones for each place, any combination of which is right."""

    def right(tones):
        return independent.line_fits([{tone} for tone in tones], second, end, strict)

    options = ({LEVEL}, {OBLIQUE}, {LEVEL, OBLIQUE})
    found = [box for box in product(*[map(frozenset, options)] * cols) if all(map(right, product(*box)))]
    return [box for box in found if not any(box != more and all(map(frozenset.issubset, box, more)) for more in found)]


def regulated_layouts(tables, alphabet, wishes):
    """The sets of every pattern, choice of alternatives and rhyme."""
    rows, cols, book = wishes["rows"], wishes["cols"], wishes["book"]
    tones = independent.tones_of(wishes)
    for head, rhymed in independent.open_ways(wishes):
        kinds = independent.line_kinds(rows, head, rhymed)
        ends = [n for n in range(rows) if n % 2 or (n == 0 and rhymed)]
        strict = tones == "strict"
        options = [[None]] * rows if tones == "off" else [boxes(cols, *kind, strict) for kind in kinds]
        for sound in sounds(tables, alphabet, wishes):
            of_lines = [
                list(line_sets(tables, alphabet, wishes, box, n in ends and sound, borrows=not n and rhymed == NEAR))
                for n, box in enumerate(options)
            ]
            for chosen in product(*of_lines) if all(of_lines) else ():
                yield (
                    [s for line in chosen for s in line],
                    [] if book == "none" else [n * cols + cols - 1 for n in ends],
                )


def sounds(tables, alphabet, wishes):
    """What the rhyme words may share; None if nothing is asked of them."""
    if wishes["book"] == "none":
        return [None]
    width = 3 if independent.tones_of(wishes) == "off" else 2
    found = {reading[:width] for char in alphabet for reading in tables.readings(char, wishes["book"])}
    kept = (r for r in found if (width == 3 or r[0] == LEVEL) and wishes.get("group") in (None, "", r[1]))
    return sorted(kept, key=str)


def line_sets(tables, alphabet, wishes, options, sound, *, borrows=False):
    """The sets of a line for each of its alternatives that some characters fulfil."""
    near = independent.beside(sound[1]) if borrows and sound else set()
    for box in options:
        line = [fitting(tables, alphabet, wishes["book"], box and box[p]) for p in range(wishes["cols"])]
        if sound:
            width = len(sound)
            line[-1] = {c for c in alphabet if any(r[:width] == sound for r in tables.readings(c, wishes["book"]))}
        if borrows:
            level = {c: {g for tone, g, _ in tables.readings(c, "pingshui") if tone == LEVEL} for c in alphabet}
            line[-1] = {c for c in alphabet if near & level[c]}
        if all(line):
            yield line


def fitting(tables, alphabet, book, tones):
    """The characters that have one of the tones; all of them where either will do."""
    return {c for c in alphabet if tones is None or len(tones) == 2 or tables.tones(c, book) & tones}


def sung_layouts(tables, alphabet, wishes):
    """The sets of every form of a tune, and choice of its alternatives and rhymes."""
    book, known = wishes["book"], {char: tables.tones(char, wishes["book"]) for char in alphabet}
    for form in independent.variants(tables, wishes):
        layout = "".join("□" * len(options[0]) + mark for options, _, mark in form["lines"])
        ends = rhyme_places(form)
        lines = [options if wishes["tones"] != "off" else loose(options) for options, _, _ in form["lines"]]
        choices = [list(rhyme_sets(tables, alphabet, places, book)) for places in ends]
        for signs in map("".join, product(*lines)):
            sets = [{c for c in alphabet if sign == "中" or sign in known[c]} for sign in signs]
            for chosen in product(*choices):
                mine = list(map(set, sets))
                for places, words in zip(ends, chosen, strict=True):
                    for (place, _), chars in zip(places, words, strict=True):
                        mine[place] &= chars
                yield layout, mine, [[place for place, _ in places] for places in ends]


def loose(options):
    """The one alternative of a line of which only the rhyme is judged."""
    return ("中" * len(options[0]),)


def rhyme_places(form):
    """For each letter the places that rhyme by it, with the tone of each."""
    found, place = {}, -1
    for options, letter, _ in form["lines"]:
        place += len(options[0])
        if letter:
            found.setdefault(letter, []).append((place, options[0][-1]))
    return list(found.values())


def rhyme_sets(tables, alphabet, places, book):
    """The characters of each place of one rhyme, for every group that has some for all of them."""
    read = {char: tables.readings(char, book) for char in alphabet}
    for group in sorted({r[1] for readings in read.values() for r in readings}, key=str):
        found = [{c for c in alphabet if any(r[:2] == (sign, group) for r in read[c])} for _, sign in places]
        if all(found):
            yield found


# ---------------------------------------------------------------------------------------------------- the puzzle


def puzzle_of(signs, sets, rhymes, wishes, prompt):
    """The puzzle of one way to write the text; None if it has no place for something."""
    where = [place for place, sign in enumerate(signs) if sign == "□"]
    lines = lines_of(signs)
    fixed = fixings(signs, lines, wishes, prompt)
    if fixed is None:
        return None
    puzzle = Puzzle(sets)
    for place, char in fixed:
        puzzle.places[place] &= {char}
    for number, place in enumerate(where):
        if place >= len(prompt):
            puzzle.places[number] -= set(wishes.get("ban", ""))
    if wishes.get("distinct"):
        puzzle.cliques.append(list(range(len(where))))
    if wishes.get("distinct_rhymes") and rhymes:
        puzzle.cliques += rhymes if isinstance(rhymes[0], list) else [rhymes]
    window = wishes.get("no_repeat", 0)
    near = combinations(range(len(where)), 2) if window else ()
    puzzle.apart = {(i, j) for i, j in near if where[j] - where[i] <= window and where[j] >= len(prompt)}
    puzzle.couplets = list(couplets_of(lines, wishes))
    return puzzle


def lines_of(signs):
    """The numbers of the blanks of each line."""
    lines, number = [[]], 0
    for sign in signs:
        if sign == "□":
            lines[-1].append(number)
            number += 1
        elif sign != "、":
            lines.append([])
    return lines[:-1]


def couplets_of(lines, wishes):
    if wishes.get("couplet"):
        half = sum(wishes["couplet"])
        opposed = list(independent.opposed_places(wishes["couplet"])) if wishes["book"] != "none" else []
        yield list(range(half)), list(range(half, 2 * half)), [p for p in opposed if p != half - 1], wishes["book"]
    numbers, book = wishes.get("parallel") or ((), "none")
    for n in numbers:
        if 2 * n <= len(lines):
            one, two = lines[2 * n - 2], lines[2 * n - 1]
            yield one, two, list(independent.opposed_places([len(one)])) if book != "none" else [], book


def fixings(signs, lines, wishes, prompt):
    """(place, character) of all that is fixed; None if there is no such place."""
    found = []
    for kind, place_of in (
        ("acrostic", lambda n: 0),
        ("acrostic tail", lambda n: -1),
        ("acrostic diagonal", lambda n: n),
    ):
        for n, char in enumerate(wishes.get(kind) or ""):
            if n >= len(lines) or place_of(n) >= len(lines[n]):
                return None
            found.append((lines[n][place_of(n)], char))
    for wish in filter(None, (wishes.get("template"), prompt)):
        if len(wish) > len(signs) or (wish is not prompt and len(wish) != len(signs)):
            return None
        number = 0
        for sign, char in zip(signs, wish, strict=False):
            if sign != "□" and char != sign and (char, sign) != ("，", "、"):
                return None
            if sign == "□" and char in "，。、":
                return None
            found += [(number, char)] if sign == "□" and char != "□" else []
            number += sign == "□"
    return found


def solve(tables, puzzle, wishes):
    """Whether the puzzle has a solution; None if that is not found out."""
    wanted = sorted(wishes.get("require") or "")
    holders = [{n for n, chars in enumerate(puzzle.places) if char in chars} for char in wanted]
    counted = [[puzzle.places[n] for n in clique] for clique in puzzle.cliques]
    if not (all(puzzle.places) and match(holders) and all(map(match, counted))):
        return False
    whole = any(len(clique) == len(puzzle.places) for clique in puzzle.cliques)
    if not puzzle.couplets and (whole or not (puzzle.apart or puzzle.cliques)):
        return True  # where all places differ, two matchings make one (Mendelsohn and Dulmage)
    return Backtracking(tables, puzzle, wanted).run()


def match(domains):
    """Whether different members can be chosen of all sets (bipartite matching)."""
    owner = {}

    def place(number, seen):
        for char in domains[number] - seen:
            seen.add(char)
            if char not in owner or place(owner[char], seen):
                owner[char] = number
                return True
        return False

    return all(place(number, set()) for number in range(len(domains)))


class Backtracking:
    """Fills the places one by one, the one with the fewest characters left first, looking one step ahead."""

    def __init__(self, tables, puzzle, wanted):
        self.tables, self.puzzle, self.wanted, self.steps = tables, puzzle, set(wanted), 0
        self.others = [set() for _ in puzzle.places]
        pairs = [pair for clique in puzzle.cliques for pair in combinations(clique, 2)]
        pairs += [pair for one, two, _, _ in puzzle.couplets for pair in product(one, two)]
        for i, j in [*puzzle.apart, *pairs]:
            self.others[i].add(j)
            self.others[j].add(i)
        self.answers = {one[p]: (two[p], book) for one, two, opposed, book in puzzle.couplets for p in opposed}
        self.asked = {two: (one, book) for one, (two, book) in self.answers.items()}

    def run(self):
        """True, False, or None after too many steps."""
        return self._fill({}, [set(chars) for chars in self.puzzle.places])

    def _fill(self, chosen, left):
        self.steps += 1
        if self.steps > STEPS:
            return None
        missing = self.wanted - set(chosen.values())
        free = [n for n in range(len(left)) if n not in chosen]
        if not match([{n for n in free if char in left[n]} for char in missing]):
            return False
        if not free:
            return True
        if any(not match([left[n] for n in clique if n not in chosen]) for clique in self.puzzle.cliques):
            return False
        place = min(free, key=lambda n: (len(left[n]), n))
        for char in sorted(left[place], key=lambda c: (c not in missing, c)):
            after = self._put(place, char, chosen, left)
            answer = after is not None and self._fill({**chosen, place: char}, after)
            if answer or answer is None:
                return answer
        return False

    def _put(self, place, char, chosen, left):
        after = list(left)
        after[place] = {char}
        for n in self.others[place]:
            after[n] = after[n] - {char}
        for near, judge in (
            (self.answers, lambda c, book: (char, c, book)),
            (self.asked, lambda c, book: (c, char, book)),
        ):
            if place in near:
                n, book = near[place]
                after[n] = {c for c in after[n] if independent.is_opposed(self.tables, *judge(c, book))}
        return after if all(after) and self._echoes({**chosen, place: char}) else None

    def _echoes(self, chosen):
        """Whether repetitions correspond, as far as both lines of a couplet are written."""
        for one, two, _, _ in self.puzzle.couplets:
            known = [(chosen[a], chosen[b]) for a, b in zip(one, two, strict=True) if a in chosen and b in chosen]
            if any((a == c) != (b == d) for (a, b), (c, d) in combinations(known, 2)):
                return False
        return True
