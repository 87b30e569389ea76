"""Random requests over everything that exists, in shares, for as long as it takes.

    make fuzz FUZZ="20000 --seed 7"
    make fuzz FUZZ="--tell fuzz.jsonl"

Sources: `verse` (random and planted wishes for verse, refusals of small worlds checked by a solver), `zoo` (models of
22 families), `commands` (poem, ci, couplet, novel, text with all their options, alone and together). A share ends when
its requests are answered or refused, and adds a line to the log (`--log`, fuzz.jsonl). `--tell` sums the lines of a
log. Violations, crashes, hangs and empty answers are failures; each is told with what repeats it.
"""

import argparse
import json
import os
import sys
import time
from collections import Counter
from dataclasses import replace
from functools import cache
from pathlib import Path
from random import Random

from fuzzing.account import Account, watched

PROSE = ("novel", "novel", "novel", "bert-lstm-novel", "bert-fc-novel")
SOURCES = ("commands", "zoo", "verse")


def run_verse(number, seed, account):
    """Verse, as `guarantee.py` asks for it."""
    import asking
    import guarantee

    rng = asking.generator(seed)
    tables, large, small = verse_worlds()
    with watched(account, "verse", f"guarantee of seed {seed}", seconds=3600):
        found = guarantee.run(number, rng, tables, large, small, tell=lambda *_: None)
        for (world, _, what), count in found.outcomes.items():
            name = what.partition(":")[0]
            account.add("verse", f"{name} ({world})", count)
            if name == "wrong":
                account.fail("verse", "violation", what)
        if not found.is_clean:
            account.fail("verse", "violation", f"seed {seed}: {list(guarantee.report(found))[:12]}")


@cache
def verse_worlds():
    import asking
    import guarantee
    import independent

    data = Path(os.environ["GEN_DATA"])
    tables = independent.open_tables(data)
    return tables, *guarantee.worlds(tables, data, asking.generator(1))


def run_zoo(number, seed, account):
    """Any model with any processors, as `trials.py` asks them."""
    import trials
    import zoo

    asked, place = 0, 0
    tally = trials.Tally()
    while asked < number:
        trial = trials.Trial(seed, place, tuple(zoo.FAMILIES))
        with watched(account, "zoo", f"trials.py --only {seed}:{place}"):
            trials.run(trial, tally)
        asked, place = asked + len(trial.asked), place + 1
    for name, count in tally.counts.items():
        account.add("zoo", name + (" (beside)" if name == "batches" else ""), count)
    for failure in tally.failures:
        account.fail("zoo", "violation", failure)


def run_commands(number, seed, account):
    """Commands with all their options."""
    from fuzzing import written

    rng, until = Random(f"commands {seed}"), account.requests + number
    tables, _, _ = verse_worlds()
    engines, alphabets, lines, worlds = served()
    while account.requests < until:
        kinds = rng.choices((0, 1, 2), (5, 2, 3), k=rng.randint(1, 4))
        draws = (
            lambda: written.draw_verse(rng, world_of(rng, worlds), tables),
            lambda: written.draw_prose(rng, lines, PROSE),
            lambda: written.draw_text(rng, alphabets),
        )
        written.run(engines, [draws[kind]() for kind in kinds], account, watched)


def world_of(rng, worlds):
    """The shipped model half of the time, else a small one."""
    return worlds[0] if rng.random() < 0.5 else rng.choice(worlds[1:])


@cache
def served():
    """Engines by names, the alphabets of those that write any text, lines to continue, and the worlds of verse."""
    import trial_rules
    from zoo_tokenizers import LINES

    from gen_engine import load

    _, large, small = verse_worlds()
    worlds = [replace(large, name="poem")]
    worlds += [replace(world, name=f"tiny {number}") for number, world in enumerate(small)]
    engines = {world.name: world.engine for world in worlds}
    engines |= {name: load(name) for name in ("novel", "bert-lstm-novel", "bert-fc-novel")}
    texts = {name: engines[name].tokenizer.vocabulary.texts for name in ("novel", "bert-fc-novel")}
    chars = {name: sorted({text for text in found if len(text or "") == 1}) for name, found in texts.items()}
    alphabets = {name: "".join(filter(trial_rules.is_han, some))[:400] for name, some in chars.items()}
    return engines, alphabets, [line for line in LINES if len(line) > 5], worlds


RUNS = {"verse": run_verse, "zoo": run_zoo, "commands": run_commands}


def tell(log):
    """The sum of the shares in a log; 1 if there were failures."""
    counts, failures = Counter(), []
    for line in Path(log).read_text(encoding="utf-8").splitlines():
        share = json.loads(line)
        counts.update(share["counts"])
        failures += share["failures"]
    account = Account(counts, failures)
    print(*(f"{count:8,} {name}" for name, count in sorted(counts.items())), sep="\n")
    print(f"{account.requests:,} requests, {len(failures)} failures")
    return 1 if failures else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("count", type=int, nargs="?", default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--of", default=",".join(SOURCES))
    parser.add_argument("--share", type=int, default=500, help="Requests of one source before the next comes.")
    parser.add_argument("--log", default="fuzz.jsonl")
    parser.add_argument("--tell", metavar="LOG")
    given = parser.parse_args()
    if given.tell:
        return tell(given.tell)
    done, turn, failed = 0, 0, False
    while done < given.count:
        source = given.of.split(",")[turn % len(given.of.split(","))]
        account, begun, seed = Account(), time.process_time(), given.seed * 100_000 + turn
        RUNS[source](min(given.share, given.count - done), seed, account)
        with Path(given.log).open("a", encoding="utf-8") as log:
            log.write(account.line(source=source, seed=seed, seconds=round(time.process_time() - begun)) + "\n")
        done, turn, failed = done + account.requests, turn + 1, failed or bool(account.failures)
        print(f"{done:,} requests, {source}: {time.process_time() - begun:.0f} s", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
