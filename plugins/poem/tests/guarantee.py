"""Runs random requests for verse through the engine and tells, for each, what became of it.

    python plugins/poem/tests/guarantee.py 10000 --seed 1
"""

import argparse
import os
import sys
import time
from collections import Counter
from pathlib import Path

import asking
import independent
import solver

from gen_engine import Engine, load
from gen_engine.errors import ConflictError, GenError, UndecidedError
from gen_engine.testing.models import table_model
from gen_engine.types import Request

TINY = (
    "春夏秋冬东南风月花红中空",
    "一二三天山水人心来回开台长江年前",
    "白日依山尽黄河入海流欲穷千里目更上一层楼床前明月光疑是地霜举头望低思故乡",
)
"""Small alphabets with characters of all tones, some that rhyme and some of several readings."""


def tiny_engine(alphabet, salt):
    """An engine around a model with random logits over an alphabet and the marks of verse."""
    return Engine(table_model("", *alphabet, "，", "。", "、", end=0, salt=salt))


def outcome(engine, tables, asked):
    """What became of a request: "right", or how it was refused, or what is wrong."""
    request = Request(asked.prompt, asked.processors, 1, asked.seed, asked.max_new, asked.decoder)
    try:
        (done,) = engine.generate_batch([request])[0][:1]
    except ConflictError:
        return "refused", ""
    except UndecidedError:
        return "undecided", ""
    except GenError as problem:
        return "refused at once", str(problem)
    wrong = asking.verdict(tables, asked, done.text.translate(str.maketrans(",.", "，。")))
    return ("wrong: " + ", ".join(wrong) if wrong else "right"), done.text


def is_confirmed(tables, alphabet, asked):
    """Whether the refusal of a request is right, None if nobody looked: by trying everything on a tiny alphabet."""
    wishes = asked.wishes
    unchecked = wishes.get("tune") or wishes.get("require") or wishes.get("ban") or asked.prompt
    if unchecked or (wishes.get("no_repeat") and wishes.get("distinct_rhymes")) or len(alphabet) > 20:
        return None
    return not solver.is_possible(tables, frozenset(alphabet), wishes)


def run(count, seed, tables, data, tell=print, share_of_shipped=0.4):
    """Asks `count` times, and returns how often what happened; `tell` is told of everything that is wrong."""
    rng = asking.generator(seed)
    shipped = load("poem")
    known = {text for text in shipped.tokenizer.vocabulary.texts if text}
    places = [(shipped, known, asking.poems(data, known, 600, rng), asking.songs(data, tables, known, 150))]
    for salt, alphabet in enumerate(TINY):
        chars = set(alphabet) | set("，。、")
        places.append((tiny_engine(alphabet, salt), chars, [], []))
    found, slow = Counter(), []
    for number in range(count):
        engine, chars, real, sung = places[0] if rng.random() < share_of_shipped else rng.choice(places[1:])
        asked = asking.ask(tables, rng, chars, planted_in(rng, real), sung)
        begun = time.perf_counter()
        what, text = outcome(engine, tables, asked)
        slow.append((time.perf_counter() - begun, asked.processors))
        confirmed = is_confirmed(tables, chars - set("，。、"), asked) if what == "refused" and engine is not shipped else None
        found["planted" if asked.planted else "free", what] += 1
        found["refusals confirmed" if confirmed else "refusals denied"] += confirmed is not None
        if what.startswith("wrong") or (asked.planted and what != "right") or confirmed is False or what == "undecided":
            tell(number, what, asked.processors, asked.prompt, asked.decoder, asked.planted, text, confirmed)
        if number % 500 == 499:
            tell("#", number + 1, dict(found), "slowest", max(slow))
    return found


def planted_in(rng, real):
    return real


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    data = Path(os.environ["GEN_DATA"])
    found = run(given.count, given.seed, independent.open_tables(data), data, lambda *what: print(*what, flush=True))
    print(*(f"{count:6d} {what}" for what, count in sorted(found.items(), key=str)), sep="\n")
    sys.exit(any("wrong" in str(what) or what == ("planted", "refused") for what in found))


if __name__ == "__main__":
    main()
