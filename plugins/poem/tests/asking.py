"""Random requests for verse, in every combination of wishes; half of them read off real poems, so that a text exists."""

import json
import lzma
import random
from dataclasses import dataclass, field

import independent
from independent import LINES

BOOKS = ("pingshui", "pingshui", "cilin", "xinyun", "tongyun")
DECODERS = ("sample", "sample", "sample", "greedy", "beam,width=3", "smc,particles=4")
TUNES = ("浣溪沙", "西江月", "如梦令", "菩萨蛮", "卜算子", "忆江南", "清平乐", "蝶恋花")


@dataclass(frozen=True)
class Asked:
    """A request: `wishes` for the checker, `processors` for the engine; `planted` is a text that fulfils them."""

    wishes: dict
    processors: tuple
    prompt: str
    decoder: str
    seed: int
    max_new: int
    planted: str = ""
    checked: dict = field(default_factory=dict)


def poems(data, alphabet, count, rng):
    """Real poems of these characters, in the marks of the forms."""
    found = []
    with lzma.open(data / "poems.jsonl.xz", "rt", encoding="utf-8") as file:
        for line in file:
            poem = json.loads(line)
            text = poem["text"].translate(str.maketrans(",.", "，。"))
            if rng.random() < 0.05 and set(text) <= alphabet and independent.is_layout(text, *LINES[poem["form"]]):
                found.append((poem["form"], text))
                if len(found) >= count:
                    break
    rng.shuffle(found)
    return found


def songs(data, tables, alphabet, count):
    """Real ci of these characters, marked as one form of their tune has it: (tune, text)."""
    found = []
    with lzma.open(data / "ci.jsonl.xz", "rt", encoding="utf-8") as file:
        for line in file:
            song = json.loads(line)
            if song["cipai"] in TUNES and len(found) < count:
                text = marked(tables, song["cipai"], song["text"])
                if text and set(text) - set("、") <= alphabet:
                    found.append((song["cipai"], text))
    return found


def marked(tables, tune, text):
    """The text with the marks of a form that it obeys, "" if there is none."""
    chars = [char for char in text if char.isalpha()]
    for form in tables.of_tune(tune):
        segments = independent._segments(form)
        if segments and sum(len(tones) for tones, _ in segments) == len(chars):
            rest = iter(chars)
            laid = "".join("".join(next(rest) for _ in tones) + mark for tones, mark in segments)
            if independent.obeys_tune(tables, laid, tune):
                return laid
    return ""


def spelled(wishes):
    """The processors of the engine for these wishes."""
    found = ["no_unk", "no_special"]
    if wishes.get("tune"):
        found.append(f"form={wishes['tune']},book=cilin")
    elif wishes.get("form"):
        options = {"tones": wishes["tones"], "book": wishes["book"], "rhyme": wishes.get("group"), "start": wishes.get("start"),
                   "first": wishes.get("first"), "rows": wishes["rows"] if "排" in wishes["form"] else None}  # fmt: skip
        verse = wishes["form"] + "".join(f",{key}={value}" for key, value in options.items() if value)
        found += [f"form={verse}"] + [f"distinct_rhymes={verse}"] * bool(wishes.get("distinct_rhymes"))
    else:
        found.append(f"form={wishes['rows']}x{wishes['cols']}")
    for kind in ("acrostic", "acrostic tail", "acrostic diagonal"):
        if wishes.get(kind):
            found.append(f"acrostic={wishes[kind]}" + (f",at={kind.split()[1]}" if " " in kind else ""))
    found += [f"{name}={'|'.join(wishes[name])}" for name in ("require", "ban") if wishes.get(name)]
    found += [f"template='{wishes['template']}'"] if wishes.get("template") else []
    found += ["distinct"] * bool(wishes.get("distinct"))
    found += [f"no_repeat={wishes['no_repeat']},exempt=punctuation"] if wishes.get("no_repeat") else []
    found += ["parallel"] * bool(wishes.get("parallel"))
    return found


def random_wishes(rng, alphabet):
    """Wishes that may or may not have a text."""
    form = rng.choice([*LINES, ""])
    wishes = {"form": form, "tones": rng.choice(["strict", "loose", "off"]), "book": rng.choice(BOOKS)}
    rows, cols = LINES[form] if form else (rng.randint(1, 6), rng.randint(1, 7))
    wishes |= {"rows": rows or rng.choice([10, 12]), "cols": cols}
    if form and rng.random() < 0.3:
        wishes |= {"start": rng.choice(["平起", "仄起", ""]), "first": rng.choice(["rhymed", "unrhymed", ""])}
    return wishes | _more(rng, wishes, lambda: rng.choice(alphabet), None)


