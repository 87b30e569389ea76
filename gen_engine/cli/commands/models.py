"""`gen models`: lists the models there are, fetches one of the hub, gives folders and files names, publishes them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from ...errors import GenError, quoted
from ...hooks.lazy import LazyCommand
from ...hooks.registry import Offer, registry
from ...models.added import add as add_model
from ...models.added import added
from ...models.added import remove as remove_model
from ...models.notes import read_note
from ...sources import model_folder
from ...system.help_pages import examples
from ...system.screen import note
from ...system.tables import table
from ..config import SHARED, loaded, options_of, settings_of
from ..config_files import PROJECT
from ..options import debug_option, is_shared, pasted
from ..output import dump

ADDED = "(added)"
"""What stands for the plugin of a model that the user added."""


@click.group(invoke_without_command=True, epilog=examples("gen models", "gen models --json"))
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
@debug_option()
@click.pass_context
def models(context: click.Context, as_json: bool) -> None:
    """List models; fetch one of the hub, or give one a name.

    Without a command, the models that plugins bring and those that were added are listed.
    """
    if context.invoked_subcommand is not None:
        return None
    rows = sorted([*_shipped(), *_added()], key=lambda row: str(row["name"]))
    if as_json:
        return dump(rows)
    cells = [
        [row["name"], row["plugin"], row["summary"], " ".join(row["processors"]), " ".join(row["told"])] for row in rows
    ]
    columns = ["name", "plugin", "what it is", "used with", "can be told"]
    return table("Models (also: any folder, GGUF file or hub name)", columns, cells, nameless=["what it is"])


@models.command(epilog=examples("gen models pull HuggingFaceTB/SmolLM2-135M-Instruct"))
@click.argument("name")
@debug_option()
def pull(name: str) -> None:
    """Fetch the model NAME of the hub, to use it without a network.

    Only weights as safetensors, configs and tokenizers are fetched, into the cache that all programs share (HF_HOME).
    """
    from ...models.hub import pull as fetch

    folder = fetch(name)
    click.echo(f"{name} is in {folder}; use it with --model {name}")


@models.command(epilog=examples("gen models add mine ./my-model"))
@click.argument("name")
@click.argument("folder", type=click.Path(exists=True, path_type=Path))
@debug_option()
def add(name: str, folder: Path) -> None:
    """Give the model in FOLDER a NAME for --model.

    FOLDER may be a GGUF file, which is unpacked into a folder for good, so that it loads faster (see GEN_MODELS). A
    folder stays where it is.
    """
    if name in registry().models:
        owner = registry().models[name].plugin.words
        raise GenError(f"{name} is a model of {owner} already; give another name.")
    place = add_model(name, folder)
    click.echo(f"{name} is {place}; use it with --model {name}")


@models.command(epilog=examples("gen models remove mine"))
@click.argument("name")
@debug_option()
def remove(name: str) -> None:
    """Forget the NAME of a model that was added.

    Its folder stays, unless it was unpacked from a GGUF file for this name.
    """
    if name in registry().models and name not in added():
        owner = registry().models[name].plugin
        raise GenError(f"{name} is a model of {owner.words}, which was not added; it goes with {owner.distribution}.")
    from .config import naming

    places = [*naming(name)] if name not in registry().models else []  # read first, so that damage stops it in time
    kept = remove_model(name)
    rest = f"; its folder stays: {kept}" if kept else ", and its folder is removed"
    click.echo(f"{name} is no name any more{rest}")
    for file, keys in places:
        key = ".".join(keys)
        clear = pasted(["gen", "config", "unset", key, *(["--project"] if file == PROJECT else [])])
        note(f"{key} in {file} still names it; `{clear}` clears that.")


@models.command(epilog=examples("gen models default", "gen models default novel --command text"))
@click.argument("name", required=False)
@click.option("--command", "words", metavar="COMMAND", help="For this command alone, such as poem.")
@debug_option()
@click.pass_context
def default(context: click.Context, name: str | None, words: str | None) -> None:
    """Let commands that write use the model NAME unless --model names another; without NAME, show which they use.

    This is `gen config set defaults.model NAME`, or COMMAND.model for one command.
    """
    from .config import set_default

    if name is None:
        return _show_defaults(context, words)
    model_folder(name, online=False)
    keys = (*(words.split() if words else [SHARED]), "model")
    file = set_default(context, keys, name)
    return click.echo(f"{'.'.join(keys)} is {name} now, in {file}")


def _show_defaults(context: click.Context, words: str | None) -> None:
    """The model of each command that writes, and where that is set."""
    root = context.find_root().command
    names = [words] if words else sorted(getattr(root, "commands", {}))
    rows = []
    for name in names:
        command = loaded(getattr(root, "commands", {}).get(name, click.Command(name)))
        option = options_of(command).get("model")
        if option is not None and is_shared(option):
            found = settings_of(command, (name,)).get("model")
            built = option.to_info_dict()["default"] or "(--model names it)"
            rows.append([name, found.value, str(found.file)] if found else [name, built, "built in"])
    if not rows:
        raise GenError(f"{quoted(words)} is no command that writes texts; `gen models default` lists those.")
    table("Default models", ["command", "model", "from"], rows)


PUBLISHING = {
    "card": "Complete the model card of FOLDER, and name what it still lacks.",
    "push": "Publish the model of FOLDER as REPO, on the hub or in a new folder.",
}
for _name, _summary in PUBLISHING.items():
    models.add_command(LazyCommand(_name, f"gen_engine.cli.commands.publishing:{_name}", _summary))


def _shipped() -> Iterator[dict[str, Any]]:
    """What plugins bring."""
    return (_row(name, offer) for name, offer in registry().models.items())


def _row(name: str, offer: Offer) -> dict[str, Any]:
    row: dict[str, Any] = {"name": name, "plugin": offer.plugin.name}
    try:
        shipped = offer.model
        told = _told(Path(shipped.folder))
    except GenError as problem:
        return {**row, "summary": str(problem), "processors": [], "folder": "", "told": []}
    return {
        **row,
        "summary": shipped.summary,
        "processors": list(shipped.processors),
        "folder": str(shipped.folder),
        "told": told,
    }


def _added() -> Iterator[dict[str, Any]]:
    """What the user added."""
    for name, folder in added().items():
        row = {"name": name, "plugin": ADDED, "processors": [], "folder": str(folder)}
        try:
            summary, told = (str(folder), _told(folder)) if folder.is_dir() else (f"{folder}, which is gone", [])
        except GenError as problem:
            summary, told = str(problem), []
        yield {**row, "summary": summary, "told": told}


def _told(folder: Path) -> list[str]:
    """The parts of a context that a model can be told."""
    found = read_note(folder)
    return list(found.order) if found else []
