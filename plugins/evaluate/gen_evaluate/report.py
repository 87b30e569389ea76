"""The metrics as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gen_engine.cli.languages import MEANS, NATS, Say
from gen_engine.system.tables import table

READING = {
    "model": "{}",
    "nats_per_character": "{:.4f}",
    "nats_per_han": "{:.4f}",
    "nats_per_token": "{:.4f}",
    "perplexity": "{:,.2f}",
    "accuracy": "{:.2%}",
    "unknown": "{:.3%}",
    "tokens_per_second": "{:,.0f}",
    "peak_memory": "{}",
}
WRITING = {"candidates": "{}", "texts": "{}", "bleu": "{:.2f}", "rouge1": "{}", "rouge2": "{}", "rougeL": "{}",
           "bertscore": "{}", "distinct_1": "{:.4f}", "distinct_2": "{:.4f}", "distinct_3": "{:.4f}",
           "tokens_per_second": "{:,.0f}"}  # fmt: skip
TITLES = {"nats_per_character": "nats/char", "nats_per_han": "nats/Han", "nats_per_token": "nats/token",
          "accuracy": "guessed", "tokens_per_second": "tokens/s", "peak_memory": "peak", "bleu": "BLEU",
          "rouge1": "ROUGE-1", "rouge2": "ROUGE-2", "rougeL": "ROUGE-L", "bertscore": "BERTScore",
          "distinct_1": "distinct-1", "distinct_2": "distinct-2", "distinct_3": "distinct-3"}  # fmt: skip

LEGEND = {"nats_per_character": NATS, "rouge1": MEANS}


def tell(record: Mapping[str, Any], say: Say = str) -> None:
    """Print the results of `evaluate` as tables."""
    if "reading" in record:
        counted, written = record["counted"], record["characters"]
        title = say("{texts:,} texts, {characters:,} characters").format(texts=record["texts"], characters=written)
        if counted < written:
            title += say(", {count:,} left out because a model does not know them").format(count=written - counted)
        _tell(title, READING, record["reading"], say)
    if "writing" in record:
        _tell(say("P/R/F are means over the texts"), WRITING, record["writing"], say)


def _tell(title: str, formats: Mapping[str, str], rows: Sequence[Mapping[str, Any]], say: Say) -> None:
    columns = [name for name in formats if any(name in row for row in rows)]
    cells = [[_cell(row.get(name), formats[name], name) for name in columns] for row in rows]
    heads = [say(TITLES.get(name, name)) for name in columns]
    legend = [words for name, words in LEGEND.items() if name in columns]
    table(title, heads, cells, right=heads[1:], turn=True, legend=[*map(say, legend)])


def _cell(value: Any, form: str, name: str) -> str:
    if value is None:
        return "-"
    if name == "peak_memory":
        return f"{value / 1e6:,.0f} MB"
    if isinstance(value, Mapping):
        return "/".join(f"{value[part]:.3f}" for part in ("precision", "recall", "f"))
    return form.format(value)
