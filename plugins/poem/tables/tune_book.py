"""Read the forms of the tune books: signs, marks and rhymes, each checked against the example it comes with."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from freedoms import Form, ToneOptions, Tones, cut, heard, lay_freedoms, misses, parse

MARKS = "，、。"
SENSE = {"，": "句", "、": "读"}
MODERN = {("贺新郎", 12)}
"""Forms of the source that are no old ones: their example is a joke of our days."""

OTHER_NAMES = Path(__file__).parent / "names.txt"
"""Usual names that the source does not list, other spellings among them; the first of a line is one that it has. A name
may stand in several lines: it means several tunes."""

SECOND = "龙"
"""What the names of forms of the second book begin with."""

FULL = str.maketrans("？！；：", "。。，，")

Parts = dict[str, set[tuple[bool, int]]]
Counts = dict[str, list[str]]
Book = list[dict[str, Any]]


@dataclass(frozen=True)
class Tune:
    """A tune of the first book with all its names, its forms, and those of the second book."""

    names: list[str]
    forms: list[Form]


def read_tunes(book: Book, second: Book, parts: Parts, songs: dict[str, list[str]],
               tones: Tones) -> tuple[list[str], Counts]:  # fmt: skip
    """Lines of the table, a tune's names and then its forms, and what was mended or left out.

    `songs` are real ci by the names of their tunes, `tones` those that characters have.
    """
    counts: Counts = defaultdict(list)
    more = other_names(book)
    tunes = []
    for each in book:
        extra = more.get(each["names"][0], [])
        counts["names added"] += extra
        tunes.append(Tune([*each["names"], *extra], list(read_forms(each, parts, counts))))
    for each in second:
        add_second(tunes, each, parts, tones, counts)
    lines: list[str] = []
    for tune in tunes:
        own = [song for name in tune.names for song in songs.get(name, ())]
        lines += [*[""][: bool(lines)], "/".join(tune.names), *written(tune, own, tones, counts)]
    return lines, dict(counts)


def read_forms(tune: dict[str, Any], parts: Parts, counts: Counts) -> Iterator[Form]:
    """The forms of a tune of the first book by their numbers."""
    for number, form in enumerate(tune["forms"], 1):
        here = f"{tune['names'][0]} {number}"
        if (tune["names"][0], number) in MODERN:
            counts["left out: a modern example"].append(here)
        elif found := one_form(form, str(number), parts, lambda what, here=here: counts[what].append(here)):
            counts["forms"].append(here)
            yield found


def one_form(form: dict[str, Any], name: str, parts: Parts, note: Any) -> Form | None:
    """A form and the words of its example."""
    pattern = read_form(form, parts, note)
    words = "".join(char for char in mended_marks(form["origin"], lambda _: None) if char not in MARKS)
    return None if pattern is None else parse(name, pattern, words)


def add_second(tunes: Sequence[Tune], tune: dict[str, Any], parts: Parts, tones: Tones, counts: Counts) -> None:
    """Add the forms of a tune of the second book to the tune of its name that has the form most like each."""
    meant = [each for name in tune["names"] for each in tunes if name in each.names]
    for form in tune["forms"]:
        plain = form | {"origin": form["origin"].translate(FULL)}
        found = one_form(plain, SECOND, parts, lambda _: None)
        if not meant or found is None:
            counts["second book: not read"].append(tune["names"][0])
            continue
        home = min(meant, key=lambda each, found=found: unlike(each, found, tones))
        number = 1 + sum(each.is_second for each in home.forms)
        home.forms.append(replace(found, name=f"{SECOND}{number}"))


def unlike(tune: Tune, form: Form, tones: Tones) -> float:
    """How many tones of a form's example its likest form of a tune does not admit; infinite if none has its shape."""
    sounds = heard(form.words, tones)
    alike = ("".join(row.signs for row in each.rows) for each in tune.forms if each.shape == form.shape)
    return min((misses(sounds, signs) for signs in alike), default=float("inf"))


def written(tune: Tune, songs: Sequence[str], tones: Tones, counts: Counts) -> Iterator[str]:
    """The forms with their freedoms; one of the second book only if no other says the same."""
    said: list[tuple[Form, list[ToneOptions]]] = []
    for form, options in zip(tune.forms, lay_freedoms(tune.forms, songs, tones), strict=True):
        if form.is_second and any(each.shape == form.shape and admits(its, each, form, tones) for each, its in said):
            counts["second book: in the first, too"].append(f"{tune.names[0]} {form.name}")
            continue
        counts["second book: forms of their own"] += [f"{tune.names[0]} {form.name}"] * form.is_second
        said.append((form, options))
        lines = ("/".join(each) + row.letter + row.mark for each, row in zip(options, form.rows, strict=True))
        yield f"{form.name} {''.join(lines)}"


def admits(options: Sequence[ToneOptions], form: Form, other: Form, tones: Tones) -> bool:
    """Whether a form admits the example of another of its shape."""
    sounds = cut(heard(other.words, tones), form)
    return all(any(not misses(line, option) for option in each) for line, each in zip(sounds, options, strict=True))


