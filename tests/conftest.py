"""A hub's cache that nobody else has."""

from functools import partial

import pytest
from hub_folders import lay_out


@pytest.fixture
def hub_cache(tmp_path, monkeypatch):
    """Offline, with an empty cache of the hub: a function that puts a model folder into it under a hub name."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    return partial(lay_out, tmp_path / "hub")
