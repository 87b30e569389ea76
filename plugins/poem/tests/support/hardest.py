"""Requests at their stated limits, made at random: what takes longest to decide? `python hardest.py SEED COUNT`."""

import random
import sys
from time import perf_counter

from gen_engine.engine import load
from gen_engine.errors import GenError

COMMON = "春夏秋冬花月风雪山水云天江日人心夜酒白青红黄明清空长高远来去归行坐看听思梦醉老年时"
TUNES = ["莺啼序", "戚氏", "水调歌头", "满江红", "浣溪沙", "临江仙"]
FORMS = ["五绝", "七绝", "五律", "七律", "五古", "七古", "排律", "六言", "40x7", "100x5", "2x5"]


def some(dice, most, least=1):
    """A few of the usual characters, all different."""
    return "".join(dice.sample(COMMON, min(len(COMMON), dice.randint(least, most))))


def words(dice, count, size):
    return "|".join("".join(dice.choices(COMMON, k=dice.randint(1, size))) for _ in range(count))


def form(dice):
    name = f"tune:{dice.choice(TUNES)}" if dice.random() < 0.2 else dice.choice(FORMS)
    rhyme = dice.choice(["", "", ",rhyme=东"]) if "x" not in name and "tune" not in name else ""
    return f"form={name}" + dice.choice(["", ",tones=strict", ",tones=strict", ",tones=off"]) + rhyme


RULES = [
    form,
    form,
    lambda dice: f"require={some(dice, 12, 4)}",
    lambda dice: f"require={some(dice, 12, 12)}",
    lambda dice: "distinct",
    lambda dice: f"length={dice.choice([5, 12, 24, 48, 200, 2000])}",
    lambda dice: f"length={dice.randint(0, 30)}..{dice.randint(30, 400)}",
    lambda dice: f"stop={words(dice, dice.choice([3, 1000]), 6)}",
    lambda dice: f"ban={words(dice, dice.choice([3, 40, 2000]), 4)}",
    lambda dice: f"only={'|'.join(some(dice, 40, 4))}|，|。",
    lambda dice: f"only={'|'.join(some(dice, 6, 2))}",
    lambda dice: "only=han|punctuation",
    lambda dice: f"choice={words(dice, 3000, 30)}",
    lambda dice: f"regex='({'|'.join(some(dice, 9, 2))}|[{some(dice, 9, 2)}]{{1,{dice.randint(1, 40)}}}，){{1,40}}'",
    lambda dice: f"regex='.*[{some(dice, 5)}].{{{dice.randint(3, 9)}}}'",
    lambda dice: f"balanced=（）|《》|()|[],depth={dice.randint(1, 40)}",
    lambda dice: f"no_repeat={dice.choice([2, 8, 30, 1000])}",
    lambda dice: f"no_repeat_ngram={dice.randint(1, 3)}",
    lambda dice: f"acrostic={some(dice, 8, 2)},at={dice.choice(['head', 'tail', 'diagonal'])}",
    lambda dice: f"template={'，'.join('□' * dice.choice([4, 5, 7]) for _ in range(dice.randint(1, 8)))}。",
    lambda dice: f"parallel={dice.choice(['2', '1|2', '2|3'])}",
    lambda dice: f"distinct_rhymes={dice.choice(FORMS[:7])}",
    lambda dice: f"force={dice.randint(1, 60)}:{dice.choice(COMMON)}|{dice.randint(61, 20000)}:花",
    lambda dice: "no_double_punctuation",
]
DECODERS = ["sample"] * 6 + ["greedy", "beam,width=8", "smc=16"]


def request(seed):
    """(prompt, processors, budget, decoder, how many) of this seed."""
    dice = random.Random(seed)
    rules = [dice.choice(RULES)(dice) for _ in range(dice.randint(2, 5))]
    rules += dice.choice([["top_k=50"], ["top_p=0.9"], []])
    prompt = dice.choice(["", "", "白", "春", "白日依山尽，"])
    decoder = dice.choice(DECODERS)
    num = dice.choice([1, 1, 4, 64]) if decoder in ("sample", "greedy") else 1
    return prompt, rules, dice.choice([12, 24, 60, 90, 300, 1400]), decoder, num


def run(engine, seed, patience=8.0):
    """(seconds, what came of it) of the request of a seed."""
    prompt, rules, budget, decoder, num = request(seed)
    since = perf_counter()
    try:
        done = engine.generate(
            prompt, processors=rules, max_new=budget, decoder=decoder, num=num, seed=1, patience=patience
        )
        told = f"{len(done)} texts, {sum(len(each.tokens) for each in done)} tokens, exact {all(d.exact for d in done)}"
    except GenError as error:
        told = f"{type(error).__name__}: {str(error)[-60:]}"
    return perf_counter() - since, told


def main():
    first, count = int(sys.argv[1]), int(sys.argv[2])
    found = []
    for seed in range(first, first + count):
        seconds, told = run(load("poem"), seed)
        found.append((seconds, seed, told))
        if seconds > 3:
            print(f"{seconds:6.1f} s  seed {seed}  {told}  {[rule[:50] for rule in request(seed)[1]]}", flush=True)
    for seconds, seed, told in sorted(found, reverse=True)[:10]:
        print(f"{seconds:6.1f} s  seed {seed}  {told}")


if __name__ == "__main__":
    main()
