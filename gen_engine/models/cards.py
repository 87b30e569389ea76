"""Model cards: the README.md of a model folder, with the hub's metadata in front. What it lacks is found and completed.

The format of the metadata is that of the hub's "Model Cards" page: YAML between two lines of three dashes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import GenError, words_of
from ..system.bounds import read_settings
from .checkpoint import read_config, read_json
from .holdings import holding

CARD = "README.md"
RUN = "run"
"""The folder beside the weights in which a training keeps its records."""

FRONT = re.compile(r"\A---\n(.*?)^---[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
NEEDED = ("license", "language", "library_name", "pipeline_tag")
"""The fields that every card has."""

TASKS = {"writer": "text-generation", "classifier": "text-classification", "masked": "fill-mask"}
MEASURES = {"text-generation": "perplexity", "fill-mask": "perplexity", "text-classification": "accuracy"}
HAN = re.compile(r"[\u3400-\u9fff]")
LICENCE = re.compile(r"licen[cs]e|public[- ]domain|CC[ -]BY|CC0|\bMIT\b|Apache", re.IGNORECASE)
FRACTION = 2
"""A vocabulary is Chinese if one token in so many holds a Han character."""

USES = {
    "text-generation": "$ gen text --model FOLDER --prompt ... --max-new 100 --seed 1",
    "text-classification": "$ gen classify --model FOLDER TEXT",
    "fill-mask": "$ gen train bert-lstm --encoder FOLDER TEXTS --out OUT\n"
    "$ gen train classifier --encoder FOLDER TABLE --out OUT",
}


@dataclass(frozen=True)
class Card:
    """A card: the lines of its metadata, and the Markdown below."""

    front: str
    text: str

    @property
    def fields(self) -> Mapping[str, Any]:
        """The metadata by name. Raises GenError if it is no YAML mapping."""
        import yaml

        try:
            found = yaml.safe_load(self.front) or {}
        except (yaml.YAMLError, ValueError, LookupError, AttributeError, RecursionError) as error:
            # PyYAML lets errors of its own code pass for what only looks like a date or a number
            raise GenError(f"The metadata of {CARD} is no YAML ({words_of(error)}); mend it.") from error
        if not isinstance(found, dict):
            raise GenError(f"The metadata of {CARD} is no list of names and values; mend it.")
        return found

    def __str__(self) -> str:
        return f"---\n{self.front}---\n{self.text}"


def read_card(folder: Path) -> Card:
    """The card of a model folder; one without metadata and text if there is none."""
    written = _text(folder / CARD).replace("\r\n", "\n")
    front = FRONT.match(written)
    return Card(front[1], written[front.end() :]) if front else Card("", written)


def _text(path: Path) -> str:
    """The text of a file, "" if there is none. Raises GenError if it cannot be read as UTF-8."""
    try:
        return read_settings(path) if path.is_file() else ""
    except (OSError, ValueError) as error:
        raise GenError(f"{path} cannot be read as UTF-8 ({words_of(error)}); mend or remove it.") from error


def lacks(card: Card) -> list[str]:
    """What a card lacks, each in words that say how it is given."""
    fields = card.fields
    missing = [f"{name} (--{name.replace('_', '-')})" for name in NEEDED if not fields.get(name)]
    text = card.text
    wanted = {
        "what the model is, in a sentence below its title": _introduced(text),
        "what it was trained on (--data)": _has(text, "data") or "**Data**" in text,
        "the licence of that data (--data)": LICENCE.search(text) is not None,
        "how it was trained (a section ## Training)": _has(text, "training") or "gen train" in text,
        "figures (a section ## Figures)": _has(text, "figures") or re.search(r"\*\*(Best|In int8)", text) is not None,
        "how it is used (a section ## How to use)": _has(text, "use"),
        "its limits (a section ## Limits)": _has(text, "limits"),
    }
    return missing + [words for words, there in wanted.items() if not there]


def _introduced(text: str) -> bool:
    """Whether there is a sentence between the title and what comes next."""
    titled = re.search(r"^# .+\n+(?![-|#])\S.*", text, re.MULTILINE)
    return titled is not None


def _has(text: str, word: str) -> bool:
    """Whether a section's heading has the word."""
    return re.search(rf"^##+ .*\b{word}\b", text, re.IGNORECASE | re.MULTILINE) is not None


def completed(folder: Path, given: Mapping[str, Any] | None = None, *, data: str = "") -> Card:
    """The card of a folder with what its files tell added, and the fields that are given.

    `given` outweighs what stands there; `data` is a section on the data and its licence. Lines that were written by
    hand stay as they are. Raises GenError if `folder` is no model folder.
    """
    config, card = read_config(folder), read_card(folder)
    options = _options(folder)
    known = {**_derived(folder, config, options), **card.fields, **{k: v for k, v in (given or {}).items() if v}}
    front = card.front
    for name, value in known.items():
        if value and card.fields.get(name) != value:
            front = _with_field(front, name, value)
    text = card.text if card.text.strip() else f"# {folder.resolve().name}\n\n{_introduction(config)}\n"
    task = str(known.get("pipeline_tag", ""))
    for heading, word, section in (
        ("Data and its licence", "", data),
        ("How to use", "use", _use(task)),
        ("Training options", "training", _training(text, options)),
        ("Figures", "figures", _figures(folder) if "**Best" not in text else ""),
        ("Limits", "limits", _limits(config, task)),
    ):
        if section and (word or section not in text) and not (word and _has(text, word)):
            text = f"{text.rstrip()}\n\n## {heading}\n\n{section}\n"
    return Card(front, text)


