"""The models to train: a BERT or GPT-2, pretrained or new, with a head for the labels, and the choice of trained
parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import nn
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    BertConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from gen_classify.bert_head import BertHeadConfig, BertHeadForSequenceClassification, Reads
from gen_classify.rows.labelling import Labels
from gen_engine.errors import GenError
from gen_engine.system.underway import doing
from gen_trainkit.publishing import check_vocabulary, load_pretrained, load_tokenizer, told_clearly
from gen_trainkit.vocab import bert_tokenizer

Freeze = Literal["nothing", "all", "all-but-pooler", "all-but-last"]
LANGUAGE_HEADS = ("cls.", "lm_head.")
"""Parts of a pretrained model that a classifier does not use."""


@dataclass(frozen=True)
class Shape:
    """Sizes of a BERT made from scratch; `ff` None is four times the width."""

    layers: int = 4
    width: int = 192
    heads: int = 4
    ff: int | None = None
    positions: int = 128
    vocab_size: int | None = None
    min_count: int = 1


@dataclass(frozen=True)
class Head:
    """The kind of head, the trained parts, and the dropout in training (None: as in the encoder).

    `reads` and `relu` are those of `BertHeadConfig`; with their defaults, the model is a plain BERT.
    """

    loss: Literal["cross-entropy", "bce"] = "cross-entropy"
    threshold: float = 0.5
    freeze: Freeze = "nothing"
    hidden: int | None = None
    reads: Reads = "pooler"
    relu: int | None = None
    dropout: float | None = None
    encoder_dropout: float | None = None

    @property
    def plain(self) -> bool:
        """Whether the head is that of transformers' own classifiers."""
        return self.reads == "pooler" and self.relu is None


