"""What is asked of a model of the zoo, and what its answers must be: checks that share no code with the constraints."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from random import Random
from typing import Any

import torch
import zoo
from tokenizers import Tokenizer
from trial_rules import HAN, Rule, Written, is_han, some
from zoo_tokenizers import LINES

import gen_engine
from gen_engine.errors import ConflictError, GenError, UndecidedError
from gen_engine.types import Completion, Request


class WrongError(AssertionError):
    """What a check found."""


@dataclass(frozen=True)
class Subject:
    """A model of the zoo with all that is needed to judge it."""

    family: str
    by: int | None = None
    """If given, only this one of its ends is ever likely."""

    @property
    def folder(self) -> Path:
        return zoo.made(self.family) if self.by is None else zoo.ending_by(self.family, self.by)

    @cached_property
    def engine(self) -> Any:
        return gen_engine.load(self.folder, dtype="auto" if self.family.startswith("gpt2") else "float32")

    @cached_property
    def fast(self) -> Any:
        return gen_engine.load(self.folder, fast=True)

    @cached_property
    def tokenizer(self) -> Tokenizer:
        return Tokenizer.from_file(str(self.folder / "tokenizer.json"))

    @cached_property
    def net(self) -> Any:
        """The model as transformers loads it; None where the engine computes it otherwise (in int8)."""
        from transformers import AutoModelForCausalLM

        if self.family.startswith("gpt2"):
            return None
        with zoo.quiet():
            return AutoModelForCausalLM.from_pretrained(self.folder, dtype=torch.float32).eval()

    @cached_property
    def ends(self) -> list[int]:
        """The tokens that end a text: those that the folder names, else [SEP]."""
        found = map(self.tokenizer.token_to_id, zoo.FAMILIES[self.family].ends or ["[SEP]"])
        return [token for token in found if token is not None]

    @cached_property
    def alphabet(self) -> str:
        """Characters that the tokenizer can show, those of its lines."""
        return "".join(char for char in sorted(set("".join(LINES))) if self.shows(char))

    @cached_property
    def heads(self) -> str:
        return "".join(filter(is_han, self.alphabet))

    def shows(self, text: str) -> bool:
        return self.tokenizer.decode(self.tokenizer.encode(text, add_special_tokens=False).ids).strip() == text.strip()

    @property
    def poems(self) -> float:
        """The share of poems: a search over bytes takes seconds."""
        return 0.2 if self.family in ("gpt2", "gpt2-chinese", "characters", "bert") else 0.01


subject = cache(Subject)  # at most one for each family and end


@dataclass(frozen=True)
class Asked:
    request: Request
    rules: tuple[Rule, ...]


def check(done: Completion, asked: Asked, model: Subject, *, is_fast: bool) -> None:
    """Raise WrongError unless a completion is what it should be."""
    prompt = done.text.removesuffix(done.new)
    if (
        done.text != prompt + done.new
        or not prompt.startswith(asked.request.prompt)
        or len(done.tokens) > asked.request.max_new
    ):
        raise WrongError(f"{done} is not its prompt and what is new within the budget")
    names = tuple(model.tokenizer.id_to_token(token) or "<column>" for token in done.tokens)
    text = Written(prompt, done.new, names)
    broken = [rule.spec for rule in asked.rules if not rule.obeys(text)]
    if broken:
        raise WrongError(f"{done.text!r} + {done.new!r} breaks {broken}")
    check_decoded(done, asked.request.prompt, model)
    if abs(sum(done.logprobs) - done.logprob) > 1e-6 * (1 + abs(done.logprob)):
        raise WrongError(f"logprob {done.logprob} is not the sum of {done.logprobs}")
    if not is_fast and model.net is not None:
        check_logprobs(done, asked.request, model)


def check_decoded(done: Completion, prompt: str, model: Subject) -> None:
    """What is new is what the tokenizer's own decoder shows behind the prompt."""
    tokens = list(model.engine.read(prompt).tokens)
    before, after = (model.tokenizer.decode(ids) for ids in (tokens, [*tokens, *done.tokens]))
    if not after.startswith(before):
        return  # the new tokens changed how the prompt's end is shown, as half a character does
    expected, found = plain(after[len(before) :]), plain(done.new)
    names = [*map(model.tokenizer.id_to_token, done.tokens)]
    if "</w>" in "".join(names):  # the blank after a word is not shown where nothing follows
        expected, found = expected.removesuffix(" "), found.removesuffix(" ")
    if not before:  # WordPiece shows ## at the very beginning, where there is no word to continue
        expected = expected.removeprefix("##")
    if found not in (expected, f" {expected}") and f" {found}" != expected:  # but for a leading blank
        raise WrongError(f"decode shows {expected!r}, the text is {found!r} of {names}")


