"""A router without engines, which answers what a test says."""

from dataclasses import dataclass, field
from types import SimpleNamespace

from gen_serve.messages import Begun, ModelFacts, Over, Text, TextDone


def facts(name, *, has_chat=False):
    """What the server knows of a model."""
    return ModelFacts(name, "abc", "int8", "cpu", True, 320, has_chat, "verse")


def record(new, text=None, finish="end"):
    """A finished text as the engine process tells it."""
    promised = {"logprob": -2.0, "exact": True, "reproducible": True, "portable": True, "undone": []}
    return {"new": new, "text": text or new, "finish": finish, **promised}


def events_of(texts, pieces=(), details=(), finish="end"):
    """The events of a wish with these texts, the first of them in pieces."""
    told = list(details) or [{}] * len(texts)
    done = [TextDone(0, i, record(text, finish=finish), told[i]) for i, text in enumerate(texts)]
    usage = {"prompt_tokens": 3, "completion_tokens": 4}
    return [Begun(0), *(Text(0, 0, piece) for piece in pieces), *done, Over(0, usage)]


@dataclass
class ToldRouter:
    """Answers each wish with `answers`, and remembers the wishes with their seeds."""

    answers: list = field(default_factory=lambda: events_of(["春"]))
    wishes: list = field(default_factory=list)
    seeds: list = field(default_factory=list)
    closed: int = 0
    seconds: float = 8.0
    quick: object = field(
        default_factory=lambda: SimpleNamespace(models=(facts("poem"), facts("chat", has_chat=True)), problem="")
    )

    async def events(self, model, wish, *, seed, is_streamed=False):
        self.wishes.append(wish)
        self.seeds.append(seed)
        try:
            for event in self.answers:
                yield event
        finally:
            self.closed += 1
