"""Which class of transformers a state dict belongs to: the one that config.json names, else the one that its tensors
fit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import GenError

if TYPE_CHECKING:
    from torch import Tensor

TASKS = (
    "FOR_PRETRAINING", "FOR_MASKED_LM", "FOR_CAUSAL_LM", "FOR_SEQUENCE_CLASSIFICATION", "FOR_TOKEN_CLASSIFICATION",
    "FOR_QUESTION_ANSWERING", "",
)  # fmt: skip
"""The tasks that a state dict may be for, in the order in which they are tried. The last is a model without a head."""

WRAPPERS = ("module.", "_orig_mod.", "model.", "gpt2.", "gpt.", "net.", "encoder.", "bert.", "transformer.")
"""Prefixes that tutorials' wrapper classes put before a checkpoint's own names."""

LABELS = ("classifier.weight", "classifier.out_proj.weight", "score.weight")
"""The matrices of heads that have one row per label."""


@dataclass(frozen=True)
class Architecture:
    """A class of transformers: the shapes of its tensors, and which of them may be absent since they equal another."""

    name: str
    prefix: str
    shapes: Mapping[str, tuple[int, ...]]
    tied: Mapping[str, str]


@dataclass(frozen=True)
class Fit:
    """The tensors of a state dict under the names of an architecture, those that are missing, and those left over.

    `heads` are left over, but the family has them for pretraining or in its bare model. The others are `unexpected`.
    """

    architecture: Architecture
    tensors: Mapping[str, Tensor]
    lacking: Sequence[str]
    heads: Sequence[str]
    unexpected: Sequence[str]

    @property
    def good(self) -> bool:
        return not self.lacking and not self.unexpected


@contextmanager
def quiet() -> Iterator[None]:
    """Silence transformers inside: a config that is only read needs no token 50256 and is no decoder."""
    from transformers.utils import logging

    before = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(before)


def read_settings(config: Mapping[str, Any], where: str) -> Any:
    """The transformers config of `config`. Raises GenError for a kind that transformers does not know."""
    from huggingface_hub.errors import StrictDataclassError
    from transformers import AutoConfig

    try:
        with quiet():
            return AutoConfig.for_model(**{"model_type": guess_type(config), **config})
    except (ValueError, KeyError, TypeError, AttributeError, StrictDataclassError) as error:
        why = (
            f"its model_type is {config['model_type']!r}" if "model_type" in config else str(error).split("\n")[0][:80]
        )
        raise GenError(
            f"{where} describes no model that transformers knows ({why}); give another base folder, or a recipe "
            "(`gen recipes`)."
        ) from error


def guess_type(config: Mapping[str, Any]) -> str:
    """The model_type of a config older than that field: by its architecture, else by the names of its sizes."""
    import transformers

    for name in config.get("architectures") or ():
        kind = getattr(getattr(transformers, str(name), None), "config_class", None)
        if kind is not None:
            return str(kind.model_type)
    return "gpt2" if "n_embd" in config else "bert" if "type_vocab_size" in config else ""


def label_count(found: Mapping[str, Tensor]) -> int | None:
    """How many labels the head of a classifier in `found` has; None if there is no such head."""
    return next((len(tensor) for name, tensor in found.items() if name.endswith(LABELS)), None)


def named(name: str, settings: Any) -> Architecture | None:
    """The architecture of transformers called `name`, with the sizes of `settings`; None if it is not of that kind."""
    import transformers

    kind = getattr(transformers, name, None)
    config = getattr(kind, "config_class", None)
    return _build(kind, settings) if isinstance(config, type) and isinstance(settings, config) else None


def candidates(settings: Any, tasks: Sequence[str] = TASKS) -> Iterator[Architecture]:
    """The architectures for each of `tasks`; for masked and causal models, only those that `settings` fits."""
    from transformers.models.auto import modeling_auto

    masked = modeling_auto.MODEL_FOR_MASKED_LM_MAPPING.get(type(settings), None)
    causal = modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING.get(type(settings), None)
    for task in tasks:
        kind = getattr(modeling_auto, f"MODEL_{task}_MAPPING".replace("__", "_")).get(type(settings), None)
        if masked and kind is (masked if getattr(settings, "is_decoder", False) else causal):
            continue
        for each in kind if isinstance(kind, tuple) else [kind] if kind else []:
            yield _build(each, settings)


def _build(kind: Any, settings: Any) -> Architecture:
    import torch

    with quiet(), torch.device("meta"):
        model = kind(settings)
    shapes = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    return Architecture(kind.__name__, model.base_model_prefix, shapes, dict(model.all_tied_weights_keys or {}))


def fit(found: Mapping[str, Tensor], architecture: Architecture, family: frozenset[str]) -> Fit:
    """`found` under the names of `architecture`. The prefix under which most names fit is removed or added.

    `family` are further names that a model of this kind may have. Names outside the prefix are kept, so that they are
    reported and never dropped.
    """
    known, tied = architecture.shapes, architecture.tied
    best, most = dict(found), len(set(known) & set(found))
    for strip in _strips(found):
        inside = {name.removeprefix(strip): tensor for name, tensor in found.items() if name.startswith(strip)}
        for add in dict.fromkeys(("", f"{architecture.prefix}.", *WRAPPERS)):
            count = sum(add + name in known for name in inside)
            if count > most:
                outside = {name: tensor for name, tensor in found.items() if not name.startswith(strip)}
                best, most = {add + name: tensor for name, tensor in inside.items()} | outside, count
    tensors = {name: tensor for name, tensor in best.items() if name in known}
    optional = {name for name, first in tied.items() if name in tensors or first in tensors}
    lacking = [name for name in known if name not in tensors and name not in optional]
    over = [name for name in best if name not in known and not _is_buffer(name)]
    heads = [name for name in over if name in family]
    return Fit(architecture, tensors, lacking, heads, [name for name in over if name not in family])


def _strips(names: Mapping[str, Tensor]) -> set[str]:
    """Every beginning of a name up to a dot, which a wrapper may have put in front."""
    found = {""}
    for name in names:
        parts = name.split(".")
        found.update(".".join(parts[:count]) + "." for count in range(1, min(len(parts), 5)))
    return found


def _is_buffer(name: str) -> bool:
    """Whether `name` is a constant that older versions saved with the weights, not a trained tensor."""
    return name.endswith((".attn.bias", ".attn.masked_bias", "position_ids", "rotary_emb.inv_freq", "attention.bias"))


def best_fit(found: Mapping[str, Tensor], settings: Any, names: Sequence[str], *, asked: bool) -> Fit:
    """How `found` fits one of the architectures called `names`: the first if it was `asked` for, else the best.

    If something is missing or unexpected in all of them, the closest is returned. That is the one in `names`, else the
    one with the fewest missing or unexpected tensors.
    """
    family = family_heads(settings)
    tried = [fit(found, each, family) for each in (named(name, settings) for name in names[:1]) if each]
    if tried and (asked or tried[0].good):
        return tried[0]
    others = [fit(found, each, family) for each in candidates(settings)]
    good = [each for each in others if each.good]
    if good:
        return max(good, key=lambda each: len(each.tensors))
    closest = tried or sorted(others, key=lambda each: len(each.lacking) + len(each.unexpected))
    if not closest:
        raise GenError(
            f"transformers has no language model of the type {settings.model_type}; give another base folder."
        )
    return closest[0]


def family_heads(settings: Any) -> frozenset[str]:
    """The names of the tensors that pretraining and the bare model have, with and without the family's prefix."""
    names: set[str] = set()
    for architecture in candidates(settings, ("FOR_PRETRAINING", "FOR_MASKED_LM", "")):
        dot = f"{architecture.prefix}."
        for name in architecture.shapes:
            names |= {name, dot + name, name.removeprefix(dot)}
    return frozenset(names)
