"""Whose code is at work in a stack of frames: told when that code fails, and when it takes long.

Nothing is kept while all goes well: plugin, processor and method are read off the frames afterwards.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ContextDecorator
from dataclasses import dataclass
from functools import partial
from itertools import zip_longest
from threading import main_thread
from traceback import walk_tb
from types import FrameType, FunctionType, MethodType
from typing import Any

from .answers import broken_promise, fault, whose
from .chain import Chain, Plan
from .course import Course
from .errors import GenError, PluginError, brief
from .lift import Lifted
from .plugins import Offer, PluginInfo, registry
from .product import Joint, Product, Rule
from .prover import Prover
from .specs import Spec
from .types import CORE, Named

WAYS = ("cli", "commands", "destination", "later", "options", "output", "screen", "tables", "textfiles", "__main__")
"""Modules of the engine whose caller is a command: what plugins run through them is their commands' own."""

NEUTRAL = ("blame", "interrupts", "kept", "streams", "underway")
"""Modules of the engine that only pass through what others do."""

CALLS = ("start", "step", "next", "allowed", "permits", "accepts", "kind", "kinds", "mentions", "removes_at_most",
         "spares", "moves", "least", "most", "spent", "used_up", "needs", "gathers", "wants", "parts", "parted", "cut",
         "enders", "held", "strings")  # fmt: skip
"""What the engine asks of a rule."""


@dataclass(frozen=True)
class Culprit:
    """Whose code is at work: what it is called, the plugin it is of in words, the method, and the frame of that."""

    who: str
    origin: str
    method: str
    frame: FrameType

    @property
    def words(self) -> str:
        """In one phrase: `tide=3 of the plugin tides (gen-tides)`."""
        return whose(self.who, self.origin) if self.who else self.origin


class blaming(ContextDecorator):  # noqa: N801 - used like a function
    """What the code of plugins raises inside, or a processor given as an object, becomes a PluginError."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, problem: BaseException | None, trace: object) -> None:
        if problem is not None and (named := named_error(problem)) is not None:
            raise named from problem


def named_error(problem: BaseException) -> PluginError | None:
    """The error that says whose code raised `problem`; None if that was the engine's own, or is no fault."""
    if isinstance(problem, (GenError, KeyboardInterrupt, GeneratorExit)):
        return None
    frames = [frame for frame, _ in walk_tb(problem.__traceback__)]
    if isinstance(problem, RuntimeError) and isinstance(problem.__cause__, StopIteration):  # it passed a generator
        problem = problem.__cause__
        frames += [frame for frame, _ in walk_tb(problem.__traceback__)]
    found = culprit(frames, problem)
    if found is None:
        return _wrong_answer(frames)
    doing = f" in {found.method}" if found.method else ""
    reason = f"{_reason(problem)}; --debug shows where"
    return PluginError(f"{found.words} failed{doing} ({reason}); {_remedy(found.origin)}.")


def _reason(problem: BaseException) -> str:
    """What was raised, with its own words if it has any."""
    words = " ".join(str(problem).split()) if problem.args not in ((), (None,)) else ""
    return brief(f"{type(problem).__name__}: {words}" if words else type(problem).__name__, 300)


def _remedy(origin: str) -> str:
    plugin = next((each for each in registry().plugins if each.words == origin), None)
    return f"leave it out, or {plugin.remedy}" if plugin else "mend it, or leave it out"


def culprit(frames: Sequence[FrameType], problem: BaseException | None = None) -> Culprit | None:
    """Whose code is at work in these frames, the innermost last; None if the engine's own, or a command's own way."""
    return at_work(frames) or _made(frames) or _called(frames, problem)


def asked_now() -> tuple[FrameType, str] | None:
    """The call that the main thread has a plugin's processor in, and how to name it; for other threads to ask."""
    frame = sys._current_frames().get(main_thread().ident or 0)
    frames: list[FrameType] = []
    while frame is not None:
        frames.append(frame)
        frame = frame.f_back
    found = at_work(frames[::-1])
    return (found.frame, found.words + (f" in {found.method}" if found.method else "")) if found else None


# ---------------------------------------------------------------------------------------------------- processors


def at_work(frames: Sequence[FrameType]) -> Culprit | None:
    """The processor that is asked in these frames, if it is none of the core's."""
    known: dict[int, Rule | Named] = {}
    for frame in frames:
        for value in list(frame.f_locals.values()):
            known.update((key, part) for part in _parts(value) for key in _keys(part))
    for frame in reversed(frames):
        code = frame.f_code
        first = frame.f_locals.get(code.co_varnames[0]) if code.co_argcount else None
        part = known.get(id(code)) or known.get(id(first))
        named = frame.f_locals.get("named") if _module(frame) == "gen_engine.chain" else None
        if part is None and isinstance(named, Named) and not _is_rule(named, known):
            part = named
        if part is not None and part.origin != CORE:
            method = code.co_name if code.co_name in CALLS else ""
            return Culprit(part.label, part.origin or _owner_words(frame), method, frame)
    return None


def _is_rule(named: Named, known: dict[int, Rule | Named]) -> bool:
    return isinstance(known.get(id(named.processor)), Rule)


