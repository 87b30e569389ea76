"""Whose code is running in a stack of frames. It is reported when that code fails or takes long.

Nothing is recorded in advance: plugin, processor and method are read off the frames afterwards.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ContextDecorator
from dataclasses import dataclass
from itertools import zip_longest
from threading import main_thread
from traceback import walk_tb
from types import FrameType, FunctionType, MethodType
from typing import Any

from .chain import Chain, Plan
from .decoding.generation import Generation
from .decoding.packing import Running, named
from .errors import GenError, PluginError, reason_of
from .hooks.lazy import LazyCommand
from .hooks.registry import Offer, PluginInfo, registry
from .proving.answers import PROMISES, STATELESS, broken_promise, fault, whose, wrong_signature
from .proving.lifting.lift import Lifted
from .proving.product import Joint, Product
from .proving.prover import Prover
from .proving.rule import Rule
from .proving.states import Part, RuleTable, StateTable
from .types import CORE, Named, Spec

WAYS = ("cli", "hooks.lazy", "system.screen", "system.tables", "system.text_files", "__main__")
"""Folders and modules of the engine whose caller is a command. What plugins run through them belongs to their
commands.
"""

NEUTRAL = ("blame", "hooks.process_state", "system.interrupts", "system.streams", "system.underway")
"""Modules of the engine that only pass on what others do."""

STATES = ("state", "after", "start")
"""The engine's names for the states of one rule."""

CALLS = ("start", "step", "next", "allowed", "permits", "accepts", "kind", "kinds", "mentions", "removes_at_most",
         "never_forbids", "transitions", "min_remaining", "max_remaining", "only_forbids_repeats_of", "never_again", "bars", "needs", "gathers", "describe_next", "parts", "parted",
         "cut", "enders", "held", "strings", "banned")  # fmt: skip
"""What the engine asks of a rule."""


@dataclass(frozen=True)
class Culprit:
    """Whose code is running: its name, its plugin in words, the method, and the method's frame."""

    who: str
    origin: str
    method: str
    frame: FrameType

    @property
    def words(self) -> str:
        """In one phrase: `tide=3 of the plugin tides (gen-tides)`."""
        return whose(self.who, self.origin) if self.who else self.origin[:1].upper() + self.origin[1:]


class blaming(ContextDecorator):  # noqa: N801 - used like a function
    """Turn what the code of plugins, or a processor given as an object, raises inside into a PluginError."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, problem: BaseException | None, trace: object) -> None:
        if problem is not None and (named := named_error(problem)) is not None:
            raise named from problem


def named_error(problem: BaseException) -> PluginError | None:
    """The error that says whose code raised `problem`; None if the engine's own did, or it is no fault."""
    if isinstance(problem, (GenError, KeyboardInterrupt)):
        return None
    frames = [frame for frame, _ in walk_tb(problem.__traceback__)]
    if isinstance(problem, RuntimeError) and isinstance(problem.__cause__, StopIteration):  # it passed a generator
        problem = problem.__cause__
        frames += [frame for frame, _ in walk_tb(problem.__traceback__)]
    found = at_work(frames) or _made(frames) or _called(frames, problem) or _deciding(frames)
    if found is None:  # what closes a generator is nobody's answer
        return None if isinstance(problem, GeneratorExit) else _wrong_answer(frames, problem)
    doing = f" in {found.method}" if found.method else ""
    reason = f"{reason_of(problem)}; --debug shows where"
    return PluginError(f"{found.words} failed{doing} ({reason}); {_remedy(found)}.")


def _remedy(found: Culprit) -> str:
    plugin = next((each for each in registry().plugins if each.words == found.origin), None)
    if plugin is None:
        return "mend it, or leave it out"
    return f"leave it out, or {plugin.remedy}" if found.who else f"{plugin.remedy}, or tell its authors"


def asked_now() -> tuple[FrameType, str] | None:
    """The call of the main thread into a plugin's processor, and its name; for other threads to ask."""
    frame = sys._current_frames().get(main_thread().ident or 0)
    frames: list[FrameType] = []
    while frame is not None:
        frames.append(frame)
        frame = frame.f_back
    found = at_work(frames[::-1])
    return (found.frame, f"waiting for {found.method and found.method + ' of '}{found.words}") if found else None


