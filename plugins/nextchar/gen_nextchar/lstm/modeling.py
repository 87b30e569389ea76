"""BERT+LSTM as transformers classes: `AutoConfig` and `AutoModelForCausalLM` know them once this module is imported."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers import GenerationMixin, PretrainedConfig, PreTrainedModel, initialization
from transformers.modeling_outputs import CausalLMOutput

from gen_engine.errors import GenError
from gen_nextchar.framing import Framing, framing_of
from gen_nextchar.heads import at_places, read_places
from gen_nextchar.modeling import build_encoder, frame_rows, register, settle_dropout


class BertLstmConfig(PretrainedConfig):  # type: ignore[misc]
    """Sizes and choices of a BERT+LSTM; `encoder` holds those of its BERT, as a BertConfig's `to_dict()` gives them.

    The model sees the last `window` characters of a text (`Framing` says how). `skip_special` leaves what BERT makes of
    [CLS] and [SEP] out of the LSTM; a [MASK] stays, since the prediction is read there. `attention` lets
    the LSTM's last output attend to all of them. `pooler` gives the head BERT's pooled output, too. `tie` takes BERT's
    token embeddings for the output matrix, behind a projection.
    """

    model_type = "bert-lstm"

    encoder: dict[str, Any] | None = None
    vocab_size: int = 30522
    window: int = 32
    variable: bool = False
    bare: bool = False
    hidden: int = 256
    layers: int = 1
    dropout: float = 0.1
    attention: bool = False
    skip_special: bool = False
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


class BertLstmForCausalLM(PreTrainedModel, GenerationMixin):  # type: ignore[misc]
    """Predicts the next character of a text from its last `window` ones. Parameters outside `encoder` are the head."""

    config_class = BertLstmConfig
    main_input_name = "input_ids"
    _supports_sdpa = True

    def __init__(self, config: BertLstmConfig) -> None:
        super().__init__(config)
        self.framing: Framing = framing_of(config)
        self.encoder = build_encoder(config)
        size = self.encoder.config.hidden_size
        if config.hidden < 1 or config.layers < 1:
            raise GenError(f"An LSTM of {config.layers} layers x {config.hidden} is none. Give numbers from 1.")
        between = config.dropout if config.layers > 1 else 0.0
        self.lstm = nn.LSTM(size, config.hidden, config.layers, dropout=between, batch_first=True)
        self.attend = OutputAttention(config.hidden) if config.attention else None
        self.drop = nn.Dropout(config.dropout)
        width = config.hidden + (size if config.pooler else 0)
        self.project = nn.Sequential(nn.Linear(width, size), nn.LayerNorm(size)) if config.tie else None
        self.output = None if config.tie else nn.Linear(width, config.vocab_size, bias=False)
        self.post_init()

    def output_weight(self) -> Tensor:
        """The matrix [vocab, width] whose product with `next_hidden` gives the logits."""
        weight: Tensor = self.encoder.embeddings.word_embeddings.weight if self.output is None else self.output.weight
        return weight

    def next_hidden(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """The vectors [rows, width] that predict the next characters of framed rows padded on the right."""
        found = self.encoder(input_ids=input_ids, attention_mask=attention_mask)
        skipped = int(self.config.skip_special)
        before_sep = self.config.skip_special or self.config.variable or self.encoder.config.is_decoder
        places = read_places(attention_mask.sum(1), before_sep) - skipped
        outputs, _ = self.lstm(self.drop(found.last_hidden_state[:, skipped:]))  # states start at zero
        hidden = at_places(outputs, places)
        if self.attend is not None:
            hidden = self.attend(hidden, outputs, places)
        if self.config.pooler:
            hidden = torch.cat([hidden, found.pooler_output], -1)
        projected: Tensor = self.drop(hidden) if self.project is None else self.project(self.drop(hidden))
        return projected

    def all_hidden(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """What `next_hidden` would tell after each character [rows, length, width], of encoders that look left only."""
        states = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        skipped = int(self.config.skip_special)
        outputs, _ = self.lstm(self.drop(states[:, skipped:]))
        if self.attend is not None:
            outputs = self.attend.everywhere(outputs)
        hidden = self.drop(nn.functional.pad(outputs, (0, 0, skipped, 0)))
        projected: Tensor = hidden if self.project is None else self.project(hidden)
        return projected

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

    def train(self, mode: bool = True) -> BertLstmForCausalLM:
        """As torch has it, save that an encoder that is not trained has no dropout."""
        super().train(mode)
        settle_dropout(self.encoder)
        return self

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)
        if isinstance(module, nn.LSTM):
            for name, weights in module.named_parameters():
                if name.startswith("bias"):
                    initialization.zeros_(weights)
                else:
                    bound = (6 / (weights.shape[0] // 4 + weights.shape[1])) ** 0.5
                    initialization.uniform_(weights, -bound, bound)


class OutputAttention(nn.Module):
    """The last output of an LSTM, plus what it finds by attention over all outputs up to itself."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.query = nn.Linear(size, size)
        self.key = nn.Linear(size, size)
        self.value = nn.Linear(size, size)
        self.norm = nn.LayerNorm(size)

    def forward(self, hidden: Tensor, outputs: Tensor, places: Tensor) -> Tensor:
        """[rows, size] from the last outputs [rows, size], all outputs [rows, length, size], and where the last are."""
        scores = torch.einsum("rlh,rh->rl", self.key(outputs), self.query(hidden)) * hidden.shape[1] ** -0.5
        later = torch.arange(outputs.shape[1], device=outputs.device) > places.unsqueeze(1)
        shares = scores.masked_fill(later, float("-inf")).softmax(-1)
        found: Tensor = self.norm(hidden + torch.einsum("rl,rlh->rh", shares, self.value(outputs)))
        return found

    def everywhere(self, outputs: Tensor) -> Tensor:
        """What `forward` makes of each output [rows, length, size] as if it were the last."""
        scores = torch.einsum("rlh,rqh->rql", self.key(outputs), self.query(outputs)) * outputs.shape[2] ** -0.5
        later = torch.ones(scores.shape[1:], dtype=torch.bool, device=outputs.device).triu(1)
        shares = scores.masked_fill(later, float("-inf")).softmax(-1)
        found: Tensor = self.norm(outputs + shares @ self.value(outputs))
        return found


register("bert-lstm", BertLstmConfig, BertLstmForCausalLM)
