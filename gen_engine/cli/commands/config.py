"""`gen config`: shows, sets and removes defaults of options in files."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import click

from ...errors import GenError, quoted
from ...system.help_pages import examples
from ...system.tables import table
from ..config import OWN, SHARED, check_texts, find_option, fitted, loaded, options_of, settings_of, typed
from ..config_files import PROJECT, VARIABLE, Keys, files, put, read, user_file
from ..options import debug_option
from ..output import dump

BUILT_IN = "built in"

MODELS = ("model", "encoder", "base")
"""The options that take a model of any name."""

project_option = click.option("--project", is_flag=True, help="In gen.toml of the working folder, not the user's file.")


@click.group(epilog=examples("gen config set poem.rows 8", "gen config set defaults.device cpu", "gen config show"))
@debug_option()
def config() -> None:
    """Set defaults of options.

    They are kept in a file of yours, or in gen.toml of the working folder. A default is called COMMAND.OPTION, such as
    poem.rows or train.gpt2.seed. Those called defaults.OPTION are for the options that all commands that write share,
    and for --device of all commands. The command line wins over environment variables, these over gen.toml, that over
    your file, and that over what is built in.
    """


@config.command(epilog=examples("gen config path"))
@project_option
@debug_option()
def path(project: bool) -> None:
    """Print the path of the file, whether it is there or not."""
    click.echo(str(_file(project)))


@config.command(epilog=examples("gen config show", "gen config show poem --json"))
@click.argument("command", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
@debug_option()
@click.pass_context
def show(context: click.Context, command: tuple[str, ...], as_json: bool) -> None:
    """Show what is set and in which file; with a COMMAND, all its options and where the value of each is from."""
    root = context.find_root().command
    rows = list(_all_options(root, command) if command else _set_values(root))
    if as_json:
        return dump(rows)
    if not rows:
        click.echo(f"Nothing is set; the built-in defaults count. `gen {OWN} set poem.rows 8` would set one.")
        return None
    cells = [[row["name"], _shown(row["value"]), row["from"]] for row in rows]
    return table("Defaults", ["name", "value", "from"], cells)


@config.command("set", epilog=examples("gen config set poem.rows 8", "gen config set text.with no_unk top_k=50"))
@click.argument("name")
@click.argument("value", nargs=-1, required=True)
@project_option
@debug_option()
@click.pass_context
def set_value(context: click.Context, name: str, value: tuple[str, ...], project: bool) -> None:
    """Set the default NAME (COMMAND.OPTION, or defaults.OPTION) to VALUE.

    An option that may be repeated takes several values. Everything else in the file stays as it is, comments included.
    """
    keys = _keys(name)
    option = _option(context, keys)
    file = _file(project)
    put(file, keys, typed(option, value, keys))
    click.echo(f"{'.'.join(keys)} is set in {file}")


@config.command(epilog=examples("gen config unset poem.rows"))
@click.argument("name")
@project_option
@debug_option()
def unset(name: str, project: bool) -> None:
    """Remove the default NAME."""
    keys = tuple(name.split("."))
    file = _file(project)
    kept = read_keys(file, keys)
    put(file, kept, None)
    click.echo(f"{'.'.join(kept)} is not set in {file} any more")


def read_keys(file: Path, keys: Keys) -> Keys:
    """The keys as a file spells them: an option may be written with dashes or with underscores."""
    found: Any = read(file)
    for key in keys[:-1]:
        found = found.get(key, {}) if isinstance(found, Mapping) else {}
    other = keys[-1].replace("-", "_")
    own = [key for key in found if key.replace("-", "_") == other] if isinstance(found, Mapping) else []
    return (*keys[:-1], own[0] if own else keys[-1])


def set_default(context: click.Context, keys: Keys, value: str) -> Path:
    """Set a value in the user's file, as `gen config set` does; that file."""
    file = _file(project=False)
    put(file, keys, typed(_option(context, keys), (value,), keys))
    return file


