"""Request bodies made from the parameters of commands: the same names, types, choices, defaults and words of help."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, Literal

import click
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, create_model

from gen_engine.cli.main import make_cli
from gen_engine.hooks.lazy import LazyCommand

from .bounds import LONGEST, SEED, TEXTS

NOT_OFFERED = frozenset(
    "out json debug help explain html file not_in device dtype attention fast patience interactive card".split()
)
"""Options that name files, belong to a terminal, or are for whoever runs the server."""

TEXT, LISTED = 2_000, 32
"""The most characters of a text that no model reads, and the most entries of a list."""

READ = frozenset(("prompt", "context", "chat", "system"))
"""The fields that a model reads."""

MOST = {
    "num": TEXTS, "best_of": TEXTS, "rows": 200, "cols": 100, "len": 10_000, "max_new": 10_000, "variant": 10_000,
    "beams": 64, "groups": 64, "particles": 256, "top_k": 1_000_000, "no_repeat": 10_000, "seed": SEED,
}  # fmt: skip
"""The most that a field may ask for; a server's own bounds (`--max-n`, `--max-length`) may be lower."""

BOUNDED = {"num": ("best_of", "num"), "max_new": ("max_new", "len", "rows", "cols", "form", "tune")}
"""By what the engine process bounds, the fields that can ask for too much of it; see `_asks_for_most`."""

FILED = "@FILE"
"""Stands in the help of an option whose value names a file if it begins with @."""

WRITES = frozenset(("model", "seed", "num", "with", "json", "explain"))
"""The options by which a command that writes texts is known."""

OPTION = re.compile(r"--([a-z][a-z-]*)(?![\w=])")
OR_FILE = re.compile(r" or --file FILE")


@lru_cache(1)
def cli() -> click.Group:
    """`gen` with every installed command."""
    return make_cli()


def installed(name: str) -> click.Command | None:
    """The command of that name, with its parameters; None if no plugin brings it."""
    found = cli().commands.get(name)
    return found.load() if isinstance(found, LazyCommand) else found


def writing_commands() -> dict[str, click.Command]:
    """The commands that write texts, whoever brings them: those with the options of `generating` and `explaining`."""
    found: dict[str, click.Command] = {}
    for name, known in cli().commands.items():
        if name != "text" and isinstance(known, LazyCommand) and known.place.startswith("gen_engine."):
            continue  # the engine's own have no other, and need not be imported
        try:
            command = installed(name)
        except Exception:  # noqa: BLE001 - a plugin's code, which harms no other; `gen plugins` reports it
            continue
        if command is not None and {name_of(each) for each in command.params} >= WRITES:
            found[name] = command
    return found


def name_of(parameter: click.Parameter) -> str:
    """The name of the field: that of the option, in snake_case."""
    long = next((each for each in parameter.opts if each.startswith("--")), parameter.opts[-1])
    return long.lstrip("-").replace("-", "_")


@dataclass(frozen=True)
class Fields:
    """The fields that a command has over HTTP: the options that it offers by their names."""

    command: str
    options: Mapping[str, click.Option]

    def arguments(self, body: BaseModel) -> tuple[str, ...]:
        """The fields that were given, as the command would be typed. None is a field that was not given."""
        given = ((name, getattr(body, name)) for name in body.model_fields_set if name in self.options)
        told = {name: value for name, value in given if value is not None}
        ordered = ((option, told[name]) for name, option in self.options.items() if name in told)
        return tuple(each for option, value in ordered for each in _typed(option, value))

    def words(self, message: str) -> str:
        """A message of the command, which speaks of fields instead of options."""
        return OPTION.sub(self._field, OR_FILE.sub("", message))

    def _field(self, found: re.Match[str]) -> str:
        name = found[1].replace("-", "_")
        return name if name in self.options or name in ("model", "seed") else found[0]

    def named(self, param: str | None, message: str, given: Mapping[str, Any]) -> str | None:
        """The field that an error is about: the parameter that it names, or the first given one in its message."""
        if param in BOUNDED:
            told = (name for name in BOUNDED[param] if name in self.options and name in given)
            return _asks_for_most({name: given[name] for name in told})
        if param is not None:
            return next((name for name, option in self.options.items() if option.name == param), param)
        options = (found[1].replace("-", "_") for found in OPTION.finditer(message))
        return next((name for name in options if name in given), None)

    def sizes(self, given: Mapping[str, Any]) -> Iterator[str]:
        """The given fields that say how long a text is, as rules: a command has only as many tokens written."""
        sizing = (name for name in BOUNDED["max_new"][1:] if name in given and name in self.options)
        return (f"{name}={given[name]}" for name in sizing)


