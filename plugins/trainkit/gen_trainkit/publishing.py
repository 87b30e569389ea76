"""From a task to a finished model folder: train, then publish the best or last weights with a model card."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError
from tokenizers import Tokenizer
from transformers import CONFIG_MAPPING, AutoConfig, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from gen_engine.errors import GenError
from gen_engine.models.checkpoint import read_json, refuse_pickled
from gen_engine.models.holdings import holding, refuse_no_model
from gen_engine.models.hub import not_waiting_for_hub
from gen_engine.system.underway import doing
from gen_trainkit.bases import model_source
from gen_trainkit.devices import copy_on_cpu, device_of, settled
from gen_trainkit.loop import Outcome, Recipe, Reporting, Task, export_last, train
from gen_trainkit.options import write_chosen_options
from gen_trainkit.ranks import is_first
from gen_trainkit.storing import whole_file
from gen_trainkit.wording import in_words

MISREAD = (OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, StrictDataclassError)
"""The errors that transformers raises for a damaged or nonsensical config.json or tokenizer.json."""

SaveDtype = Literal["fp32", "bf16", "fp16"]
SAVE_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True)
class Publishing:
    """Where the finished folder goes, which weights it holds, and the title of its card."""

    out: Path
    keep: Literal["best", "last"] = "best"
    save_dtype: SaveDtype = "fp32"
    title: str | None = None
    note: str = ""


@dataclass(frozen=True)
class CardFacts:
    """What a card says besides recipe and outcome: `made` is a sentence, `facts` are shown as a list."""

    made: str
    pipeline: str
    facts: Mapping[str, str]
    language: Sequence[str] = ()


def run_and_publish(
    task: Task, recipe: Recipe, reporting: Reporting, publishing: Publishing, card: CardFacts, *, resume: bool
) -> Outcome:
    """Train `task`, and unless stopped by a signal publish the model folder `publishing.out`.

    Its `run` folder keeps checkpoints, figures and curves and, if a command is running, its options as config.toml. The
    published files appear one by one, each complete. Under torchrun the first process publishes.
    """
    recipe, device = settled(recipe, device_of(task.model)), device_of(task.model)
    run = publishing.out / "run"
    outcome = train(
        task, recipe, run, reporting=reporting, resume=resume, begun=lambda: write_chosen_options(run / "config.toml")
    )
    if outcome.signal or not is_first():
        return outcome
    export_last(task, recipe, run / "last")
    best = run / "best"
    chosen = best if publishing.keep == "best" and best.exists() else run / "last"
    for path in sorted(chosen.iterdir()):
        _copy_whole(path, publishing.out / path.name)
    text = write_card(publishing, card, recipe, outcome, goal=task.goal, device=device.type)
    with whole_file(publishing.out / "README.md") as aside:
        aside.write_text(text, encoding="utf-8")
    return outcome


def write_card(
    publishing: Publishing, card: CardFacts, recipe: Recipe, outcome: Outcome, *, goal: str, device: str
) -> str:
    """The model card as Markdown with the hub's metadata header."""
    best = "not measured" if outcome.best is None else f"{outcome.best:.4f}" + " nats" * goal.endswith("loss")
    trained = f"{outcome.step:,} step{'s' * (outcome.step != 1)}" + " (stopped early)" * outcome.early
    idle = {"epochs"} if recipe.steps is not None else set()
    idle |= {"matrix_rate"} if recipe.optimizer != "muon" else set()
    chosen = {name: value for name, value in asdict(recipe).items() if name not in idle and value is not None}
    settings = "\n".join(f"| {name} | {in_words(value)} |" for name, value in {**chosen, "device": device}.items())
    facts = "\n".join(f"- **{name}**: {value}." for name, value in card.facts.items())
    language = f"language: [{', '.join(card.language)}]\n" if card.language else ""
    return f"""---
library_name: transformers
pipeline_tag: {card.pipeline}
{language}---
# {publishing.title or publishing.out.name}

{card.made}
{publishing.note}

{facts}
- **Training**: {trained}.
- **Best {goal.replace("valid_", "validation ").replace("_", " ")}**: {best}.

| setting | value |
|---|---|
{settings}
"""


@doing("writing the model folder")
def export_model(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, dtype: SaveDtype, folder: Path) -> None:
    """Write config.json, model.safetensors and the tokenizer's files into `folder`; `model` itself is not changed."""
    copy_on_cpu(model).to(SAVE_DTYPES[dtype]).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


