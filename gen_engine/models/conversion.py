"""`gen convert`: turns a state dict of another program into a model folder, by its architecture or by a recipe."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import GenError
from ..system.underway import doing
from ..types import Conversion, Recipe
from .architectures import WRAPPERS, Fit, best_fit, candidates, fit, guess_type, label_count, named, read_settings
from .checkpoint import CONFIG, read_config, read_json, write_checkpoint
from .state_dict import grouped, left_out, modern_names, read_state_dict, renamed, without_shared_prefix
from .tokenizer import marks_of

if TYPE_CHECKING:
    from torch import Tensor

OLD_CONFIG = "bert_config.json"
"""The name of config.json in the oldest BERT repositories."""


def convert(
    net: Path,
    base: Path,
    out: Path,
    *,
    recipe: Recipe | None = None,
    architecture: str | None = None,
    rename: Sequence[str] = (),
    leave_out: Sequence[str] = (),
) -> Conversion:
    """Turn the state dict in `net` into the model folder `out`, with the sizes and the tokenizer of `base`.

    Only tensors are read (`weights_only`). `rename` changes names, and `leave_out` drops tensors. Then `recipe` makes
    the model, or the tensors are fitted to an architecture. That is `architecture`, else the one that config.json
    names, else the one that they fit. Returns what was written, and says how the tensors were understood. Raises
    GenError for a pickled object, for names or shapes that do not fit, and if `out` exists.
    """
    found = left_out(renamed(read_state_dict(net), rename, str(net)), leave_out, str(net))
    if recipe is not None:
        made = recipe(without_shared_prefix(modern_names(found), WRAPPERS[:2]), base)
    else:
        made = by_architecture(found, base, architecture=architecture, where=str(net))
    wrong = next((name for name, tensor in made.tensors.items() if not tensor.isfinite().all()), None)
    if wrong is not None:
        raise GenError(f"{net} has numbers in {wrong} that are none or infinite; train or fetch it again.")
    write_checkpoint(out, made.config, made.tensors, base)
    return made


def base_config(base: Path) -> dict[str, Any]:
    """The config.json of `base`, or its older name, with a model_type."""
    old = base / OLD_CONFIG
    config = read_json(old) if old.is_file() and not (base / CONFIG).is_file() else read_config(base)
    return config if "model_type" in config else {"model_type": guess_type(config), **config}


@doing("finding the architecture that fits")
def by_architecture(found: Mapping[str, Tensor], base: Path, *, architecture: str | None, where: str) -> Conversion:
    """Fit the tensors `found` to the class of transformers given by `architecture`, by the config of `base`, or by
    themselves.
    """
    config = base_config(base)
    tensors = modern_names(found)
    labels = label_count(tensors)
    if labels is not None and labels != len(config.get("id2label", ())):
        config = {key: value for key, value in config.items() if key not in ("id2label", "label2id")}
        config["num_labels"] = labels
    settings = read_settings(config, str(base))
    if architecture is not None and named(architecture, settings) is None:
        raise GenError(f"transformers has no {settings.model_type} called {architecture}; see its documentation.")
    names = [architecture] if architecture else [str(name) for name in config.get("architectures") or ()]
    best = best_fit(tensors, settings, names, asked=architecture is not None)
    _check(best, base, where)
    kept = _untied(best, base, where)
    marks = marks_of(base, getattr(settings, "vocab_size", None) or 0)
    written = written_config(config, settings, best.architecture.name, marks)
    return Conversion(written, kept, tuple(_tell(best, tensors, names, settings)))


def _check(best: Fit, base: Path, where: str) -> None:
    """Raise GenError unless `best` has all its tensors, in their shapes, and nothing left over but heads."""
    if not best.good:
        parts = [f"lacks {grouped(best.lacking)}"] * bool(best.lacking)
        parts += [f"has unexpected {grouped(best.unexpected)}"] * bool(best.unexpected)
        raise GenError(
            f"{where} is no {best.architecture.name}: it {' and '.join(parts)}; give names with --rename OLD=NEW, drop "
            "some with --leave-out NAME, or give another --base, an --architecture or a --recipe (`gen recipes`)."
        )
    check_shapes(best, base, where)


def check_shapes(best: Fit, base: Path, where: str) -> None:
    """Raise GenError unless the tensors of `best` have the shapes of its architecture."""
    shapes = best.architecture.shapes
    wrong = [name for name, tensor in best.tensors.items() if tuple(tensor.shape) != shapes[name]]
    if wrong:
        more = f" ({len(wrong)} tensors differ)" if len(wrong) > 1 else ""
        raise GenError(
            f"{where} has {wrong[0]} of shape {tuple(best.tensors[wrong[0]].shape)}, {base} expects "
            f"{shapes[wrong[0]]}{more}; give the base folder that it was trained from."
        )


def _untied(best: Fit, base: Path, where: str) -> dict[str, Tensor]:
    """The tensors of `best`, each once: tensors that the architecture ties to another are left out."""
    tied = best.architecture.tied
    for name, first in tied.items():
        if name in best.tensors and first in best.tensors and not best.tensors[name].equal(best.tensors[first]):
            raise GenError(
                f"{where} has {name} unlike {first}, which {base} ties; set tie_word_embeddings to false there."
            )
    return {
        name: tensor.clone()
        for name, tensor in best.tensors.items()
        if name not in tied or tied[name] not in best.tensors
    }


def written_config(config: Mapping[str, Any], settings: Any, name: str, marks: Mapping[str, int]) -> dict[str, Any]:
    """`config` for the architecture `name`: with its labels, and with `marks` for special tokens that the vocabulary
    lacks.

    If a config names no beginning and end, transformers takes GPT-2's 50256, and warns at every load.
    """
    written = {key: value for key, value in config.items() if key != "num_labels"} | {"architectures": [name]}
    if name.endswith("ForSequenceClassification") and "num_labels" in config:
        written |= {"id2label": settings.id2label, "label2id": settings.label2id}
    size = getattr(settings, "vocab_size", None) or 0
    for key in ("bos_token_id", "eos_token_id", "pad_token_id"):
        token = getattr(settings, key, None)
        if isinstance(token, int) and (not 0 <= token < size or (key not in config and key in marks)):
            written[key] = marks.get(key)
    return written


def _tell(best: Fit, found: Mapping[str, Tensor], names: Sequence[str], settings: Any) -> Iterator[str]:
    """Notes: the architecture, if config.json says otherwise, and the heads that are left out."""
    name = best.architecture.name
    if names and names[0] != name:
        yield f"The tensors are those of a {name}, where config.json says {names[0]}."
    if best.heads:
        fuller = (fit(found, each, frozenset()) for each in candidates(settings, ("FOR_PRETRAINING",)))
        keeps = next((each.architecture.name for each in fuller if each.good), None)
        remedy = f"; --architecture {keeps} keeps it" if keeps else ""
        yield f"Left out, since a {name} has no place for it: {grouped(best.heads)}{remedy}."


def label_settings(outputs: int, labels: Sequence[str], threshold: float) -> dict[str, Any]:
    """What config.json says about the labels of a head with this many `outputs`. A single output is the logit of the
    second of two labels.

    Raises GenError unless `labels` is empty or names all of them.
    """
    wanted = max(2, outputs)
    if labels and (len(labels) != wanted or len(set(labels)) < wanted):
        raise GenError(f"The head tells {wanted} labels apart; name as many different ones, as in labels=bad|good.")
    names = list(labels) or [f"LABEL_{index}" for index in range(wanted)]
    shown = names[1:] if outputs == 1 else names
    settings: dict[str, Any] = {
        "id2label": {str(index): name for index, name in enumerate(shown)},
        "label2id": {name: index for index, name in enumerate(shown)},
        "problem_type": "multi_label_classification" if outputs == 1 else "single_label_classification",
    }
    return settings | ({"label_names": names, "threshold": threshold} if outputs == 1 else {})
