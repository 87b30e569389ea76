"""The examples of all help pages, and a folder with what they need."""

import shlex
from contextlib import suppress

import click
import torch
from small_models import saved_model, small_model

from gen_engine.cli.main import make_cli
from gen_engine.system.help_pages import EXAMPLES

POEM = "白日依山尽，\n黄河入海流。\n欲穷千里目，\n更上一层楼。\n"
FOLDERS = ("base", "my-model", "my-gpt2", "my-bert", "my-classifier", "afqmc", "iflytek", "tnews")


def pages(command=None, path=()):
    """The words of every command with the command itself, groups included."""
    command = command or make_cli()
    loaded = command.load() if hasattr(command, "load") else command
    if path:
        yield path, loaded
    for name in sorted(getattr(loaded, "commands", ())):
        yield from pages(loaded.commands[name], (*path, name))


def examples_of(command):
    """The examples on the help page of a command."""
    told = command.epilog or ""
    return told.removeprefix(EXAMPLES).splitlines() if told.startswith(EXAMPLES) else []


def parsed(example):
    """Reads an example as `gen` would before it runs; raises what `gen` would tell."""
    program, *words = shlex.split(example)
    assert program == "gen"
    command, context = make_cli(), None
    while isinstance(command, click.Group) and words and words[0] in command.commands:
        name, *words = words
        command = command.commands[name]
        command = command.load() if hasattr(command, "load") else command
        context = click.Context(command, info_name=name, parent=context)
    with suppress(click.exceptions.Exit):  # --help
        command.make_context(context.info_name, list(words), parent=context.parent)


def furnish(folder):
    """Put the files that examples name into a folder."""
    for name in FOLDERS:
        (folder / name).mkdir()
    texts = {
        "poems.txt": (POEM + "\n") * 3,
        "prose.txt": "却说宝玉听了，便道：白日依山尽，黄河入海流。\n" * 40,
        "rows.csv": "text,label\n" + "白日依山尽,山\n黄河入海流,河\n" * 20,
        "couplets.tsv": "春满神州花似锦\t夜开宫殿烛如烟\n白日依山尽\t黄河入海流\n" * 12,
        "poems.jsonl": "",
        "keys": "secret\n",
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    saved_model("gpt2", folder / "base")
    torch.save(small_model("gpt2").state_dict(), folder / "net.pt")
