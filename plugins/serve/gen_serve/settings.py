"""How a server is set up."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gen_engine.errors import GenError, quoted

from .engine_process.loading import Loading


@dataclass(frozen=True)
class Settings:
    """The models by the names that `load` takes, where to listen, and the bounds.

    `rows` bounds a forward pass, `queue` how many wishes wait, `hard` how many of them in the patient lane. `patience`
    are the seconds of search for a wish, `limit` all of its seconds, `grace` those that a closing server gives to what
    runs. A wish may ask for `texts` texts of `length` new tokens in a body of `body` bytes. `keys` (none: anybody) open
    the API. Pages of `origins` may ask, and `hosts` are names of the server beside loopback and `host`.
    """

    models: tuple[str, ...]
    host: str = "127.0.0.1"
    port: int = 8000
    device: str = Loading.device
    dtype: str = Loading.dtype
    threads: int | None = Loading.threads
    rows: int = Loading.rows
    queue: int = Loading.queue
    hard: int = 16
    patience: float = 8.0
    limit: float = 120.0
    grace: float = 30.0
    texts: int = Loading.texts
    length: int = Loading.length
    body: int = 1 << 20
    has_patient_lane: bool = True
    keys: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    logs_json: bool = False
    logs_prompts: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """The models by the names that clients use."""
        return tuple(name for name, _ in named(self.models))

    def loading(self, *, yields: bool = False) -> Loading:
        """What an engine process is told; `yields` for the patient one."""
        return Loading(
            named(self.models),
            self.device,
            self.dtype,
            self.rows,
            queue=self.queue,
            texts=self.texts,
            length=self.length,
            threads=self.threads,
            yields=yields,
        )


def named(models: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Each model with the name that clients use for it: a folder's last part, else as it was given.

    Raises GenError if two have one name.
    """
    found: dict[str, str] = {}
    for model in models:
        name = Path(model).resolve().name if Path(model).exists() and Path(model).name != model else model
        if name in found and found[name] != model:
            raise GenError(
                f"{found[name]} and {model} would both be called {quoted(name)}; rename one of the folders, or serve "
                "them apart."
            )
        found[name] = model
    return tuple(found.items())


def read_keys(file: str | None, variable: str | None) -> tuple[str, ...]:
    """The keys of a file, one a line, and of an environment variable.

    Raises GenError if the file cannot be read or holds no key, or a key is none that a client can send.
    """
    keys: list[str] = []
    if file is not None:
        try:
            lines = Path(file).read_text(encoding="utf-8").splitlines()
        except (OSError, ValueError) as problem:
            reason = getattr(problem, "strerror", None) or "it is no text"
            raise GenError(f"The file of keys {file} cannot be read ({reason}); name one with a key a line.") from None
        keys += [line.strip() for line in lines if line.strip()]
        if not keys:
            raise GenError(f"The file of keys {file} holds no key; write one a line.")
    keys += [variable.strip()] if variable is not None else []
    if any(not (key and key.isascii() and key.isprintable() and " " not in key) for key in keys):
        where = f"the file {file}" if file is not None else "GEN_API_KEY"
        raise GenError(f"A key of {where} is empty, or has blanks or letters beyond ASCII; take letters and digits.")
    return tuple(dict.fromkeys(keys))


def is_loopback(host: str) -> bool:
    """Whether only programs of this machine reach the address."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
