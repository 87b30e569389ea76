"""Random requests for verse, in every combination of wishes; some are read off real poems, so that a text exists."""

import random
from dataclasses import dataclass, field

import independent
from independent import LEVEL, LINES, OBLIQUE, OLD

BOOKS = ("pingshui", "pingshui", "pingshui", "cilin", "xinyun", "tongyun", "none")
DECODERS = ("sample",) * 7 + ("greedy", "beam,width=3", "smc,particles=4")
SHAPERS = ("temperature=0.7", "temperature=1.8", "top_k=5", "top_p=0.8")
ACROSTICS = {"acrostic": lambda n: 0, "acrostic tail": lambda n: -1, "acrostic diagonal": lambda n: n}


@dataclass(frozen=True)
class Case:
    """Wishes for the checker, `processors` for the engine; `planted` is a text that fulfils them, if one is known.

    `size` is how many characters the text may have, and `must_begin` how much of the planted one is given at least.
    """

    wishes: dict
    processors: tuple
    size: int
    planted: str = ""
    must_begin: int = 0


@dataclass(frozen=True)
class World:
    """A model, the characters that it knows, and real poems, songs and couplets to read wishes off."""

    name: str
    engine: object
    chars: tuple
    poems: tuple = ()
    songs: tuple = ()
    couplets: tuple = ()
    tunes: tuple = ()
    known: frozenset = field(default=frozenset())


# ---------------------------------------------------------------------------------------------- as processors


def spelled(wishes):
    """The processors of the engine for these wishes."""
    found = ["no_unk", "no_special", *shape_rules(wishes)]
    given = [kind for kind in ACROSTICS if wishes.get(kind)]
    found += [f"acrostic={wishes[kind]}" + (f",at={kind.split()[1]}" if " " in kind else "") for kind in given]
    found += [f"{name}={'|'.join(wishes[name])}" for name in ("require", "ban") if wishes.get(name)]
    found += [f"template='{wishes['template']}'"] if wishes.get("template") else []
    found += ["distinct"] * bool(wishes.get("distinct"))
    found += [f"no_repeat={wishes['no_repeat']},exempt=punctuation"] if wishes.get("no_repeat") else []
    if wishes.get("parallel"):
        numbers, book = wishes["parallel"]
        found.append(f"parallel={'|'.join(map(str, numbers))},book={book}")
    return tuple(found)


def shape_rules(wishes):
    if wishes.get("couplet"):
        return [f"couplet={'，'.join(map(str, wishes['couplet']))},book={wishes['book']}"]
    name = wishes.get("tune") or wishes.get("form")
    if not name:
        return [f"form={wishes['rows']}x{wishes['cols']}"]
    rows = wishes["rows"] if not wishes.get("tune") and not LINES[name][0] else None
    options = {key: wishes.get(key) for key in ("tones", "book", "start", "first", "variant")}
    options |= {"rhyme": wishes.get("group"), "rows": rows}
    verse = name + "".join(f",{key}={value}" for key, value in options.items() if value)
    return [f"form={verse}"] + [f"distinct_rhymes={verse}"] * bool(wishes.get("distinct_rhymes"))


# ------------------------------------------------------------------------------------------ wishes without a text


def free_case(rng, world):
    """Wishes that may or may not have a text."""
    dice = rng.random()
    if dice < 0.1 and world.tunes:
        return free_song(rng, world)
    if dice < 0.2 and not is_crowded(world):
        shape = rng.choice([(3,), (5,), (7,), (7,), (9,), (4, 5), (4, 4, 6)])
        wishes = {"couplet": shape, "book": rng.choice(BOOKS)}
        return Case(wishes, spelled(wishes), 2 * sum(shape) + 2 * len(shape))
    wishes = free_form(rng)
    if wishes["form"] and wishes["book"] != "none" and rng.random() < 0.15:
        wishes["group"] = rng.choice("东支先阳庚" if wishes["book"] == "pingshui" else GROUPS[wishes["book"]])
    wishes |= more(rng, wishes, world.chars, None)
    if rng.random() < 0.15 and not is_crowded(world):
        wishes["parallel"] = tuple(sorted({rng.randint(1, 4) for _ in range(2)})), rng.choice(BOOKS)
    return Case(wishes, spelled(wishes), wishes["rows"] * (wishes["cols"] + 1))


GROUPS = {"cilin": (1, 2, 3, 7, 11), "xinyun": "麻波寒唐庚", "tongyun": "啊安昂英衣"}


