"""Models to start from by name: those of `gen models`, folders, and the hub, which is not waited for in vain."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gen_engine.plugins import registry


def model_source(name: str) -> str:
    """The folder of a model of `gen models`; any other name stays as it is: a folder, or a name on the hub."""
    if name in registry().models or (":" in name and not Path(name).exists()):
        return str(registry().find("model", name).value.folder)
    return name


@contextmanager
def not_waiting_for_hub(name: str) -> Iterator[None]:
    """Inside, what is here already of the hub is used and the hub is not asked, if it cannot be reached.

    Its client would try for half a minute, and print each try, before it says so.
    """
    from huggingface_hub import constants

    before = constants.HF_HUB_OFFLINE
    if not before and not Path(name).exists():
        constants.HF_HUB_OFFLINE = not hub_answers()
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


def hub_answers() -> bool:
    """Whether the hub can be reached."""
    from gen_engine.models.transformers_lm import _hub_answers

    return _hub_answers()
