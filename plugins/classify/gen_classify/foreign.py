"""Recipes of `gen convert` for classifiers that tutorials save: a BERT with one or two linear layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from gen_engine.errors import GenError
from gen_engine.models.bert_nets import Layer, bare_bert, check_widths, linear_layers, split_bert
from gen_engine.models.checkpoint import read_weights
from gen_engine.models.conversion import base_config, label_settings
from gen_engine.models.state_dict import grouped
from gen_engine.types import Conversion, Recipe

if TYPE_CHECKING:
    from torch import Tensor

Reads = Literal["pooler", "cls"]


def frozen_bert(*, reads: Reads = "cls", labels: tuple[str, ...] = (), threshold: float = 0.5) -> Recipe:
    """One or two linear layers alone, such as `fc.*`: the head on the BERT of --base, which did not learn.

    It reads the last layer's state of [CLS] (reads=pooler: the pooler's output); two layers have a ReLU between them. A
    single output is the logit of the second of two labels, which is chosen from the probability `threshold` on.
    """

    def recipe(found: Mapping[str, Tensor], base: Path) -> Conversion:
        if split_bert(found)[0]:
            raise GenError("The file holds a BERT of its own, which learned; use --recipe bert_classifier.")
        encoder = bare_bert(read_weights(base), base, str(base), pooler=reads == "pooler")
        return _classifier(encoder, linear_layers(found), base, reads, labels, threshold)

    return recipe


def bert_classifier(*, reads: Reads = "pooler", labels: tuple[str, ...] = (), threshold: float = 0.5) -> Recipe:
    """A BERT by any name (`bert.*`, `bert_pretrained.*`) with one or two linear layers by any name (`fc`).

    They read the pooler's output (reads=cls: the last layer's state of [CLS]); two layers have a ReLU between them. A
    single output is the logit of the second of two labels, which is chosen from the probability `threshold` on.
    """

    def recipe(found: Mapping[str, Tensor], base: Path) -> Conversion:
        inside, head = split_bert(found)
        if not inside:
            raise GenError(f"The file has no BERT, but {grouped(found)}; of a head alone use --recipe frozen_bert.")
        encoder = bare_bert(inside, base, "the file", pooler=reads == "pooler")
        return _classifier(encoder, linear_layers(head), base, reads, labels, threshold)

    return recipe


def _classifier(
    encoder: Mapping[str, Tensor],
    head: list[Layer],
    base: Path,
    reads: Reads,
    labels: Sequence[str],
    threshold: float,
) -> Conversion:
    """The classifier of `encoder` and `head`: a plain BERT if its head has this form, else a `bert-head`."""
    config = base_config(base)
    check_widths(head, config.get("hidden_size", 768))
    last, between = head[-1], head[0] if len(head) == 2 else None
    tensors = {f"bert.{name}": tensor for name, tensor in encoder.items()}
    tensors |= {"classifier.weight": last.weight.clone(), "classifier.bias": last.bias.clone()}
    if between is not None:
        tensors |= {"between.weight": between.weight.clone(), "between.bias": between.bias.clone()}
    plain = reads == "pooler" and len(head) == 1
    kind = "BertForSequenceClassification" if plain else "BertHeadForSequenceClassification"
    extra = {} if plain else {"model_type": "bert-head", "reads": reads, "relu": len(between.bias) if between else None}
    config = {**config, **label_settings(len(last.bias), labels, threshold), **extra, "architectures": [kind]}
    return Conversion(config, tensors, tuple(_tell(head, reads, config, plain=plain)))


def _tell(head: list[Layer], reads: Reads, config: Mapping[str, Any], *, plain: bool) -> list[str]:
    """Say which tensors were taken for which part."""
    names = " and, behind a ReLU, ".join(layer.name for layer in head)
    state = "the pooler's output" if reads == "pooler" else "the raw state of [CLS]"
    other = "cls" if reads == "pooler" else "pooler"
    shown = ", ".join(config.get("label_names", config["id2label"].values()))
    told = [f"The head is {names}; it is taken to read {state} (reads={other} if that is wrong). Labels: {shown}."]
    if "threshold" in config:
        told.append(
            f"Its one output is taken for the logit of {config['label_names'][1]}, threshold {config['threshold']}."
        )
    if not plain:
        told.append("transformers loads it after `import gen_classify.bert_head`.")
    return told
