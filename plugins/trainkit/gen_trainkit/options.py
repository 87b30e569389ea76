"""The options that all `gen train` commands share, and their use; importing this imports no torch."""

from __future__ import annotations

import json
import math
import os
import tomllib
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_type_hints

import click
from click.core import ParameterSource

from gen_engine.cli.languages import lang_option
from gen_engine.cli.options import device_option
from gen_engine.errors import GenError, quoted
from gen_engine.system.bounds import read_settings
from gen_engine.system.screen import note
from gen_trainkit.ranks import is_first

FILE = click.Path(path_type=Path)
Decorator = Callable[[Any], Any]


def options(*decorators: Decorator) -> Decorator:
    """Several options as one decorator, shown by --help in this order."""

    def decorate(function: Any) -> Any:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return decorate


def _read_config(context: click.Context, parameter: click.Parameter, path: Path | None) -> Path | None:
    """Take defaults from a TOML file; the command line overrides them."""
    if path is None:
        return None
    try:
        values = tomllib.loads(read_settings(path))
    except FileNotFoundError as error:
        raise GenError(f"There is no file {path}. Check the path of --config.") from error
    except (OSError, ValueError, RecursionError) as error:
        raise GenError(f"{path} is no readable TOML ({error}). Mend it, or leave --config out.") from error
    known = {told: item for item in context.command.params for told in (item.name, _option_name(item))}
    defaults: dict[str, Any] = {}
    for name, value in values.items():
        item = known.get(name.replace("-", "_"), known.get(name))
        if item is None or item.name is None:
            raise GenError(
                f"{path} sets {quoted(name)}, which is no option of this command. See --help for those that are."
            )
        several = item.nargs == -1 or getattr(item, "multiple", False)
        if isinstance(value, dict) or (isinstance(value, list) and not several):
            raise GenError(f"{path} gives {quoted(name)} several values. Give it one.")
        if getattr(item, "is_flag", False):
            if not isinstance(value, bool):
                raise GenError(f"{path} gives {quoted(name)} as {quoted(value)}. Write true or false.")
            defaults[item.name] = value
        else:  # as if typed: click would truncate 1.5 to an integer, and take true for 1
            given = [str(each) for each in (value if isinstance(value, list) else [value])]
            defaults[item.name] = given if several else given[0]
    context.default_map = {**(context.default_map or {}), **defaults}
    return path


def _option_name(item: click.Parameter) -> str:
    """The name of an option on the command line, without leading dashes; for an argument, its own name."""
    return next((option.removeprefix("--") for option in item.opts if option.startswith("--")), item.name or "")


UNSAVED = {"resume", "dry_run"}
"""Options that say how to call a command rather than what it does."""


def chosen_options() -> dict[str, Any]:
    """The options of the running command, given or default, as `--config` reads them; empty if it has no `--config`."""
    context = click.get_current_context(silent=True)
    if context is None or all(item.callback is not _read_config for item in context.command.params):
        return {}
    saved = [item for item in context.command.params if item.expose_value and item.name not in UNSAVED]
    values = {_option_name(item): _plain(context.params.get(item.name or "")) for item in saved}
    return {name: value for name, value in values.items() if value is not None}


def _plain(value: Any) -> Any:
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)


def write_chosen_options(path: Path) -> None:
    """Write `chosen_options` as TOML, so that `--config` with that file repeats the run; without a command, write
    nothing."""
    chosen = chosen_options()
    if not chosen:
        return
    import tomli_w

    from gen_trainkit.storing import whole_file

    with whole_file(path) as aside:
        aside.write_text(tomli_w.dumps(chosen), encoding="utf-8")


def _check_out(context: click.Context, parameter: click.Parameter, path: Path) -> Path:
    """Fail before anything is read or trained if the folder cannot be made."""
    if path.exists() and not path.is_dir():
        raise GenError(f"{path} is a file. Name a folder by --out.")
    parent = next((parent for parent in (path, *path.absolute().parents) if parent.exists()), path)
    if not parent.is_dir() or not os.access(parent, os.W_OK):
        raise GenError(f"{path} cannot be written: {parent} is not writable. Give another --out.")
    return path


