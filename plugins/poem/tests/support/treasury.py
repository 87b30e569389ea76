"""Real poems, ci and couplets under GEN_DATA, in the marks that the forms have; and tunes."""

import json
import lzma
import re
from dataclasses import dataclass

import independent
from independent import LINES


@dataclass(frozen=True)
class Tune:
    """A tune, and how many characters its longest form has, marks included."""

    name: str
    longest: int


def poems(data, rng, count):
    """(form, text) of so many poems, from all over the collection."""
    found = []
    with lzma.open(data / "poems.jsonl.xz", "rt", encoding="utf-8") as file:
        for line in file:
            if rng.random() < count / 180_000:
                poem = json.loads(line)
                text = poem["text"].translate(str.maketrans(",.", "，。"))
                if independent.is_layout(text, *LINES[poem["form"]]):
                    found.append((poem["form"], text))
    rng.shuffle(found)
    return found[:count]


def couplets(data, rng, count):
    """The texts of so many couplets, half of them out of regulated verse."""
    found = []
    for name, size in (("couplets_lushi", 250_000), ("couplets", 89_000)):
        with lzma.open(data / f"{name}.tsv.xz", "rt", encoding="utf-8") as file:
            for line in file:
                if rng.random() < count / size:
                    text = "，".join(line.strip().split("\t")[:2]) + "。"
                    found += [text] * bool(is_even(text))
    rng.shuffle(found)
    return found[:count]


def is_even(text):
    """Whether the text is two lines of one shape, of nothing but characters and commas."""
    half = len(text) // 2
    shapes = [re.sub("[^，]", "□", text[:half]), re.sub("[^，]", "□", text[half:-1] + "，")]
    plain = all(map(independent.is_letter, re.sub("[，。]", "", text)))
    return len(text) % 2 == 0 and shapes[0] == shapes[1] and plain and text.count("。") == 1 and 4 <= half <= 24


def tunes(tables, most=140):
    """The tunes whose forms are all no longer than that."""
    found = []
    for name in (tune["names"][0] for tune in tables.tunes):
        longest = max(independent.size(form) + len(form["lines"]) for form in tables.of_tune(name))
        found += [Tune(name, longest)] if longest <= most else []
    return found


def songs(data, tables, rng, known, count):
    """(tune, text) of real ci, marked as a form has it that they obey."""
    by_name = {name: tune for tune in known for name in names_of(tables, tune.name)}
    found, per = [], {}
    with lzma.open(data / "ci.jsonl.xz", "rt", encoding="utf-8") as file:
        lines = file.readlines()
    for line in rng.sample(lines, len(lines)):
        song = json.loads(line)
        tune = by_name.get(song["cipai"])
        if tune and per.get(tune, 0) < max(2, count // 20) and len(found) < count:
            text = marked(tables, tune.name, song["text"])
            found += [(tune, text)] * bool(text)
            per[tune] = per.get(tune, 0) + bool(text)
    return found


def names_of(tables, name):
    return next(tune["names"] for tune in tables.tunes if name in tune["names"])


def marked(tables, tune, text):
    """The text with the marks of a form that it obeys, "" if there is none."""
    chars = [char for char in text if char.isalpha()]
    for form in tables.of_tune(tune):
        if independent.size(form) == len(chars):
            rest = iter(chars)
            laid = "".join("".join(next(rest) for _ in options[0]) + mark for options, _, mark in form["lines"])
            if independent.sung_ways(tables, laid, {"tune": tune, "book": "cilin", "tones": "loose"}):
                return laid
    return ""
