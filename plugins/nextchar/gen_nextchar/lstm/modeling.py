"""BERT+LSTM as transformers classes; importing this registers them with `AutoConfig` and `AutoModelForCausalLM`."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers import GenerationMixin, PreTrainedModel, initialization

from gen_engine.errors import GenError
from gen_nextchar import modeling
from gen_nextchar.heads import at_places, read_places


class BertLstmConfig(modeling.NextCharConfig):
    """Sizes and choices of a BERT+LSTM; see `NextCharConfig` for the shared ones.

    With `skip_special` the LSTM does not read BERT's states of [CLS] and [SEP]; a [MASK] stays, since the prediction is
    read there. `attention` lets the LSTM's last output attend to all of them. With `pooler` the head also reads BERT's
    pooled output. The output matrix that `tie` is about comes after a projection.
    """

    model_type = "bert-lstm"

    layers: int = 1
    attention: bool = False
    skip_special: bool = False


class BertLstmForCausalLM(PreTrainedModel, GenerationMixin):  # type: ignore[misc]
    """Predicts the next character of a text from its last `window` ones. Parameters outside `encoder` are the head."""

    config_class = BertLstmConfig
    main_input_name = "input_ids"
    _supports_sdpa = True

    output_weight = modeling.output_weight
    forward = modeling.next_logits
    prepare_inputs_for_generation = modeling.whole_text
    get_input_embeddings = modeling.token_embeddings
    train = modeling.train_or_settle
    _supports_default_dynamic_cache: Any = classmethod(modeling.without_cache)

    def __init__(self, config: BertLstmConfig) -> None:
        super().__init__(config)
        size = modeling.add_encoder(self)
        if config.hidden < 1 or config.layers < 1:
            raise GenError(f"An LSTM of {config.layers} layers x {config.hidden} is none. Give numbers from 1.")
        between = config.dropout if config.layers > 1 else 0.0
        self.lstm = nn.LSTM(size, config.hidden, config.layers, dropout=between, batch_first=True)
        self.attend = OutputAttention(config.hidden) if config.attention else None
        self.drop = nn.Dropout(config.dropout)
        modeling.add_output(self, config.hidden + (size if config.pooler else 0))
        self.post_init()

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
        """The `next_hidden` after each character [rows, length, width], for encoders that look left only."""
        states = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        skipped = int(self.config.skip_special)
        outputs, _ = self.lstm(self.drop(states[:, skipped:]))
        if self.attend is not None:
            outputs = self.attend.everywhere(outputs)
        hidden = self.drop(nn.functional.pad(outputs, (0, 0, skipped, 0)))
        projected: Tensor = hidden if self.project is None else self.project(hidden)
        return projected

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
    """The last output of an LSTM, plus its attention over all outputs up to itself."""

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
        """`forward` for each output [rows, length, size], as if it were the last."""
        scores = torch.einsum("rlh,rqh->rql", self.key(outputs), self.query(outputs)) * outputs.shape[2] ** -0.5
        later = torch.ones(scores.shape[1:], dtype=torch.bool, device=outputs.device).triu(1)
        shares = scores.masked_fill(later, float("-inf")).softmax(-1)
        found: Tensor = self.norm(outputs + shares @ self.value(outputs))
        return found


modeling.register("bert-lstm", BertLstmConfig, BertLstmForCausalLM)