config_option = click.option(
    "--config",
    type=FILE,
    is_eager=True,
    expose_value=False,
    callback=_read_config,
    help="TOML file of options, as each run writes one (run/config.toml); the command line outweighs it.",
)


quotes_option = click.option(
    "--quotes",
    type=click.Choice(["check", "trust", "repair"]),
    default="check",
    show_default=True,
    help="Of a .csv. check: refuse broken quotes, and cells that look like several rows; trust: refuse broken quotes;"
    " repair: such a line is a row by itself, its quote a character.",
)


def part_option(default: str) -> Decorator:
    """The option for the split of a `datasets` folder; `default` says in words which is read otherwise."""
    words = f"Split of a datasets folder: its name, train, valid, test, or all.  [default: {default}]"
    return click.option("--part", metavar="NAME", help=words)


files_argument = click.argument("files", nargs=-1, required=True, type=FILE)
column_option = click.option(
    "--column", help="Column of a .csv/.tsv (name or number) or field of a .jsonl.  [default: text]"
)
encoding_option = click.option(
    "--encoding", default="utf-8", show_default=True, help="Encoding of the files, such as gb18030."
)
max_length_option = click.option(
    "--max-length", type=click.IntRange(3), help="Tokens of a window.  [default: the model's positions]"
)
valid_options = options(
    click.option("--valid", "valid_files", multiple=True, type=FILE, help="File of validation texts; may be repeated."),
    click.option("--valid-share", type=click.FloatRange(0, 0.5),
                 help="Or set so many aside.  [default: a dataset's own split, else 0.01]"),
)  # fmt: skip


split_options = options(part_option("train, validated by the split for it"), valid_options)
"""Which texts are trained on, and which validate."""


def shape_options(*, width: int, positions: int, bert: bool = True) -> Decorator:
    """Sizes of a transformer made from scratch; a BERT also has its own inner width, and two marks per text."""
    ff = click.option("--ff", type=click.IntRange(1), help="Width within the layers.  [default: 4 times --width]")
    return options(
        click.option("--layers", type=click.IntRange(1), default=4, show_default=True),
        click.option("--width", type=click.IntRange(1), default=width, show_default=True),
        click.option("--heads", type=click.IntRange(1), default=4, show_default=True),
        *([ff] if bert else []),
        click.option("--positions", type=click.IntRange(3 if bert else 2), default=positions, show_default=True),
    )


def recipe_options(
    *,
    rate: str = "2e-5, from scratch 3e-3",
    epochs: float = 1.0,
    batch_tokens: int = 4096,
    head: bool = False,
) -> Decorator:
    """How to train: the fields of `Recipe`. `rate` describes the defaults of --rate, which the command fills in."""
    number = click.FloatRange(0)
    head_rate = click.option("--head-rate", type=number, help="Peak learning rate of the head.  [default: --rate]")
    return options(
        click.option("--epochs", type=click.FloatRange(0, min_open=True), default=epochs, show_default=True),
        click.option("--steps", type=click.IntRange(1), help="Instead of --epochs."),
        click.option("--batch-tokens", type=click.IntRange(1), default=batch_tokens, show_default=True,
                     help="Padded tokens a batch."),
        click.option("--accumulate", type=click.IntRange(1), default=1, show_default=True, help="Batches a step."),
        click.option("--optimizer", type=click.Choice(["adamw", "muon"]), default="adamw", show_default=True),
        click.option("--rate", type=number, help=f"Peak learning rate.  [default: {rate}]"),
        *([head_rate] if head else []),
        click.option("--matrix-rate", type=number, default=4e-3, show_default=True,
                     help="Muon's own, for weight matrices."),
        click.option("--weight-decay", type=number, default=0.01, show_default=True),
        click.option("--schedule", type=click.Choice(["linear", "cosine", "constant"]), default="linear",
                     show_default=True),
        click.option("--warmup", type=click.IntRange(0), default=0, show_default=True, help="Steps."),
        click.option("--clip", type=number, default=1.0, show_default=True, help="Gradient norm; 0 for none."),
        click.option("--ema", type=click.FloatRange(0, 1, max_open=True), default=0.0, show_default=True,
                     help="Averaging."),
        click.option("--dtype", type=click.Choice(["auto", "fp32", "bf16"]), default="auto", show_default=True,
                     help="Numbers to compute with; auto is fp32, on CUDA bf16."),
        click.option("--gradient-checkpointing", is_flag=True,
                     help="Compute layers twice instead of keeping what they computed: less memory, more time."),
        click.option("--parallel", type=click.IntRange(1, 1024), default=1, show_default=True,
                     help="On a CPU: parts of a batch, a thread each."),
        click.option("--patience", type=click.IntRange(0), default=0, show_default=True,
                     help="Stop after so many full validations without a better one; 0: never."),
        click.option("--seed", type=click.IntRange(0, 2**63 - 1), default=0, show_default=True),
    )  # fmt: skip


