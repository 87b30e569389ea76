"""The hub of transformers: what is here of it, what is fetched, and asked only if it can be reached."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from ..errors import GenError, quoted
from .adapters import ADAPTER, has_tokenizer
from .adapters import WEIGHTS as ADAPTED
from .checkpoint import CONFIG, INDEX, PICKLED, WEIGHTS, read_json

FETCHED = ("*.safetensors", "*.json", "*.jinja", "vocab.txt", "merges.txt", "tokenizer.model")
"""The files of a model that are fetched: weights that execute nothing, configs and tokenizers."""

LEFT_OUT = ("*/*", "consolidated*")
"""What is not, of these: other formats in folders of their own, and weights given twice."""


@contextmanager
def not_waiting_for_hub(name: str) -> Iterator[None]:
    """Inside, if the hub cannot be reached, local copies are used and the hub is not asked.

    Otherwise its client tries for half a minute, and prints each try, before it gives up.
    """
    from huggingface_hub import constants

    with offline(constants.HF_HUB_OFFLINE or (not Path(name).exists() and not hub_answers())):
        yield


@contextmanager
def offline(when: bool) -> Iterator[None]:
    """Inside, the hub's client makes no requests, if `when`."""
    from huggingface_hub import constants

    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = before or when
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


def hub_answers() -> bool:
    """Whether the hub can be reached. Its client would try for half a minute before it says no."""
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        return False
    if any(os.environ.get(name) for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")):
        return True
    address = urlsplit(constants.ENDPOINT)
    try:
        socket.create_connection((address.hostname, address.port or 443), timeout=5).close()
    except OSError:
        return False
    return True


def check_hub_name(name: str) -> None:
    """Raises GenError for what cannot be a name on the hub by its form. The hub is not asked."""
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id

    try:
        validate_repo_id(name)
    except HFValidationError as error:
        raise GenError(f"{quoted(name)} is no name on the hub; write it as owner/name.") from error


def snapshot_of(name: str) -> Path | None:
    """The folder with what is on this machine of a hub name, in the hub's cache; None if nothing is.

    It is the snapshot of `main`. The hub is not asked. `lacking` says whether all of it is there.
    """
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        found = [try_to_load_from_cache(name, file) for file in (CONFIG, ADAPTER)]
    except HFValidationError:
        return None
    return next((Path(path).parent for path in found if isinstance(path, str)), None)


def lacking(folder: Path) -> str | None:
    """The first file that a snapshot lacks because fetching it was broken off; None if it is whole."""
    if (folder / ADAPTER).is_file() and not (folder / CONFIG).is_file():
        return None if (folder / ADAPTED).is_file() else ADAPTED
    if (folder / INDEX).is_file():
        places = read_json(folder / INDEX).get("weight_map")
        shards = sorted(set(places.values())) if isinstance(places, dict) else []
        missing = next((str(name) for name in shards if not (folder / str(name)).is_file()), None)
    elif any(path for pattern in PICKLED for path in folder.glob(pattern)):
        return None  # weights that are refused with another sentence
    else:
        missing = None if (folder / WEIGHTS).is_file() else WEIGHTS
    return missing or (None if has_tokenizer(folder) else "its tokenizer")


def fetched(name: str, *, online: bool = True) -> Path:
    """The folder of a hub name: as it is here, if whole, else as the hub has it now, unless `online` is False.

    Raises GenError as `pull` does. If the hub cannot be asked, it says what is missing and how to fetch it.
    """
    folder = snapshot_of(name)
    missing = None if folder is None else lacking(folder)
    if folder is not None and missing is None:
        return folder
    check_hub_name(name)
    if not online or not hub_answers():
        there = f"Of {name} {missing} is not here" if missing else f"There is no model {name} on this machine"
        remedy = f"fetch it with `gen models pull {name}` while online, or give a folder"
        raise GenError(f"{there}, and the hub cannot be asked for it; {remedy}.")
    return pull(name)


def pull(name: str) -> Path:
    """Fetch a model of the hub into the hub's cache, without any pickled weights, and return its folder.

    Raises GenError for what is no name, if the hub cannot be reached or has no such model for this user, and if it has
    no safetensors.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError

    check_hub_name(name)
    if not hub_answers():
        raise GenError(f"The hub cannot be reached, so {name} was not fetched; try again while online.")
    of_http = tuple(each for each in HfHubHTTPError.__mro__ if "HTTP" in each.__name__)
    try:
        folder = Path(snapshot_download(name, allow_patterns=[*FETCHED], ignore_patterns=[*LEFT_OUT]))
    except GatedRepoError as error:
        raise GenError(f"{name} is for those who ask; ask for it on the hub, then `hf auth login`.") from error
    except RepositoryNotFoundError as error:
        raise GenError(f"The hub has no model {name} for you; check the name, or `hf auth login`.") from error
    except (OSError, ValueError, RuntimeError, *of_http) as error:
        reason = str(error).strip().split("\n")[0]
        raise GenError(f"{name} was not fetched ({reason}); try again, what is here already is kept.") from error
    if not (folder / CONFIG).is_file() and not (folder / ADAPTER).is_file():
        raise GenError(f"{name} on the hub has no {CONFIG}, so it is no model of transformers; name another.")
    if (missing := lacking(folder)) is not None:
        raise GenError(f"{name} on the hub lacks {missing}; name a model with weights as safetensors and a tokenizer.")
    return folder
