"""How a text was made: what JSON results say of it under `replay`, so that `gen replay` can write it again."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from ..errors import GenError, quoted
from ..hooks.registry import PluginInfo, registry
from ..hooks.specs import parse_spec
from ..text.chats import Chat
from ..types import CORE, Named, Prompt, Request, Spec
from .options import pasted

if TYPE_CHECKING:
    from ..engine import Engine
    from ..types import Completion
    from .tasks import Task

KEY = "replay"
"""The key in JSON results."""

LIBRARIES = ("torch", "transformers")
"""What else computes texts that are not portable."""

PATIENCE = 600.0
"""Seconds of search for writing again; they change no text, so that it is not told how many there were."""

OUTPUTS = {"--out": True, "--html": True, "--card": True, "--explain": False, "--json": False, "--debug": False}
"""Options that say where a text goes, which do not belong to how it is made, and whether a value follows them."""

Told = str | Mapping[str, Any]
"""A prompt or context in JSON: a text, {"text", "special"}, or a chat."""


@dataclass(frozen=True)
class Origin:
    """How a text was made: the model by name and hash, the request, which of its texts it is, and by what versions.

    `num` texts were drawn by one request, and `sample` is the number of this one. `dtype` and `device` are those that
    computed it. `drawn` is the text as the model wrote it, if it is shown otherwise. `command` is the command as typed,
    without where its output went ("" over HTTP); replaying does not need it.
    """

    command: str
    model: str
    hash: str
    prompt: Told
    context: Told
    processors: tuple[str, ...]
    decoder: str
    num: int
    sample: int
    seed: int
    max_new: int
    draft: str | None
    dtype: str
    device: str
    fast: bool
    attention: str | None
    versions: Mapping[str, str]
    drawn: str | None = None

    @property
    def same_request(self) -> Origin:
        """The same for all texts of one request."""
        return replace(self, sample=0, drawn=None, command="")

    def request(self, engine: Engine) -> Request:
        """The request to `engine` that writes the text. Raises GenError if that model reads no special tokens."""
        is_chat = isinstance(self.context, Mapping) and "user" in self.context
        return Request(
            _read(self.prompt, engine, begins=not is_chat),  # type: ignore[arg-type]  # only a context is a chat
            self.processors,
            num=self.num,
            seed=self.seed,
            max_new=self.max_new,
            decoder=self.decoder,
            patience=PATIENCE,
            context=_read(self.context, engine, begins=True),
            draft=self.draft,
        )


def origin_of(task: Task) -> Callable[[Completion], dict[str, Any]]:
    """A function of the texts of a task: the entry of each in its JSON, {} if its request cannot be written down."""
    chosen, asked = task.chosen, task.request
    told = _written(asked.prompt), _written(asked.context)
    processors = tuple(spec for each in asked.processors if (spec := _spec(each)) is not None)
    names = isinstance(asked.decoder, str) and isinstance(asked.draft or "", str)
    if chosen is None or task.engine.folder is None or None in told:
        return lambda _: {}
    if len(processors) < len(asked.processors) or not names:
        return lambda _: {}
    prompt, context = told
    versions = versions_of(involved(chosen.model, processors, str(asked.decoder)))

    def entry(done: Completion) -> dict[str, Any]:
        shown = task.show.text(done.text)
        made = Origin(
            command=without_outputs(chosen.command),
            model=chosen.model,
            hash=task.engine.weights_hash,
            prompt=prompt or "",
            context=context or "",
            processors=processors,
            decoder=str(asked.decoder),
            num=asked.num,
            sample=done.sample,
            seed=done.seed,
            max_new=asked.max_new,
            draft=asked.draft,
            dtype=done.dtype,
            device=done.device,
            fast=chosen.fast,
            attention=chosen.attention,
            versions=versions if done.portable else {**versions, **_installed(LIBRARIES)},
            drawn=None if shown == done.text else done.text,
        )
        return {KEY: asdict(made)}

    return entry


def read_origin(result: Mapping[str, Any]) -> Origin:
    """The origin of a JSON result. Raises GenError if it has none, or it is damaged."""
    found = result.get(KEY)
    if not isinstance(found, Mapping) or not isinstance(result.get("text"), str):
        raise GenError(
            "It does not tell how it was made; only results of writing commands and typed endpoints do, since version "
            "0.4.0, so make it anew by one."
        )
    values: dict[str, Any] = {}
    for each in fields(Origin):
        if each.name not in found:
            raise GenError(f"Its {KEY!r} lacks {each.name}; take the result as it was written.")
        value = found[each.name]
        values[each.name] = tuple(value) if each.name == "processors" and isinstance(value, list) else value
        if not _fits(values[each.name], str(each.type)):
            raise GenError(f"Its {KEY!r} has {each.name} as {quoted(value)}; take the result as it was written.")
    return Origin(**values)


def results_in(value: Any) -> Iterator[Mapping[str, Any]]:
    """The results within a JSON value, such as the `texts` of a server's answer; what has a text is a result."""
    if isinstance(value, Mapping):
        if KEY in value or isinstance(value.get("text"), str):
            yield value
            return
        value = list(value.values())
    for each in value if isinstance(value, list) else ():
        yield from results_in(each)


