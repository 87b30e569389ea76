"""The command `gen train bert-lstm`; everything heavy is imported when it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from gen_engine.system.help_pages import examples
from gen_nextchar.command import run_command, tie_option, trainer_options
from gen_trainkit.options import options

if TYPE_CHECKING:
    from gen_nextchar.training import Family

head_options = options(
    click.option("--hidden", type=click.IntRange(1), default=256, show_default=True, help="Width of the LSTM."),
    click.option("--layers", type=click.IntRange(1), default=1, show_default=True, help="Of the LSTM."),
    click.option("--dropout", type=click.FloatRange(0, 0.9), default=0.1, show_default=True,
                 help="Before, between and after the LSTM's layers."),
    click.option("--attention", is_flag=True, help="The LSTM's last output attends to all of them."),
    click.option("--skip-special", is_flag=True, help="Leave [CLS] and [SEP] out of the LSTM."),
    click.option("--pooler", is_flag=True, help="Read BERT's pooled output beside the LSTM's."),
    tie_option,
)  # fmt: skip


HEAD = ("hidden", "layers", "dropout", "attention", "skip_special", "pooler", "tie")
"""The names of these options."""


def load_family() -> Family:
    """The model classes; this imports transformers."""
    from gen_nextchar.lstm.train import FAMILY

    return FAMILY


@click.command(
    "bert-lstm",
    epilog=examples(
        "gen train bert-lstm prose.txt --encoder ./my-bert --out my-lstm",
        "gen train bert-lstm prose.txt --join --from-scratch --out my-lstm",
    ),
)
@trainer_options(head_options)
def bert_lstm_command(**given: Any) -> None:
    """Train a BERT with an LSTM on it to write the next character of FILES: lines, columns or JSONL fields."""
    run_command(given, HEAD, load_family)


if __name__ == "__main__":
    bert_lstm_command()