@doing("loading the model")
def load_pretrained(
    auto: Any,
    base: str,
    *,
    kinds: Sequence[str] = (),
    new: Sequence[str] = (),
    settings: Mapping[str, Any] | None = None,
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """The model that `auto` loads from a folder, a hub name or one of `gen models`, in fp32, and its tokenizer.

    No code in it is executed.

    Weights whose names begin with one of `new` may be missing (a fresh head), or be left over where the model has no
    such part. GenError is raised for any other missing or unexpected weight, for pickled or damaged weights, and for a
    `model_type` that is none of `kinds`.
    """
    source = model_source(base)
    with told_clearly(source, base):
        found = AutoConfig.from_pretrained(source, trust_remote_code=False).model_type
        if kinds and found not in kinds:
            raise GenError(f"{base} is a {found} model. Give one of type {' or '.join(kinds)}.")
        if Path(source).is_dir():
            refuse_pickled(Path(source))
        model, info = auto.from_pretrained(
            source, dtype=torch.float32, use_safetensors=True, output_loading_info=True, **(settings or {})
        )
    tokenizer = load_tokenizer(base)
    for kind, verb in (("missing_keys", "lacks"), ("unexpected_keys", "has unexpected")):
        strange = sorted(name for name in info[kind] if not name.startswith(tuple(new)))
        if strange:
            raise _strange(base, model.config, f"{verb} {strange[0]}")
    for name, weight in model.named_parameters():
        if not weight.isfinite().all():
            raise GenError(f"{name} of {base} holds values that are no numbers. Fetch the model or train it again.")
    check_vocabulary(model, tokenizer)
    return model, tokenizer


def _strange(base: str, config: Any, what: str) -> GenError:
    """The error for weights that do not fit; usually they are those of a model with another head."""
    found = holding(config.to_dict())
    if found.kind in ("classifier", "answerer", "other"):
        return GenError(f"{base} holds {found.words} ({what}). Give the model that it was made of.")
    return GenError(f"{base} {what}. Give weights that fit its config.json.")


def load_tokenizer(base: str) -> PreTrainedTokenizerBase:
    """The tokenizer of a folder or hub name; raises GenError where it is damaged, or there is none.

    If its files are missing, transformers makes one that has special tokens only, and reads all text as unknown.
    """
    source = model_source(base)
    with told_clearly(source, base):
        file = Path(source) / "tokenizer.json"
        if file.is_file():
            Tokenizer.from_buffer(file.read_bytes())  # raises ValueError, which the file's own reader does not
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(source, trust_remote_code=False)
    if not set(tokenizer.get_vocab()) - set(tokenizer.all_special_tokens):
        raise GenError(f"{base} has no tokenizer. Add the tokenizer.json that belongs to the model.")
    return tokenizer


@contextmanager
def told_clearly(source: str, base: str = "") -> Iterator[None]:
    """Inside, the folder or hub name `source` is read; errors in it become a GenError of one sentence.

    `base` is the name that the user gave, if it differs.
    """
    base = base or source
    refuse_no_model(Path(source), base)
    try:
        with not_waiting_for_hub(source):
            yield
    except SafetensorError as error:
        raise GenError(f"The weights of {base} are damaged ({error}). Fetch them again.") from error
    except RuntimeError as error:  # transformers' own way to say that shapes differ
        raise GenError(f"The weights of {base} do not fit the shapes of its config.json. Fetch both again.") from error
    except MISREAD as error:
        if (Path(source) / "config.json").is_file():
            kind = read_json(Path(source) / "config.json").get("model_type")
            if kind and (kind not in CONFIG_MAPPING or "configuration class" in str(error)):
                raise GenError(f"{base} is a {kind} model, which is not taken here. Give one of another.") from error
            why = " ".join(f"{type(error).__name__}: {error}".split())[:160]
            raise GenError(f"{base} cannot be read as a model with its tokenizer ({why}). Fetch it again.") from error
        raise GenError(
            f"{base} is neither a model folder nor a hub name within reach. Check it, or download it first."
        ) from error


def check_vocabulary(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
    """Raise GenError if the tokenizer has tokens that the model does not know."""
    if getattr(model.config, "vocab_size", None) is None or model.config.is_encoder_decoder:
        raise GenError(f"A {model.config.model_type} is no model that reads texts alone. Give a BERT or a GPT-2.")
    if len(tokenizer) > model.config.vocab_size:
        raise GenError(
            f"The vocabulary has {len(tokenizer)} tokens and the model {model.config.vocab_size}."
            " Give the tokenizer that belongs to the model."
        )


def check_known(tokenizer: PreTrainedTokenizerBase, ids: torch.Tensor) -> None:
    """Raise GenError if all of the token `ids` of the texts are special ones: there is nothing to learn from them."""
    if torch.isin(ids, torch.tensor(tokenizer.all_special_ids, dtype=ids.dtype)).all():
        raise GenError(
            "Of these texts the model sees no character that it knows."
            " Give one whose vocabulary has them, or leave texts more room."
        )


def _copy_whole(source: Path, target: Path) -> None:
    with whole_file(target) as aside:
        shutil.copyfile(source, aside)