def _file(project: bool) -> Path:
    if project:
        return PROJECT
    file = user_file()
    if file is None:
        raise GenError(f"{VARIABLE} is empty, so that you have no file; unset it, or name a file with it.")
    return file


def _keys(name: str) -> Keys:
    keys = tuple(name.split("."))
    if len(keys) < 2 or not all(keys):
        raise GenError(f"{quoted(name)} is no name of a default; write COMMAND.OPTION, such as poem.rows.")
    return (*keys[:-1], keys[-1].replace("-", "_"))


def _option(context: click.Context, keys: Keys) -> click.Option:
    root = context.find_root().command
    command = _command(root, ("text",) if keys[0] == SHARED else keys[:-1])
    option = find_option(command, keys)
    assert option is not None  # `gen text` has every shared option
    return option


def _command(root: click.Command, words: Keys) -> click.Command:
    """The command that these words name. Raises GenError if there is none."""
    found = root
    for number, word in enumerate(words):
        known = getattr(found, "commands", {})
        if word not in known or words[0] == OWN:
            close = get_close_matches(word, [*({*known} - {OWN}), SHARED], n=1)
            remedy = f"did you mean {close[0]}?" if close else "`gen --help` lists what there is."
            raise GenError(f"No defaults are kept for {quoted(' '.join(words[: number + 1]))}; {remedy}")
        found = loaded(known[word])
    return found


def _shown(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return " ".join(map(str, value))
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _row(name: str, value: Any, source: object, problem: str = "") -> dict[str, Any]:
    row = {"name": name, "value": list(value) if isinstance(value, tuple) else value, "from": str(source)}
    return {**row, "problem": problem} if problem else row


def _all_options(root: click.Command, words: Keys) -> Iterator[dict[str, Any]]:
    """All options of a command with their values. Raises GenError if it has none."""
    command = _command(root, words)
    options, own = options_of(command), getattr(command, "commands", {})
    if not options:
        remedy = f"name one of its commands: {', '.join(own)}" if own else f"`gen {OWN} show` tells what is set"
        raise GenError(f"`gen {' '.join(words)}` itself has no options that files set; {remedy}.")
    settings = settings_of(command, words)
    for name, option in options.items():
        key = ".".join((*words, name))
        known = settings.get(str(option.name))
        variable = option.envvar if isinstance(option.envvar, str) else None
        if variable and os.environ.get(variable):
            yield _row(key, os.environ[variable], variable)
        elif known is not None:
            yield _row(key, known.value, f"{known.file}: {'.'.join(known.keys)}")
        else:
            default = option.to_info_dict()["default"]
            yield _row(key, None if callable(default) else default, BUILT_IN)


def _set_values(root: click.Command) -> Iterator[dict[str, Any]]:
    """What files set. A value that is of no use says why."""
    told: set[Keys] = set()
    for file in files():
        for keys, value in _flat(read(file)):
            spelt = (*keys[:-1], keys[-1].replace("-", "_"))
            hidden = f"{PROJECT} comes first" if spelt in told else ""
            problem = hidden or _problem(root, keys, value)
            told.add(spelt)
            yield _row(".".join(keys), value, f"{file}" + (f" ({problem})" if problem else ""), problem)


def _problem(root: click.Command, keys: Keys, value: Any) -> str:
    try:
        command = _command(root, ("text",) if keys[0] == SHARED else keys[:-1])
        option = find_option(command, keys)
        if option is not None:
            check_texts(option, fitted(option, value, keys))
    except GenError as problem:
        return str(problem)
    return ""


def naming(model: str) -> Iterator[tuple[Path, Keys]]:
    """Where files name a model as a default. Raises GenError for a file that cannot be read."""
    for file in files():
        for keys, value in _flat(read(file)):
            if keys[-1] in MODELS and model in (value if isinstance(value, list) else [value]):
                yield file, keys


def _flat(found: Mapping[str, Any], keys: Keys = ()) -> Iterator[tuple[Keys, Any]]:
    for key, value in found.items():
        if isinstance(value, Mapping):
            yield from _flat(value, (*keys, key))
        else:
            yield (*keys, key), value
