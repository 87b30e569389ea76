"""Plugins, and what each offers. A broken one is reported and skipped; everything else works."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache, cached_property
from importlib.metadata import Distribution, EntryPoint, distributions, entry_points
from typing import TYPE_CHECKING, Any, NoReturn

import pluggy

from ..errors import GenError, PluginError, brief, quoted, reason_of
from ..system.help_pages import uncut
from ..system.interrupts import is_real
from ..system.screen import note
from ..system.underway import OTHERS, doing
from ..types import CORE
from . import hookspecs
from .process_state import kept

if TYPE_CHECKING:
    import click

    from ..types import ShippedModel

NOUNS = {noun: f"{noun}s" for noun in ("processor", "model", "loader", "decoder", "recipe")}
FEW = 10
"""The most names that an error message lists. For more it names the command that lists them."""


@dataclass
class PluginInfo:
    """One installed plugin: its origin, its hooks, how long its import took, why it failed.

    `remarks` say what else is odd about it.
    """

    name: str
    distribution: str
    version: str
    module: str
    hooks: tuple[str, ...] = ()
    seconds: float = 0.0
    error: str | None = None
    remarks: list[str] = field(default_factory=list)

    def remark(self, words: str) -> None:
        """Add remarks, without repeating one."""
        self.remarks += [words] if words not in self.remarks else []

    @property
    def words(self) -> str:
        """The plugin's name in messages; the core is simply called that."""
        if self.distribution == CORE:
            return CORE
        return f"the plugin {self.name}" + (f" ({self.distribution})" if self.distribution else "")

    @property
    def of(self) -> str:
        """What messages add to the name of an offer; empty for the core."""
        return "" if self.distribution == CORE else f" of {self.words}"

    @property
    def remedy(self) -> str:
        """What may help if it fails."""
        return f"update or uninstall {self.distribution or self.name}"

    @property
    def is_absent(self) -> bool:
        """Whether it is only named in `GEN_PLUGINS`, and not installed."""
        return not self.module


@dataclass(frozen=True)
class Offer:
    """One name that a plugin offers; `value` imports the object."""

    name: str
    plugin: PluginInfo
    source: Mapping[str, Any] = field(repr=False)

    @property
    def value(self) -> Any:
        try:
            with doing(f"importing {self.name}{self.plugin.of}", logged=OTHERS), kept(self.plugin.remark):
                return self.source[self.name]
        except BaseException as problem:
            if is_real(problem):
                raise
            which = f"{brief(self.name)} of {self.plugin.words}"
            raise GenError(f"{which} cannot be imported ({reason_of(problem)}); {self.plugin.remedy}.") from problem

    @property
    def function(self) -> Callable[..., Any]:
        """`value`, which must be callable."""
        found: Callable[..., Any] = self.value
        return found if callable(found) else self._refuse(found, "a function")

    @property
    def model(self) -> ShippedModel:
        """`value`, which must be a model."""
        from ..types import ShippedModel

        found = self.value
        return found if isinstance(found, ShippedModel) else self._refuse(found, "a ShippedModel")

    def _refuse(self, value: object, wanted: str) -> NoReturn:
        which = f"{brief(self.name)} of {self.plugin.words}"
        raise PluginError(f"{which} is {quoted(value)} instead of {wanted}; {self.plugin.remedy}.")

    @property
    def full_name(self) -> str:
        return f"{self.plugin.distribution}:{self.name}"


class Registry:
    """What all plugins together offer. Each hook is called once, when first needed."""

    def __init__(
        self, manager: pluggy.PluginManager, plugins: Iterable[PluginInfo], kept_out: Sequence[str] = ()
    ) -> None:
        self.manager = manager
        self.plugins: list[PluginInfo] = list(plugins)
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
        """A clause for error messages that names the plugins that failed, and those that are not allowed to load."""
        names = ", ".join(p.name for p in self.plugins if p.error and not p.is_absent)
        failed = f" ({names} failed to load: `gen plugins` says why)" if names else ""
        return failed + (f" (GEN_PLUGINS keeps out {', '.join(self.kept_out)})" if self.kept_out else "")

    def absent(self) -> list[str]:
        """A sentence for each name in `GEN_PLUGINS` that matches no installed plugin."""
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
                with (
                    doing(f"asking {plugin.words} for its {hook} (GEN_PLUGINS can leave it out)", logged=OTHERS),
                    kept(plugin.remark),
                ):
                    answers = ask(self.manager.subset_hook_caller(hook, others))
                    offers += [Offer(_text(name), plugin, answer) for answer in answers for name in _names_in(answer)]
            except BaseException as problem:
                if is_real(problem):
                    raise
                plugin.error = f"{hook}: {reason_of(problem)}"
        return offers