def _with_field(front: str, name: str, value: object) -> str:
    """The lines with one field set: in its place, if it stands there, else as the last one."""
    import yaml

    line: str = yaml.safe_dump({name: value}, allow_unicode=True, default_flow_style=False, sort_keys=False)
    found = re.search(rf"^{re.escape(name)}[ \t]*:.*\n(?:[ \t-].*\n)*", front, re.MULTILINE)
    return front[: found.start()] + line + front[found.end() :] if found else front + line


def _derived(folder: Path, config: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that the files of a folder tell."""
    task = TASKS.get(holding(config).kind, "")
    base = next((str(options[name]) for name in ("base", "encoder") if options.get(name)), "")
    is_hub_name = re.fullmatch(r"[\w.-]+/[\w.-]+", base) and not Path(base).exists() and base[0] not in "./"
    return {
        "library_name": "transformers",
        "pipeline_tag": task,
        "language": "zh" if _is_chinese(folder) else "",
        "base_model": base if is_hub_name else "",
        "metrics": [MEASURES[task]] if task and (folder / RUN / "metrics.jsonl").is_file() else "",
    }


def _is_chinese(folder: Path) -> bool:
    model = read_json(folder / "tokenizer.json").get("model", {})
    tokens = list(model.get("vocab") or ()) if isinstance(model, dict) else []
    return FRACTION * sum(HAN.search(str(token)) is not None for token in tokens) >= len(tokens) > 0


def _options(folder: Path) -> dict[str, Any]:
    """The options of the training that made a folder, if it recorded them."""
    import tomllib

    path = folder / RUN / "config.toml"
    try:
        return tomllib.loads(_text(path))
    except (ValueError, RecursionError) as error:
        raise GenError(f"{path} is no readable TOML ({words_of(error)}); mend or remove it.") from error


def _introduction(config: Mapping[str, Any]) -> str:
    found = holding(config)
    return f"This folder holds {found.words or 'a model'} of the type {config.get('model_type', 'that it names')}."


def _use(task: str) -> str:
    used = USES.get(task, "")
    return f"With gen-engine (`pip install 'gen-engine[all]'`):\n\n```console\n{used}\n```" if used else ""


def _training(text: str, options: Mapping[str, Any]) -> str:
    """The command, and its options as `--config` reads them."""
    if not options:
        return ""
    command = re.search(r"gen train [\w-]+", text)
    shown = "\n".join(f"{name} = {_in_toml(value)}" for name, value in options.items())
    name = command[0] if command else "gen train ..."
    return f"`{name} --config config.toml`, where config.toml is:\n\n```toml\n{shown}\n```"


def _in_toml(value: object) -> str:
    """A value as `--config` reads it; dates become texts."""
    return json.dumps(_short(value), ensure_ascii=False, default=str)


def _short(value: object) -> object:
    """A value without the folders of somebody's machine."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_short(each) for each in value]
    return Path(value).name if isinstance(value, str) and Path(value).is_absolute() else value


def _figures(folder: Path) -> str:
    """The best figure that a training recorded on its validation part."""
    path, best = folder / RUN / "metrics.jsonl", None
    for line in _text(path).splitlines():
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):  # a torn last line
            continue
        loss = row.get("valid_loss") if isinstance(row, dict) else None
        if isinstance(loss, (int, float)) and (best is None or loss < best[0]):
            best = (float(loss), row.get("step"))
    return f"The best validation loss was {best[0]:.4f} nats, after step {best[1]}." if best else ""


def _limits(config: Mapping[str, Any], task: str) -> str:
    """What follows from the kind and the sizes of a model."""
    size, places = config.get("vocab_size"), config.get("n_positions") or config.get("max_position_embeddings")
    told = {
        "text-generation": "It writes what is likely after what it was trained on. It knows no facts, and was not made"
        " to follow instructions.",
        "text-classification": "Its labels mean what they meant in its training data. On other kinds of text its"
        " probabilities may be wrong.",
        "fill-mask": "It guesses hidden tokens of texts like those it was trained on, and is meant to be trained"
        " further.",
    }
    words = [told[task]] if task in told else []
    if isinstance(size, int):
        words.append(f"Its vocabulary has {size:,} tokens; characters outside it are read as unknown.")
    if isinstance(places, int):
        words.append(f"It sees at most {places:,} tokens at once.")
    return " ".join(words)
