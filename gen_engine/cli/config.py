"""Defaults of options from files: `[poem]` for a command, `[defaults]` for what all commands that write share.

The order is: the command line, environment variables, `gen.toml` in the working folder, the user's file, what is built
in. `--unset OPTION` of every command takes back what files say. Commands that run for a host take no defaults: what a
server writes depends on its requests alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import click

from ..errors import GenError, quoted
from ..hooks.lazy import LazyCommand
from ..hooks.registry import registry
from ..hooks.specs import parse_spec
from ..models.device import check_device_name
from ..system.screen import note
from .config_files import Keys, files, read
from .options import generating, is_shared
from .tasks import host

SHARED = "defaults"
"""The section for the options that all commands that write share, and for `--device` of all."""

OWN = "config"
"""The command without defaults: it has to work whatever the files say."""

NOT_KEPT = frozenset("out html explain card picture curve write fresh interactive debug".split())
"""Options that no file sets: what is written or replaced is said each time, so that no file in a folder does it."""

CHECKS: Mapping[str, Callable[[str], object]] = {
    "device": check_device_name,
    "with": lambda text: registry().find("processor", parse_spec(text).name),
    "decoder": lambda text: registry().find("decoder", parse_spec(text).name),
}
"""What raises GenError for texts that these options refuse at use, too. No model is loaded for it."""

TRUTHS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


@dataclass(frozen=True)
class Setting:
    """A value for an option, the names under which a file has it, and that file."""

    option: click.Option
    value: Any
    keys: Keys
    file: Path

    @property
    def words(self) -> str:
        """Where it is from, in a sentence."""
        return f"{max(self.option.opts, key=len)} is from {self.file} ({'.'.join(self.keys)})"


class Defaults(Mapping[str, Any]):
    """The defaults of a command's options by the names of its parameters, as click looks them up (`default_map`).

    Files are read when the first of them is looked up. `used` collects what was taken from files, which is what was not
    typed.
    """

    def __init__(self, command: click.Command, words: Keys = (), used: list[Setting] | None = None) -> None:
        self.command = command
        self.words = words
        self.used: list[Setting] = [] if used is None else used

    @cached_property
    def settings(self) -> dict[str, Setting]:
        if not self.words or self.words[0] == OWN or host() is not None:
            return {}
        return settings_of(loaded(self.command), self.words)

    def get(self, name: str, default: Any = None) -> Any:
        """The defaults of a subcommand, or the value of an option."""
        group = loaded(self.command)
        if isinstance(group, click.Group) and name in group.commands:
            words, command = (*self.words, name), group.commands[name]
            return Defaults(command if words[0] == OWN else unsettable(command), words, self.used)
        found = self.settings.get(name)
        return default if found is None else self[name]

    def __getitem__(self, name: str) -> Any:
        found = self.settings[name]
        if found not in self.used:
            self.used.append(found)
        return found.value

    def __iter__(self) -> Iterator[str]:
        return iter(self.settings)

    def __len__(self) -> int:
        return len(self.settings)


def unsettable(command: click.Command) -> click.Command:
    """The command itself, which has `--unset` where files give its defaults. `params`, which hosts look at, stays."""
    command = loaded(command)
    own = command.get_params
    taken = any("--unset" in each.opts for each in command.params)
    if "get_params" in vars(command) or taken or not options_of(command):
        return command

    def get_params(ctx: click.Context) -> list[click.Parameter]:
        found, count = own(ctx), len(command.params)
        added = [UNSET] if isinstance(ctx.find_root().default_map, Defaults) else []
        return [*found[:count], *added, *found[count:]]

    command.get_params = get_params  # type: ignore[method-assign]  # click offers no way but inheritance
    return command


def _unset(context: click.Context, _: click.Parameter, names: tuple[str, ...]) -> None:
    """Take back what files say for options, before those that were not typed look for it."""
    for typed_name in names:
        name = typed_name.lstrip("-").replace("-", "_")
        if name in NOT_KEPT:
            raise GenError(f"No file sets --{name}; leave out --unset {typed_name}.")
        words = tuple(context.command_path.split()[1:])
        option = find_option(context.command, (*words, name), f"--unset {typed_name}: ")
        _take_back(context, option)


def _take_back(context: click.Context, option: click.Option | None) -> None:
    found: Any = context.default_map
    if isinstance(found, Defaults):
        found.settings.pop(str(option.name if option else ""), None)
    elif found:  # of a command that has read a file of its own
        context.default_map = {name: value for name, value in found.items() if option and name != option.name}


UNSET = click.Option(
    ["--unset"],
    multiple=True,
    metavar="OPTION",
    expose_value=False,
    callback=_unset,
    help="Take back what a file of defaults sets for OPTION, such as seed; repeat for more.",
)


def loaded(command: click.Command) -> click.Command:
    """The command itself, if it is one that is imported when used."""
    return command.load() if isinstance(command, LazyCommand) else command


def settings_of(command: click.Command, words: Keys) -> dict[str, Setting]:
    """What files say for the options of a command, by the names of its parameters.

    Raises GenError for a file that cannot be read, and for names and values of its sections that fit no option.
    """
    found: dict[str, Setting] = {}
    for file in files():
        told = read(file)
        _mention_unknown(told, file)
        for keys, value in [*_section(told, words, file), *_section(told, (SHARED,), file)]:
            option = find_option(command, keys, f"{file} sets {'.'.join(keys)}, and ")
            if option is not None and str(option.name) not in found:
                found[str(option.name)] = Setting(option, fitted(option, value, keys, file), keys, file)
    return found


def find_option(command: click.Command, keys: Keys, words: str = "") -> click.Option | None:
    """The option of a command that is set under these names; None for a shared one that the command lacks.

    Raises GenError, which begins with `words`, if there is no such option, or no file sets it.
    """
    name = keys[-1].replace("-", "_")
    if keys[0] == SHARED:
        known = shared_options()
        own = {key: each for key, each in options_of(command).items() if is_shared(each) or key == "device"}
    else:
        own = known = options_of(command)
    if name in NOT_KEPT:
        raise GenError(f"{words}--{name} says what is written where, or is for once; give it on the command line.")
    if name not in known:
        raise GenError(f"{words}{_no_option(keys[:-1], name, known)}")
    return own.get(name)


def _no_option(words: Keys, name: str, known: Iterable[str]) -> str:
    from difflib import get_close_matches

    close = get_close_matches(name, list(known), n=1)
    meant = f"did you mean {close[0]}" if close else ""
    if words[0] == SHARED:
        told = f"[{SHARED}] has no option {quoted(name)}, since not all commands that write have it"
        alone = f"COMMAND.{name} for one command"
        return f"{told}; {meant}, or {alone}?" if meant else f"{told}; write {alone}."
    command = f"gen {' '.join(words)}"
    remedy = f"{meant}?" if meant else f"`{command} --help` lists what there is."
    return f"`{command}` has no option {quoted(name)}; {remedy}"


def options_of(command: click.Command) -> dict[str, click.Option]:
    """The options of a command that files may set, by their names there."""
    found = {name_of(each): each for each in command.params if isinstance(each, click.Option)}
    return {name: each for name, each in found.items() if name not in NOT_KEPT}


def shared_options() -> dict[str, click.Option]:
    """The options that all commands that write share."""
    return options_of(click.command("any")(generating()(lambda: None)))


def name_of(option: click.Option) -> str:
    """What an option is called in files: `max_new` for `--max-new`."""
    return max(option.opts, key=len).lstrip("-").replace("-", "_")


def fitted(option: click.Option, value: Any, keys: Keys, file: Path | None = None) -> Any:
    """A value of a file as an option takes it. Raises GenError if it is of another type or not allowed."""
    who = ".".join(keys) if file is None else f"{file}: {'.'.join(keys)}"
    if option.multiple:
        several = value if isinstance(value, (list, tuple)) else [value]
        return tuple(_one(option, each, who) for each in several)
    return _one(option, value, who)


def _one(option: click.Option, value: Any, who: str) -> Any:
    wanted = wanted_type(option)
    if not _is_of(value, wanted):
        raise GenError(f"{who} is {quoted(value)}; give {wanted}.")
    if wanted == "true or false":
        return value
    value = str(value) if wanted == "a text" else value
    try:
        option.type.convert(value, option, None)
    except click.BadParameter as problem:
        raise GenError(f"{who} is {quoted(value)} ({problem.message.rstrip('.')}); give another value.") from None
    return value


def wanted_type(option: click.Option) -> str:
    """What an option takes, in words."""
    if option.is_flag:
        return "true or false"
    if isinstance(option.type, click.types.IntParamType):
        return "a whole number"
    return "a number" if isinstance(option.type, click.types.FloatParamType) else "a text"


def _is_of(value: Any, wanted: str) -> bool:
    if isinstance(value, bool) or wanted == "true or false":
        return isinstance(value, bool) and wanted == "true or false"
    kinds = {"a whole number": (int,), "a number": (int, float), "a text": (str, int, float)}
    return isinstance(value, kinds[wanted])


def typed(option: click.Option, words: tuple[str, ...], keys: Keys) -> Any:
    """The value for a file that these words of the command line mean. Raises GenError if the option takes no such."""
    if len(words) != 1 and not option.multiple:
        raise GenError(f"{'.'.join(keys)} takes one value, and {len(words)} were given; put quotes around it.")
    values = [_value(option, word) for word in words]
    value = values if option.multiple else values[0]
    check_texts(option, fitted(option, value, keys))
    return value


def check_texts(option: click.Option, value: Any) -> None:
    """Raises GenError for a fitted value that names no device, processor or decoder, where the option takes one."""
    check = CHECKS.get(name_of(option))
    for text in value if option.multiple else (value,):
        if check is not None:
            check(text)


def _value(option: click.Option, word: str) -> Any:
    makers: dict[str, Any] = {"a whole number": int, "a number": float, "a text": str}
    wanted = wanted_type(option)
    try:
        return TRUTHS.get(word.lower(), word) if wanted == "true or false" else makers[wanted](word)
    except ValueError:
        return word  # which is refused


def _section(told: Mapping[str, Any], words: Keys, file: Path) -> Iterator[tuple[Keys, Any]]:
    """The values of a section; tables within it belong to subcommands."""
    found: Any = told
    for number, name in enumerate(words):
        found = found.get(name, {})
        if not isinstance(found, Mapping):
            key = ".".join(words[: number + 1])
            raise GenError(f"{file}: {key} is {quoted(found)}; write a section, [{key}], with options in it.")
    for name, value in found.items():
        if not isinstance(value, Mapping):
            yield (*words, name), value


def _mention_unknown(told: Mapping[str, Any], file: Path) -> None:
    """Say which sections are of no command: perhaps a plugin is missing, so that this is no error."""
    context = click.get_current_context(silent=True)
    root = context.find_root() if context else None
    known = getattr(root.command, "commands", {}) if root else {}
    if root is None or not known or root.meta.setdefault(__name__, {}).setdefault(str(file), False):
        return
    root.meta[__name__][str(file)] = True
    for name in told.keys() - {*known, SHARED}:
        from difflib import get_close_matches

        close = get_close_matches(name, [*known, SHARED], n=1)
        remedy = f"did you mean {close[0]}?" if close else "`gen --help` lists what there is."
        note(f"{file} has a section {quoted(name)}, which is no command{registry().broken()}; {remedy}")


def mention_used(used: Iterable[Setting], message: str) -> None:
    """Say which of the options that a message names, by themselves or by their texts, were set by a file."""
    for each in used:
        is_quoted = isinstance(each.value, str) and quoted(each.value) in message
        if is_quoted or max(each.option.opts, key=len) in message:
            note(f"{each.words}.")
