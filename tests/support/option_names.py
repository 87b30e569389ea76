"""Which options the messages of each module name, and which options each command has."""

import ast
import re
from functools import cache
from pathlib import Path

import click

from gen_engine.cli.main import make_cli

ROOT = Path(__file__).parents[2]
PACKAGES = [ROOT / "gen_engine", *sorted(ROOT.glob("plugins/*/gen_*"))]
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]*")
QUOTED = re.compile(r"`[^`]*(`|$)")
"""What stands in backquotes is another command, or one of another program; a message may be cut in it."""


@cache
def modules():
    """The file of every module."""
    files = ((file, package) for package in PACKAGES for file in package.rglob("*.py"))
    return {name_of(file, package): file for file, package in files if "testing" not in file.parts}


def name_of(file, package):
    return ".".join(file.relative_to(package.parent).with_suffix("").parts).removesuffix(".__init__")


@cache
def named(name):
    """The options that the messages of a module name: strings of more than a word that are no docstring or help."""
    tree = ast.parse(modules()[name].read_text(encoding="utf-8"))
    skipped = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef) and isinstance(node.body[0], ast.Expr):
            skipped.add(node.body[0].value)
        if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in (
            "option",
            "LazyCommand",
            "examples",
        ):
            skipped |= set(ast.walk(node))
    strings = (node for node in ast.walk(tree) if isinstance(node, ast.Constant) and node not in skipped)
    texts = [QUOTED.sub("", node.value) for node in strings if isinstance(node.value, str) and " " in node.value]
    return {option for text in texts for option in OPTION.findall(text)}


def commands(group=None, path=()):
    """Every command with its name, its module and its options, those of its group's own commands included."""
    for name, command in (group or make_cli()).commands.items():
        module = getattr(command, "place", "").partition(":")[0]
        loaded = command.load() if module else command
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        parts = [loaded, *getattr(loaded, "commands", {}).values()] if module else [loaded]
        parameters = [each for part in parts for each in part.params]
        options = {word for each in parameters for word in (*each.opts, *each.secondary_opts)} | {"--help", "--unset"}
        yield " ".join((*path, name)), module, options