def plain(text: str) -> str:
    """Without blanks beside Chinese characters."""
    return re.sub(f"(?<=[{HAN}，。]) | (?=[{HAN}，。])", "", text)


@torch.inference_mode()
def check_logprobs(done: Completion, request: Request, model: Subject) -> None:
    """The log-probabilities are those that transformers computes in one pass over the whole text."""
    read = list(model.engine.read(request.prompt, request.context).read)
    limit = model.engine.model.positions or 10_000
    pad = model.net.config.get_text_config().pad_token_id
    skips = model.net.config.model_type == "roberta" and pad in (*read, *done.tokens)  # it gives padding no position
    if len(read) + len(done.tokens) > min(limit, 46) or skips:
        return
    logits = model.net(input_ids=torch.tensor([[*read, *done.tokens]]), use_cache=False).logits[0].double()
    rows = logits.log_softmax(-1)[len(read) - 1 :]
    expected = rows[:-1].gather(1, torch.tensor(done.tokens, dtype=torch.int64)[:, None])[:, 0].tolist()
    if done.finish == "end":
        expected.append(float(rows[-1, model.ends].logsumexp(-1)))
    found = done.logprobs[: len(expected)]
    if len(found) != len(expected) or not torch.allclose(*map(torch.tensor, (found, expected)), atol=5e-3, rtol=1e-3):
        raise WrongError(f"transformers gives {expected}, the completion {found}")


def check_refusal(error: GenError, asked: Asked, model: Subject) -> None:
    """Raise WrongError unless the refusal is one that the request deserves."""
    request, message = asked.request, str(error)
    if isinstance(error, UndecidedError):
        return
    if isinstance(error, ConflictError):
        text = refuting(asked, model)
        if text is not None:
            raise WrongError(f"{text!r} obeys, yet: {message}") from error
        return
    prompts = request.prompt, model.engine.read(request.prompt).text  # and with that blank, too
    if any(rule.refuses(prompt) for rule in asked.rules for prompt in prompts):
        return
    if request.context and "The context has" in message:
        return
    begins = zoo.FAMILIES[model.family].begin or zoo.FAMILIES[model.family].ends
    if not begins and not model.tokenizer.encode(request.prompt).ids:
        return  # there is nothing that the model could read
    raise WrongError(f"{type(error).__name__}: {message}") from error


def refuting(asked: Asked, model: Subject) -> str | None:
    """A text that obeys all rules and that tokens within the budget print, if trying some finds one."""
    rng = Random(str(asked.request))
    alphabet = "".join({char for rule in asked.rules for char in rule.spec if char in model.alphabet}) or "a"
    texts = ["", *(text for rule in asked.rules for text in rule.obeying)]
    texts += [some(rng, rng.choice((alphabet, model.alphabet)), 0, 7) for _ in range(3000)]
    prompt = model.engine.read(asked.request.prompt).text  # with the blank that its last word brings
    for new in dict.fromkeys(texts):
        if all(rule.obeys(Written(prompt, new)) for rule in asked.rules):
            count = fewest(new.encode(), model)
            if count is not None and count <= asked.request.max_new:
                return new
    return None


def fewest(data: bytes, model: Subject) -> int | None:
    """The fewest tokens that print these bytes."""
    vocabulary = model.engine.tokenizer.vocabulary
    printed = {vocabulary.surfaces[token] for token in vocabulary.usable if vocabulary.surfaces[token]}
    best: list[int | None] = [0]
    for end in range(1, len(data) + 1):
        starts = [start for start in range(max(0, end - 40), end) if data[start:end] in printed]
        ways = [count for count in map(best.__getitem__, starts) if count is not None]
        best.append(min(ways) + 1 if ways else None)
    return best[-1]
