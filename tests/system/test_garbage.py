"""Nothing is collected while a model is loaded, and the collector is as it was afterwards."""

import gc

import pytest

from gen_engine import sources
from gen_engine.engine import load
from gen_engine.errors import GenError
from gen_engine.system.garbage import uncollected


@pytest.mark.parametrize("on", [True, False])
def test_the_collector_is_as_before(on, monkeypatch):
    (gc.enable if on else gc.disable)()
    try:
        with pytest.raises(KeyError), uncollected():
            assert not gc.isenabled()
            raise KeyError
        assert gc.isenabled() == on
    finally:
        gc.enable()


def test_nothing_is_collected_while_a_model_is_loaded(monkeypatch):
    seen = []
    monkeypatch.setattr(sources, "_open", lambda *given: seen.append(gc.isenabled()))
    sources.open_model("poem")
    assert seen == [False]
    assert gc.isenabled()


def test_a_model_that_fails_leaves_the_collector_on(tmp_path):
    with pytest.raises(GenError):
        load(tmp_path)
    assert gc.isenabled()
