"""Runs random requests for verse through the engine and tells, for each, what became of it.

python plugins/poem/tests/support/guarantee.py 10000 --seed 1 [--fresh]

With --fresh each is also asked of an engine that was asked nothing before, and must be answered alike.
"""

import argparse
import os
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import asking
import independent
import solver
import treasury

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

SHARE_OF_LARGE = 0.4
"""How many of the cases are asked of the shipped model."""

SHAPES = ("normal", "normal", "normal", "ties", "holes", "extreme", "void")


@dataclass
class Found:
    """What became of the requests so far; `tell` is told of everything that is wrong."""

    tell: object
    outcomes: Counter = field(default_factory=Counter)
    refusals: Counter = field(default_factory=Counter)
    checks: Counter = field(default_factory=Counter)
    unlike: Counter = field(default_factory=Counter)
    seconds: Counter = field(default_factory=Counter)
    slowest: tuple = (0.0, "")
    chains: int = 0
    fresh: bool = False

    @property
    def requests(self):
        return sum(self.outcomes.values())

    @property
    def is_clean(self):
        """No wrong text, no planted request refused, no refusal that a text contradicts, nothing crashed."""
        bad = [
            what
            for _, planted, what in self.outcomes
            if what not in ("right", "undecided") and (planted == "planted" or what != "refused")
        ]
        unlike = self.checks["streams that differ"] + self.checks["unlike a fresh engine"]
        return not bad and not self.refusals["denied"] and not unlike


# ----------------------------------------------------------------------------------------------------- worlds


def tiny_world(name, chars, salt, shape="normal", **real):
    """A model of random logits over a few characters and the marks of verse."""
    chars = tuple(sorted(set(chars) - set("，。、")))
    engine = Engine(table_model("", *chars, "，", "。", "、", end=0, salt=salt, shape=shape))
    return asking.World(name, engine, chars, known=frozenset((*chars, *"，。、")), **real)


def worlds(tables, data, rng, tiny=120):
    """The shipped model with many poems; small models over a few alphabets, most of them of a poem or two."""
    poems, couplets = treasury.poems(data, rng, 4000), treasury.couplets(data, rng, 1000)
    known_tunes = treasury.tunes(tables)
    songs = treasury.songs(data, tables, rng, known_tunes, 600)
    model = load("poem")
    known = frozenset(text for text in model.tokenizer.vocabulary.texts if text)
    chars = tuple(sorted(char for char in known if independent.is_letter(char)))

    def begun(text):
        last = max((n + 1 for n, char in enumerate(text) if char not in known | {"、"}), default=0)
        return last <= len(text) * 0.6

    large = asking.World(
        "shipped", model, chars, tuple(p for p in poems if begun(p[1])), tuple(s for s in songs if begun(s[1])),
        tuple(c for c in couplets if begun(c)), tuple(known_tunes), known | {"、"},
    )  # fmt: skip
    small = [tiny_world("tiny", chars, salt, tunes=tuple(known_tunes)) for salt, chars in enumerate(TINY)]
    for salt in range(tiny):
        some = tuple(rng.sample(poems, rng.choice([1, 1, 2, 3])))
        sung = (rng.choice(songs),) if rng.random() < 0.3 else ()
        pairs = tuple(rng.sample(couplets, 2)) if rng.random() < 0.3 else ()
        chars = "".join(text for _, text in (*some, *sung)) + "".join(pairs)
        shape = rng.choice(SHAPES)
        small.append(
            tiny_world("tiny", chars, salt, shape, poems=some, songs=sung, couplets=pairs, tunes=tuple(known_tunes))
        )
    return large, small


# --------------------------------------------------------------------------------------------------- requests


def ask(tables, package, rng, world, case, found):
    """Asks for a case in several ways, and keeps account of what became of it."""
    found.chains += 1
    shapers = (rng.choice(asking.SHAPERS),) if rng.random() < 0.25 else ()
    for prompt in asking.prompts(rng, case, world):
        room = case.size - len(prompt) + rng.choice([0, 0, 0, 1, 20])
        ways = [(rng.choice(asking.DECODERS), rng.randrange(2**32)) for _ in range(rng.choice([4, 5, 6]))]
        asked = [Request(prompt, (*case.processors, *shapers), 1, seed, max(room, 0), way) for way, seed in ways]
        begun = time.thread_time()
        answer = generate(world.engine, asked)
        spent = time.thread_time() - begun
        found.seconds[world.name, answer.partition(":")[0] if isinstance(answer, str) else "texts"] += spent
        if spent > found.slowest[0]:
            found.slowest = spent, f"{world.name} {case.processors} {prompt!r} {ways}"
        if found.fresh:
            compare_fresh(world, asked, answer, found)
        if isinstance(answer, str):
            settle_refusal(tables, world, case, prompt, answer, asked, found)
        else:
            for request, done in zip(asked, answer, strict=True):
                settle_text(tables, package, world, case, request, done, found)
            if rng.random() < 0.03:
                compare_stream(world, asked[0], answer[0], found)


def generate(engine, asked):
    """The completions, or what came instead of them: "refused", "undecided", or the error's words."""
    try:
        return [done for (done,) in engine.generate_batch(asked)]
    except ConflictError:
        return "refused"
    except UndecidedError as problem:
        return f"undecided: {problem}"
    except GenError as problem:
        return f"refused at once: {problem}"