def free_form(rng):
    """A form with some way to be judged."""
    form = rng.choice([*LINES, *LINES, "", ""])
    wishes = {"form": form, "tones": rng.choice(["strict", "loose", "off"]), "book": rng.choice(BOOKS)}
    rows, cols = LINES[form] if form else (rng.randint(1, 6), rng.randint(1, 7))
    if not rows:
        rows = rng.choice((2, 3, 6, 9) if form in OLD else (4, 6) if form == "六言" else (10, 12))
    wishes |= {"rows": rows, "cols": cols}
    if form and independent.tones_of(wishes) != "off" and rng.random() < 0.3:
        wishes |= {"start": rng.choice(["平起", "仄起", ""]), "first": rng.choice(["rhymed", "unrhymed", ""])}
    if form and form not in OLD and wishes["book"] == "pingshui" and rng.random() < 0.2:
        wishes["first"] = "neighbour"
    return wishes


def is_crowded(world):
    """Whether couplets of few characters have no room: there the search for what is still possible takes too long."""
    return len(world.chars) < FEW


FEW = 60


def free_song(rng, world):
    tune = rng.choice(world.tunes)
    wishes = {
        "tune": tune.name,
        "book": rng.choice(["cilin", "cilin", "xinyun"]),
        "tones": rng.choice(["loose", "off"]),
    }
    wishes["distinct_rhymes"] = rng.random() < 0.3
    return Case(wishes, spelled(wishes), tune.longest)


def more(rng, wishes, chars, text):
    """A few wishes beside the form; read off `text` if there is one."""
    rows, cols = wishes["rows"], wishes["cols"]
    lines = independent.split(text)[0] if text else [[rng.choice(chars) for _ in range(cols)] for _ in range(rows)]
    found = {}
    if rng.random() < 0.4:
        count = rng.randint(1, min(rows, cols))
        kind = rng.choice(["acrostic", "acrostic", "acrostic tail", "acrostic diagonal"])
        found[kind] = "".join(line[ACROSTICS[kind](n)] for n, line in enumerate(lines[:count]))
    if rng.random() < 0.25:
        shown = rng.random()
        marks = ["，" if n % 2 == 0 and n + 1 < rows else "。" for n in range(rows)]
        blank = ["".join(c if rng.random() < shown * 0.4 else "□" for c in line) for line in lines]
        found["template"] = "".join(line + mark for line, mark in zip(blank, marks, strict=True))
    if rng.random() < 0.2:
        found["require"] = "".join({rng.choice(rng.choice(lines)) for _ in range(rng.randint(1, 2))})
    if rng.random() < 0.2:
        spared = set(text) if text else set(found.get("require", ""))
        found["ban"] = "".join(sorted({rng.choice(chars) for _ in range(3)} - spared))
    found["distinct"] = rng.random() < 0.25
    found["no_repeat"] = (
        0 if found["distinct"] or rng.random() < 0.7 else rng.choice([1, 2, 3, 8 if len(chars) >= FEW else 3])
    )
    found["distinct_rhymes"] = bool(wishes["form"]) and wishes["book"] != "none" and rng.random() < 0.5
    return found


# --------------------------------------------------------------------------------------- wishes read off real ones


