"""Default shapers of the commands of verse; they give way to everything that the user asks for."""

from __future__ import annotations

from gen_engine.cli.options import Choice
from gen_engine.hooks.specs import parse_spec

from ..rules.specs import as_spec
from .options import RuleOptions, listed
from .poem import Poem

UNREPEATED = "avoid_repeat=64"
"""Keeps the likeliest texts from repeating; otherwise beams write whole lines twice (64 characters are a 七律)."""

LIKELIEST = ("beam", "greedy")
"""The decoders that search for likely texts instead of sampling."""


def unrepeated(chosen: Choice) -> tuple[str, ...]:
    """`avoid_repeat`, where the decoder searches for likely texts and the user does not set it."""
    seeks = parse_spec(chosen.decoder).name.rpartition(":")[2] in LIKELIEST
    return (UNREPEATED,) if seeks and _is_open(chosen, UNREPEATED) else ()


def preferred(asked: RuleOptions, poem: Poem, chosen: Choice) -> tuple[str, ...]:
    """`spread` for required characters, and `unrepeated`; they come before the user's processors."""
    required = asked.require.strip("| \n\t")
    spread = as_spec("spread", *listed(asked.require), over=poem.han) if required else ""
    return (*([spread] if spread and _is_open(chosen, spread) else []), *unrepeated(chosen))


def _is_open(chosen: Choice, spec: str) -> bool:
    names = {parse_spec(each).name.rpartition(":")[2] for each in chosen.processors}
    return parse_spec(spec).name not in names
