"""Builds the wheel of a package without a compiler and without fetching anything."""

import os
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from posixpath import normpath

BUILD = "from setuptools import build_meta as b; b.build_wheel('.', {'--build-option': ['--compression=stored']})"
PASSING = {"__pycache__", "build", "dist"}
"""Folders that are no part of a package, though they may lie in a checkout."""


@dataclass(frozen=True)
class Built:
    """What was built: the wheel's name, files and metadata, and the files that a source archive would have."""

    wheel: str
    files: frozenset[str]
    metadata: str
    sources: frozenset[str]


def build(folder, place):
    """Build the package of a folder in `place`, and leave the folder as it is."""
    for path in folder.iterdir():
        if path.name not in PASSING and path.suffix != ".egg-info" and not path.name.startswith("."):
            (place / path.name).symlink_to(path)
    env = {**os.environ, "CC": "false", "CXX": "false"}
    subprocess.run([sys.executable, "-c", BUILD], cwd=place, env=env, check=True, capture_output=True)
    [wheel], [sources] = place.glob("*.whl"), place.glob("*.egg-info/SOURCES.txt")
    with zipfile.ZipFile(wheel) as opened:
        names = opened.namelist()
        metadata = opened.read(next(name for name in names if name.endswith("/METADATA"))).decode()
    listed = {normpath(line) for line in sources.read_text(encoding="utf-8").splitlines()}
    return Built(wheel.name, frozenset(names), metadata, frozenset(listed))


def packaged(folder):
    """The files of a folder that are part of its packages."""
    paths = [path for package in folder.glob("gen_*/__init__.py") for path in Path(package).parent.rglob("*")]
    files = [path for path in paths if path.is_file() and path.suffix != ".so" and not PASSING & set(path.parts)]
    return {path.relative_to(folder).as_posix() for path in files} - {"gen_engine/README.md"}  # read on the web
