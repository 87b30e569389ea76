"""Publish a model folder: what of it is published, whether that is fit to be, and its way to the hub or a folder."""

from __future__ import annotations

import fnmatch
import glob
import os
import re
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from ..errors import GenError, quoted
from ..system.underway import counted, doing
from .cards import lacks, read_card
from .checkpoint import CONFIG, refuse_pickled
from .hub import check_hub_name, hub_answers, lacking
from .sizes import POINTER, check_files

PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl", "*.pickle", "*.joblib", "*.npy", "*.npz", "*.h5", "*.msgpack")
"""Files that can run code when they are read, or that nothing of ours reads: weights are published as safetensors."""

LARGE = 10_000_000
"""Bytes above which the hub, and git anywhere, want a file in Git LFS."""

MOST = 50_000_000_000
"""The most bytes of one file that the hub takes, by its page on limits."""

ATTRIBUTES = ".gitattributes"

UNNAMED = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
"""What no name may hold that is published: controls, and bytes that are no UTF-8."""


@dataclass(frozen=True)
class Upload:
    """A file that is published: its name, its bytes, and whether Git LFS is to hold it."""

    name: str
    size: int
    large: bool


@dataclass(frozen=True)
class Plan:
    """What is published of a folder, and the names of what is not."""

    folder: Path
    uploads: Sequence[Upload]
    left_out: Sequence[str]

    @property
    def size(self) -> int:
        """All bytes together."""
        return sum(upload.size for upload in self.uploads)


def plan(folder: Path) -> Plan:
    """What would be published: the files of the folder itself, but no hidden ones and no folders (records of training).

    Raises GenError if there are pickles, no model, missing weights, a file that is too large, or a card that lacks
    something.
    """
    if not folder.is_dir() or not (folder / CONFIG).is_file():
        raise GenError(f"{folder} has no {CONFIG}, so it is no model folder; name the folder of a saved model.")
    check_files(folder)
    paths = sorted(folder.iterdir())
    pickles = [path.name for path in paths if any(fnmatch.fnmatch(path.name.lower(), kind) for kind in PICKLES)]
    if pickles:
        refuse_pickled(folder)
        raise GenError(f"{pickles[0]} in {folder} could run code when read; remove it, the weights are safetensors.")
    if (missing := lacking(folder)) is not None:
        raise GenError(f"{folder} lacks {missing}; save or fetch the model again.")
    shown = [path for path in paths if path.is_file() and not path.name.startswith(".")]
    uploads = tuple(Upload(path.name, path.stat().st_size, path.stat().st_size > LARGE) for path in shown)
    _check_sizes(folder, uploads)
    odd = next((upload.name for upload in uploads if UNNAMED.search(upload.name)), None)
    if odd is not None:
        raise GenError(f"{quoted(odd)} in {folder} is no name that others' machines can write; rename the file.")
    wanted = lacks(read_card(folder))
    if wanted:
        raise GenError(f"The card of {folder} lacks {'; '.join(wanted)}; complete it with `gen models card`.")
    return Plan(folder, uploads, tuple(path.name for path in paths if path not in shown))


def _check_sizes(folder: Path, uploads: Sequence[Upload]) -> None:
    for upload in uploads:
        if upload.size > MOST:
            raise GenError(f"{upload.name} has over {MOST:,} bytes, which the hub refuses; save the weights in shards.")
        if upload.size <= POINTER and (folder / upload.name).read_bytes().startswith(b"version https://git-lfs"):
            raise GenError(f"{upload.name} in {folder} is a pointer of Git LFS; fetch the file with `git lfs pull`.")


def place_of(target: str) -> Path | None:
    """The folder that a target names, as file://... or a path with a leading dot, slash or ~; None for a hub name.

    Raises GenError for what is neither.
    """
    if target.startswith("file:"):
        return Path(unquote(urlsplit(target).path))
    if target.startswith((".", "/", "~", os.sep)) or Path(target).is_absolute():
        return Path(target).expanduser()
    check_hub_name(target)
    return None


