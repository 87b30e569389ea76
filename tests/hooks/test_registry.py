"""Plugins are found, loaded one by one, and a broken one never stops the others."""

import json
import os
import re
import subprocess
import sys
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType, SimpleNamespace

import click
import pytest

from gen_engine.cli.main import main, make_cli
from gen_engine.errors import GenError
from gen_engine.hooks.hookspecs import hookimpl
from gen_engine.hooks.lazy import LazyCommand
from gen_engine.hooks.registry import Registry, load_plugins, registry


@pytest.fixture
def install(monkeypatch):
    """Make an installed plugin out of functions: `install("poem", models=lambda: {...})`."""

    def make(name, **hooks):
        module = ModuleType(f"fake_{name}")
        for hook, function in hooks.items():
            setattr(module, hook, hookimpl(function))
        monkeypatch.setitem(sys.modules, module.__name__, module)
        return entry(name, module.__name__)

    return make


def entry(name, module):
    return EntryPoint(name, module, "gen_engine")._for(SimpleNamespace(name=f"dist-{name}", version="1"))


def offering(install, plugin, *names):
    return install(plugin, processors=lambda: dict.fromkeys(names, f"made by {plugin}"))


def test_a_plugin_offers_processors_by_name(install):
    found = load_plugins([offering(install, "a", "tones")])
    assert found.find("processor", "tones").value == "made by a"


def test_a_plugin_offers_models(install):
    found = load_plugins([install("a", models=lambda: {"poem": "a model"})])
    assert found.models["poem"].value == "a model"


def test_a_plugin_offers_loaders(install):
    found = load_plugins([install("a", loaders=lambda: {"gpt2": "a loader"})])
    assert found.find("loader", "gpt2").value == "a loader"


def test_a_plugin_offers_decoders(install):
    found = load_plugins([install("a", decoders=lambda: {"beam": "a decoder"})])
    assert found.find("decoder", "beam").value == "a decoder"


def test_a_plugin_offers_recipes(install):
    found = load_plugins([install("a", recipes=lambda: {"book_gpt": "a recipe"})])
    assert found.find("recipe", "book_gpt").value == "a recipe"


def test_a_plugin_mounts_commands(install):
    gen = click.Group("gen")
    load_plugins([install("a", add_commands=lambda gen: gen.add_command(click.Command("poem")))]).mount(
        gen, "add_commands"
    )
    assert list(gen.commands) == ["poem"]


def test_a_plugin_mounts_trainers(install):
    train = click.Group("train")
    plugin = install("a", add_trainers=lambda train: train.add_command(click.Command("gpt2")))
    load_plugins([plugin]).mount(train, "add_trainers")
    assert list(train.commands) == ["gpt2"]


def test_a_plugin_mounts_evaluators(install):
    group = click.Group("eval")
    plugin = install("a", add_evaluators=lambda group: group.add_command(click.Command("poem")))
    load_plugins([plugin]).mount(group, "add_evaluators")
    assert list(group.commands) == ["poem"]


def test_a_broken_plugin_is_reported_and_the_others_work(install):
    found = load_plugins([entry("broken", "no.such.module"), offering(install, "works", "tones")])
    assert found.plugins[0].error == "ModuleNotFoundError: No module named 'no'"
    assert "tones" in found.processors


def test_a_plugin_that_exits_at_import_is_only_reported(install, tmp_path, monkeypatch):
    (tmp_path / "fake_exit.py").write_text("raise SystemExit(3)")
    monkeypatch.syspath_prepend(tmp_path)
    assert load_plugins([entry("exit", "fake_exit")]).plugins[0].error == "SystemExit: 3"


def test_a_hook_that_fails_is_reported_and_the_others_work(install):
    found = load_plugins([install("bad", processors=lambda: 1 / 0), offering(install, "good", "tones")])
    assert list(found.processors) == ["tones"]
    assert found.plugins[0].error == "processors: ZeroDivisionError: division by zero"


@pytest.mark.parametrize(("answer", "reason"), [("exit(3)", "SystemExit: 3"), ("{5: 6}", "5 is no name")])
def test_a_hook_that_exits_or_names_nonsense_is_only_reported(tmp_path, monkeypatch, answer, reason):
    (tmp_path / "odd.py").write_text(f"import gen_engine\n@gen_engine.hookimpl\ndef models(): return {answer}")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "odd", raising=False)
    found = load_plugins([entry("odd", "odd")])
    assert found.models == {}
    assert reason in found.plugins[0].error


def test_a_misspelled_hook_is_reported(install):
    assert load_plugins([install("a", procesors=lambda: {})]).plugins[0].error.startswith("there is no hook procesors")


def test_a_plugin_without_hooks_is_reported(install):
    assert load_plugins([install("a")]).plugins[0].error == "it implements no hook"


