"""The model card a trained folder carries: data, recipe, size, figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from gen_trainkit.loop import Outcome, Recipe


@dataclass(frozen=True)
class CardFacts:
    """What a card tells beside recipe and outcome."""

    title: str
    note: str
    data: str
    config: Mapping[str, Any]
    parameters: int
    base: str | None
    train_tokens: int


def write_card(facts: CardFacts, recipe: Recipe, outcome: Outcome) -> str:
    """The card as Markdown with the hub's metadata header."""
    config = facts.config
    start = f"fine-tuned from `{facts.base}`" if facts.base else "trained from scratch"
    shape = (
        f"{config['n_layer']} layers x {config['n_embd']}, {config['n_head']} heads, {config['n_positions']} positions"
    )
    loss = "not measured" if outcome.best_loss is None else f"{outcome.best_loss:.4f} nats per token"
    left_out = {"steps"} if recipe.steps is None else {"epochs"}
    settings = "\n".join(f"| {name} | {value} |" for name, value in asdict(recipe).items() if name not in left_out)
    return f"""---
library_name: transformers
pipeline_tag: text-generation
---
# {facts.title}

A GPT-2 {start} by `gen train gpt2` (gen-engine).
{facts.note}

- **Data**: {facts.data}; {facts.train_tokens:,} tokens an epoch.
- **Size**: {facts.parameters:,} parameters; {shape}; vocabulary of {config["vocab_size"]:,}.
- **Training**: {outcome.step:,} steps.
- **Validation loss**: {loss}.

Padding and characters outside the vocabulary were masked out of the loss.

| setting | value |
|---|---|
{settings}
"""
