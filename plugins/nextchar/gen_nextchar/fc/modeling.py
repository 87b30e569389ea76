"""BERT+FC as transformers classes: `AutoConfig` and `AutoModelForCausalLM` know them once this module is imported."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from transformers import GenerationMixin, PretrainedConfig, PreTrainedModel
from transformers.activations import ACT2FN
from transformers.modeling_outputs import CausalLMOutput

from gen_engine.errors import GenError
from gen_nextchar.framing import Framing, framing_of
from gen_nextchar.heads import at_places, read_places
from gen_nextchar.modeling import build_encoder, frame_rows, register, settle_dropout


class BertFcConfig(PretrainedConfig):  # type: ignore[misc]
    """Sizes and choices of a BERT+FC; `encoder` holds those of its BERT, as a BertConfig's `to_dict()` gives them.

    The model sees the last `window` characters of a text (`Framing` says how). Two linear layers, `hidden` wide between
    them, read BERT's output at the last character (at the [MASK] in `variable` models), or its pooled output with
    `pooler`. `tie` takes BERT's token embeddings for the output matrix, behind the second layer.
    """

    model_type = "bert-fc"

    encoder: dict[str, Any] | None = None
    vocab_size: int = 30522
    window: int = 32
    variable: bool = False
    bare: bool = False
    hidden: int = 256
    activation: str = "gelu"
    dropout: float = 0.1
    pooler: bool = False
    tie: bool = True
    cls_token_id: int | None = None
    sep_token_id: int | None = None
    mask_token_id: int | None = None
    pad_token_id: int | None = 0
    bos_token_id: int | None = None
    eos_token_id: int | None = None
    initializer_range: float = 0.02
    tie_word_embeddings: bool = False  # with `tie` there is but one matrix, so transformers has nothing to tie
    use_cache: bool = False


ACTIVATIONS = ("gelu", "relu", "tanh")
"""What may stand between the two layers."""


class BertFcForCausalLM(PreTrainedModel, GenerationMixin):  # type: ignore[misc]
    """Predicts the next character of a text from its last `window` ones. Parameters outside `encoder` are the head."""

    config_class = BertFcConfig
    main_input_name = "input_ids"
    _supports_sdpa = True

    def __init__(self, config: BertFcConfig) -> None:
        super().__init__(config)
        self.framing: Framing = framing_of(config)
        self.encoder = build_encoder(config)
        size = self.encoder.config.hidden_size
        if config.hidden < 1 or config.activation not in ACTIVATIONS:
            raise GenError(
                f"A layer {config.hidden} wide with the activation {config.activation} cannot be made. Give a width"
                f" from 1 and one of {', '.join(ACTIVATIONS)}."
            )
        self.first = nn.Linear(size, config.hidden)
        self.activation = ACT2FN[config.activation]
        self.drop = nn.Dropout(config.dropout)
        self.project = nn.Sequential(nn.Linear(config.hidden, size), nn.LayerNorm(size)) if config.tie else None
        self.output = None if config.tie else nn.Linear(config.hidden, config.vocab_size, bias=False)
        self.post_init()

    def output_weight(self) -> Tensor:
        """The matrix [vocab, width] whose product with `next_hidden` gives the logits."""
        weight: Tensor = self.encoder.embeddings.word_embeddings.weight if self.output is None else self.output.weight
        return weight

    def next_hidden(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """The vectors [rows, width] that predict the next characters of framed rows padded on the right."""
        found = self.encoder(input_ids=input_ids, attention_mask=attention_mask)
        read = found.pooler_output if self.config.pooler else at_places(
            found.last_hidden_state, read_places(attention_mask.sum(1), before_sep=not self.config.bare)
        )  # fmt: skip
        return self._after(read)

    def all_hidden(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """What `next_hidden` would tell after each character [rows, length, width], of encoders that look left only."""
        return self._after(self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state)

    def _after(self, read: Tensor) -> Tensor:
        hidden: Tensor = self.drop(self.activation(self.first(self.drop(read))))
        return hidden if self.project is None else self.project(hidden)

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        use_cache: bool | None = None,
        return_dict: bool | None = None,
    ) -> CausalLMOutput:
        """Logits [rows, 1, vocab] of what follows texts [rows, length], which may be padded on either side."""
        del use_cache, return_dict  # there is no cache, and the output is always an object
        hidden = self.next_hidden(*frame_rows(self.framing, input_ids, attention_mask))
        return CausalLMOutput(logits=(hidden @ self.output_weight().T).unsqueeze(1))

    def prepare_inputs_for_generation(
        self, input_ids: Tensor, attention_mask: Tensor | None = None, **ignored: Any
    ) -> dict[str, Any]:
        """The whole text at each step: windows are read anew."""
        return {"input_ids": input_ids, "attention_mask": attention_mask}

    @classmethod
    def _supports_default_dynamic_cache(cls) -> bool:
        return False  # so that `generate(use_cache=True)` makes none

    def get_input_embeddings(self) -> nn.Module:
        """BERT's token embeddings."""
        found: nn.Module = self.encoder.embeddings.word_embeddings
        return found

    def train(self, mode: bool = True) -> BertFcForCausalLM:
        """As torch has it, save that an encoder that is not trained has no dropout."""
        super().train(mode)
        settle_dropout(self.encoder)
        return self


register("bert-fc", BertFcConfig, BertFcForCausalLM)