@doing("making the model")
def make_classifier(
    encoder: str | None, *, untrained: bool, shape: Shape, head: Head, labels: Labels, texts: Sequence[str]
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """The model to train, in fp32, and its tokenizer; without `encoder`, a BERT of `shape` with the words of `texts`.

    With `untrained`, it has the sizes and the vocabulary of `encoder` but fresh weights, which depend on torch's seed.
    """
    if head.loss == "bce" and len(labels) != 2:
        raise GenError(
            f"One logit tells two labels apart, not {len(labels)}. Leave --loss bce out, or name two --labels."
        )
    if head.hidden is not None and not head.plain:
        raise GenError(
            "--hidden takes the pooler's place under a linear layer. Leave it out, or --reads cls and --relu."
        )
    if encoder is None:
        model, tokenizer = _from_scratch(shape, texts, _settings(head, labels, "bert"))
    else:
        model, tokenizer = _from_encoder(encoder, untrained=untrained, head=head, labels=labels)
    if model.config.model_type == "gpt2":
        _teach_padding(model, tokenizer)
    if head.hidden is not None:
        _narrow_pooler(model, head.hidden)
    model.config.label_names, model.config.data_labels = list(labels.names), list(labels.data)
    if head.loss == "bce":
        model.config.threshold = head.threshold
    freeze(model, head.freeze)
    return model, tokenizer


def _settings(head: Head, labels: Labels, kind: str) -> dict[str, Any]:
    """The head's settings in config.json; a single logit is that of the second label."""
    names = labels.names[1:] if head.loss == "bce" else labels.names
    problem = "multi_label_classification" if head.loss == "bce" else "single_label_classification"
    settings: dict[str, Any] = {"id2label": dict(enumerate(names)), "problem_type": problem}
    settings["label2id"] = {name: index for index, name in enumerate(names)}
    idle = {"--hidden": head.hidden, "--dropout": head.dropout, "--relu": head.relu, "--reads cls": not head.plain}
    option = next((option for option, given in idle.items() if given), None)
    if kind == "gpt2" and option:
        raise GenError(f"The head of a GPT-2 classifier is one linear layer. Leave {option} out.")
    if not head.plain:
        settings |= {"reads": head.reads, "relu": head.relu}
    if head.dropout is not None:
        settings["classifier_dropout"] = head.dropout
    names_of_dropout = {
        "bert": ("hidden_dropout_prob", "attention_probs_dropout_prob"),
        "gpt2": ("resid_pdrop", "embd_pdrop", "attn_pdrop"),
    }
    if head.encoder_dropout is not None:
        settings |= dict.fromkeys(names_of_dropout[kind], head.encoder_dropout)
    return settings


def _from_scratch(
    shape: Shape, texts: Sequence[str], settings: dict[str, Any]
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    if shape.width % shape.heads:
        raise GenError(f"A width of {shape.width} cannot be shared by {shape.heads} heads. Give a multiple of --heads.")
    tokenizer = bert_tokenizer(texts, size=shape.vocab_size, min_count=shape.min_count, positions=shape.positions)
    config = (BertConfig if "reads" not in settings else BertHeadConfig)(
        vocab_size=len(tokenizer),
        hidden_size=shape.width,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        intermediate_size=shape.ff or 4 * shape.width,
        max_position_embeddings=shape.positions,
        pad_token_id=tokenizer.pad_token_id,
        **{"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0, **settings},
    )
    return AutoModelForSequenceClassification.from_config(config), tokenizer


def _from_encoder(
    encoder: str, *, untrained: bool, head: Head, labels: Labels
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    with told_clearly(encoder):
        config = AutoConfig.from_pretrained(encoder, trust_remote_code=False)
    if config.model_type not in ("bert", "bert-head", "gpt2"):
        raise GenError(f"{encoder} is a {config.model_type} model. Give a BERT or a GPT-2.")
    settings = _settings(head, labels, config.model_type.removesuffix("-head"))
    if any(kind.endswith("ForSequenceClassification") for kind in config.architectures or ()):
        _check_outputs(encoder, config, len(settings["id2label"]))
        _check_head(encoder, config, head)
    if untrained:
        config = config if head.plain else BertHeadConfig.from_dict(config.to_dict() | {"model_type": "bert-head"})
        for name, value in settings.items():
            setattr(config, name, value)
        tokenizer = load_tokenizer(encoder)
        with told_clearly(encoder):
            model = AutoModelForSequenceClassification.from_config(config).float()
        check_vocabulary(model, tokenizer)
        return model, tokenizer
    new = ("classifier.", "score.", "between.", "bert.pooler.", "pooler.", *LANGUAGE_HEADS)
    auto = AutoModelForSequenceClassification if head.plain else BertHeadForSequenceClassification
    return load_pretrained(auto, encoder, new=new, settings=settings)


def _check_outputs(encoder: str, config: Any, outputs: int) -> None:
    if config.num_labels != outputs:
        raise GenError(
            f"{encoder} already classifies, into {config.num_labels} labels, not {outputs}."
            " Give the encoder that it was made of, or rows of the same labels."
        )


def _check_head(encoder: str, config: Any, head: Head) -> None:
    reads, relu = getattr(config, "reads", "pooler"), getattr(config, "relu", None)
    if (head.reads, head.relu) != (reads, relu):
        own = f"--reads {reads}" + (f" --relu {relu}" if relu else "")
        raise GenError(f"{encoder} already has a head, that of {own}. Give these, or the encoder that it was made of.")


def _teach_padding(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
    """Set up right padding that the head skips: the label is read at the last token that is not the padding token.

    The tokenizer stops telling token types, which a GPT-2 would add to its input as if they were words.
    """
    if tokenizer.pad_token_id is None:
        if tokenizer.eos_token_id is None:
            raise GenError(
                "The tokenizer has neither a padding nor an end token. Give a GPT-2 whose tokenizer has one."
            )
        tokenizer.pad_token = tokenizer.eos_token
    tokenizer.padding_side = "right"
    tokenizer.model_input_names = ["input_ids", "attention_mask"]
    tokenizer.init_kwargs["model_input_names"] = tokenizer.model_input_names  # what save_pretrained writes
    model.config.pad_token_id = tokenizer.pad_token_id


@torch.no_grad()
def _narrow_pooler(model: Any, units: int) -> None:
    """Make the pooler a fresh hidden layer of `units` tanh units under the linear layer.

    The other units are zero, and so are their outgoing weights. Then the gradients of both are zero, and neither an
    optimiser nor weight decay ever changes them. So the folder stays a plain BERT that any program loads.
    """
    width = model.config.hidden_size
    if units > width:
        raise GenError(f"--hidden {units} is more than the encoder is wide. Give at most {width}.")
    dense = model.bert.pooler.dense
    dense.weight.normal_(std=model.config.initializer_range)
    dense.bias.zero_()
    dense.weight[units:] = 0
    model.classifier.weight[:, units:] = 0


def is_head(model: Any) -> frozenset[str]:
    """Names of the parameters that are new for this task: the linear layers, and a pooler that was never trained.

    A fresh pooler is recognised by its biases, which are all zero before training.
    """
    names = [name for name, _ in model.named_parameters() if name.startswith(("classifier.", "score.", "between."))]
    if hasattr(model, "bert") and model.bert.pooler is not None and not model.bert.pooler.dense.bias.any():
        names += ["bert.pooler.dense.weight", "bert.pooler.dense.bias"]
    return frozenset(names)


def freeze(model: Any, what: Freeze) -> None:
    """Freeze `what` of the model; parameters that `is_head` names are always trained."""
    is_gpt2 = model.config.model_type == "gpt2"
    if is_gpt2 and what == "all-but-pooler":
        raise GenError("A GPT-2 has no pooler. Give --freeze all-but-last, all or nothing.")
    pooler = None if is_gpt2 else model.bert.pooler
    if pooler is None and not is_gpt2 and what == "all-but-pooler":
        raise GenError("A head that reads [CLS] has no pooler. Give --freeze all-but-last, all or nothing.")
    last: list[nn.Module] = []
    if what == "all-but-last":
        last = [model.transformer.h[-1], model.transformer.ln_f] if is_gpt2 else [model.bert.encoder.layer[-1]]
    if what in ("all-but-pooler", "all-but-last") and pooler is not None:
        last.append(pooler)
    spared = {id(parameter) for module in last for parameter in module.parameters()}
    head = is_head(model)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(what == "nothing" or name in head or id(parameter) in spared)
