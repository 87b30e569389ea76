"""What tests of several files use."""

from functools import cache

import pytest

import gen_engine.engine


@pytest.fixture(scope="module")
def one_engine():
    """The shipped models are loaded once for all commands of a file."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gen_engine.engine, "load", cache(gen_engine.engine.load))
        yield