def planted_case(tables, rng, world):
    """Wishes that a real poem fulfils, as the independent checker sees it."""
    dice = rng.random()
    if world.songs and (dice < 0.15 or not world.poems):
        return planted_song(tables, rng, world)
    if world.couplets and (dice < 0.3 or not world.poems) and not is_crowded(world):
        return planted_couplet(tables, rng, world)
    form, text = rng.choice(world.poems)
    if LINES[form][1] == 7 and rng.random() < 0.06:  # six characters a line, as there are no such poems
        lines, marks = independent.split(text)
        text, form = "".join(line[1:] + mark for line, mark in zip(lines, marks, strict=True)), "六" + form[1]
    wishes = judged(tables, rng, form, text)
    wishes |= more(rng, wishes, world.chars, text)
    if rng.random() < 0.25 and not is_crowded(world):
        book = rng.choice(BOOKS)
        lines = independent.split(text)[0]
        fit = [
            n for n in range(1, len(lines) // 2 + 1) if independent.are_couplets_parallel(tables, lines, ((n,), book))
        ]
        wishes["parallel"] = (tuple(fit), book) if fit else None
    wishes = without_broken(tables, text, wishes)
    return Case(wishes, spelled(wishes), len(text), text, begins_unknown(world, text))


def begins_unknown(world, text):
    """How much of a text must be given because the model has no token for some of its characters."""
    return max((n + 1 for n, char in enumerate(text) if char not in world.known), default=0)


def without_broken(tables, text, wishes):
    broken = independent.breaks(tables, text, "", wishes)
    return {name: wish for name, wish in wishes.items() if name not in broken}


def judged(tables, rng, form, text):
    """The form of a text, and how strictly and by which book it is one."""
    lines = independent.split(text)[0]
    name = rng.choice([form] * 6 + [{5: "五古", 7: "七古"}.get(len(lines[0]), form), ""])
    wishes = {"form": name, "rows": len(lines), "cols": len(lines[0]), "book": rng.choice(BOOKS), "tones": "off"}
    fit = [t for t in ("strict", "loose", "off") if name and independent.ways(tables, lines, {**wishes, "tones": t})]
    if not fit:
        return {**wishes, "form": "", "tones": "off"}
    wishes["tones"] = fit[0] if rng.random() < 0.6 else fit[-1]
    found = independent.ways(tables, lines, wishes)
    head, rhymed = rng.choice(found)
    if independent.tones_of(wishes) != "off" and rng.random() < 0.3:
        wishes["start"] = {LEVEL: "平起", OBLIQUE: "仄起"}[head]
    if rng.random() < 0.3:
        wishes["first"] = "rhymed" if rhymed else "unrhymed"
    if wishes["book"] != "none" and rng.random() < 0.3:
        wishes["group"] = shared_group(tables, lines, wishes)
    return wishes


def shared_group(tables, lines, wishes):
    """A group in which the even lines rhyme by the wishes."""
    groups = {group for _, group, _ in tables.readings(lines[1][-1], wishes["book"])}
    return next(g for g in sorted(groups, key=str) if independent.ways(tables, lines, {**wishes, "group": g}))


def planted_song(tables, rng, world):
    tune, text = rng.choice(world.songs)
    wishes = {"tune": tune.name, "book": "cilin", "tones": rng.choice(["loose", "loose", "off"])}
    way = independent.sung_ways(tables, text, wishes)[0]
    is_first = independent.variants(tables, {**wishes, "variant": way["number"]}) == [way]
    wishes["variant"] = way["number"] if is_first and rng.random() < 0.3 else None
    if rng.random() < 0.2:
        wishes["require"] = "".join({rng.choice([c for c in text if c not in "，。、"]) for _ in range(2)})
    wishes["no_repeat"] = rng.choice([0, 0, 0, 1, 2])
    wishes = without_broken(tables, text, wishes)
    return Case(wishes, spelled(wishes), tune.longest, text.replace("、", "，"), begins_unknown(world, text))


def planted_couplet(tables, rng, world):
    text = rng.choice(world.couplets)
    shape = tuple(map(len, text[: len(text) // 2 - 1].split("，")))
    books = [b for b in BOOKS if not independent.couplet_faults(tables, text, {"couplet": shape, "book": b})]
    if not books and len(shape) > 1:
        return free_case(rng, world)
    plain = {"form": "", "rows": 2, "cols": shape[0], "tones": "off", "book": "none"}
    wishes = {"couplet": shape, "book": rng.choice(books)} if books else plain
    if rng.random() < 0.3 and len(shape) == 1:
        wishes["acrostic"] = text[0] + text[shape[0] + 1]
    wishes["distinct"] = rng.random() < 0.3
    wishes = without_broken(tables, text, wishes)
    return Case(wishes, spelled(wishes), len(text), text, begins_unknown(world, text))


# ------------------------------------------------------------------------------------------------- what is asked


def prompts(rng, case, world):
    """One or two beginnings to ask for a case with."""
    if not case.planted:
        odd = "".join(rng.choice(world.chars) for _ in range(rng.randint(1, 2)))
        return ["", odd] if rng.random() < 0.2 else [""]
    least, size = case.must_begin, len(case.planted)
    if rng.random() < 0.6:
        return [case.planted[:least]]
    longer = rng.choice([least, min(size - 1, least + 2), rng.randrange(least, size), size - 1])
    return sorted({case.planted[:least], case.planted[: max(longer, least)]})


def generator(seed):
    """Random numbers of one run of requests."""
    return random.Random(seed)
