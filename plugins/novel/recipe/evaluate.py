"""How well rules against repetition keep names whole: `python evaluate.py FOLDER`, where prepare.py wrote its files.

Of each passage set aside, 14 characters from the first sentence behind its 600th are continued twice by 300. Told are:
units broken, and among them names: a prefix that one character follows almost always (什么, 王夫人), followed by a
character that hardly ever does; 4-grams of Chinese characters that stood in the text before; texts with 6 such
characters twice in a row; different pairs of all pairs; nats a character of a 5-gram model of the training rows. The
same is told of the passages themselves, from there and from behind their 1200th character.
"""

from __future__ import annotations

import json
import sys
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

import gen_engine as gen
from gen_engine import Request
from gen_engine.system.tables import table
from gen_engine.text import is_han
from gen_evaluate.ngram import Ngram, train_ngram

WINDOW, RUN = "no_repeat=30,exempt=punctuation", "no_repeat_ngram=6,within=300,exempt=punctuation|space"
RULES = {f"{name}, {drawn}": (*rule, drawn)
         for name, rule in {"no character within 30": (WINDOW,), "no rule": (), "no run of 6": (RUN,)}.items()
         for drawn in ("top_k=10", "top_p=0.85")}  # fmt: skip
BEGINS, PROMPT, LENGTH, TEXTS = (600, 1200), 14, 300, 2
OFTEN = {
    1: (200, 0.9),
    2: (100, 0.95),
}  # length of a prefix: how often it stands, and the share of what follows it most
HARDLY = 0.002  # the share of what hardly ever follows
NAMES = (
    "黛玉 鸳鸯 麝月 林黛玉 林姑娘 王夫人 邢夫人 薛姨妈 刘姥姥 宋江 宋公明 卢俊义 鲁智深 呼延灼 梁中书 高太尉 宿太尉 "
    "吴学究 黑旋风 鲍廷玺 杜少卿 杜慎卿 虞博士 庄征君 匡超人 马二先生 郭孝子 季苇萧 二奶奶 宋先生"
).split()

Follows = Mapping[str, frozenset[str]]
"""Of each prefix what follows it more often than hardly ever."""


def units(texts: Sequence[str]) -> Follows:
    """The prefixes of one and two characters that one character follows almost always."""
    found: dict[str, frozenset[str]] = {}
    for size, (least, share) in OFTEN.items():
        following: dict[str, Counter[str]] = defaultdict(Counter)
        for text in texts:
            for place in range(len(text) - size):
                if all(map(is_han, text[place : place + size + 1])):
                    following[text[place : place + size]][text[place + size]] += 1
        for prefix, counts in following.items():
            total = counts.total()
            if total >= least and max(counts.values()) >= share * total and prefix[-1] not in found:
                found[prefix] = frozenset(c for c, n in counts.items() if n >= max(2, HARDLY * total))
    return found


def broken(text: str, follows: Follows) -> list[tuple[str, bool]]:
    """Each unit that is begun in a text, and whether it is broken."""
    return [
        (prefix, text[place + size] not in follows[prefix])
        for size in OFTEN
        for place in range(len(text) - size)
        if (prefix := text[place : place + size]) in follows and is_han(text[place + size])
    ]


def figures(pairs: Sequence[tuple[str, str]], follows: Follows, judge: Ngram) -> list[str]:
    """What is told of texts that go on from prompts."""
    begun = [each for prompt, new in pairs for each in broken(prompt[-2:] + new, follows)]
    named = [is_broken for prefix, is_broken in begun if any(name.startswith(prefix) for name in NAMES)]
    plain = ["".join(filter(is_han, new)) for _, new in pairs]
    fours, sixes, twos = ([[text[i : i + n] for i in range(len(text) - n + 1)] for text in plain] for n in (4, 6, 2))
    again = np.mean([1 - len(set(some)) / len(some) for some in fours])
    all_twos = [pair for some in twos for pair in some]
    costs = [judge.score([prompt + new])[0].nats[len(prompt) :] for prompt, new in pairs]
    return [
        f"{sum(is_broken for _, is_broken in begun)} of {len(begun)}",
        f"{sum(named)} of {len(named)}",
        f"{again:.1%}",
        f"{sum(len(set(some)) < len(some) for some in sixes)} of {len(sixes)}",
        f"{len(set(all_twos)) / len(all_twos):.2f}",
        f"{np.concatenate(costs).mean():.2f}",
    ]


def begin(text: str, place: int) -> tuple[str, str]:
    """A prompt from the first sentence behind a place, and what follows it there."""
    rest = text[text.find("。", place) + 1 :].lstrip("”’\n")
    return rest[:PROMPT], rest[PROMPT : PROMPT + LENGTH]


def read_texts(path: Path) -> list[str]:
    """The texts of a file of rows."""
    return [json.loads(line)["text"] for line in path.read_text(encoding="utf-8").splitlines()]


def main() -> None:
    """Print the table."""
    folder = Path(sys.argv[1])
    train = list(dict.fromkeys(read_texts(folder / "named.train.jsonl")))
    follows, judge = units(train), train_ngram(train, 5)
    passages = read_texts(folder / "novels.valid.jsonl")
    real = [begin(text, place) for place in BEGINS for text in passages]
    rows = [["real", *figures(real, follows, judge)]]
    engine = gen.load("novel", dtype="float32")
    for name, rules in RULES.items():
        chain = ("no_unk", "no_special", f"length={LENGTH}", *rules)
        prompts = real[: len(passages)]
        asked = [Request(prompt, chain, TEXTS, seed, LENGTH) for seed, (prompt, _) in enumerate(prompts)]
        made = zip(prompts, engine.generate_batch(asked), strict=True)
        rows.append(
            [name, *figures([(prompt, each.new) for (prompt, _), texts in made for each in texts], follows, judge)]
        )
    heads = ["", "units broken", "of names", "4-grams again", "6 in a row again", "distinct-2", "5-gram nats"]
    table("continuations", heads, rows, right=heads[1:])


if __name__ == "__main__":
    main()
