"""BERT+FC as transformers classes; importing this registers them with `AutoConfig` and `AutoModelForCausalLM`."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from transformers import GenerationMixin, PreTrainedModel
from transformers.activations import ACT2FN

from gen_engine.errors import GenError
from gen_nextchar import modeling
from gen_nextchar.heads import at_places, read_places


class BertFcConfig(modeling.NextCharConfig):
    """Sizes and choices of a BERT+FC; see `NextCharConfig` for the shared ones.

    Two linear layers, `hidden` wide between them, read BERT's output at the last character (at the [MASK] in `variable`
    models). With `pooler` they read its pooled output. The output matrix that `tie` is about comes after the second
    layer.
    """

    model_type = "bert-fc"

    activation: str = "gelu"


ACTIVATIONS = ("gelu", "relu", "tanh")
"""The activations between the two layers."""


class BertFcForCausalLM(PreTrainedModel, GenerationMixin):  # type: ignore[misc]
    """Predicts the next character of a text from its last `window` ones. Parameters outside `encoder` are the head."""

    config_class = BertFcConfig
    main_input_name = "input_ids"
    _supports_sdpa = True

    output_weight = modeling.output_weight
    forward = modeling.next_logits
    prepare_inputs_for_generation = modeling.whole_text
    get_input_embeddings = modeling.token_embeddings
    train = modeling.train_or_settle
    _supports_default_dynamic_cache: Any = classmethod(modeling.without_cache)

    def __init__(self, config: BertFcConfig) -> None:
        super().__init__(config)
        size = modeling.add_encoder(self)
        if config.hidden < 1 or config.activation not in ACTIVATIONS:
            raise GenError(
                f"A layer {config.hidden} wide with the activation {config.activation} cannot be made. Give a width"
                f" from 1 and one of {', '.join(ACTIVATIONS)}."
            )
        self.first = nn.Linear(size, config.hidden)
        self.activation = ACT2FN[config.activation]
        self.drop = nn.Dropout(config.dropout)
        modeling.add_output(self, config.hidden)
        self.post_init()

    def next_hidden(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """The vectors [rows, width] that predict the next characters of framed rows padded on the right."""
        found = self.encoder(input_ids=input_ids, attention_mask=attention_mask)
        read = found.pooler_output if self.config.pooler else at_places(
            found.last_hidden_state, read_places(attention_mask.sum(1), before_sep=not self.config.bare)
        )  # fmt: skip
        return self._after(read)

    def all_hidden(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """The `next_hidden` after each character [rows, length, width], for encoders that look left only."""
        return self._after(self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state)

    def _after(self, read: Tensor) -> Tensor:
        hidden: Tensor = self.drop(self.activation(self.first(self.drop(read))))
        return hidden if self.project is None else self.project(hidden)


modeling.register("bert-fc", BertFcConfig, BertFcForCausalLM)
