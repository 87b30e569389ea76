"""Zero-shot classification: a causal language model is asked a yes/no question about each text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

from gen_engine.compiled.arithmetic import Array, as_array
from gen_engine.compiled.drawing import log_softmax
from gen_engine.errors import GenError, quoted
from gen_engine.system.underway import counted
from gen_engine.text import is_han

if TYPE_CHECKING:
    from gen_engine.types import LanguageModel

Language = Literal["en", "zh"]

ROWS = 16
"""How many texts are read in one forward pass."""


@dataclass(frozen=True)
class Template:
    """The layout of text and question, with {text}, {question}, {yes} and {no}; and what comes before an answer."""

    layout: str
    yes: str
    no: str
    gap: str = ""


TEMPLATES: dict[Language, Template] = {
    "en": Template("{text}\n\nQuestion: {question} Answer with '{yes}' or '{no}'.\nAnswer:", "yes", "no", " "),
    "zh": Template("{text}\n问题：{question}请回答“{yes}”或“{no}”。\n回答：", "是", "否"),
}


@dataclass(frozen=True)
class Answer:
    """What a model answers about a text: the likelier of the two words, and its probability against the `other`.

    `mass` is the probability that the model gives to the two words together. Near 0 the model expects something else,
    and the answer means little. `cut` says whether the end of the text was left out because the model reads no more.
    """

    label: str
    other: str
    probability: float
    mass: float
    cut: bool = False


@dataclass(frozen=True)
class _Asked:
    """The tokens that both continued prompts share, and the rest of each."""

    shared: tuple[int, ...]
    rests: tuple[tuple[int, ...], tuple[int, ...]]
    cut: bool


def ask(
    model: str | LanguageModel,
    texts: Sequence[str],
    *,
    question: str,
    yes: str | None = None,
    no: str | None = None,
    language: Language | None = None,
    template: str | None = None,
) -> list[Answer]:
    """Ask a causal language model a question about each text.

    The answer compares the probabilities of the words `yes` and `no` right after text and question, token by token
    where a word has several. `model` is a model of `gen models`, a folder or a hub name. The language ("en", "zh";
    None: that of the question) chooses the layout and the words, unless they are given. A `template` holds {text} and
    {question}, and may hold {yes} and {no}. A text's answer does not depend on the others.

    Raises GenError for words that the model cannot distinguish or write, and for a question too long for it.
    """
    chosen = choose_template(question, yes=yes, no=no, language=language, template=template)
    opened = _open(model)
    asked = [_lay_out(opened, chosen, text, question) for text in texts]
    found: list[Answer] = []
    for first in counted(range(0, len(asked), ROWS), "asking, batches"):
        some = asked[first : first + ROWS]
        found += map(_answer, some, _word_logprobs(opened, some), [(chosen.yes, chosen.no)] * len(some))
    return found


def choose_template(
    question: str, *, yes: str | None, no: str | None, language: Language | None, template: str | None
) -> Template:
    """The template for a question; GenError for a layout without its placeholders, and for two equal words."""
    usual = TEMPLATES[language or ("zh" if any(is_han(char) for char in question) else "en")]
    layout = usual.layout if template is None else template.replace("\\n", "\n")
    chosen = Template(layout, (yes or usual.yes).strip(), (no or usual.no).strip(), usual.gap)
    try:
        told = layout.format(text="", question="", yes="", no="")
    except (LookupError, ValueError):
        told = None
    if told is None or "{text}" not in layout or "{question}" not in layout:
        raise GenError("The template lacks its places. Write it with {text} and {question}, and other braces doubled.")
    if layout[-1:].isspace():
        chosen = Template(layout, chosen.yes, chosen.no)
    if chosen.yes == chosen.no or not chosen.yes or not chosen.no:
        raise GenError("The two answers are not two different words. Give others, as in --yes 是 --no 否.")
    return chosen


def _open(model: str | LanguageModel) -> LanguageModel:
    if not isinstance(model, str):
        return model
    from gen_engine import load

    return load(model).model


def _lay_out(model: LanguageModel, template: Template, text: str, question: str) -> _Asked:
    """The prompt about a text, which is cut to the room there is."""
    kept = text
    while True:
        prompt = template.layout.format(text=kept, question=question, yes=template.yes, no=template.no)
        asked = _encode(model, template, prompt, cut=len(kept) < len(text))
        length = len(asked.shared) + max(map(len, asked.rests)) - 1
        over = 0 if model.positions is None else length - model.positions
        if over <= 0:
            return asked
        if not kept:
            raise GenError(f"The question has {over} tokens more than the model reads. Ask a shorter one.")
        kept = kept[: max(0, len(kept) - over)]


def _encode(model: LanguageModel, template: Template, prompt: str, *, cut: bool) -> _Asked:
    """Both continued prompts, split where their tokens first differ from each other or from those of the prompt
    alone."""
    unk = model.tokenizer.vocabulary.unk
    alone = model.tokenizer.encode(prompt).tokens
    both = [model.tokenizer.encode(prompt + template.gap + word).tokens for word in (template.yes, template.no)]
    shared = min(len(alone), *map(len, both))
    while any(one[:shared] != other[:shared] for one, other in pairwise([alone, *both])):
        shared -= 1
    rests = (both[0][shared:], both[1][shared:])
    for word, rest in zip((template.yes, template.no), rests, strict=True):
        if not rest or (unk is not None and unk in rest):
            raise GenError(
                f"The model has no tokens for the answer {quoted(word)}. Give words that it knows (--yes, --no)."
            )
    if not shared:
        raise GenError("The model reads nothing before the answer. Choose a model whose texts begin with a token.")
    return _Asked(both[0][:shared], rests, cut)


def _word_logprobs(model: LanguageModel, asked: Sequence[_Asked]) -> list[tuple[float, float]]:
    """The log-probability of each answer of each prompt, in nats."""
    cache = model.open(2 * len(asked))
    first = as_array(model.feed(cache, [-1] * len(asked), [0] * len(asked), [each.shared for each in asked]))
    found = [[_at(first[row], rest[0]) for rest in each.rests] for row, each in enumerate(asked)]
    long = [(row, word) for row, each in enumerate(asked) for word in (0, 1) if len(each.rests[word]) > 1]
    if long:
        new = [asked[row].rests[word][:-1] for row, word in long]
        keep = [len(asked[row].shared) for row, _ in long]
        last = [len(tokens) for tokens in new]
        logits = iter(as_array(model.feed(cache, [row for row, _ in long], keep, new, last)))
        for row, word in long:
            found[row][word] += sum(_at(next(logits), token) for token in asked[row].rests[word][1:])
    return [(yes, no) for yes, no in found]


def _at(logits: Array, token: int) -> float:
    """The log-probability of a token, in nats."""
    return float(log_softmax(logits[None])[0, token])


def _answer(asked: _Asked, logprobs: tuple[float, float], words: tuple[str, str]) -> Answer:
    best = 0 if logprobs[0] >= logprobs[1] else 1
    gap = logprobs[1 - best] - logprobs[best]  # at most 0, so that nothing overflows
    probability = 1 / (1 + math.exp(gap)) if not math.isnan(gap) else 0.5
    return Answer(words[best], words[1 - best], probability, sum(map(math.exp, logprobs)), asked.cut)