def _more(rng, wishes, char, text):
    """A few wishes beside the form; read off `text` if there is one."""
    rows, cols = wishes["rows"], wishes["cols"]
    lines = independent.split(text)[0] if text else [[char() for _ in range(cols)] for _ in range(rows)]
    found = {}
    if rng.random() < 0.4:
        count = rng.randint(1, min(rows, cols))
        kind = rng.choice(["acrostic", "acrostic", "acrostic tail", "acrostic diagonal"])
        place = {"acrostic": lambda n: 0, "acrostic tail": lambda n: -1, "acrostic diagonal": lambda n: n}[kind]
        found[kind] = "".join(line[place(n)] for n, line in enumerate(lines[:count]))
    if rng.random() < 0.25:
        shown = rng.random()
        marks = ["，" if n % 2 == 0 and n + 1 < rows else "。" for n in range(rows)]
        blank = ["".join(c if rng.random() < shown * 0.4 else "□" for c in line) for line in lines]
        found["template"] = "".join(line + mark for line, mark in zip(blank, marks, strict=True))
    if rng.random() < 0.2:
        found["require"] = "".join({rng.choice(rng.choice(lines)) for _ in range(rng.randint(1, 2))})
    if rng.random() < 0.2:
        found["ban"] = "".join({char() for _ in range(3)} - (set(text) if text else set(found.get("require", ""))))
    found["distinct"] = rng.random() < 0.25
    found["no_repeat"] = 0 if found["distinct"] or rng.random() < 0.7 else rng.choice([1, 2, 3])
    found["distinct_rhymes"] = bool(wishes["form"]) and rng.random() < 0.5
    return found


def planted_wishes(tables, rng, form, text, alphabet):
    """Wishes that this poem fulfils, as the independent checker sees it."""
    rows = len(independent.split(text)[0])
    wishes = {"form": form, "rows": rows, "cols": LINES[form][1], "book": rng.choice(BOOKS)}
    tones = [
        t
        for t in ("strict", "loose", "off")
        if independent.obeys_regulated(tables, text, form, tones=t, book=wishes["book"])
    ]
    if not tones:
        wishes |= {"form": "", "tones": "off"}
    else:
        wishes["tones"] = tones[0] if rng.random() < 0.6 else tones[-1]
    wishes |= _more(rng, wishes, lambda: rng.choice(alphabet), text)
    broken = independent.breaks(text, "", {name: wish for name, wish in wishes.items() if wish and name in OPTIONAL})
    return {name: wish for name, wish in wishes.items() if name not in broken}


OPTIONAL = (
    "acrostic",
    "acrostic tail",
    "acrostic diagonal",
    "template",
    "require",
    "ban",
    "distinct",
    "no_repeat",
    "distinct_rhymes",
)


def ask(tables, rng, alphabet, real, sung=(), decoders=DECODERS):
    """One request; planted half of the time."""
    alphabet, planted = sorted(alphabet - set("，。、")), ""
    if sung and rng.random() < 0.15:
        tune, planted = rng.choice(sung)
        wishes = {"tune": tune}
    elif real and rng.random() < 0.5:
        form, planted = rng.choice(real)
        wishes = planted_wishes(tables, rng, form, planted, alphabet)
    else:
        wishes = random_wishes(rng, alphabet)
    begun = rng.choice([0, 0, 0, 2, 9]) if planted and not wishes.get("ban") else 0
    size = len(planted) if wishes.get("tune") else wishes["rows"] * (wishes["cols"] + 1)
    size = max(size, 130) if wishes.get("tune") else size
    return Asked(
        wishes,
        tuple(spelled(wishes)),
        planted[:begun],
        rng.choice(decoders),
        rng.randrange(2**32),
        size - begun,
        planted,
    )


def verdict(tables, asked, text):
    """What is wrong with a text that was written for a request, in words; nothing if all is right."""
    wishes = asked.wishes
    if wishes.get("tune"):
        return [] if independent.obeys_tune(tables, text, wishes["tune"]) else ["tune"]
    found = [] if independent.is_layout(text, wishes["rows"], wishes["cols"]) else ["layout"]
    if found:
        return found
    keys = ("tones", "book", "group", "start", "first")
    given = {key: wishes[key] for key in keys if wishes.get(key)}
    if wishes.get("form") and not independent.obeys_regulated(tables, text, wishes["form"], **given):
        found.append("tones and rhyme")
    return found + independent.breaks(text, asked.prompt, {n: w for n, w in wishes.items() if w and n in OPTIONAL})


def generator(seed):
    """Random numbers of one run of requests."""
    return random.Random(seed)
