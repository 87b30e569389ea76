"""What an author of a plugin, and a program, write with public names alone; type checkers find nothing in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import gen_engine as gen
from gen_engine.hooks.lazy import LazyMapping
from gen_engine.testing import check_constraint
from gen_engine.types import Processor, ProcessorFactory


class AtMost:
    """At most so many of a character."""

    def __init__(self, char: str, most: int) -> None:
        self.char = char
        self.most = most

    def start(self, text: str) -> int:
        return text.count(self.char)

    def step(self, state: int, char: str) -> int | None:
        return None if char == self.char and state >= self.most else state + (char == self.char)

    def accepts(self, state: int) -> bool:
        return True


def at_most(char: str, most: int = 3) -> Processor:
    """Allow a character so many times."""
    return AtMost(char, most)


@gen.hookimpl
def processors() -> Mapping[str, ProcessorFactory]:
    return LazyMapping({"at_most": "typed_plugin:at_most"})


def write(prompt: str, seed: int) -> list[str]:
    """Some texts and how likely they are."""
    engine: gen.Engine = gen.load("poem", dtype="int8", device="cpu")
    found: list[gen.Completion] = engine.generate(prompt, processors=["top_k=50", at_most("春")], num=2, seed=seed)
    told = [f"{each.text} {each.logprob:.2f} {each.finish}" for each in found]
    several = engine.generate_batch([gen.Request(prompt, ("form=4x5",), seed=seed, max_new=24)])
    return told + [each.new for answers in several for each in answers]


def pieces(engine: gen.Engine, chat: gen.Chat) -> Iterator[str]:
    """A chat's answer as it comes."""
    try:
        yield from engine.stream("", context=chat, seed=1)
    except gen.ConflictError as problem:
        yield from problem.members


def together(engine: gen.Engine) -> dict[str, str]:
    """Two requests that are written together."""
    scheduler = engine.scheduler()
    names = {scheduler.submit(gen.Request(prompt)): prompt for prompt in ("白", "青山")}
    texts = dict.fromkeys(names.values(), "")
    while not scheduler.is_idle:
        for ticket, piece in scheduler.step():
            texts[names[ticket]] += piece.text
    return texts


def test_at_most() -> None:
    check_constraint(at_most, examples=5)