def _asks_for_most(given: Mapping[str, Any]) -> str | None:
    """Of fields that ask for much together, the one with the largest number; without numbers, the first."""
    numbers = {name: value for name, value in given.items() if isinstance(value, int)}
    return max(numbers, key=numbers.__getitem__) if numbers else next(iter(given), None)


def fields_of(command: click.Command, name: str) -> Fields:
    """The fields of the command of that name."""
    options = {name_of(each): each for each in command.params if isinstance(each, click.Option)}
    kept = {field: option for field, option in options.items() if field not in NOT_OFFERED and not _is_file(option)}
    return Fields(name, {field: option for field, option in kept.items() if field not in ("model", "seed")})


def body_of(fields: Fields, title: str, more: Mapping[str, Any]) -> type[BaseModel]:
    """The type of a request body: the fields, and `more` of them (name to (type, default)). Others are refused."""
    made = {name: _typed_field(name, option) for name, option in fields.options.items()}
    return create_model(title, __config__=ConfigDict(extra="forbid", strict=True), **{**made, **more})


def _is_file(option: click.Option) -> bool:
    metavar = option.metavar or ""
    return isinstance(option.type, click.Path) or ("FILE" in metavar and FILED not in metavar)


def _typed_field(name: str, option: click.Option) -> tuple[Any, Any]:
    default = option.to_info_dict()["default"]
    told = _words(option.help or "")
    if option.required:
        return _type(name, option), Field(description=told)
    if option.multiple:
        default = list(default or ())
    return _type(name, option) | None, Field(default, description=told)


def _words(told: str) -> str:
    """The help of an option in words about fields."""
    told = told.replace("; repeat for more, in order", ", in order")
    return OPTION.sub(lambda found: found[1].replace("-", "_"), told)


def _type(name: str, option: click.Option) -> Any:
    if option.is_flag:
        return bool
    one: Any = _one(name, option)
    if getattr(option, "_flag_needs_value", False):
        # A value in the form of an option would be read as one, since the value can be left out.
        return bool | Annotated[str, StringConstraints(max_length=TEXT, pattern=r"^([^-][\s\S]*)?$")]
    return Annotated[list[one], Field(max_length=LISTED)] if option.multiple else one


def _one(name: str, option: click.Option) -> Any:
    kind = option.type
    if isinstance(kind, click.Choice):
        return Literal[tuple(kind.choices)]
    if isinstance(kind, (click.IntRange, click.types.IntParamType)):
        low, high = getattr(kind, "min", None), getattr(kind, "max", None)
        most = min(each for each in (high, MOST.get(name), SEED) if each is not None)
        return Annotated[int, Field(ge=-SEED if low is None else low, le=most)]
    if isinstance(kind, (click.FloatRange, click.types.FloatParamType)):
        low, high = getattr(kind, "min", None), getattr(kind, "max", None)
        return Annotated[float, Field(ge=low, le=high, allow_inf_nan=False)]
    if name == "draft":
        return Annotated[str, StringConstraints(max_length=TEXT, pattern=r"^(lookup|ngram)(,[\s\S]*)?$")]
    return Annotated[str, StringConstraints(max_length=LONGEST if name in READ else TEXT)]


def _typed(option: click.Option, value: Any) -> Iterator[str]:
    name = next(each for each in option.opts if each.startswith("--"))
    for each in value if isinstance(value, list) else [value]:
        if each is True:
            yield name
        elif each is not False:
            text = str(each)
            yield f"{name}={'@' if FILED in (option.metavar or '') and text.startswith('@') else ''}{text}"
