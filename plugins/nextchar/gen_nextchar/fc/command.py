"""The command `gen train bert-fc`; everything heavy is imported when it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from gen_engine.system.help_pages import examples
from gen_nextchar.command import run_command, tie_option, trainer_options
from gen_trainkit.options import options

if TYPE_CHECKING:
    from gen_nextchar.training import Family

head_options = options(
    click.option("--hidden", type=click.IntRange(1), default=256, show_default=True,
                 help="Width between the two layers."),
    click.option("--activation", type=click.Choice(["gelu", "relu", "tanh"]), default="gelu", show_default=True),
    click.option("--dropout", type=click.FloatRange(0, 0.9), default=0.1, show_default=True,
                 help="Before and between the two layers."),
    click.option("--pooler", is_flag=True, help="Read BERT's pooled output instead of that of the last character."),
    tie_option,
)  # fmt: skip


HEAD = ("hidden", "activation", "dropout", "pooler", "tie")
"""The names of these options."""


def load_family() -> Family:
    """The model classes; this imports transformers."""
    from gen_nextchar.fc.train import FAMILY

    return FAMILY


@click.command(
    "bert-fc",
    epilog=examples(
        "gen train bert-fc prose.txt --encoder ./my-bert --out my-fc",
        "gen train bert-fc prose.txt --join --from-scratch --out my-fc",
    ),
)
@trainer_options(head_options)
def bert_fc_command(**given: Any) -> None:
    """Train a BERT with two linear layers on it to write the next character of FILES: lines, columns, JSONL fields."""
    run_command(given, HEAD, load_family)


if __name__ == "__main__":
    bert_fc_command()
