"""Tiny books and patterns, the rules of verse tried out on every text, and verses explored to the last state."""

from __future__ import annotations

from itertools import product

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from gen_poem.verse.books import Book, Reading
from gen_poem.verse.patterns import Line, Pattern

CHARS = "春夏秋冬日月"
MARKS = "，。、"
READINGS = [Reading("平", "东"), Reading("仄", "东"), Reading("平", "江"), Reading("仄", "屋", True)]
PASSES = {"，": "，", "。": "。", "、": "、，"}

RICH = Book(
    "rich",
    ("东", "江"),
    {
        "春": (Reading("平", "东"),),
        "夏": (Reading("仄", "东"),),
        "秋": (Reading("平", "江"),),
        "冬": (Reading("仄", "江"),),
        "日": (Reading("平", "东"), Reading("仄", "江")),
    },
    {},
)
"""A character for each tone and group, one with two readings; 月 has none."""


def examples(count):
    """Always the same `count` cases."""
    return settings(
        deadline=None, max_examples=count, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
    )


@st.composite
def books(draw):
    """What the first four characters read like: each in one way of its own, or in none, and perhaps in another."""
    own = draw(st.permutations([*READINGS[:3], draw(st.sampled_from([None, READINGS[3]]))]))
    others = draw(st.lists(st.sampled_from([None, None, *READINGS]), min_size=4, max_size=4))
    ways = (dict.fromkeys(filter(None, pair)) for pair in zip(own, others, strict=True))
    entries = {char: tuple(each) for char, each in zip(CHARS[:4], ways, strict=True)}
    return Book("tiny", ("东", "江", "屋"), {char: each for char, each in entries.items() if each}, {})


@st.composite
def lines(draw):
    """A line of one or two characters with one or two alternatives."""
    size = draw(st.sampled_from([1, 1, 2]))
    signs = st.sampled_from("平平平仄仄中")
    tones = draw(st.lists(st.text(signs, min_size=size, max_size=size), min_size=1, max_size=2, unique=True))
    return Line(tuple(tones), draw(st.sampled_from(MARKS)), draw(st.sampled_from(["A", "A", "A", "B", ""])))


def patterns():
    """A pattern of at most four characters."""
    many = st.lists(lines(), min_size=1, max_size=3)
    short = many.filter(lambda each: sum(line.length for line in each) <= 4)
    return short.map(lambda each: Pattern("tiny", "one", tuple(each)))


def texts_of(pattern, chars, book, rhymes=()):
    """All texts that obey a pattern, by trying every one: the rules of verse, said in the plainest way."""
    places = "".join("汉" * line.length + line.mark for line in pattern.lines)
    every = product(*(chars if place == "汉" else PASSES[place] for place in places))
    return {"".join(text) for text in every if obeys(pattern, "".join(text), book, rhymes)}


def obeys(pattern, text, book, rhymes=()):
    """Whether there are an alternative for each line and a reading for each character with which all is right."""
    words, rest = [], text
    for line in pattern.lines:
        words.append(rest[: line.length])
        rest = rest[line.length + 1 :]
    readings = [book.readings(char) or (None,) for char in "".join(words)]
    alternatives = list(product(*(line.tones for line in pattern.lines)))
    return any(right(pattern, tones, read, rhymes) for read in product(*readings) for tones in alternatives)


def right(pattern, tones, read, rhymes):
    """Whether these readings have these tones, and rhyme as the pattern says."""
    ends = {}
    read = iter(read)
    for line, signs in zip(pattern.lines, tones, strict=True):
        mine = [next(read) for _ in signs]
        if any(sign != "中" and (not one or one.tone != sign) for sign, one in zip(signs, mine, strict=True)):
            return False
        if line.rhyme:
            ends.setdefault(line.rhyme, []).append(mine[-1])
    fixed = dict(zip(ends, rhymes, strict=False))
    return all(agree(pattern, letter, words, fixed.get(letter)) for letter, words in ends.items())


def agree(pattern, letter, words, group):
    """Whether the words of a letter rhyme: of one group, and where a sign leaves the tone open of one tone, too."""
    if None in words or (group is not None and words[0].group != group):
        return False
    is_open = any(line.rhyme == letter and signs[-1] == "中" for line in pattern.lines for signs in line.tones)
    return len({(word.group, is_open and (word.tone, word.entering)) for word in words}) == 1


def explore(machine, chars):
    """Every state that is reached, with what follows each by character."""
    start = machine.start("")
    found, waiting = {}, [start]
    while waiting:
        state = waiting.pop()
        if state not in found:
            after = {char: machine.step(state, char) for char in chars}
            found[state] = {char: there for char, there in after.items() if there is not None}
            waiting += found[state].values()
    return start, found


def accepted(machine, chars):
    """All texts that a machine accepts, which must be finitely many."""
    start, found = explore(machine, chars)
    memory = {}

    def futures(state):
        if state not in memory:
            memory[state] = {""} if machine.accepts(state) else set()
            memory[state] |= {char + rest for char, there in found[state].items() for rest in futures(there)}
        return memory[state]

    return futures(start)