run_options = options(
    click.option("--out", required=True, type=FILE, callback=_check_out,
                 help="Model folder to write; its subfolder run keeps the rest."),
    click.option("--log-every", type=click.IntRange(1), default=50, show_default=True, help="Steps."),
    click.option("--valid-every", type=click.IntRange(0), default=0, show_default=True, help="Steps; 0: each epoch."),
    click.option("--valid-batches", type=click.IntRange(0), default=0, show_default=True,
                 help="Within an epoch, look at so many batches only; 0: at all."),
    click.option("--save-every", type=click.IntRange(0), default=500, show_default=True, help="Steps; 0: each epoch."),
    click.option("--keep", type=click.Choice(["best", "last"]), default="best", show_default=True),
    click.option("--save-dtype", type=click.Choice(["fp32", "bf16", "fp16"]), default="fp32", show_default=True),
    click.option("--tensorboard", is_flag=True, help="Write the figures for TensorBoard, too, into run/tensorboard."),
    lang_option,
    device_option(),
    click.option("--title", help="Title of the model card."),
    click.option("--note", default="", help="A paragraph for the model card."),
    config_option,
    click.option("--resume", is_flag=True, help="Go on from the newest checkpoint in --out."),
    click.option("--dry-run", is_flag=True, help="Check everything, tell sizes, memory and time; train nothing."),
)  # fmt: skip


def part(kind: type, given: Mapping[str, Any]) -> Any:
    """The dataclass `kind`, made from the options of the same names."""
    return kind(**{field.name: given[field.name] for field in fields(kind) if field.name in given})


def assemble(kind: type, given: Mapping[str, Any]) -> Any:
    """The job `kind`, made from the options. Fields that are dataclasses are made by `part`, unless they are given."""
    hints = get_type_hints(kind)
    kinds = {name: hint for name, hint in hints.items() if isinstance(hint, type) and is_dataclass(hint)}
    made = {name: part(hint, given) for name, hint in kinds.items() if not isinstance(given.get(name), hint)}
    return kind(**{name: made[name] if name in made else given[name] for name in hints})


def check_start(is_said: bool, ways: str) -> None:
    """Raise GenError unless a starting point is given, in one of these `ways`."""
    if not is_said:
        raise GenError(f"It is not said what to start from. Give {ways}.")


def check_given(given: Mapping[str, Any]) -> None:
    """Raise GenError for numbers that are not finite, and for options that have no effect on this recipe or these
    files."""
    check_finite(given)
    refuse_idle_recipe(given)
    refuse_unread((*given["files"], *given["valid_files"], *given.get("test_files", ())), given)


