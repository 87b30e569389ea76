"""A BERT whose head reads the raw state of [CLS], or has a ReLU layer; importing this registers it with transformers.

`pipeline("text-classification", model=FOLDER)` loads such a folder once `gen_classify.bert_head` has been imported.
"""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    BertConfig,
    BertModel,
    BertPreTrainedModel,
    BertTokenizer,
)
from transformers.modeling_outputs import SequenceClassifierOutput

Reads = Literal["pooler", "cls"]
"""What a head reads from a BERT: the pooler's output, or the last layer's unchanged state of [CLS]."""


class BertHeadConfig(BertConfig):  # type: ignore[misc]
    """A BertConfig with what the head reads, and how many ReLU units stand before its linear layer (None: none)."""

    model_type = "bert-head"

    reads: str = "pooler"
    relu: int | None = None


class BertHeadForSequenceClassification(BertPreTrainedModel):  # type: ignore[misc]
    """A `BertForSequenceClassification` with a choice of what its head reads, and a ReLU layer in the head."""

    config_class = BertHeadConfig

    def __init__(self, config: BertHeadConfig) -> None:
        super().__init__(config)
        self.num_labels = config.num_labels
        self.bert = BertModel(config, add_pooling_layer=config.reads == "pooler")
        dropout = config.classifier_dropout if config.classifier_dropout is not None else config.hidden_dropout_prob
        self.dropout = nn.Dropout(dropout)
        width = config.relu or config.hidden_size
        self.between = nn.Linear(config.hidden_size, width) if config.relu else None
        self.classifier = nn.Linear(width, config.num_labels)
        self.post_init()

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        return_dict: bool | None = None,
    ) -> SequenceClassifierOutput:
        """Logits [rows, labels] of texts [rows, length]."""
        del return_dict  # the output is always an object
        found = self.bert(input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids)
        read = found.last_hidden_state[:, 0] if self.config.reads == "cls" else found.pooler_output
        if self.between is not None:
            read = self.between(self.dropout(read)).relu()
        return SequenceClassifierOutput(logits=self.classifier(self.dropout(read)))


AutoConfig.register("bert-head", BertHeadConfig, exist_ok=True)
AutoTokenizer.register(BertHeadConfig, fast_tokenizer_class=BertTokenizer, exist_ok=True)
AutoModelForSequenceClassification.register(BertHeadConfig, BertHeadForSequenceClassification, exist_ok=True)
