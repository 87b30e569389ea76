"""Recipes of `gen convert`: classifiers as tutorials build them, a BERT and one or two linear layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from gen_engine.errors import GenError
from gen_engine.models.architectures import Fit, fit, named, read_settings
from gen_engine.models.checkpoint import read_weights
from gen_engine.models.conversion import base_config, check_shapes, label_settings
from gen_engine.models.state_dict import grouped
from gen_engine.types import Conversion, Recipe

if TYPE_CHECKING:
    from torch import Tensor

Reads = Literal["pooler", "cls"]
WORDS = "embeddings.word_embeddings.weight"
"""The end of the name by which a BERT is known, whatever stands before it."""


def frozen_bert(*, reads: Reads = "cls", labels: tuple[str, ...] = (), threshold: float = 0.5) -> Recipe:
    """One or two linear layers alone, such as `fc.*`: the head on the BERT of --base, which did not learn.

    It reads the last layer's state of [CLS] (reads=pooler: the pooler's output); between two layers stands a ReLU. One
    output is the logit of the second of two labels, which is chosen from `threshold` on.
    """

    def recipe(found: Mapping[str, Tensor], base: Path) -> Conversion:
        if any(name.endswith(WORDS) for name in found):
            raise GenError("The file holds a BERT of its own, which learned; use --recipe bert_classifier.")
        encoder = _encoder(read_weights(base), base, str(base), reads)
        return _classifier(encoder, _layers(found), base, reads, labels, threshold)

    return recipe


def bert_classifier(*, reads: Reads = "pooler", labels: tuple[str, ...] = (), threshold: float = 0.5) -> Recipe:
    """A BERT by any name (`bert.*`, `bert_pretrained.*`) with one or two linear layers by any name (`fc`).

    They read the pooler's output (reads=cls: the last layer's state of [CLS]); between two layers stands a ReLU. One
    output is the logit of the second of two labels, which is chosen from `threshold` on.
    """

    def recipe(found: Mapping[str, Tensor], base: Path) -> Conversion:
        prefix = next((name.removesuffix(WORDS) for name in found if name.endswith(WORDS)), None)
        if prefix is None:
            raise GenError(f"The file has no BERT, but {grouped(found)}; of a head alone use --recipe frozen_bert.")
        parts = tuple(prefix + part for part in PARTS)
        inside = {name.removeprefix(prefix): tensor for name, tensor in found.items() if name.startswith(parts)}
        encoder = _encoder(inside, base, "the file", reads)
        head = _layers({name: tensor for name, tensor in found.items() if not name.startswith(parts)})
        return _classifier(encoder, head, base, reads, labels, threshold)

    return recipe


PARTS = ("embeddings.", "encoder.", "pooler.")
"""How the names of a bare BERT begin."""


def _encoder(found: Mapping[str, Tensor], base: Path, where: str, reads: Reads) -> dict[str, Tensor]:
    """The tensors of the BERT in `found`, called `bert.*`; its pooler only where it is read."""
    settings = read_settings(base_config(base), str(base))
    kind = named("BertModel", settings)
    if kind is None:
        raise GenError(
            f"{base} is a {settings.model_type}, and the recipe is for a BERT; give the base it was made of."
        )
    best: Fit = fit(found, kind, frozenset())
    unread = () if reads == "pooler" else ("pooler.",)
    lacking = [name for name in best.lacking if not name.startswith(unread)]
    if lacking:
        raise GenError(f"The BERT of {where} lacks {grouped(lacking)}; give another base, or reads=cls.")
    check_shapes(best, base, where)
    return {f"bert.{name}": tensor for name, tensor in best.tensors.items() if not name.startswith(unread)}


def _layers(found: Mapping[str, Tensor]) -> list[tuple[str, Tensor, Tensor]]:
    """The linear layers in `found` in the order in which they follow: (name, weight [out, in], bias [out])."""
    import torch

    names = [name.removesuffix(".weight") for name in found if name.endswith("weight") and found[name].dim() == 2]
    known = {f"{name}.{part}" for name in names for part in ("weight", "bias")}
    strange = [name for name in found if name not in known]
    if strange or not 1 <= len(names) <= 2:
        odd = f" and {grouped(strange)}" if strange else ""
        raise GenError(
            f"The head is {grouped(known & set(found)) or 'nothing'}{odd}, and a recipe knows one or two linear "
            "layers; drop what is none with --leave-out NAME."
        )
    if len(names) == 2 and len(found[f"{names[0]}.weight"]) != found[f"{names[1]}.weight"].shape[1]:
        names.reverse()  # a module's layers are saved as they were defined, which may not be as they are used
    weights = [found[f"{name}.weight"] for name in names]
    biases = [found.get(f"{name}.bias", torch.zeros(len(weight))) for name, weight in zip(names, weights, strict=True)]
    return list(zip(names, weights, biases, strict=True))


def _classifier(
    encoder: Mapping[str, Tensor],
    head: Sequence[tuple[str, Tensor, Tensor]],
    base: Path,
    reads: Reads,
    labels: Sequence[str],
    threshold: float,
) -> Conversion:
    """The classifier of `encoder` and `head`: a plain BERT where that has a place for it, else a `bert-head`."""
    config = base_config(base)
    width, outputs = config["hidden_size"], len(head[-1][1])
    inputs = [width, *(len(weight) for _, weight, _ in head[:-1])]
    for (name, weight, _), size in zip(head, inputs, strict=True):
        if weight.shape[1] != size:
            raise GenError(
                f"{name}.weight takes {weight.shape[1]} numbers, not {size}; give the base it was trained on."
            )
    tensors = {**encoder, "classifier.weight": head[-1][1].clone(), "classifier.bias": head[-1][2].clone()}
    if len(head) == 2:
        tensors |= {"between.weight": head[0][1].clone(), "between.bias": head[0][2].clone()}
    plain = reads == "pooler" and len(head) == 1
    kind = "BertForSequenceClassification" if plain else "BertHeadForSequenceClassification"
    extra = {} if plain else {"model_type": "bert-head", "reads": reads, "relu": inputs[1] if len(head) == 2 else None}
    config = {**config, **label_settings(outputs, labels, threshold), **extra, "architectures": [kind]}
    return Conversion(config, tensors, tuple(_tell(head, reads, outputs, config, plain=plain)))


def _tell(
    head: Sequence[tuple[str, Tensor, Tensor]], reads: Reads, outputs: int, config: Mapping[str, Any], *, plain: bool
) -> list[str]:
    """What was taken for what."""
    names = " and, behind a ReLU, ".join(name for name, _, _ in head)
    state = "the pooler's output" if reads == "pooler" else "the raw state of [CLS]"
    other = "cls" if reads == "pooler" else "pooler"
    shown = ", ".join(config.get("label_names", config["id2label"].values()))
    told = [f"The head is {names}; it is taken to read {state} (reads={other} if that is wrong). Labels: {shown}."]
    if outputs == 1:
        told.append(
            f"Its one output is taken for the logit of {config['label_names'][1]}, threshold {config['threshold']}."
        )
    if not plain:
        told.append("transformers loads it after `import gen_classify.bert_head`.")
    return told
