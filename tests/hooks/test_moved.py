"""Old import paths work for one version, and say where things are now."""

from importlib import import_module

import pytest

from gen_engine.hooks.moved import MOVED, RENAMED


@pytest.mark.parametrize("old", MOVED)
def test_an_old_path_gives_the_same_names_with_a_warning(old, monkeypatch):
    monkeypatch.delitem(import_module("sys").modules, old, raising=False)
    with pytest.warns(DeprecationWarning, match=f"{old} is {MOVED[old]} now"):
        module = import_module(old)
    new = import_module(MOVED[old])
    names = [name for name in vars(new) if not name.startswith("_")]
    assert names
    assert all(getattr(module, name) is getattr(new, name) for name in names)


@pytest.mark.parametrize("new", RENAMED)
def test_the_old_name_of_a_module_gives_the_new_thing(new):
    [old] = [old for old, place in MOVED.items() if place == new]
    with pytest.warns(DeprecationWarning, match=" now; import that"):
        module = import_module("importlib").reload(import_module(old))
    for name, renamed in RENAMED[new].items():
        assert getattr(module, name) is getattr(import_module(new), renamed)