def test_a_plugin_knows_its_distribution_hooks_and_import_time(install):
    info = load_plugins([install("a", models=lambda: {}, processors=lambda: {})]).plugins[0]
    assert (info.distribution, info.version, info.hooks) == ("dist-a", "1", ("models", "processors"))
    assert info.seconds > 0


def test_a_name_offered_twice_is_an_error_that_names_both(install):
    found = load_plugins([offering(install, "a", "tones"), offering(install, "b", "tones")])
    with pytest.raises(GenError, match="more than one plugin; write dist-a:tones or dist-b:tones"):
        found.find("processor", "tones")


@pytest.mark.parametrize("name", ["dist-b:tones", "b:tones"])
def test_the_full_name_picks_one_of_two(install, name):
    found = load_plugins([offering(install, "a", "tones"), offering(install, "b", "tones")])
    assert found.find("processor", name).value == "made by b"


def test_a_command_mounted_twice_is_an_error_that_names_both(install):
    def mounting(plugin):
        return install(plugin, add_commands=lambda gen: gen.add_command(click.Command("poem", callback=lambda: plugin)))

    gen = click.Group("gen")
    load_plugins([mounting("a"), mounting("b")]).mount(gen, "add_commands")
    assert gen.main(["dist-b:poem"], standalone_mode=False) == "b"
    with pytest.raises(GenError, match="write dist-a:poem or dist-b:poem"):
        gen.main(["poem", "--rows", "4"], standalone_mode=False)


def test_an_unknown_name_suggests_the_nearest(install):
    with pytest.raises(GenError, match="no processor 'tone'; did you mean 'tones'?"):
        load_plugins([offering(install, "a", "tones")]).find("processor", "tone")


def test_an_unknown_name_that_resembles_none_lists_what_there_is(install):
    with pytest.raises(GenError, match="no processor 'xyz'; there are rhyme, tones."):
        load_plugins([offering(install, "a", "tones", "rhyme")]).find("processor", "xyz")
    with pytest.raises(GenError, match="no processor 'xyz'; `gen processors` lists what there is."):
        load_plugins([offering(install, "a", *"abcdefghijklm")]).find("processor", "xyz")


def test_an_unknown_name_mentions_plugins_that_failed():
    with pytest.raises(GenError, match="broken failed to load"):
        load_plugins([entry("broken", "no.such.module")]).find("model", "poem")


@pytest.mark.parametrize(
    ("allowed", "loaded"),
    [(None, ["a", "b"]), ("b", ["b"]), ("dist_a", ["a"]), ("", []), ("a b", ["a", "b"]), (" ,, B,", ["b"])],
)
def test_gen_plugins_selects_by_plugin_or_distribution(install, allowed, loaded):
    entries = [offering(install, "a", "x"), offering(install, "b", "y")]
    assert [plugin.name for plugin in load_plugins(entries, allowed).plugins] == loaded


def test_gen_plugins_reports_a_name_that_is_not_installed():
    [info] = load_plugins([], "poem").plugins
    assert (info.name, info.error) == ("poem", "GEN_PLUGINS names it, but it is not installed; there are none.")


@pytest.mark.parametrize(
    ("allowed", "told"),
    [
        ("pome", "'pome' is no plugin: .*not installed; did you mean poem"),
        ("poem,novle", "'novle' .* mean novel"),
        ("xyzzy", "there are novel, poem"),
        ("dist-poet", "mean dist-poem"),
    ],
)
def test_an_unknown_name_in_gen_plugins_is_told_with_another(install, allowed, told):
    found = load_plugins([offering(install, "poem", "x"), offering(install, "novel", "y")], allowed)
    [sentence] = found.absent()
    assert re.search(told, sentence)


def test_what_gen_plugins_excludes_is_said_where_it_is_missed(install):
    found = load_plugins([offering(install, "poem", "x"), offering(install, "novel", "y")], "poem")
    with pytest.raises(GenError, match="no processor 'y' .GEN_PLUGINS keeps out novel."):
        found.find("processor", "y")


def test_a_command_says_so_on_standard_error(monkeypatch, capsys):
    monkeypatch.setattr("gen_engine.cli.main.registry", lambda: load_plugins(entry_points(group="gen_engine"), "nope"))
    assert main(["processors"]) == 0
    assert capsys.readouterr().err.startswith("note: 'nope' is no plugin")


def test_what_cannot_be_imported_is_an_error_naming_its_plugin(install):
    from gen_engine.hooks.lazy import LazyMapping

    found = load_plugins([install("a", processors=lambda: LazyMapping({"tones": "no.such:tones"}))])
    with pytest.raises(GenError, match="tones of the plugin a .dist-a. cannot be imported .* uninstall dist-a"):
        _ = found.processors["tones"].value