def _parts(value: Any) -> Iterable[Rule | Named]:
    """The rules and shapers that a value of the engine holds."""
    # Types are compared, since what is a local of a plugin may run code of its own when it is asked for its class.
    if type(value) is Course:
        value = value.plan
    if type(value) is Plan:
        value = value.chain
    if type(value) is Chain:
        return (*value.shapers, *value.product.rules)
    if type(value) is Prover:
        value = value.product
    if type(value) is Product:
        found: tuple[Rule, ...] = value.rules
        return found
    if type(value) in (list, tuple):
        return [each for each in value if type(each) in (Rule, Named)]
    return (value,) if type(value) in (Rule, Named) else ()


def _keys(part: Rule | Named) -> Iterator[int]:
    """By what a frame is known that runs a rule or a shaper: its object, or its code."""
    found: Any = part.constraint if isinstance(part, Rule) else part.processor
    if type(found) is Lifted:
        found = found.machine
    while type(found) is partial:
        found = found.func
    if type(found) is MethodType:
        found = found.__self__
    yield id(found.__code__ if type(found) is FunctionType else found)


# ------------------------------------------------------------------------------------------------- everything else


def _made(frames: Sequence[FrameType]) -> Culprit | None:
    """What is being made by its factory, if it is none of the core's."""
    for frame in reversed(frames):
        offer, spec = frame.f_locals.get("offer"), frame.f_locals.get("spec")
        if _module(frame) == "gen_engine.specs" and isinstance(offer, Offer) and isinstance(spec, Spec):
            core = offer.plugin.words == CORE
            return None if core else Culprit(spec.text, offer.plugin.words, "its factory", frame)
    return None


def _called(frames: Sequence[FrameType], problem: BaseException | None) -> Culprit | None:
    """The plugin whose decoder, model or recipe the engine called, or whose command failed by itself."""
    told = [(_kind(frame), frame) for frame in frames]
    told = [(kind, frame) for kind, frame in told if kind]
    if told and (late := _imported_late(told[-1][1])):
        return late
    entries = [i for i in range(1, len(told)) if told[i][0] == "plugin" != told[i - 1][0]]
    if not entries:
        return None
    caller, frame = told[entries[-1] - 1][0], told[entries[-1]][1]
    if caller == "command" and (told[-1][0] != "plugin" or _is_own_way(problem)):
        return None
    origin, name = _owner_words(frame), frame.f_code.co_qualname
    return Culprit("", origin, name, frame) if caller == "command" else Culprit(name, origin, "", frame)


def _imported_late(frame: FrameType) -> Culprit | None:
    """The command that could not be imported when it was run."""
    place = getattr(frame.f_locals.get("self"), "place", "") if _module(frame) == "gen_engine.later" else ""
    plugin = plugin_of(place.partition(":")[0])
    return Culprit(place, plugin.words, "its import", frame) if plugin else None


def _is_own_way(problem: BaseException | None) -> bool:
    """Whether a command may end so: by its own exit code, by what click tells, by a file that cannot be read."""
    if isinstance(problem, OSError):
        return problem.filename is not None
    return isinstance(problem, (SystemExit, EOFError)) or type(problem).__module__ == "click.exceptions"


def _module(frame: FrameType) -> str:
    return frame.f_globals.get("__name__") or ""


def _kind(frame: FrameType) -> str:
    """Whose code a frame runs: the engine's, a command's (what click and commands call), a plugin's; else nobody's."""
    module = _module(frame)
    package, _, rest = module.partition(".")
    room = rest.partition(".")[0]
    if module == "click.core" or (package == "gen_engine" and room in WAYS):
        return "command"
    if package == "gen_engine":
        return "" if room in NEUTRAL else "engine"
    return "plugin" if plugin_of(module) else ""


def _owner_words(frame: FrameType) -> str:
    plugin = plugin_of(_module(frame))
    return plugin.words if plugin else ""


def plugin_of(module: str) -> PluginInfo | None:
    """The plugin that a module belongs to: the one whose own module shares most of its name."""

    def shared(plugin: PluginInfo) -> int:
        pairs = zip_longest(module.split("."), plugin.module.partition(":")[0].split("."))
        return next(i for i, (one, other) in enumerate((*pairs, ("", None))) if one != other)

    plugins = [each for each in registry().plugins if each.words != CORE and shared(each)]
    return max(plugins, key=shared, default=None)


# -------------------------------------------------------------------------------------------------- wrong answers


def _wrong_answer(frames: Sequence[FrameType]) -> PluginError | None:
    """What a rule that is none of the core's answered wrongly, where the engine itself stumbled."""
    for frame in reversed(frames):
        values = list(frame.f_locals.values())
        rules = next((found for value in values if (found := _rules(value))), None) or _rules_above(frames)
        for joint in [value for value in values if isinstance(value, Joint)]:
            for rule, state in zip(rules, joint.states, strict=False):
                if rule.origin != CORE and (wrong := _fault(rule, state)):
                    return PluginError(wrong)
    return None


def _fault(rule: Rule, state: Any) -> str | None:
    try:
        return fault(rule, state) or broken_promise(rule, state)
    except Exception:  # noqa: BLE001 - the code of others, which has failed before
        return None


def _rules(value: Any) -> list[Rule]:
    return [part for part in _parts(value) if isinstance(part, Rule)] if not isinstance(value, Rule) else []


def _rules_above(frames: Sequence[FrameType]) -> list[Rule]:
    return next((found for frame in frames for value in list(frame.f_locals.values()) if (found := _rules(value))), [])
