"""`gen plugins`: lists what is installed; with `check`, `new`, `install` and `uninstall`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click

from ...errors import GenError
from ...hooks.registry import NOUNS, registry
from ...system.help_pages import examples
from ...system.screen import Span, Words, cells, say
from ...system.tables import side_by_side, table
from ...system.underway import counted
from ..options import debug_option
from ..output import dump

if TYPE_CHECKING:
    from ...testing.laws import Verdict
    from ...testing.offers import Exhibit

as_json: Callable[[Any], Any] = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
CELLS: dict[str, Span] = {
    "holds": ("holds", "right"),
    "broken": ("BROKEN", "wrong"),
    "unjudged": ("?", "note"),
    "not offered": ("-", ""),
}
MEANINGS = {
    "unjudged": "? means nothing while another law is broken",
    "not offered": "- says nothing of what the law is about",
}


@click.group(invoke_without_command=True, epilog=examples("gen plugins", "gen plugins --json"))
@as_json
@debug_option()
@click.pass_context
def plugins(context: click.Context, as_json: bool) -> None:
    """List plugins, their hooks, and what failed to load and why."""
    if context.invoked_subcommand is not None:
        return
    everything = registry()
    for hook in NOUNS.values():
        getattr(everything, hook)  # a hook that fails appears in this list
    rows = [vars(plugin) for plugin in everything.plugins]
    if as_json:
        dump(rows)
        return
    told = [
        [
            p.name,
            f"{p.distribution} {p.version}".strip(),
            " ".join(p.hooks),
            "; ".join([p.error or "works", *p.remarks]),
        ]
        for p in everything.plugins
    ]
    table("Plugins", ["name", "distribution", "hooks", "state"], told)


# ------------------------------------------------------------------------------------------------------- check


@plugins.command(epilog=examples("gen plugins check core --only top_k --examples 5"))
@click.argument("name")
@click.option("--only", multiple=True, metavar="NAME", help="Try only what is called so; repeat for more.")
@click.option("--examples", type=click.IntRange(1), metavar="N", help="How many examples each law is tried on.")
@as_json
@debug_option()
def check(name: str, only: tuple[str, ...], examples: int | None, as_json: bool) -> int:
    """Try every law of the test kit on all that a plugin offers; exits with 1 if one is broken.

    -: the law does not apply to it. ?: the law means nothing while another one is broken.
    """
    found = [each for each in _exhibits(name) if not only or each.name in only]
    if not found:
        raise GenError(f"{name} offers nothing to be tried{' of that name' if only else ''}; see `gen plugins`.")
    sound = [each for each in found if not each.problem]
    with _nothing_kept():
        tried = [(each, each.judge(examples)) for each in counted(sound, "trying the laws on what it offers")]
    untried = [each for each in found if each.problem]
    if as_json:
        dump([_row(each, verdicts) for each, verdicts in tried] + [_row(each, ()) for each in untried])
    else:
        _show(tried, untried)
    return int(bool(untried) or any(v.state in ("broken", "unjudged") for _, verdicts in tried for v in verdicts))


@contextmanager
def _nothing_kept() -> Iterator[None]:
    """Let hypothesis write its notes (.hypothesis) into a temporary folder, not the user's."""
    from hypothesis import configuration

    with TemporaryDirectory() as aside:
        configuration.set_hypothesis_home_dir(aside)
        try:
            yield
        finally:
            configuration.set_hypothesis_home_dir(None)


def _exhibits(name: str) -> list[Exhibit]:
    from importlib.util import find_spec

    if find_spec("hypothesis") is None:
        raise GenError("The test kit needs hypothesis, which is not installed; `pip install 'gen-engine[test]'`.")
    from ...testing.offers import exhibits

    return exhibits(name)


def _row(each: Exhibit, verdicts: Sequence[Verdict]) -> dict[str, Any]:
    row = {"kind": each.kind, "name": each.name, "written": each.written, "laws": [vars(v) for v in verdicts]}
    return {**row, "problem": each.problem} if each.problem else row


def _show(tried: Sequence[tuple[Exhibit, Sequence[Verdict]]], untried: Sequence[Exhibit]) -> None:
    for kind in dict.fromkeys(each.kind for each, _ in tried):
        _show_kind(kind, [pair for pair in tried if pair[0].kind == kind])
    counted = [verdict.state for _, verdicts in tried for verdict in verdicts]
    for each, verdicts in tried:
        for verdict in verdicts:
            if verdict.state == "broken":
                say(f"{each.written} breaks {verdict.law!r}: {verdict.message}.")
    for each in untried:
        say(f"{each.written} was not tried: {each.problem}")
    say(
        f"{len(tried)} tried, {counted.count('holds')} laws hold, {counted.count('broken')} are broken, "
        f"{counted.count('unjudged')} mean nothing while those are, {len(untried)} could not be tried."
    )


def _show_kind(kind: str, tried: Sequence[tuple[Exhibit, Sequence[Verdict]]]) -> None:
    """Tables of the laws of one kind, with as many things side by side as there is room for. The last one has a
    legend.
    """
    widths = [max(len("BROKEN"), cells(each.written)) for each, _ in tried]
    laws = [verdict.law for verdict in tried[0][1]]
    states = {verdict.state for _, verdicts in tried for verdict in verdicts}
    legend = [meaning for state, meaning in MEANINGS.items() if state in states]
    parts = side_by_side(widths, sys.stdout, first=max(map(cells, laws)))
    for part in parts:
        block = [tried[number] for number in part]
        rows: list[list[Words]] = [
            [law, *([CELLS[verdicts[i].state]] for _, verdicts in block)] for i, law in enumerate(laws)
        ]
        names = ["law", *(each.written for each, _ in block)]
        table(f"Laws of a {kind}", names, rows, legend=legend if part is parts[-1] else [])
        click.echo()


# --------------------------------------------------------------------------------------- new, install, uninstall


@plugins.command(epilog=examples("gen plugins new tides", "gen plugins new tides --into ./plugins"))
@click.argument("name")
@click.option("--into", type=click.Path(file_okay=False, path_type=Path), default=".", help="Where to; default: here.")
@debug_option()
def new(name: str, into: Path) -> None:
    """Write the package of a new plugin: a constraint, a shaper, and tests that try the kit on them."""
    from ...hooks.packages import write_template

    folder, package = write_template(name, into)
    click.echo(f"{folder} is a plugin: `gen plugins install {folder}`, then `gen plugins check {name}`.")
    click.echo(f"Its rules are in {folder / package / 'rules.py'}, its tests in {folder / 'tests'}.")


PIPS = {"ignore_unknown_options": True}
"""Options that are not ours go to pip."""


@plugins.command(context_settings=PIPS, epilog=examples("gen plugins install ./gen-tides"))
@click.argument("what", metavar="PATH|NAME")
@click.argument("pip_options", nargs=-1, type=click.UNPROCESSED)
@debug_option()
def install(what: str, pip_options: tuple[str, ...]) -> None:
    """Install a plugin from a folder or a package index; further options go to pip."""
    from ...hooks.packages import install as put_in

    for line in put_in(what, pip_options):
        click.echo(line)


@plugins.command(context_settings=PIPS, epilog=examples("gen plugins uninstall tides"))
@click.argument("name")
@click.argument("pip_options", nargs=-1, type=click.UNPROCESSED)
@debug_option()
def uninstall(name: str, pip_options: tuple[str, ...]) -> None:
    """Uninstall a plugin, by its name or its distribution's; further options go to pip."""
    from ...hooks.packages import uninstall as take_out

    click.echo(take_out(name, pip_options))
