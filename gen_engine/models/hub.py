"""The hub of transformers: asked only if it can be reached, so nobody waits in vain."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit


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
