"""What kind of file a name promises: lines of JSON, CSV or Parquet, perhaps packed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

from gen_engine.errors import GenError

from .places import PIPE

Form = Literal["jsonl", "csv", "parquet"]

FORMS: dict[str, Form] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
}
PACKED = ".gz"
NAMES = ".jsonl, .csv or .parquet"


@dataclass(frozen=True)
class Kind:
    """The form of a file, and whether it is packed by gzip."""

    form: Form
    is_packed: bool = False


def kind_of(name: str) -> Kind:
    """The kind of an input by the end of its name; standard input holds lines of JSON. Raises GenError for others."""
    if name == PIPE or name.startswith("/dev/"):
        return Kind("jsonl")
    path = PurePosixPath(name.lower().rstrip("/"))
    is_packed = path.suffix == PACKED
    ending = PurePosixPath(path.stem).suffix if is_packed else path.suffix
    if ending not in FORMS:
        raise GenError(f"{name} does not say by its name what it is; end it in {NAMES}, or take - for lines of JSON.")
    if is_packed and FORMS[ending] == "parquet":
        raise GenError(f"{name} is Parquet, which packs itself; unpack the .gz.")
    return Kind(FORMS[ending], is_packed)


def out_form(name: str) -> Form:
    """The form of an output by its name. Raises GenError for a packed one, which no killed run could go on with."""
    kind = kind_of(name)
    if kind.is_packed:
        raise GenError(f"{name} could not be mended after a kill; write {name[:-3]}, and pack it when it is complete.")
    return kind.form


def check_pyarrow(name: str) -> None:
    """Raise GenError if Parquet cannot be read or written here."""
    try:
        import pyarrow  # noqa: F401 - only asked for
    except ImportError as problem:
        raise GenError(
            f'{name} needs pyarrow, which is not installed; run `pip install "gen-engine-batch[parquet]"`, or take '
            "JSONL or CSV."
        ) from problem
