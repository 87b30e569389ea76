"""Signals as on a terminal, however the tests are run; and a hub's cache that nobody else has."""

import signal
from functools import partial

import pytest
from hub_folders import lay_out

# A run in the background of a script, or under nohup, ignores these; what is tested is who hears them.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture
def hub_cache(tmp_path, monkeypatch):
    """Offline, with an empty cache of the hub: a function that puts a model folder into it under a hub name."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    return partial(lay_out, tmp_path / "hub")