def test_a_model_that_fails_to_import_is_listed_with_reason(install, monkeypatch, capsys):
    from gen_engine.cli.commands import models
    from gen_engine.hooks.lazy import LazyMapping

    found = load_plugins([install("a", models=lambda: LazyMapping({"verse": "no.such:verse"}))])
    monkeypatch.setattr(models, "registry", lambda: found)
    models.models.main(["--json"], standalone_mode=False)
    assert "verse of the plugin a (dist-a) cannot be imported" in capsys.readouterr().out


def test_the_core_comes_through_the_same_door_and_first():
    assert registry().plugins[0].module == "gen_engine.builtin"
    assert registry().find("processor", "top_k").plugin.distribution == "gen-engine"


@pytest.mark.parametrize("name", [name for name, offer in registry().processors.items() if offer.plugin.name == "core"])
def test_every_built_in_name_leads_to_a_documented_factory(name):
    assert registry().processors[name].value.__doc__


def test_every_installed_plugin_works():
    assert {plugin.name: plugin.error for plugin in registry().plugins if plugin.error} == {}


def test_no_plugins_means_the_core_alone():
    code = "from gen_engine.hooks.registry import registry; print([p.name for p in registry().plugins])"
    done = subprocess.run(
        [sys.executable, "-c", code], env={"GEN_PLUGINS": ""}, capture_output=True, text=True, check=True
    )
    assert done.stdout == "['core']\n"


def test_the_registry_is_made_once():
    assert registry() is registry()
    assert isinstance(registry(), Registry)


def mounted(group):
    """Every command below `group`, groups entered."""
    for command in group.commands.values():
        yield command
        yield from mounted(command) if isinstance(command, click.Group) else ()


def test_a_command_imported_later_has_the_same_help_now():
    later = [command for command in mounted(make_cli()) if isinstance(command, LazyCommand)]
    assert len(later) > 10
    for command in later:
        assert [command.get_short_help_str(n) for n in (30, 60, 200)] == [
            command.load().get_short_help_str(n) for n in (30, 60, 200)
        ], command.name


@pytest.mark.parametrize("points", [b"\xff\xfe\0", "月 = x".encode("gb18030"), "[gen_engine]".encode("utf-16")])
def test_unreadable_entry_points_keep_no_other_package_from_loading(tmp_path, points):
    info = tmp_path / "broken_thing-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken-thing\nVersion: 1.0\n")
    (info / "entry_points.txt").write_bytes(points)
    command = [sys.executable, "-m", "gen_engine", "plugins", "--json"]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": str(tmp_path)}, capture_output=True, text=True)
    assert "poem" in [each["name"] for each in json.loads(done.stdout)]
    assert "the entry_points.txt of broken-thing cannot be read" in done.stderr


@pytest.mark.parametrize("hook", ["processors", "models", "decoders", "recipes", "loaders"])
def test_the_core_keeps_its_names(install, hook):
    core = entry("core", install("core", **{hook: lambda: {"top_k": "the core's"}}).value)
    core = EntryPoint("core", core.value, "gen_engine")._for(SimpleNamespace(name="gen-engine", version="1"))
    found = load_plugins([core, install("a", **{hook: lambda: {"top_k": "another"}})])
    offers = getattr(found, hook)
    assert {name: offer.value for name, offer in offers.items()} == {"top_k": "the core's", "dist-a:top_k": "another"}
    assert found.plugins[1].remarks == ["'top_k' is the core's; write dist-a:top_k"]


@pytest.mark.parametrize("answer", [["tones"], [None], "tones", {None: 1}, 5, {"tones"}])
def test_a_hook_that_returns_no_names_is_reported(install, answer):
    found = load_plugins([install("a", processors=lambda: answer), offering(install, "b", "rhyme")])
    assert list(found.processors) == ["rhyme"]
    assert found.plugins[0].error.startswith("processors: TypeError: ")


@pytest.mark.parametrize("hooks", [{"processors": lambda x: {}}, {"add_commands": lambda group: None},
                                   {"models": lambda: {}, "add_trainers": lambda gen: None}])  # fmt: skip
def test_a_hook_of_another_signature_is_reported_and_not_asked(install, hooks):
    found = load_plugins([install("a", **hooks), offering(install, "b", "rhyme")])
    assert found.plugins[0].error.startswith("PluginValidationError: ")
    found.mount(click.Group("gen"), "add_commands")
    assert (list(found.processors), found.models) == (["rhyme"], {})


def test_an_entry_point_that_names_nothing_is_reported(install):
    place = install("a", models=lambda: {}).value
    assert load_plugins([entry("a", f"{place}:nothing")]).plugins[0].error.startswith("AttributeError: ")