def check_finite(given: Mapping[str, Any]) -> None:
    """Raise GenError for an option that is infinite or NaN."""
    for name, value in given.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise GenError(f"--{name.replace('_', '-')} {value} is no number to count with. Give a finite one.")


def refuse_idle_recipe(given: Mapping[str, Any]) -> None:
    """Raise GenError for options of `recipe_options` and `run_options` that have no effect together with the others."""
    if given["steps"] is not None:
        refuse_idle({"epochs"}, "beside --steps")
    if given["optimizer"] != "muon":
        refuse_idle({"matrix_rate"}, "without --optimizer muon")
    if not given["valid_every"]:
        refuse_idle({"valid_batches"}, "without --valid-every")


def refuse_idle(names: Collection[str], when: str) -> None:
    """Raise GenError if the command line gives one of the options `names`, which have no effect `when`.

    Options set by --config are accepted, because a run saves all its options, including those without effect.
    """
    context = click.get_current_context(silent=True)
    for item in context.command.params if context else ():
        if item.name in names and context and context.get_parameter_source(item.name) is ParameterSource.COMMANDLINE:
            raise GenError(f"{item.opts[0]} does nothing {when}. Leave it out.")


def refuse_unread(files: Collection[Path], given: Mapping[str, Any]) -> None:
    """Raise GenError for an option on the command line that has no effect on any of `files`; missing files are skipped.

    Plain lines have no columns, only a .csv has quotes, and only a dataset has splits; a dataset needs no encoding.
    """
    from gen_engine.system.text_files import DELIMITERS, TABLES, kind_of
    from gen_trainkit.saved_datasets import is_dataset

    if not files or not all(path.exists() for path in files):
        return
    datasets = [is_dataset(path) for path in files]
    kinds = {kind_of(path) for path, known in zip(files, datasets, strict=True) if not known}
    if not any(datasets):
        refuse_idle({"part"}, "without a datasets folder")
    if all(datasets):
        refuse_idle({"encoding"}, "with datasets, which are read without")
    if not any(datasets) and not kinds & set(TABLES):
        refuse_idle({"column", "columns", "column2"}, "with lines of text, which have no columns")
    if ".csv" not in kinds:
        refuse_idle({"quotes"}, "without a .csv")
    chosen = [given[name] for name in ("text", "text2", "label", "split_column") if given.get(name)]
    if not kinds & set(DELIMITERS) or not all(name.isdecimal() for name in chosen):
        refuse_idle({"header"}, "unless all columns of a .csv or .tsv are numbers: else there is one anyway")
    if given.get("valid_files"):
        refuse_idle({"valid_share"}, "beside --valid")


def tell_reading(told: Iterable[str]) -> None:
    """Say on standard error what was read, used and left out; of several processes only the first does."""
    for words in told if is_first() else ():
        note(words, "")


def tell_plan(plan: Mapping[str, Any]) -> None:
    """Print what `--dry-run` found, as JSON; of several processes only the first does."""
    if is_first():
        click.echo(json.dumps(plan, indent=1, ensure_ascii=False))


def refuse_absurd(given: Mapping[str, Any]) -> None:
    """Raise GenError for sizes of a new model or head that the machine cannot train, before anything is read."""
    from gen_engine.models.sizes import check_new

    new = {"layers": given.get("encoder_layers", given.get("layers")), "width": given.get("width")}
    if given.get("from_scratch"):
        places = given.get("positions") or given.get("window") or 0
        check_new(layers=new["layers"], width=new["width"], inner=given.get("ff"), tokens=places)
    for name in ("hidden", "relu", "lora"):  # each reads, and is read by, something as wide as a small encoder
        if isinstance(given.get(name), int):
            check_new(layers=0, width=given[name], tokens=2 * (new["width"] or 128))
    if given.get("hidden") and given.get("layers") and given.get("encoder_layers"):  # an LSTM
        check_new(layers=given["layers"], width=given["hidden"], inner=2 * given["hidden"])
