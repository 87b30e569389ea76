"""Plugins as packages: written from the template, and installed or uninstalled by the running interpreter's pip."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from string import Template

from ..errors import GenError, quoted
from ..system.bounds import read_settings
from ..system.underway import doing
from ..types import CORE
from .registry import registry

LISTING = """
from importlib.metadata import entry_points
for each in entry_points(group="gen_engine"):
    print(each.name, each.dist.name)
"""
NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


def write_template(name: str, into: Path) -> tuple[Path, str]:
    """Write a new plugin called `name` into a folder of its own in `into`. Returns that folder and the package's
    name.
    """
    if not NAME.fullmatch(name):
        raise GenError(
            f"{quoted(name)} is no name for a plugin; write small letters, digits and hyphens, as in tide-tables."
        )
    if any(name in (each.name, each.distribution) for each in registry().plugins):
        raise GenError(f"There is a plugin {quoted(name)} already; choose another name.")
    word = name.replace("-", "_")
    folder, package = into / f"gen-{name}", f"gen_{word}"
    if folder.exists():
        raise GenError(f"{folder} exists already; choose another name, or another place with --into.")
    values = {"name": name, "word": word, "package": package, "version": version(CORE)}
    for path, text in _templates(files(__package__) / "template"):
        path = path.replace("package/", f"{package}/").replace("test_word", f"test_{word}")
        place = folder / path.removesuffix(".in")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(Template(text).substitute(values), encoding="utf-8")
    return folder, package


def _templates(folder: Traversable, within: str = "") -> Iterator[tuple[str, str]]:
    """The files of the template, by their paths."""
    for each in sorted(folder.iterdir(), key=lambda each: each.name):
        if each.is_dir():
            yield from _templates(each, f"{within}{each.name}/")
        elif each.name.endswith(".in"):
            yield within + each.name, each.read_text(encoding="utf-8")


def install(what: str, options: Sequence[str] = ()) -> list[str]:
    """Install a plugin from a folder or by its name. Returns the message for the user."""
    place = distribution = what
    if "/" in what or Path(what).is_dir():
        place, distribution = str(Path(what).resolve()), _named_in(Path(what))
    _pip("install", place, options)
    names = [name for name, owner in _installed().items() if _plain(owner) == _plain(distribution)]
    if not names:
        raise GenError(f"{distribution} is installed and is no plugin; `gen plugins` lists what there is.")
    return [f"{name} is installed; `gen plugins check {name}` tries it." for name in names]


def _named_in(folder: Path) -> str:
    try:
        project = tomllib.loads(read_settings(folder / "pyproject.toml"))
        return str(project["project"]["name"])
    except (OSError, ValueError, KeyError, TypeError):
        raise GenError(f"{folder} holds no package with a name in pyproject.toml; name a plugin's folder.") from None


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def uninstall(name: str, options: Sequence[str] = ()) -> str:
    """Uninstall the distribution of a plugin. Returns the message for the user."""
    found = next((each for each in registry().plugins if name in (each.name, each.distribution)), None)
    if found is None or not found.distribution:
        raise GenError(f"There is no plugin {quoted(name)}; `gen plugins` lists those that are installed.")
    if found.distribution == CORE:
        raise GenError(f"{name} is the engine itself; uninstall it by `pip uninstall {CORE}`.")
    _pip("uninstall", found.distribution, ["--yes", *options])
    if found.distribution in _installed().values():
        raise GenError(f"{found.distribution} is still there, outside this environment; remove it where it lies.")
    return f"{found.distribution} is uninstalled."


def _pip(verb: str, what: str, options: Sequence[str]) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", verb, "--quiet", *options, what]
    with doing(f"pip has to {verb} {what}"):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip().upper().startswith("ERROR")]
        reason = (lines or done.stderr.strip().splitlines() or ["it said nothing"])[-1].rstrip(".")
        raise GenError(f"pip could not {verb} {what} ({reason}); mend that, or run pip yourself.")


def _installed() -> dict[str, str]:
    """The plugins that a fresh interpreter finds, and their distributions."""
    done = subprocess.run([sys.executable, "-c", LISTING], capture_output=True, text=True, check=True)
    return dict(line.split(" ", 1) for line in done.stdout.splitlines())