def _commands(call: Any, argument: str) -> list[Mapping[str, Any]]:
    """The commands that one plugin mounts, collected on a separate group so that none is silently overwritten."""
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
    """Offers by name. A name offered twice, and not by the core, exists only as `distribution:name`."""
    names = [o.name for o in offers]
    ours = {o.name for o in offers if o.plugin.distribution == CORE}
    for offer in offers:
        if offer.name in ours and offer.plugin.distribution != CORE:
            offer.plugin.remark(f"{quoted(offer.name)} is the core's; write {offer.full_name}")
    return {
        o.name if names.count(o.name) == 1 or (o.name in ours and o.plugin.distribution == CORE) else o.full_name: o
        for o in offers
    }


def _names_in(answer: object) -> Iterable[object]:
    if not isinstance(answer, Mapping):
        raise TypeError(f"{quoted(answer)} is no mapping of names")
    return answer


def _text(name: object) -> str:
    if not isinstance(name, str):
        raise TypeError(f"{name!r} is no name; names are text")
    return name


def _answers(offer: Offer, name: str) -> bool:
    return name in (offer.full_name, f"{offer.plugin.name}:{offer.name}")


@cache
def registry() -> Registry:
    """Everything installed, loaded once. `GEN_PLUGINS` (names separated by commas or blanks; empty: none) restricts
    it.
    """
    return load_plugins(_installed(), os.environ.get("GEN_PLUGINS"))


def _installed() -> Iterable[EntryPoint]:
    """The entry points of everything installed. A package whose list is not text is reported and left out."""
    try:
        return entry_points(group=hookspecs.PROJECT)
    except ValueError:
        packages: dict[str, Distribution] = {}
        for each in distributions():  # one that is found twice, as a checkout is, counts where it is found first
            packages.setdefault(_plain(str(each.metadata["Name"])), each)
        return [entry for each in packages.values() for entry in _entries_of(each) if entry.group == hookspecs.PROJECT]


def _entries_of(package: Distribution) -> Iterable[EntryPoint]:
    try:
        return package.entry_points
    except ValueError:
        name = package.metadata["Name"]
        note(f"the entry_points.txt of {name} cannot be read, so it is left out; install {name} again.")
        return ()


def load_plugins(found: Iterable[EntryPoint], allowed: str | None = None) -> Registry:
    """The plugins among `found` that `allowed` names (None: all), the core first, then in order of name."""
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
        with doing(f"importing {info.words} (GEN_PLUGINS can leave it out)", logged=OTHERS), kept(info.remark):
            module = entry.load()
        manager.register(module, entry.name)
        callers = manager.get_hookcallers(module) or []
        info.hooks = tuple(sorted(caller.name for caller in callers))
        info.error = _misspelled(caller.name for caller in callers if not caller.has_spec())
        info.error = info.error if callers else "it implements no hook"
    except BaseException as problem:
        if is_real(problem):
            raise
        manager.unregister(name=entry.name)  # it may be half registered
        info.error = reason_of(problem)
    info.seconds = time.perf_counter() - start
    return info


def _misspelled(names: Iterable[str]) -> str | None:
    """A misspelled hook would pass silently (pluggy's `check_pending`). `gen plugins` reports it for its plugin."""
    unknown = ", ".join(sorted(names))
    known = ", ".join(
        name for name in vars(hookspecs) if hasattr(getattr(hookspecs, name), f"{hookspecs.PROJECT}_spec")
    )
    return f"there is no hook {unknown}; the hooks are {known}" if unknown else None