def settle_refusal(tables, world, case, prompt, answer, asked, found):
    """One refusal counts as one request: it depends on neither seed nor decoder."""
    planted = "planted" if case.planted else "free"
    what = answer.partition(":")[0].replace(" at once", "" if prompt else " at once")
    found.outcomes[world.name, planted, what] += 1
    if what in ("refused", "undecided") and world.name == "tiny":
        possible = solver.is_possible(tables, world.chars, case.wishes, prompt)
        verdict = {False: "confirmed", True: "denied", None: "not settled"}[possible]
        found.refusals[verdict if what == "refused" else f"undecided, to be {verdict}"] += 1
        if verdict != "confirmed" and what == "refused":
            found.tell(verdict, case.processors, repr(prompt), "".join(world.chars), answer)
    if case.planted or what == "undecided" or (answer != "refused" and not prompt):
        found.tell(answer, case.processors, repr(prompt), case.planted, world.name, "".join(world.chars)[:150])


def settle_text(tables, package, world, case, request, done, found):
    """A text is right if the independent checker finds no fault with it, nor with what is said about it."""
    text = done.text.translate(str.maketrans(",.", "，。"))
    wrong = independent.judge(tables, case.wishes, request.prompt, text)
    wrong += [] if done.text == request.prompt + done.new and done.new else ["new text"]
    spent = len(done.tokens)
    ended = done.finish in ("full", "end") if spent < request.max_new else spent == request.max_new
    wrong += [] if ended else [f"finish {done.finish} after {spent} tokens"]
    found.checks["exact: false"] += not done.exact
    what = "wrong: " + ", ".join(wrong) if wrong else "right"
    found.outcomes[world.name, "planted" if case.planted else "free", what] += 1
    if wrong:
        found.tell(what, request, case.planted, done.text, world.name)
    elif package and case.wishes["book"] == "pingshui" and case.wishes.get("form"):
        count_rhymes(package, independent.split(text)[0], found)


def count_rhymes(package, lines, found):
    """What the other package says of the rhymes of neighbouring even lines."""
    ends = [line[-1] for line in lines[1::2]]
    for one, two in pairwise(ends):
        verdict = package.rhyme(one, two)
        found.checks[{True: "pairs rhyme", False: "pairs do not", None: "pairs not known"}[verdict]] += 1
        if verdict is not True:
            found.unlike["".join(sorted(one + two))] += 1


def compare_fresh(world, asked, answer, found):
    """Whether an engine that was asked nothing before answers alike; what the clock ended is passed over."""
    other = generate(Engine(world.engine.model), asked)
    if "seconds" in f"{answer} {other}" and "undecided" in f"{answer} {other}":
        return
    same = repr(other) == repr(answer)  # a model that gives nothing to any token has logprobs that are no numbers
    found.checks["as a fresh engine" if same else "unlike a fresh engine"] += 1
    if not same:
        found.tell("unlike a fresh engine", asked, answer, other)


def compare_stream(world, request, done, found):
    """Whether the same request streamed gives the same text."""
    pieces = (piece.text for _, piece in world.engine.pieces([request]))
    same = "".join(pieces) == done.new
    found.checks["streams alike" if same else "streams that differ"] += 1
    if not same:
        found.tell("stream differs", request, done.text)


def run(count, rng, tables, large, small, *, tell=print, package=None, fresh=False):
    """Asks `count` times, half of them planted as far as there are poems, and returns what was found."""
    found, next_word = Found(tell, fresh=fresh), 250
    rich = [world for world in small if world.poems]
    while found.requests < count:
        planted = sum(number for (_, kind, _), number in found.outcomes.items() if kind == "planted")
        wants_planted = bool(rich) and 2 * planted <= found.requests
        of_large = large is not None and rng.random() < SHARE_OF_LARGE
        world = large if of_large else rng.choice(rich if wants_planted else small)
        case = asking.planted_case(tables, rng, world) if wants_planted else asking.free_case(rng, world)
        ask(tables, package, rng, world, case, found)
        if found.requests >= next_word:
            tell("#", *report(found))
            next_word += 250
    return found


def report(found):
    """The account of a run, line by line."""
    yield f"{found.requests} requests, {found.chains} different chains"
    for kind in (found.outcomes, found.refusals, found.checks):
        yield from (
            f"{number:7d} {' '.join(what) if isinstance(what, tuple) else what}"
            for what, number in sorted(kind.items(), key=str)
        )
    yield f"pairs that the package does not take for rhymes: {dict(found.unlike.most_common(40))}"
    yield f"slowest: {found.slowest[0]:.2f} s for {found.slowest[1]}"
    yield f"seconds of one core: { ({' '.join(what): round(spent) for what, spent in found.seconds.items()}) }"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--fresh", action="store_true")
    given = parser.parse_args()
    data, rng = Path(os.environ["GEN_DATA"]), asking.generator(given.seed)
    tables = independent.open_tables(data)
    large, small = worlds(tables, data, rng)
    found = run(given.count, rng, tables, large, small, tell=tell, package=independent.Packaged(), fresh=given.fresh)
    print(*report(found), sep="\n", flush=True)
    sys.exit(not found.is_clean)


def tell(*what):
    """Prints at once, so that a long run can be watched."""
    print(*what, flush=True)


if __name__ == "__main__":
    main()
