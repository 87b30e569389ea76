"""What the object of a line asks for: requests of the completions protocol in envelopes, and commands with parameters.

Both are read as `gen serve` reads them, so that a line and a server give the same texts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b
from typing import Any

from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException

from gen_engine.errors import brief, quoted
from gen_serve.api.chat import ChatWriter
from gen_serve.api.completions import TextWriter
from gen_serve.api.errors import STATUS, body_of, invalid, refusal
from gen_serve.api.protocol import ChatRequest, CompletionRequest, Shared
from gen_serve.api.reading import chat_wished, ended, texts_wished, usage
from gen_serve.api.texts import Writing, writings
from gen_serve.messages import Begun, CommandWish, Event, Failed, ModelFacts, Over, TextDone, Wish

from .messages import Answer, Line
from .plan import FREE_SEEDS, Plan

ENVELOPE = ("custom_id", "method", "url", "body")
"""The keys of a request of the completions protocol in a file."""

CHAT = "/v1/chat/completions"
TEXTS = "/v1/completions"

CREATED = 0
"""When an answer was made, which would make equal runs differ; clients ask for a number."""

LONGEST = 1_000
"""The most characters of an id."""

MOST = 2**63
"""The id of a line, if a number, is below this."""


@dataclass(frozen=True)
class Wanted:
    """What a line asks for: `wishes` of the model of that name. `written` makes their events an answer."""

    model: str
    wishes: Sequence[Wish]
    seed: int
    written: Enveloped | Plain


@dataclass(eq=False)
class RefusedError(Exception):
    """A line cannot be run; `answer` says why."""

    answer: Answer


@dataclass(frozen=True)
class Reader:
    """Reads lines by a plan, for models of these names. `facts` tells about one, which it loads."""

    plan: Plan
    names: tuple[str, ...]
    facts: Callable[[str], ModelFacts]

    @cached_property
    def known(self) -> Mapping[str, Writing]:
        """The commands that lines may name."""
        return writings(self.names)

    def read(self, line: Line) -> Wanted:
        """What the line asks for. Raises RefusedError if it cannot be run, GenError if no model can."""
        asked = line.asked
        if line.problem:
            raise _unread(line, line.problem)
        if any(key in asked for key in ENVELOPE) and "command" not in asked:
            return self._enveloped(line, asked)
        return self._plain(line, asked)

    # ------------------------------------------------------------------------------------------------ envelopes

    def _enveloped(self, line: Line, asked: Mapping[str, Any]) -> Wanted:
        _check_envelope(line)
        url, body = asked["url"], asked["body"]
        kind: type[Shared] = ChatRequest if url == CHAT else CompletionRequest
        written = Enveloped(line.index, asked["custom_id"], url == CHAT)
        try:
            request = kind.model_validate(body)
            if request.stream:
                raise refusal("stream: a file gets whole answers; leave it out.", code="invalid", param="stream",
                              status=422)  # fmt: skip
            facts = self._facts(request.model)
            wishes = self._wishes(request, facts)
        except ValidationError as problem:
            raise RefusedError(written.refused(422, invalid(_below_body(problem), body))) from None
        except HTTPException as problem:
            raise RefusedError(written.refused(problem.status_code, problem.detail)) from None
        seed = self._seed(line, request.seed)
        return Wanted(facts.name, wishes, seed, written.of(request, facts, seed))

    def _wishes(self, request: Shared, facts: ModelFacts) -> Sequence[Wish]:
        if isinstance(request, ChatRequest):
            return chat_wished(request, facts, longest=self.plan.patience)
        assert isinstance(request, CompletionRequest)
        return texts_wished(request, longest=self.plan.patience, most=self.plan.texts)

    def _facts(self, name: str) -> ModelFacts:
        if name not in self.names:
            names = ", ".join(self.names)
            raise refusal(f"There is no model {quoted(name)} here; name one of {names}.", code="model_not_found",
                          param="model", status=404)  # fmt: skip
        return self.facts(name)

    # ------------------------------------------------------------------------------------------------- commands

    def _plain(self, line: Line, asked: Mapping[str, Any]) -> Wanted:
        name, command = _id(line), asked.get("command")
        writing = self.known.get(command) if isinstance(command, str) else None
        if writing is None:
            what = f"There is no command {brief(command)} for a line" if "command" in asked else "It names no command"
            told = f"{what}; take one of {', '.join(self.known)}, or write {', '.join(ENVELOPE)}."
            raise _refused_plain(line.index, name, "invalid", told, "command")
        given = {key: value for key, value in asked.items() if key != "id"}
        try:
            body = writing.asked.model_validate(given)
            writing.check(body)
        except ValidationError as problem:
            found = invalid(_below_body(problem), given)["error"]
            raise _refused_plain(line.index, name, found["code"], found["message"], found["param"]) from None
        except HTTPException as problem:
            told_of: Any = problem.detail
            found = told_of["error"]
            raise _refused_plain(line.index, name, found["code"], found["message"], found["param"]) from None
        model = getattr(body, "model", None) or writing.default
        seed = self._seed(line, getattr(body, "seed", None))
        wish = CommandWish(writing.command, writing.fields.arguments(body))
        return Wanted(model, (wish,), seed, Plain(line.index, name, model, seed, writing, body))

    def _seed(self, line: Line, given: int | None) -> int:
        return seed_of(self.plan.seed, line.index) if given is None else given


def seed_of(seed: int, index: int) -> int:
    """The seed of a line that brings none."""
    return int.from_bytes(blake2b(f"{seed}:{index}".encode(), digest_size=8).digest()) % FREE_SEEDS


def _id(line: Line) -> Any:
    """The id of a plain line: its own, or its number from 1. Raises RefusedError for one of another type."""
    found = line.asked.get("id")
    if found is None:
        return line.index + 1
    if _is_id(found):
        return found
    raise _unread(line, f"Its id is neither a text of at most {LONGEST:,} characters nor a whole number.")


def _is_id(found: Any) -> bool:
    """Whether it can be written into an answer: half a character cannot."""
    if isinstance(found, str):
        return len(found) <= LONGEST and not any("\ud800" <= char <= "\udfff" for char in found)
    return type(found) is int and abs(found) < MOST


def _unread(line: Line, problem: str) -> RefusedError:
    """A line that is no request: there may be no id, so the line of the file is told."""
    found = {key: line.asked[key] for key in ("id", "custom_id") if _is_id(line.asked.get(key))}
    error: dict[str, Any] = {"code": "invalid", "message": problem, "param": None, "members": []}
    return RefusedError(
        Answer(line.index, {"id": None, **found, "line": line.number or line.index + 1, "error": error}, True)
    )


def _refused_plain(index: int, name: Any, code: str, message: str, param: str | None) -> RefusedError:
    return RefusedError(_failed_plain(index, name, code, message, param))


def _failed_plain(
    index: int, name: Any, code: str, message: str, param: str | None, members: Sequence[str] = ()
) -> Answer:
    told = {"code": code, "message": message, "param": param, "members": list(members)}
    return Answer(index, {"id": name, "error": told}, is_error=True)


def _check_envelope(line: Line) -> None:
    asked = line.asked
    name = asked.get("custom_id")
    if not isinstance(name, str) or not name or not _is_id(name):
        raise _unread(line, f"It has no custom_id; give a text of at most {LONGEST:,} characters.")
    unknown = next((key for key in asked if key not in ENVELOPE), None)
    if unknown is not None:
        raise _unread(line, f"It has {quoted(unknown)}, which no request has; leave it out.")
    if asked.get("method") != "POST":
        raise _unread(line, 'Its method is not "POST"; write that.')
    if asked.get("url") not in (TEXTS, CHAT):
        raise _unread(line, f"Its url is not {TEXTS} or {CHAT}; write one of them.")
    if not isinstance(asked.get("body"), Mapping):
        problem = "Its body is no object of JSON with each key once" if "body" in asked else "It has no body"
        raise _unread(line, f"{problem}; give the object that the server would be sent.")


def _below_body(problem: ValidationError) -> list[Mapping[str, Any]]:
    """The errors as a server has them, which also says that they stand in the body."""
    return [{**each, "loc": ("body", *each["loc"])} for each in problem.errors(include_url=False)]


# ------------------------------------------------------------------------------------------------------- answers


@dataclass(frozen=True)
class Enveloped:
    """Writes the answer to a request of the completions protocol, as the server would, in an envelope.

    Its ids follow from the place and the `custom_id`, so that two runs write the same.
    """

    index: int
    custom_id: str
    is_chat: bool
    writer: TextWriter | ChatWriter | None = None
    head: Mapping[str, Any] = field(default_factory=dict)
    num: int = 1

    @property
    def id(self) -> str:
        return blake2b(f"{self.index}:{self.custom_id}".encode(), digest_size=12).hexdigest()

    def of(self, request: Shared, facts: ModelFacts, seed: int) -> Enveloped:
        """What writes the answer of this request."""
        writer: TextWriter | ChatWriter
        if isinstance(request, ChatRequest):
            writer = ChatWriter(bool(request.logprobs))
        else:
            assert isinstance(request, CompletionRequest)
            writer = TextWriter(bool(request.echo), request.logprobs is not None)
        head = {
            "id": f"{'chatcmpl' if self.is_chat else 'cmpl'}-{self.id}",
            "object": "chat.completion" if self.is_chat else "text_completion",
            "created": CREATED,
            "model": facts.name,
            "system_fingerprint": f"gen-{facts.hash}",
            "seed": seed,
        }
        return Enveloped(self.index, self.custom_id, self.is_chat, writer, head, request.n or 1)

    def done(self, events: Sequence[Sequence[Event]]) -> Answer:
        """The answer of these events, those of each wish."""
        assert self.writer is not None
        choices, counts = [], []
        for wish, found in enumerate(events):
            for event in found:
                if isinstance(event, TextDone):
                    index = wish * self.num + event.sample
                    choices.append({"index": index, **self.writer.choice(index, event), **ended(event)})
                if isinstance(event, Over):
                    counts.append(event.usage)
        told = {**self.head, "choices": choices, "usage": usage(counts)}
        return self._answer(200, told, told["usage"]["completion_tokens"])

    def failed(self, problem: Failed) -> Answer:
        """The answer of a request that failed."""
        return self.refused(STATUS[problem.code], body_of(problem))

    def refused(self, status: int, body: Any) -> Answer:
        """The answer of a request that is answered with an error."""
        return self._answer(status, body, 0)

    def _answer(self, status: int, body: Mapping[str, Any], tokens: int) -> Answer:
        response = {"status_code": status, "request_id": f"req_{self.id}", "body": body}
        told = {"id": f"batch_req_{self.id}", "custom_id": self.custom_id, "response": response, "error": None}
        return Answer(self.index, told, is_error=status != 200, tokens=tokens)


@dataclass(frozen=True)
class Plain:
    """Writes the answer to a command: its texts as the command prints them with --json."""

    index: int
    name: Any
    model: str
    seed: int
    writing: Writing
    body: BaseModel

    def done(self, events: Sequence[Sequence[Event]]) -> Answer:
        """The answer of these events."""
        [found] = events
        texts = [dict(event.record) for event in found if isinstance(event, TextDone)]
        said = [each for event in found if isinstance(event, Begun | Over) for each in event.notes]
        counts = next(dict(event.usage) for event in found if isinstance(event, Over))
        told = {
            "id": self.name,
            "command": self.writing.command,
            "model": self.model,
            "seed": self.seed,
            "texts": texts,
            "notes": list(dict.fromkeys(map(self.writing.fields.words, said))),
            "usage": counts,
        }
        return Answer(self.index, told, tokens=counts["completion_tokens"])

    def failed(self, problem: Failed) -> Answer:
        """The answer of a command that failed, in words about its fields."""
        told = self.writing.told(self.body, problem)
        return _failed_plain(self.index, self.name, told.code, told.message, told.param, told.members)


def crashed(line: Line, problem: Failed) -> Answer:
    """The answer of a line that ended whatever read it."""
    asked = line.asked
    if isinstance(asked.get("custom_id"), str) and "command" not in asked:
        return Enveloped(line.index, asked["custom_id"], asked.get("url") == CHAT).failed(problem)
    name = asked["id"] if _is_id(asked.get("id")) else line.index + 1
    return _failed_plain(line.index, name, problem.code, problem.message, None)