# ---------------------------------------------------------------------------------------------------- processors


def at_work(frames: Sequence[FrameType]) -> Culprit | None:
    """The processor that is running in these frames, unless it is the core's."""
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
    # Types are compared, since a plugin's object may run code of its own when asked for its class.
    if type(value) is Generation:
        value = value.plan
    if type(value) is Plan:
        value = value.chain
    if type(value) is Chain:
        return (*value.shapers, *value.product.rules)
    if type(value) is Prover:
        value = value.product
    if type(value) is RuleTable:
        value = value.rule
    if type(value) in (Product, StateTable):
        found: tuple[Rule, ...] = value.rules
        return found
    if type(value) in (list, tuple):
        return [each for each in value if type(each) in (Rule, Named)]
    return (value,) if type(value) in (Rule, Named) else ()


def _keys(part: Rule | Named) -> Iterator[int]:
    """What identifies a frame that runs a rule or a shaper: its object, or its code."""
    found: Any = part.constraint if isinstance(part, Rule) else part.processor
    if type(found) is Lifted:
        found = found.machine
    if type(found) is MethodType:
        found = found.__self__
    yield id(found.__code__ if type(found) is FunctionType else found)


# ------------------------------------------------------------------------------------------------- everything else


def _made(frames: Sequence[FrameType]) -> Culprit | None:
    """What a factory is making, unless it is the core's."""
    for frame in reversed(frames):
        offer, spec = frame.f_locals.get("offer"), frame.f_locals.get("spec")
        if _module(frame) == "gen_engine.hooks.specs" and isinstance(offer, Offer) and isinstance(spec, Spec):
            core = offer.plugin.words == CORE
            return None if core else Culprit(spec.text, offer.plugin.words, "its factory", frame)
    return None


def _deciding(frames: Sequence[FrameType]) -> Culprit | None:
    """The decoder that was called, or asked what it says of itself, if it is none of the core's."""
    for number, frame in reversed([*enumerate(frames)]):
        if _module(frame) in ("gen_engine.engine", "gen_engine.decoding.packing"):
            own = frame.f_locals.get("self")
            decoder = own.strategy if type(own) is Running else frame.f_locals.get("decoder")
            after = frames[number + 1] if number + 1 < len(frames) else None
            is_own = str(getattr(decoder, "__module__", "")).partition(".")[0] == "gen_engine"
            if decoder is None or is_own or (after is not None and _kind(after) == "engine"):
                return None
            return Culprit(named(decoder), "", "", after or frame)
    return None


def _called(frames: Sequence[FrameType], problem: BaseException | None) -> Culprit | None:
    """The plugin whose decoder, model or recipe the engine called, or whose command failed by itself."""
    told = [(_kind(frame), frame) for frame in frames]
    told = [(kind, frame) for kind, frame in told if kind]
    late = next((found for _, frame in told if (found := _imported_late(frame))), None)
    if late is not None:
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
    """The command that is being imported in order to run."""
    command = frame.f_locals.get("self") if frame.f_code is LazyCommand.load.__code__ else None
    plugin = plugin_of(command.place.partition(":")[0]) if isinstance(command, LazyCommand) else None
    return Culprit(f"The command {command.name}", plugin.words, "its import", frame) if command and plugin else None


def _is_own_way(problem: BaseException | None) -> bool:
    """Whether a command may end this way: by its own exit code, by click's errors, by a file that cannot be read."""
    if isinstance(problem, OSError):
        return problem.filename is not None
    return isinstance(problem, (SystemExit, EOFError)) or type(problem).__module__ == "click.exceptions"


def _module(frame: FrameType) -> str:
    return frame.f_globals.get("__name__") or ""


