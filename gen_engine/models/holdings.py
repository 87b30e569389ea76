"""What a folder that was given as a model holds, and which command takes it if this one does not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ..errors import GenError, brief
from ..system.unchanged import until_changed
from .checkpoint import CONFIG, read_config, read_json
from .sizes import TOKENIZER_FILES

Kind = Literal["writer", "classifier", "masked", "answerer", "other", "unknown"]

ENDINGS: Mapping[str, tuple[Kind, str]] = {
    "ForCausalLM": ("writer", "a language model"),
    "LMHeadModel": ("writer", "a language model"),
    "ForSequenceClassification": ("classifier", "a classifier of texts"),
    "ForMaskedLM": ("masked", "a masked language model"),
    "ForPreTraining": ("masked", "a masked language model"),
    "ForTokenClassification": ("other", "a model that labels the words of a text"),
    "ForQuestionAnswering": ("other", "a model that finds answers in a text"),
    "ForMultipleChoice": ("other", "a model that chooses among answers"),
    "ForNextSentencePrediction": ("other", "a model that tells whether two sentences follow each other"),
    "ForConditionalGeneration": ("other", "a model that turns one text into another"),
    "ForSeq2SeqLM": ("other", "a model that turns one text into another"),
    "ForImageClassification": ("other", "a model of pictures"),
    "ForObjectDetection": ("other", "a model of pictures"),
    "ForMaskedImageModeling": ("other", "a model of pictures"),
    "ForImageTextRetrieval": ("other", "a model of pictures"),
    "ForAudioClassification": ("other", "a model of sounds"),
    "ForCTC": ("other", "a model of sounds"),
    "VisionModel": ("other", "a model of pictures"),
}
"""The kind of an architecture, by how its name ends."""

LIBRARIES = {
    "adapter_config.json": "an adapter, which only commands that write text take as it is; merge it into its base "
    "(`merge_and_unload`) and name the folder that this is saved to",
    "modules.json": "a model of sentence-transformers; name the folder in it that has a config.json",
    "model_index.json": "a model that draws pictures (diffusers); name a language model",
    "dataset_dict.json": "a dataset; name the folder of a model",
    "state.json": "a dataset; name the folder of a model",
}
"""Files that tell that a folder without a config.json belongs to another library, and what to do with it."""

SILENT = ("classifier", "masked", "answerer", "other")
"""The kinds of models that do not generate text from its beginning."""

WEIGHTS = (".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".h5", ".msgpack")


@dataclass(frozen=True)
class Holding:
    """What a config says about its folder: the kind of model, in words, and the architecture."""

    kind: Kind
    words: str


def holding(config: Mapping[str, Any]) -> Holding:
    """The kind of a model with this config; "unknown" if it names no architecture that tells."""
    names = config.get("architectures")
    name = str(names[0]) if isinstance(names, list) and names else ""
    unknown: tuple[Kind, str] = ("unknown", "")
    kind, words = next((told for ending, told in ENDINGS.items() if name.endswith(ending)), unknown)
    if kind in ("other", "unknown") and _answers(config, words):
        return Holding("answerer", f"an encoder-decoder ({brief(name or str(config.get('model_type')))})")
    return Holding(kind, f"{words} ({brief(name)})" if words else brief(name))


def _answers(config: Mapping[str, Any], words: str) -> bool:
    """Whether it is an encoder-decoder. A config that does not say so is one if transformers knows its type as such."""
    if "is_encoder_decoder" in config or "turns" not in words:
        return bool(config.get("is_encoder_decoder"))
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES as WRITERS
    from transformers.models.auto.modeling_auto import MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES as ANSWERERS

    return config.get("model_type") in ANSWERERS and config.get("model_type") not in WRITERS


def refuse_no_model(path: Path, name: str) -> None:
    """Raise GenError for a file, or for a folder without a config.json, and say what is there instead of a model.

    Also raises GenError for a folder with what no model has: pipes, or sizes that nothing can hold.
    """
    if path.is_dir():
        if not (path / CONFIG).exists():
            raise GenError(f"{name} {_instead(path)}.")
        _read_through(path / CONFIG)
    if path.is_file():
        if path.suffix == ".gguf":
            what = "is a GGUF file, which only commands that write text read; `gen models add` makes a folder of it"
        elif path.suffix in WEIGHTS:
            what = "is a file of weights; name the folder it is in, or make a folder of it with `gen convert`"
        else:
            what = "is a file and no model; name a folder with a config.json, or a model of `gen models`"
        raise GenError(f"{name} {what}.")


@until_changed
def _read_through(config: Path) -> bool:
    """Read the folder of a config.json for `refuse_no_model`; servers and batches ask that with each request."""
    read_config(config.parent)
    return True


def _instead(folder: Path) -> str:
    """What a folder without a config.json contains, and the remedy."""
    there = sorted(path.name for path in folder.iterdir())
    found = next((f"holds {words}" for file, words in LIBRARIES.items() if file in there), "")
    if found or not there:
        return found or "is an empty folder; name the folder of a saved model"
    inner = next((each for each in there if (folder / each / CONFIG).is_file()), None)
    if inner is not None:
        return f"has no {CONFIG} itself, but {brief(inner)} in it has; name {brief(folder / inner, 200)}"
    if any(each.endswith(".gguf") for each in there):
        return "holds a GGUF file, which only commands that write text read; `gen models add` makes a folder of it"
    if any(each in TOKENIZER_FILES for each in there) and not any(Path(each).suffix in WEIGHTS for each in there):
        return "holds a tokenizer and no model; name the folder of the model that it belongs to"
    return f"has no {CONFIG}, so it is no model folder; name the folder of a saved model"


def refuse_silent(folder: Path, name: str) -> None:
    """Raise GenError for the folder of a model that does not generate text, and name the commands that take it."""
    config = read_json(folder / CONFIG)
    found = holding(config)
    if found.kind in SILENT and not _may_write(config, found):
        raise silent(found, name)


def silent(found: Holding, name: str) -> GenError:
    """The error for a model that should generate and cannot."""
    shown = brief(name, 200)
    if found.kind == "answerer":
        return GenError(
            f"{name} holds {found.words}, which writes an answer to an input and does not continue a text; "
            "name a causal language model."
        )
    remedies = {
        "classifier": f"tell labels with `gen classify --model {shown}`, or name a language model",
        "masked": f"build on it with `gen train bert-lstm --encoder {shown}` or `gen train classifier --encoder "
        f"{shown}`, or name a causal language model",
    }
    remedy = remedies.get(found.kind, "no command takes it, name a causal language model")
    return GenError(f"{name} holds {found.words}, which writes no text; {remedy}.")


def _may_write(config: Mapping[str, Any], found: Holding) -> bool:
    """Whether transformers may still make a generator of it, as it does of models that see pictures and write."""
    if found.kind == "masked":
        return bool(config.get("is_decoder"))
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES as WRITERS

    return found.kind == "other" and config.get("model_type") in WRITERS and "turns" in found.words


def no_classifier(folder: Path, name: str) -> GenError | None:
    """The error for the folder of a model that is not a classifier, if its config.json says so."""
    found = holding(read_json(folder / CONFIG))
    if found.kind == "classifier" or not found.words:
        return None
    shown = brief(name, 200)
    make = f"make a classifier of it with `gen train classifier --encoder {shown}`"
    remedies = {"writer": f"write with `gen text --model {shown}`, or {make}", "masked": make, "unknown": make}
    remedy = remedies.get(found.kind, "name the folder of a classifier")
    held = found.words if found.kind != "unknown" else f"a {found.words}"
    return GenError(f"{name} holds {held}, no classifier; {remedy}.")
