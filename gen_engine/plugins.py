"""Plugins: who offers what. A broken one is reported and skipped, and everything else works."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache, cached_property
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any

import pluggy

from . import hookspecs
from .errors import GenError, quoted
from .help_pages import uncut

if TYPE_CHECKING:
    import click

CORE = "gen-engine"
NOUNS = {noun: f"{noun}s" for noun in ("processor", "model", "loader", "decoder", "recipe")}
FEW = 10
"""So many names an error message spells out; for more it names the command that lists them."""


@dataclass
class PluginInfo:
    """One installed plugin: where it is from, what it hooks into, how long it took to import, why it failed."""

    name: str
    distribution: str
    version: str
    module: str
    hooks: tuple[str, ...] = ()
    seconds: float = 0.0
    error: str | None = None

    @property
    def is_absent(self) -> bool:
        """Whether it is only a name in `GEN_PLUGINS`, and not installed."""
        return not self.module


@dataclass(frozen=True)
class Offer:
    """One name that a plugin offers; `value` imports what is behind it."""

    name: str
    plugin: PluginInfo
    source: Mapping[str, Any] = field(repr=False)

    @property
    def value(self) -> Any:
        try:
            return self.source[self.name]
        except Exception as problem:
            reason = f"{self.name} of the plugin {self.plugin.name} cannot be imported ({_reason(problem)})"
            raise GenError(f"{reason}; update or uninstall {self.plugin.distribution}.") from problem

    @property
    def full_name(self) -> str:
        return f"{self.plugin.distribution}:{self.name}"


class Registry:
    """What all plugins together offer; each hook is asked once, when first needed."""

    def __init__(
        self, manager: pluggy.PluginManager, plugins: Iterable[PluginInfo], kept_out: Sequence[str] = ()
    ) -> None:
        self.manager = manager
        self.plugins = list(plugins)
        self.kept_out = kept_out

    @cached_property
    def processors(self) -> dict[str, Offer]:
        return self._named("processors")

    @cached_property
    def models(self) -> dict[str, Offer]:
        return self._named("models")

    @cached_property
    def loaders(self) -> dict[str, Offer]:
        return self._named("loaders")

    @cached_property
    def decoders(self) -> dict[str, Offer]:
        return self._named("decoders")

    @cached_property
    def recipes(self) -> dict[str, Offer]:
        return self._named("recipes")

    def find(self, noun: str, name: str) -> Offer:
        """The offer called `name` or `distribution:name`; `noun` is one of `NOUNS`."""
        offers: dict[str, Offer] = getattr(self, NOUNS[noun])
        known = offers.get(name) or next((o for o in offers.values() if _answers(o, name)), None)
        if known:
            return known
        rivals = sorted(o.full_name for o in offers.values() if o.name == name)
        if rivals:
            raise GenError(
                f"The {noun} {quoted(name)} is offered by more than one plugin; write {' or '.join(rivals)}."
            )
        close = get_close_matches(name, offers, n=1)
        names = ", ".join(sorted(offers)) or "none"
        remedy = f"there are {names}." if len(offers) < FEW else f"`gen {NOUNS[noun]}` lists what there is."
        remedy = f"did you mean {close[0]!r}?" if close else remedy
        raise GenError(f"There is no {noun} {quoted(name)}{self.broken()}; {remedy}")

    def broken(self) -> str:
        """A half-sentence for error messages that names the plugins that failed, and those that may not load."""
        names = ", ".join(p.name for p in self.plugins if p.error and not p.is_absent)
        failed = f" ({names} failed to load: `gen plugins` says why)" if names else ""
        return failed + (f" (GEN_PLUGINS keeps out {', '.join(self.kept_out)})" if self.kept_out else "")

    def absent(self) -> list[str]:
        """A sentence for each name in `GEN_PLUGINS` that no installed plugin has."""
        return [f"{quoted(p.name)} is no plugin: {p.error}" for p in self.plugins if p.is_absent]

    def mount(self, group: click.Group, verb: str) -> None:
        """Mount on `group` the commands of every plugin's `add_commands` or `add_trainers`; `verb` names the hook."""
        argument = {"add_commands": "gen", "add_trainers": "train", "add_evaluators": "group"}[verb]
        offers = self._offers(verb, lambda call: _commands(call, argument))
        for name, offer in _resolve(offers).items():
            group.add_command(uncut(offer.value), name)
        for name in {o.name for o in offers} - set(group.commands):
            rivals = sorted(o.full_name for o in offers if o.name == name)
            group.add_command(_disputed(name, rivals))

    def _named(self, hook: str) -> dict[str, Offer]:
        return _resolve(self._offers(hook, lambda call: call()))

    def _offers(self, hook: str, ask: Callable[[Any], list[Mapping[str, Any]]]) -> list[Offer]:
        offers = []
        for plugin in self.plugins:
            others = [p for n, p in self.manager.list_name_plugin() if n != plugin.name]
            try:
                answers = ask(self.manager.subset_hook_caller(hook, others))
                offers += [Offer(_text(name), plugin, answer) for answer in answers for name in answer]
            except KeyboardInterrupt:
                raise
            except BaseException as problem:  # noqa: BLE001 - a broken plugin is reported, and everything else works
                plugin.error = f"{hook}: {_reason(problem)}"
        return offers