def _kind(frame: FrameType) -> str:
    """Whose code a frame runs: the engine's, a command's (what click and commands call), a plugin's, else nobody's."""
    module = _module(frame)
    package, _, place = module.partition(".")
    if module == "click.core" or (package == "gen_engine" and _is_in(place, WAYS)):
        return "command"
    if package == "gen_engine":
        return "" if _is_in(place, NEUTRAL) else "engine"
    return "plugin" if plugin_of(module) else ""


def _is_in(place: str, rooms: Iterable[str]) -> bool:
    return any(place == room or place.startswith(f"{room}.") for room in rooms)


def _owner_words(frame: FrameType) -> str:
    plugin = plugin_of(_module(frame))
    return plugin.words if plugin else ""


def plugin_of(module: str) -> PluginInfo | None:
    """The plugin of a module: the one whose own module shares most of its name."""

    def shared(plugin: PluginInfo) -> int:
        pairs = zip_longest(module.split("."), plugin.module.partition(":")[0].split("."))
        return next(i for i, (one, other) in enumerate((*pairs, ("", None))) if one != other)

    plugins = [each for each in registry().plugins if each.words != CORE and shared(each)]
    return max(plugins, key=shared, default=None)


# -------------------------------------------------------------------------------------------------- wrong answers


def _wrong_answer(frames: Sequence[FrameType], problem: BaseException) -> PluginError | None:
    """A wrong answer of a rule that is not the core's, over which the engine itself stumbled."""
    known = {part for frame in frames for value in _locals(frame) for part in _parts(value) if type(part) is Rule}
    rules = [rule for rule in known if rule.origin != CORE]
    wrong = _changed_mind(rules, frames)
    wrong = wrong or next((found for rule, state in _asked(frames) if (found := _fault(rule, state))), None)
    if wrong is None and isinstance(problem, TypeError):
        wrong = next((found for rule in rules if (found := wrong_signature(rule))), None)
    wrong = wrong or next((found for rule in rules if (found := _fault(rule, None, STATELESS))), None)
    return PluginError(wrong) if wrong else None


def _changed_mind(rules: Sequence[Rule], frames: Sequence[FrameType]) -> str | None:
    """Which rule refuses a token that it permitted just before, so that the engine has no state to go on from."""
    last = frames[-1]
    refused = last.f_code is Lifted.next.__code__ or last.f_locals.get("state", last) is None
    own = [rule for rule in rules if rule.constraint is last.f_locals.get("self")] or rules
    if not refused or len(own) != 1 or not isinstance(own[0].constraint, Lifted):
        return None
    which = whose(own[0].label, own[0].origin)
    return f"{which} forbids in step what it permitted before; let it answer the same question alike each time."


def _asked(frames: Sequence[FrameType]) -> Iterator[tuple[Rule, Any]]:
    """The rules, without the core's, and the states that they may have been asked about."""
    rules: Sequence[Rule] = ()
    rule: Rule | None = None
    for frame in frames:
        values = _locals(frame)
        here = next((some for value in values if (some := _rules(value))), rules)
        rules = here
        rule = next((value for value in values if type(value) is Rule), rule)
        joints = [value for value in values if type(value) is Joint]
        pairs = [pair for joint in joints for pair in zip(rules, joint.states, strict=False)]
        pairs += [(rule, frame.f_locals[name]) for name in STATES if rule and name in frame.f_locals]
        pairs += [(each, value.state) for each in rules for value in values if type(value) is Part and len(rules) == 1]
        yield from (pair for pair in pairs if pair[0].origin != CORE)


def _locals(frame: FrameType) -> list[Any]:
    return list(frame.f_locals.values()) if _kind(frame) == "engine" else []


def _rules(value: Any) -> list[Rule]:
    return [part for part in _parts(value) if type(part) is Rule] if type(value) is not Rule else []


def _fault(rule: Rule, state: Any, names: Iterable[str] = ()) -> str | None:
    """What a rule answers wrongly of a state, or, with `names`, in these methods."""
    try:
        wrong = None if names else fault(rule, state)
        return wrong or broken_promise(rule, state, names or PROMISES)
    except KeyboardInterrupt:
        raise
    except BaseException:  # noqa: BLE001 - the code of others, which has failed before
        return None