def other_names(book: Book) -> dict[str, list[str]]:
    """The names that each tune has beside those of the source; ValueError for a tune that there is not."""
    listed = [line.split() for line in OTHER_NAMES.read_text(encoding="utf-8").splitlines()]
    more = {known: names for known, *names in listed}
    if unknown := set(more) - {tune["names"][0] for tune in book}:
        raise ValueError(f"{OTHER_NAMES.name} names tunes that the book has not: {unknown}")
    return more


def read_form(form: dict[str, Any], parts: Parts, note: Any) -> str | None:
    """Signs, with a letter after each rhyming place and a mark after each line; None where the source contradicts."""
    signs, example = form["ge_lyu_str"], mended_marks(form["origin"], note)
    words = [char for char in example if char not in MARKS]
    if len(words) != len(signs) or set(signs) - set("平仄中"):
        note("left out: signs do not fit the example")
        return None
    marks = marks_by_place(example)
    if marks is None or len(signs) - 1 not in marks:
        note("left out: marks that end no line")
        return None
    check_markings(form, example, note)
    letters = rhymes(form["yun_classify"], note)
    add_missing_rhymes(letters, words, marks, parts, note)
    if not set(letters) <= set(marks):
        note("left out: a rhyme within a line")
        return None
    fixed = settle_signs(signs, letters, form["yun_classify"], note)
    judge_example(fixed, words, letters, parts, note)
    return "".join(f"{sign}{letters.get(i, '')}{marks.get(i, '')}" for i, sign in enumerate(fixed))


def mended_marks(example: str, note: Any) -> str:
    """A refrain of one word after each rhyme (some, 也) is a line of its own that follows its rhyme closely."""
    for word in "些也":
        if example.endswith(f"。{word}，"):
            note("refrain after each rhyme")
            return example.replace(f"。{word}，", f"、{word}。")
    return example


def marks_by_place(example: str) -> dict[int, str] | None:
    """The mark after each place that has one; None if two marks stand together."""
    marks: dict[int, str] = {}
    place = -1
    for char in example:
        if char not in MARKS:
            place += 1
        elif place in marks or place < 0:
            return None
        else:
            marks[place] = char
    return marks


def check_markings(form: dict[str, Any], example: str, note: Any) -> None:
    """Compare the marks of the example with the words 句 and 读 of the other transcription, its noise left out."""
    text = "".join(form["ge_lyu_sep"])
    if not set(text) <= set("平仄中韵句读叶换叠重"):
        note("noise in the other transcription, not used")
    said = [char for char in text if char in "句读"]
    if said != [SENSE[char] for char in example if char in SENSE]:
        note("句/读 differ between the two transcriptions; the example's marks are kept")


def rhymes(classes: dict[str, list[int]], note: Any) -> dict[int, str]:
    """A letter for each rhyming place, in the order in which the rhymes appear."""
    first = sorted(classes.values(), key=lambda places: min(map(abs, places)))
    groups: list[list[int]] = []
    for places in first:
        if len(places) == 1 and places[0] < 0 and groups:
            note("a lone 叶 joined to the rhyme before it")
            groups[-1] = groups[-1] + places
        else:
            groups.append(places)
    return {abs(place): chr(ord("A") + i) for i, places in enumerate(groups) for place in places}


def add_missing_rhymes(letters: dict[int, str], words: list[str], marks: dict[int, str], parts: Parts,
                       note: Any) -> None:  # fmt: skip
    """A full stop that the source gives no rhyme, and whose word rhymes with the rhyme before it, is one."""
    for place, mark in marks.items():
        before = max((each for each in letters if each < place), default=None)
        if mark == "。" and place not in letters and before is not None:
            if parts.get(words[place], set()) & parts.get(words[before], set()):
                letters[place] = letters[before]
                note("a rhyme that the source forgot")
            else:
                note("a full stop without a rhyme")


def settle_signs(signs: str, letters: dict[int, str], classes: dict[str, list[int]], note: Any) -> str:
    """The signs, with a tone for each rhyming place: 叶 changes the tone of the rhyme."""
    turned = {-place for places in classes.values() for place in places if place < 0}
    settled = list(signs)
    for place, letter in letters.items():
        if signs[place] == "中":
            others = {signs[i] for i in letters if letters[i] == letter and i not in turned} - {"中"}
            own = (others == {"平"}) == (place not in turned)
            settled[place] = "平" if own else "仄"
            note("a rhyming place without a tone")
    return "".join(settled)


def judge_example(signs: str, words: list[str], letters: dict[int, str], parts: Parts, note: Any) -> None:
    """Say whether the example obeys its own form (old readings differ here and there, so nothing is left out)."""
    tones = [{level for level, _ in parts.get(word, ())} for word in words]
    misses = sum(bool(tone) and sign != "中" and (sign == "平") not in tone
                 for sign, tone in zip(signs, tones, strict=True))  # fmt: skip
    if misses > len(signs) // 5:
        note("the example breaks more than a fifth of its own tones")
    for letter in set(letters.values()):
        shared = [{p for _, p in parts.get(words[i], ())} for i in letters if letters[i] == letter]
        if shared and not set.intersection(*shared):
            note("an example whose words do not rhyme in 词林正韵")
            break
