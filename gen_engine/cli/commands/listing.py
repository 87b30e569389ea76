"""`gen processors|decoders|recipes|doctor|completion`: lists what there is, for people and for programs."""

from __future__ import annotations

import inspect
import os
import platform
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import click

from ...errors import GenError
from ...hooks.registry import Offer, registry
from ...hooks.specs import describe, parameters
from ...system.help_pages import examples
from ...system.screen import HARD_BLANK
from ...system.tables import table
from ...system.underway import doing
from ...types import CORE
from ..options import debug_option
from ..output import dump

as_json: Callable[[Any], Any] = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")


@click.command(epilog=examples("gen processors", "gen processors --json"))
@as_json
@debug_option()
def processors(as_json: bool) -> None:
    """List what --with understands, with parameters."""
    _list_parts("Processors", registry().processors, as_json=as_json)


@click.command(epilog=examples("gen decoders", "gen decoders --json"))
@as_json
@debug_option()
def decoders(as_json: bool) -> None:
    """List what --decoder understands, with parameters."""
    _list_parts("Decoders", registry().decoders, as_json=as_json)


@click.command(epilog=examples("gen recipes"))
@as_json
@debug_option()
def recipes(as_json: bool) -> None:
    """List what --recipe of `gen convert` understands."""
    _list_parts("Recipes", registry().recipes, as_json=as_json)


def _list_parts(title: str, offers: Mapping[str, Offer], *, as_json: bool) -> None:
    rows = [_part(name, offer) for name, offer in offers.items()]
    if as_json:
        return dump(rows)
    cells = [[row["name"], row["written"].replace(" ", HARD_BLANK), row["summary"], row["plugin"]] for row in rows]
    said = ["write it as", "what it does"]
    return table(title, ["name", *said, "plugin"], cells, nameless=said)


def _part(name: str, offer: Offer) -> dict[str, Any]:
    try:
        factory = offer.function
    except GenError as problem:
        return {"name": name, "plugin": offer.plugin.name, "written": name, "summary": str(problem), "parameters": []}
    known = parameters(factory)
    return {
        "name": name,
        "plugin": offer.plugin.name,
        "written": _written(name, known),
        "summary": (inspect.getdoc(factory) or "").partition("\n\n")[0].replace("\n", " "),
        "parameters": [
            {
                "name": p.name,
                "type": describe(p.annotation),
                "required": p.default is p.empty,
                **({} if p.default is p.empty else {"default": p.default}),
            }
            for p in known
        ],
    }


def _written(name: str, known: list[inspect.Parameter]) -> str:
    """How to write the processor: `no_repeat=N[,exempt=text|...]`."""
    parts = []
    for index, p in enumerate(known):
        part = f"={p.name.upper()}" if index == 0 else f",{p.name}={describe(p.annotation).replace(' or ', '/')}"
        parts.append(part if p.default is p.empty else f"[{part}]")
    return name + "".join(parts)


@click.command(epilog=examples("gen doctor"))
@as_json
@debug_option()
def doctor(as_json: bool) -> None:
    """Show versions, threads, dtypes and start-up times."""
    facts = _versions() | _machine()
    facts |= {f"import of {p.name}": f"{p.seconds * 1000:.0f} ms" for p in registry().plugins}
    facts |= {f"plugin {p.name}": p.error for p in registry().plugins if p.error}
    if as_json:
        return dump(facts)
    return table("This machine", ["what", "is"], [[name, str(fact)] for name, fact in facts.items()])


def _versions() -> dict[str, str]:
    facts = {"python": platform.python_version(), "platform": platform.platform()}
    for name in (CORE, "torch", "transformers", "tokenizers", "safetensors", "numpy", "click", "pluggy"):
        try:
            facts[name] = version(name)
        except PackageNotFoundError:
            facts[name] = "not installed"
    return facts


@doing("trying what this machine computes")
def _machine() -> dict[str, str]:
    import torch

    from ...compiled.library import VARIABLE, told
    from ...models.device import accelerators, choose_device
    from ...models.dtype import choose_dtype
    from ...models.instructions import choose_instructions

    instructions = choose_instructions()
    dtype, reason = choose_dtype("auto")
    other = f"{str(dtype).removeprefix('torch.')}, since {reason}"
    return {
        "int8 kernel": f"{told()}; {VARIABLE} can force one",
        "threads": f"{torch.get_num_threads()} of {os.cpu_count()} cores",
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "not set"),
        "instructions": f"{instructions.name}: {instructions.reason}",
        "dtype auto": f"int8 where a model computes in it at a cost of at most 0.5% of perplexity; else {other}",
        **_layers(),
        "device auto": f"{choose_device()}; --device or GEN_DEVICE names another",
        "accelerator": ", ".join(accelerators()) or "none",
    }


def _layers() -> dict[str, str]:
    """How layers of a usual size are computed so that a row gets the same bits beside any other rows."""
    import torch

    from ...compiled.floats import computes_floats
    from ...models.kernels import Layer, kernel_of

    found = {
        f"rows, {name}": f"independent: {kernel_of(Layer(768, 768), getattr(torch, name))}"
        for name in ("float32", "bfloat16")
    }
    if computes_floats():
        found["other models, float32"] = "independent: by the compiled library, any number of rows together"
    return found


@click.command(epilog=examples("gen completion bash"))
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@debug_option()
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the script that completes `gen` in a shell.

    \b
    bash: eval "$(gen completion bash)"   in ~/.bashrc
    zsh:  eval "$(gen completion zsh)"    in ~/.zshrc
    fish: gen completion fish | source    in ~/.config/fish/config.fish
    """
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(context.find_root().command, {}, "gen", "_GEN_COMPLETE").source())
