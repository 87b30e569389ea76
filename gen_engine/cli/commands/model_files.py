"""`gen convert`, and the groups that plugins mount trainers and evaluators on, `gen train` and `gen eval`."""

from __future__ import annotations

from pathlib import Path

import click

from ...errors import GenError
from ...hooks.registry import registry
from ...hooks.specs import build_recipe
from ...system.help_pages import examples
from ...system.screen import note
from ..options import debug_option


@click.command(
    epilog=examples(
        "gen convert net.pt converted --base ./base",
        "gen convert net.pt converted --base ./base --architecture GPT2LMHeadModel",
    )
)
@click.argument("net", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "--base",
    required=True,
    metavar="FOLDER",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A model folder with the config.json and the tokenizer that NET was trained with.",
)
@click.option(
    "--architecture", metavar="NAME", help="Class of transformers.  [default: what config.json names or fits]"
)
@click.option("--recipe", metavar="SPEC", help="For models that are none of transformers' own: see `gen recipes`.")
@click.option("--rename", multiple=True, metavar="OLD=NEW",
              help="Call the part OLD of names NEW; * is any one part (h.*.ln=h.*.ln_1). May be repeated.")  # fmt: skip
@click.option(
    "--leave-out", multiple=True, metavar="NAME", help="Drop the tensors with the part NAME. May be repeated."
)
@debug_option()
def convert(
    net: Path,
    out: Path,
    base: Path,
    architecture: str | None,
    recipe: str | None,
    rename: tuple[str, ...],
    leave_out: tuple[str, ...],
) -> None:
    """Turn a pickled state dict NET into a model folder OUT.

    NET may be a file that `torch.save(model.state_dict(), NET)` wrote, a training checkpoint that holds one, or a
    pytorch_model.bin. It may also be safetensors, or the index.json of shards of these. Only tensors are read; no code
    in it is run. It becomes the architecture that the config.json of --base names. If it does not fit that, it becomes
    the one of the same family that it fits.
    """
    if recipe is not None and architecture is not None:
        raise GenError("A recipe chooses the architecture itself; leave out --architecture or --recipe.")
    made = build_recipe(recipe, registry()) if recipe is not None else None
    from ...models.conversion import convert as write

    written = write(net, base, out, recipe=made, architecture=architecture, rename=rename, leave_out=leave_out)
    for sentence in written.told:
        note(sentence, "")
    kind = str(written.config["architectures"][0])
    writes = kind.endswith(("CausalLM", "LMHeadModel"))
    click.echo(
        f"{out} can be loaded with --model {out}" if writes else f"{out} holds a {kind} for transformers and gen"
    )


def train_group() -> click.Group:
    """`gen train`, with the trainers that plugins mount."""
    group = click.Group(
        "train",
        help="Train a model; plugins mount the trainers.",
        epilog=examples("gen train gpt2 poems.txt --from-scratch --out my-model", "gen train gpt2 --help"),
    )
    registry().mount(group, "add_trainers")
    return group


def eval_group() -> click.Group:
    """`gen eval`, with the evaluators that plugins mount."""
    group = click.Group(
        "eval",
        help="Judge a model or a file of texts; plugins mount the evaluators.",
        epilog=examples("gen eval lm --model novel prose.txt", "gen eval lm --help"),
    )
    registry().mount(group, "add_evaluators")
    return group
