"""`gen lint`: what is wrong with a chain, without writing a text."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import click

from ...errors import GenError, words_of
from ...system.bounds import read_settings
from ...system.help_pages import examples
from ...system.tables import table
from ..options import choice, generating, prompted, read_prompt
from ..output import dump


def _read_chain(context: click.Context, _: click.Parameter, value: Path | None) -> Path | None:
    """Take the values in a file for the options that are not given."""
    if value is not None:
        context.default_map = {**(context.default_map or {}), **_settings(value)}
    return value


def _settings(file: Path) -> dict[str, Any]:
    try:
        text = read_settings(file)
        found = tomllib.loads(text) if file.suffix == ".toml" else json.loads(text)
    except (OSError, ValueError, RecursionError) as problem:
        why = words_of(problem)
        raise GenError(f"{file} cannot be read as JSON or TOML ({why}); mend it, or name another file.") from None
    known = ("model", "with", "prompt", "max_new", "temperature", "top_k", "top_p")
    if not isinstance(found, dict) or set(found) - set(known):
        raise GenError(f"{file} holds more than a chain; give it only {', '.join(known)}.")
    return found


@click.command(
    epilog=examples(
        "gen lint --model poem --with no_unk --with top_k=50", "gen lint --model poem --max-new 5 --with length=9"
    )
)
@click.option(
    "--chain",
    type=click.Path(path_type=Path),
    is_eager=True,
    expose_value=False,
    callback=_read_chain,
    metavar="FILE",
    help="Read model, with, prompt and max_new from a JSON or TOML file.",
)
@prompted
@click.option(
    "--max-new", type=click.IntRange(1), default=256, show_default=True, metavar="N", help="At most N new tokens."
)
@generating()
@click.pass_context
def lint(context: click.Context, prompt: str | None, file: str | None, max_new: int) -> None:
    """Report contradictions, redundancy and order dependence in a chain.

    Nothing is generated. Exits with 1 if there is a contradiction, if only the empty text is left, or if a processor is
    redundant.
    """
    chosen = choice()
    start = read_prompt(prompt, file)
    from ...engine import load
    from ...inspecting.lint import lint as look

    how: dict[str, Any] = {"device": chosen.device, "attention": chosen.attention}
    engine = load(chosen.model, dtype=chosen.dtype, fast=chosen.fast, **how)
    findings = look(engine.chain(chosen.processors), engine.tokenizer.encode(start), max_new)
    if chosen.json:
        dump([finding.record() for finding in findings])
    elif findings:
        table("Findings", ["what", "says"], [[finding.kind, finding.message] for finding in findings])
    else:
        click.echo(f"Nothing to say of these {len(chosen.processors)} processors.")
    context.exit(int(any(finding.is_wrong for finding in findings)))
