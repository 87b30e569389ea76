"""Random rules for random requests, and what each demands, written from the README's words alone.

Nothing here is from gen_engine: a rule is the text that a user types, and a question about the finished text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

HAN = "〇\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0002fa1f\U00030000-\U000323af"
MARKS = "，。,.！!？?、；;：:"
BUDGETS = (1, 3, 5, 8, 8, 12, 12, 18, 24)


@dataclass(frozen=True)
class Written:
    """A finished text: the prompt (as it stands in the text), what is new, and how the new tokens are spelt."""

    prompt: str
    new: str
    names: tuple[str, ...] = ()

    @property
    def whole(self) -> str:
        return self.prompt + self.new


@dataclass(frozen=True)
class Rule:
    """A constraint as typed; whether a text obeys; whether it refuses a prompt; texts that obey it, as far as known."""

    spec: str
    obeys: Callable[[Written], bool]
    refuses: Callable[[str], bool] = lambda prompt: False
    obeying: tuple[str, ...] = ()


def quote(value: str) -> str:
    """One value as the command line takes it."""
    value = value.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n").replace("\t", "\\t")
    return "'" + value.replace("\r", "\\r") + "'"


def listed(values: Sequence[str]) -> str:
    return "|".join(map(quote, values))


# ------------------------------------------------------------------------------------------ classes of characters


def is_han(char: str) -> bool:
    return re.match(f"[{HAN}]", char) is not None


def is_mark(char: str) -> bool:
    return unicodedata.category(char)[0] in "PS"


KINDS = {
    "han": is_han,
    "punctuation": is_mark,
    "digit": str.isdigit,
    "latin": lambda char: "a" <= char <= "z" or "A" <= char <= "Z",
    "letter": str.isalpha,
    "space": str.isspace,
}


def some(rng: Random, alphabet: str, least: int, most: int) -> str:
    """A few characters of the alphabet, possibly the same ones."""
    return "".join(rng.choice(alphabet) for _ in range(rng.randint(least, most)))


def items(rng: Random, alphabet: str) -> tuple[str, ...]:
    """One to three classes and characters."""
    return tuple(dict.fromkeys(rng.choice([rng.choice([*KINDS]), rng.choice(alphabet)]) for _ in range(3)))


# -------------------------------------------------------------------------------------------------------- rules


def length(rng: Random, alphabet: str) -> Rule:
    low = rng.choice((0, 1, 2, 4, 7))
    high = rng.choice((low, low + 2, low + 5, None))
    of = rng.choice(("new", "new", "whole"))
    span = f"{low}" if low == high else f"{low}..{'' if high is None else high}"

    def size(text: Written) -> int:
        return len(text.new if of == "new" else text.whole)

    return Rule(
        f"length={span},of={of}",
        lambda text: low <= size(text) and (high is None or size(text) <= high),
        lambda prompt: of == "whole" and high is not None and len(prompt) > high,
    )


def ban(rng: Random, alphabet: str) -> Rule:
    chosen = items(rng, alphabet)
    string = some(rng, alphabet, 2, 3)
    tests = [KINDS.get(item, item.__eq__) for item in chosen]
    return Rule(
        f"ban={listed((*chosen, string))}",
        lambda text: string not in text.new and not any(test(char) for char in text.new for test in tests),
    )


def only(rng: Random, alphabet: str) -> Rule:
    chosen = (*items(rng, alphabet), some(rng, alphabet, 3, 9))
    tests = [KINDS.get(item, item.__contains__) for item in chosen]
    return Rule(f"only={listed(chosen)}", lambda text: all(any(test(char) for test in tests) for char in text.new))


def choice(rng: Random, alphabet: str) -> Rule:
    texts = tuple({some(rng, alphabet, 1, 6) for _ in range(rng.randint(1, 4))})
    return Rule(f"choice={listed(texts)}", lambda text: text.new in texts, obeying=texts)


def force(rng: Random, alphabet: str) -> Rule:
    places = {rng.randint(1, 5): rng.choice(alphabet) for _ in range(2)}

    def obeys(text: Written) -> bool:
        return all(len(text.new) >= place and text.new[place - 1] == char for place, char in places.items())

    return Rule("force=" + listed([f"{place}:{char}" for place, char in places.items()]), obeys)


def no_repeat(rng: Random, alphabet: str) -> Rule:
    count = rng.choice((1, 2, 5, 12))

    def obeys(text: Written) -> bool:
        whole = text.whole
        places = range(len(text.prompt), len(whole))
        return not any(whole[place] in whole[max(0, place - count) : place] for place in places)

    return Rule(f"no_repeat={count}", obeys)


def no_repeat_ngram(rng: Random, alphabet: str) -> Rule:
    size = rng.choice((1, 2, 3))

    def obeys(text: Written) -> bool:
        ends = range(max(size, len(text.prompt) + 1), len(text.whole) + 1)
        return not any(text.whole.find(text.whole[end - size : end]) < end - size for end in ends)

    return Rule(f"no_repeat_ngram={size}", obeys)


def no_double_punctuation(rng: Random, alphabet: str) -> Rule:
    def obeys(text: Written) -> bool:
        whole = text.whole
        places = range(max(1, len(text.prompt)), len(whole))
        return not any(is_mark(whole[place]) and is_mark(whole[place - 1]) for place in places)

    return Rule("no_double_punctuation", obeys)


def stop(rng: Random, alphabet: str) -> Rule:
    strings = tuple({some(rng, alphabet, 1, 2) for _ in range(2)})
    return Rule(f"stop={listed(strings)}", lambda text: not any(string in text.new for string in strings))


def balanced(rng: Random, alphabet: str) -> Rule:
    pairs = rng.choice((("()", "“”"), ('"',), ("（）", "()"), tuple({"".join(rng.sample(sorted(set(alphabet)), 2))})))

    def missing(text: str) -> str | None:
        """What is still to be closed; None if something is closed that is not open."""
        left = ""
        for char in text:
            pair = next((pair for pair in pairs if char in pair), None)
            if pair is None:
                continue
            if left.endswith(char):
                left = left[:-1]
            elif char == pair[0]:
                left += pair[-1]
            else:
                return None
        return left

    return Rule(
        f"balanced={listed(pairs)}", lambda text: missing(text.whole) == "", lambda prompt: missing(prompt) is None
    )


def no_special(rng: Random, alphabet: str) -> Rule:
    return Rule(
        "no_special",
        lambda text: (
            not any(re.fullmatch(r"\[[A-Z]+\]|</?s>|<(unk|[be]os|pad|mask)>|<\|.*\|>", name) for name in text.names)
        ),
    )


def regex(rng: Random, alphabet: str) -> Rule:
    a, b, c, d = (re.escape(rng.choice(alphabet)) for _ in range(4))
    low = rng.randint(0, 3)
    high = low + rng.randint(0, 4)
    pattern = rng.choice(
        (
            f"[{a}{b}{c}]{{{low},{high}}}",
            f"(?:{a}{b}|{c}{d})+{a}?",
            f".{{{low},{high}}}",
            f"[^{a}{b}]{{{low},{high}}}{c}",
            r"\w{1,4}[ ,，。]?\w*",
            rf"\d{{1,2}}|{a}",
            "[一-龥]{2,4}，[一-龥]{1,3}。",
            f"{a}?{b}?{c}?{d}",
            r" ?[a-z]{1,5}( [a-z]{1,5}){0,2}\.",
            rf"(?i:{a}{b}*)",
            r"\s*\S+",
            rf"({a}|{b}{{2}}|[{c}{d}]*?)$",
        )
    )
    machine = re.compile(pattern)
    return Rule(f"regex={quote(pattern)}", lambda text: machine.fullmatch(text.new) is not None)


RULES = (
    length, length, regex, regex, ban, ban, only, choice, force, no_repeat, no_repeat_ngram, no_double_punctuation,
    stop, balanced, no_special,
)  # fmt: skip
"""Rules that any model can keep."""


def form(rng: Random, heads: str) -> tuple[Rule, ...]:
    """A poem of a few short lines; perhaps it is an acrostic of `heads`, or repeats no character."""
    rows, columns = rng.choice(((2, 3), (2, 5), (4, 3), (4, 5)))
    shape = re.compile(f"(?:[{HAN}]{{{columns}}}[{MARKS}]){{{rows}}}")
    # Of a tokenizer whose words bring their blank, a prompt ends in one, which no line has.
    whole = Rule(
        f"form={rows}x{columns}", lambda text: shape.fullmatch(text.whole) is not None, lambda text: " " in text
    )
    found = [whole]
    word = some(rng, heads, rows, rows)

    def lines(text: Written) -> list[str]:
        return [line for line in re.split(f"[{MARKS}]", text.whole) if line]

    if rng.random() < 0.4:
        acrostic = Rule(
            f"acrostic={word}",
            lambda text: "".join(line[0] for line in lines(text)) == word,
            lambda prompt: any(
                line[0] != head for line, head in zip(re.split(f"[{MARKS}]", prompt), word, strict=False) if line
            ),
        )
        found.append(acrostic)
    if rng.random() < 0.3:
        found.append(
            Rule(
                "distinct",
                lambda text: len(set("".join(lines(text)))) == rows * columns,
                lambda prompt: len(set(prompt)) < len(prompt),
            )
        )
    return tuple(found)


SHAPERS = (
    "temperature=0.3", "temperature=1.7", "top_k=1", "top_k=5", "top_k=50", "top_p=0.5", "top_p=0.95", "min_p=0.1",
    "repetition_penalty=1.3", "frequency_penalty=0.7", "presence_penalty=0.5,window=8", "typical=0.8", "epsilon=0.01",
    "eta=0.01", "top_n_sigma=1.5", "xtc=0.1", "mirostat=3", "dry=1.2", "dynatemp=0.5,high=1.5", "avoid_repeat=6",
)  # fmt: skip


def draw_rules(rng: Random, alphabet: str, heads: str, poems: float) -> tuple[Rule, ...]:
    """None to four rules; with chance `poems` they make a poem, if there are Chinese characters to begin its lines."""
    if heads and rng.random() < poems:
        return form(rng, heads)
    count = rng.choice((0, 1, 1, 2, 2, 3, 4))
    drawn = [rng.choice(RULES)(rng, alphabet) for _ in range(count)]
    return tuple({rule.spec.partition("=")[0]: rule for rule in drawn}.values())
