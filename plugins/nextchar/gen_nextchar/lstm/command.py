"""The command `gen train bert-lstm`; everything heavy is imported when it runs."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from gen_engine.cli.options import debug_option
from gen_nextchar.command import RATES, data_options, encoder_options, run_command, window_options
from gen_trainkit.options import options, part, recipe_options, run_options

head_options = options(
    click.option("--hidden", type=click.IntRange(1), default=256, show_default=True, help="Width of the LSTM."),
    click.option("--layers", type=click.IntRange(1), default=1, show_default=True, help="Of the LSTM."),
    click.option("--dropout", type=click.FloatRange(0, 0.9), default=0.1, show_default=True,
                 help="Before, between and after the LSTM's layers."),
    click.option("--attention", is_flag=True, help="The LSTM's last output attends to all of them."),
    click.option("--skip-special", is_flag=True, help="Leave [CLS] and [SEP] out of the LSTM."),
    click.option("--pooler", is_flag=True, help="Read BERT's pooled output beside the LSTM's."),
    click.option("--tie/--no-tie", default=True, show_default=True,
                 help="BERT's token embeddings are the output matrix."),
)  # fmt: skip


@click.command("bert-lstm")
@data_options
@encoder_options
@window_options
@head_options
@recipe_options(rate=RATES, batch_tokens=8192, head=True)
@run_options
@debug_option()
def bert_lstm_command(**given: Any) -> None:
    """Train a BERT with an LSTM on it to write the next character of FILES: lines, columns or JSONL fields."""
    from gen_nextchar.lstm.train import FAMILY, Head

    run_command(given, FAMILY, asdict(part(Head, given)))


if __name__ == "__main__":
    bert_lstm_command()