def involved(model: str, processors: Iterable[str], decoder: str) -> list[PluginInfo]:
    """The plugins whose code a request runs, those that bring the model included."""
    found = []
    for noun, written in (*(("processor", each) for each in processors), ("decoder", decoder)):
        try:
            found.append(registry().find(noun, parse_spec(written).name).plugin)
        except GenError:  # the engine says so, where it matters
            continue
    try:
        from ..sources import model_plugins

        return [*found, *model_plugins(model)]
    except GenError:  # an engine that was not loaded by a name
        return found


def versions_of(plugins: Iterable[PluginInfo]) -> dict[str, str]:
    """The versions of the engine and of the distributions of these plugins."""
    return _installed([CORE, *sorted({each.distribution for each in plugins if each.distribution} - {CORE})])


def _installed(names: Sequence[str]) -> dict[str, str]:
    return {name: found for name in names if (found := installed_version(name)) is not None}


@lru_cache(256)
def installed_version(name: str) -> str | None:
    """The version of a distribution as this process found it, None if it is not installed."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def without_outputs(command: str) -> str:
    """A command as typed, without the options that say where its output goes."""
    kept: list[str] = []
    words = iter(shlex.split(command))
    for word in words:
        name, is_joined, _ = word.partition("=")
        if name not in OUTPUTS:
            kept.append(word)
        elif OUTPUTS[name] and not is_joined:
            next(words, None)
        elif name == "--explain" and not is_joined:
            following = next(words, None)  # its value may be left out
            kept += [] if following is None or following.endswith((".html", ".htm")) else [following]
    return pasted(kept)


def _spec(processor: Any) -> str | None:
    """A processor as it is written; None for an object that has no such notation."""
    if isinstance(processor, Named):
        name = processor.label.partition("=")[0].partition(",")[0]
        return processor.label if name in registry().processors else None
    return str(processor) if isinstance(processor, (str, Spec)) else None


def _written(text: Any) -> Told | None:
    """A prompt or context in JSON; None if it is no kind that commands make."""
    if isinstance(text, Chat):
        told = {"user": text.user, "system": text.system, "special": text.special}
        return {**told, **({"earlier": [list(turn) for turn in text.earlier]} if text.earlier else {})}
    if isinstance(text, Prompt):
        return {"text": text.text, "special": True}
    return text if isinstance(text, str) else None


def _read(told: Told, engine: Engine, *, begins: bool) -> str | Prompt | Chat:
    if isinstance(told, str):
        return told
    if isinstance(told.get("text"), str):
        return engine.encode(told["text"], special=True, begins=begins)
    try:
        earlier = tuple((str(role), str(text)) for role, text in told.get("earlier", ()))
        return Chat(str(told["user"]), str(told.get("system", "")), bool(told.get("special")), earlier)
    except (KeyError, TypeError, ValueError):
        raise GenError(f"Its {KEY!r} has {quoted(dict(told))} as a text; take the result as it was written.") from None


KINDS: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "bool": (bool,),
    "str | None": (str, type(None)),
    "Told": (str, Mapping),
    "tuple[str, ...]": (tuple,),
    "Mapping[str, str]": (Mapping,),
}
"""The types of JSON values by the annotations of `Origin`."""


def _fits(value: Any, annotation: str) -> bool:
    """Whether a value of JSON is of this type."""
    if isinstance(value, bool) and annotation != "bool":
        return False
    inner: Iterable[Any] = value.values() if annotation.startswith("Mapping") and isinstance(value, Mapping) else ()
    inner = value if isinstance(value, tuple) else inner
    return isinstance(value, KINDS[annotation]) and all(isinstance(each, str) for each in inner)