def _commands(call: Any, argument: str) -> list[Mapping[str, Any]]:
    """The commands that one plugin mounts, caught on a group of their own so that none is overwritten silently."""
    import click

    scratch = click.Group(argument)
    call(**{argument: scratch})
    return [scratch.commands]


def _disputed(name: str, rivals: list[str]) -> click.Command:
    import click

    def refuse() -> None:
        raise GenError(f"The command {quoted(name)} is offered by more than one plugin; write {' or '.join(rivals)}.")

    settings: dict[str, Any] = {"ignore_unknown_options": True, "allow_extra_args": True}
    return click.Command(name, callback=refuse, context_settings=settings, help="Offered by more than one plugin.")


def _resolve(offers: list[Offer]) -> dict[str, Offer]:
    """Offers by name; a name offered twice stands only under its full names, `distribution:name`."""
    names = [o.name for o in offers]
    return {o.name if names.count(o.name) == 1 else o.full_name: o for o in offers}


def _text(name: object) -> str:
    if not isinstance(name, str):
        raise TypeError(f"{name!r} is no name; names are text")
    return name


def _answers(offer: Offer, name: str) -> bool:
    return name in (offer.full_name, f"{offer.plugin.name}:{offer.name}")


def _reason(problem: BaseException) -> str:
    return " ".join(f"{type(problem).__name__}: {problem}".split())


@cache
def registry() -> Registry:
    """Everything installed, loaded once; `GEN_PLUGINS` (names, by commas or blanks; empty: none) says what may load."""
    return load_plugins(entry_points(group=hookspecs.PROJECT), os.environ.get("GEN_PLUGINS"))


def load_plugins(found: Iterable[EntryPoint], allowed: str | None = None) -> Registry:
    """The plugins among `found` that `allowed` names (None: all), one by one, the core first, then in order of name."""
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    entries = sorted(found, key=lambda e: (_names(e)[1] != CORE, e.name))
    wanted = None if allowed is None else {_plain(name) for name in re.split(r"[,;\s]+", allowed) if name}
    may_load = [
        wanted is None or CORE in _names(entry) or bool(wanted.intersection(_names(entry))) for entry in entries
    ]
    plugins = [_load(manager, entry) for entry, may in zip(entries, may_load, strict=True) if may]
    known = {name for entry in entries for name in _names(entry)}
    there = [entry.name for entry in entries]
    absent = [
        PluginInfo(name, "", "", "", error=_absent(name, there, known)) for name in sorted((wanted or set()) - known)
    ]
    kept_out = [entry.name for entry, may in zip(entries, may_load, strict=True) if not may]
    return Registry(manager, [*plugins, *absent], kept_out)


def _absent(name: str, there: Sequence[str], known: Iterable[str]) -> str:
    close = get_close_matches(name, known, n=1)
    remedy = f"did you mean {close[0]}?" if close else f"there are {', '.join(there) or 'none'}."
    return f"GEN_PLUGINS names it, but it is not installed; {remedy}"


def _names(entry: EntryPoint) -> tuple[str, str]:
    """The names by which `GEN_PLUGINS` may call a plugin: its own and its distribution's."""
    return _plain(entry.name), _plain(entry.dist.name if entry.dist else "")


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name.strip()).lower()


def _load(manager: pluggy.PluginManager, entry: EntryPoint) -> PluginInfo:
    dist = entry.dist
    info = PluginInfo(entry.name, dist.name if dist else "", dist.version if dist else "", entry.value)
    start = time.perf_counter()
    try:
        module = entry.load()
        manager.register(module, entry.name)
        callers = manager.get_hookcallers(module) or []
        info.hooks = tuple(sorted(caller.name for caller in callers))
        info.error = _misspelled(caller.name for caller in callers if not caller.has_spec())
        info.error = info.error if callers else "it implements no hook"
    except KeyboardInterrupt:
        raise
    except BaseException as problem:  # noqa: BLE001 - the one place that may catch everything
        info.error = _reason(problem)
    info.seconds = time.perf_counter() - start
    return info


def _misspelled(names: Iterable[str]) -> str | None:
    """A misspelled hook would pass silently (pluggy's `check_pending`): its plugin says so in `gen plugins`."""
    unknown = ", ".join(sorted(names))
    known = ", ".join(
        name for name in vars(hookspecs) if hasattr(getattr(hookspecs, name), f"{hookspecs.PROJECT}_spec")
    )
    return f"there is no hook {unknown}; the hooks are {known}" if unknown else None