def write_folder(planned: Plan, place: Path) -> Path:
    """Write a folder with all that is published, whole or not at all, and with .gitattributes for its large files.

    Raises GenError if there is something at `place` already, or it cannot be written.
    """
    if place.exists() and (not place.is_dir() or any(place.iterdir())):
        raise GenError(f"{place} is there already; name a new folder, or remove it.")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=place.parent, prefix=".pushing-") as beside:
            aside = Path(beside) / "whole"
            aside.mkdir()
            for upload in counted(planned.uploads, f"copying into {place}"):
                shutil.copyfile(planned.folder / upload.name, aside / upload.name)
            (aside / ATTRIBUTES).write_text(attributes(planned), encoding="utf-8")
            os.replace(aside, place)
    except OSError as error:
        raise GenError(f"{place} cannot be written ({error.strerror}); make room, or name another folder.") from error
    return place


def attributes(planned: Plan) -> str:
    """The .gitattributes of what is published: safetensors and all other large files are held by Git LFS."""
    others = [upload for upload in planned.uploads if not upload.name.endswith(".safetensors")]
    large = [_as_git_writes(upload.name) for upload in others if upload.large]
    return "".join(f"{name} filter=lfs diff=lfs merge=lfs -text\n" for name in ["*.safetensors", *large])


def _as_git_writes(name: str) -> str:
    """A pattern that matches this name alone, as `git lfs track --filename` writes it."""
    return re.sub(r"([\\*?\[\]#!\"])", r"\\\1", name).replace(" ", "[[:space:]]")


def push(planned: Plan, repo: str, *, private: bool = False, revision: str | None = None, api: Any = None) -> str:
    """Publish on the hub under `repo`, owner/name, which is made if it is new; the address of what is there now.

    All files appear there in one commit. `revision` is a branch, made if it is new. `api` stands for the hub's client.
    Raises GenError if the hub cannot be reached, or refuses.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalTokenNotFoundError

    if api is None and not hub_answers():
        raise GenError(f"The hub cannot be reached, so {repo} was not published; try again while online.")
    of_http = tuple(each for each in HfHubHTTPError.__mro__ if "HTTP" in each.__name__)
    hub = api or HfApi()
    try:
        with doing(f"publishing {repo}"):
            made = hub.create_repo(repo, private=private or None, exist_ok=True)
            if revision is not None:
                hub.create_branch(repo, branch=revision, exist_ok=True)
            names = [glob.escape(upload.name) for upload in planned.uploads]  # they are taken for patterns
            done = hub.upload_folder(
                repo_id=repo, folder_path=planned.folder, allow_patterns=names, revision=revision,
                commit_message="Publish with gen models push",
            )  # fmt: skip
    except HFValidationError as error:
        raise GenError(f"{quoted(repo)} is no name on the hub; write it as owner/name.") from error
    except LocalTokenNotFoundError as error:
        raise GenError(f"The hub does not know you, so {repo} was not published; `hf auth login` first.") from error
    except (OSError, ValueError, RuntimeError, *of_http) as error:
        raise _refusal(repo, error) from error
    return str(getattr(done, "commit_url", "") or made)


def _refusal(repo: str, error: Exception) -> GenError:
    """The one sentence for what the hub, or the way to it, answered."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    reason = " ".join(str(error).split())[:200]
    if status == 401:
        return GenError(f"The hub does not know you, so {repo} was not published; `hf auth login` with a valid token.")
    if status == 403:
        return GenError(f"Your token may not write {repo}; make one with write access, then `hf auth login`.")
    if status == 404:
        return GenError(f"The hub has no place {repo} for you; check the owner's name, or `hf auth login`.")
    return GenError(f"{repo} was not published ({reason}); try again, what the hub has already is not sent again.")
