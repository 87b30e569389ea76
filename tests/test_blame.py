"""Plugins that misbehave: whose code failed is told, results stay clean, and what takes long is named."""

import json
import signal
import subprocess
import sys
from types import SimpleNamespace

import misbehaving
import numpy as np
import pytest
from tiny import chars, engine_of

from gen_engine.blame import blaming
from gen_engine.engine import load
from gen_engine.errors import ConflictError, GenError, PluginError
from gen_engine.hooks.registry import registry
from gen_engine.inspecting.explain import explain_text
from gen_engine.inspecting.lint import lint
from gen_engine.interop import as_logits_processor
from gen_engine.types import Named

OF = " of the plugin bad (gen-bad) "


@pytest.fixture(scope="module")
def bad(tmp_path_factory):
    return misbehaving.write(tmp_path_factory.mktemp("bad"))


@pytest.fixture
def inside(bad, monkeypatch):
    """The plugin in this process: `inside(step="raise KeyError")` is an engine on which it misbehaves."""

    def install(**places):
        monkeypatch.setenv("MISBEHAVE", json.dumps(places))
        monkeypatch.syspath_prepend(bad.folder)
        for name in ("gen_bad", "gen_bad.rules"):
            monkeypatch.delitem(sys.modules, name, raising=False)
        return misbehaving.engine()

    yield install
    registry.cache_clear()


def told(engine, *processors, **options):
    with pytest.raises(PluginError) as caught:
        engine.generate("", processors=[*processors, "length=4"], max_new=6, seed=1, **options)
    return caught.value


# ------------------------------------------------------------------------------------------------------- raising

RAISED = [
    "raise OSError(28, 'No space left')", "sys.exit(3)", "raise StopIteration", "def f(): f()\nf()",
    "raise KeyError('x')", "raise MemoryError", "assert 0, 'no'", "raise SystemExit", "quit()", "raise click.Abort",
    "import torch; torch.ones(2) @ torch.ones(3)", "raise click.UsageError('no')", "raise BaseException('all')",
    "1 / 0", "next(iter(()))", "raise UnicodeDecodeError('utf-8', b'', 0, 1, 'x')", "raise GeneratorExit('x')",
]  # fmt: skip
METHODS = {
    "start": "tide=3", "step": "tide=3", "accepts": "tide=3", "kind": "ebb", "min_remaining": "ebb=2",
    "mentions": "tide=3", "removes_at_most": "tide=3", "allowed": "token", "next": "token=2",
}  # fmt: skip
PAIRS = [(place, code) for place in METHODS for code in RAISED[:4]] + [("step", code) for code in RAISED[4:-1]]


def searched(method):
    """What makes the prover search, so that it asks what a state mentions."""
    return {"removes_at_most": "result = 99"} if method == "mentions" else {}


@pytest.mark.parametrize(("method", "code"), PAIRS)
def test_what_a_constraint_raises_names_it_its_plugin_and_method(inside, method, code):
    error = told(inside(**{method: code}, **searched(method)), METHODS[method])
    assert str(error).startswith(f"{METHODS[method]}{OF}failed in {method} (")
    assert str(error).endswith("leave it out, or update or uninstall gen-bad.")
    assert error.__cause__ is not None
    assert error.exit_code == 1


@pytest.mark.parametrize("code", RAISED[:-1])
@pytest.mark.parametrize(("place", "written"), [("shape", "wave=2"), ("shape", "memory"), ("next", "memory")])
def test_what_a_shaper_raises_names_it_and_its_plugin(inside, place, written, code):
    assert str(told(inside(**{place: code}), written)).startswith(f"{written}{OF}failed ")


@pytest.mark.parametrize("code", RAISED[:-1])
@pytest.mark.parametrize("place", ["factory", "decoder"])
def test_errors_of_factories_and_decoders_name_the_plugin(inside, place, code):
    with pytest.raises(GenError, match=r"(made=4'?|surf) of the plugin bad \(gen-bad\) (failed|cannot be made)"):
        inside(**{place: code}).generate(
            "", processors=["made=4"] * (place == "factory"), decoder="surf" if place == "decoder" else "sample"
        )


def test_the_plugins_own_words_and_its_exception_are_kept(inside):
    error = told(inside(step="raise KeyError('the moon')"), "tide=3")
    assert "(KeyError: 'the moon'; --debug shows where)" in str(error)
    assert isinstance(error.__cause__, KeyError)


def test_an_error_that_an_author_wrote_for_users_is_unchanged(inside):
    engine = inside(start="from gen_engine import GenError\nraise GenError('No tide here; give water.')")
    with pytest.raises(GenError, match=r"^No tide here; give water\.$") as caught:
        engine.generate("", processors=["tide=3"])
    assert not isinstance(caught.value, PluginError)


def test_a_users_own_processor_is_named_as_given():
    def moon(step, logits):
        raise KeyError("x")

    assert str(told(engine_of(chars("abc")), moon)).startswith("moon failed (KeyError: 'x'; ")
    assert str(told(engine_of(chars("abc")), Named("my moon", moon))).endswith("; mend it, or leave it out.")


def test_ctrl_c_is_nobodys_fault(inside):
    with pytest.raises(KeyboardInterrupt):
        inside(step="raise KeyboardInterrupt").generate("", processors=["tide=3", "length=4"], max_new=6, seed=1)


def test_a_fault_of_the_engine_blames_no_plugin(inside, monkeypatch):
    engine = inside()
    monkeypatch.setattr("gen_engine.chain.Plan.alive", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        engine.generate("", processors=["tide=3", "wave=2"])


ASKS = {
    "pieces": lambda engine: list(engine.stream("", processors=["tide=3"])),
    "lint": lambda engine: lint(engine.chain(["tide=3"]), engine.tokenizer.encode(""), 5),
    "explain": lambda engine: explain_text(engine, "abcd", processors=["tide=3"]),
    "interop": lambda engine: as_logits_processor(engine, "", processors=["tide=3"]),
}


def test_no_fault_of_a_core_processor_is_blamed_on_it(inside, monkeypatch):
    engine = inside()
    machine = engine.chain(["length=4"]).product.rules[-1].constraint.machine
    monkeypatch.setattr(type(machine), "start", lambda self, text: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        engine.generate("", processors=["length=4"])


EXITS = ["sys.exit(3)", "raise SystemExit('gone')"]


@pytest.mark.parametrize("code", ["quit()", *(pytest.param(each, marks=pytest.mark.slow) for each in EXITS)])
def test_the_kit_takes_an_exit_for_a_broken_law(bad, code):
    done = bad.gen("plugins", "check", "bad", "--only", "tide", "--examples", "3", step=code)
    assert done.returncode == 1
    assert "it raised SystemExit" in done.stdout


@pytest.mark.parametrize("code", RAISED[:6])
@pytest.mark.parametrize("place", ["load", "feed"])
def test_what_a_loader_and_a_model_raise_names_the_plugin(inside, tmp_path, place, code):
    inside(**{place: code})
    (tmp_path / "config.json").write_text('{"model_type": "bad"}')
    with pytest.raises(PluginError, match=rf"{place} of the plugin bad \(gen-bad\) failed \("):
        load(tmp_path).generate("", max_new=3)


@pytest.mark.slow
@pytest.mark.parametrize("code", ["sys.exit(3)", "raise OSError(28, 'full')", "raise KeyError(5)"])
def test_what_a_recipe_raises_names_the_plugin(bad, tmp_path, code):
    base = registry().find("model", "poem").model.folder
    words = [str(base / "model.safetensors"), str(tmp_path / "out"), "--base", str(base), "--recipe", "rock"]
    done = bad.gen("convert", *words, recipe=code)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "of the plugin bad (gen-bad) " in done.stderr


@pytest.mark.parametrize("ask", ASKS)
def test_whoever_asks_is_told(inside, ask):
    with pytest.raises(PluginError, match="tide=3 of the plugin bad .* failed in start"):
        ASKS[ask](inside(start="raise KeyError('x')"))


def test_what_a_consumer_raises_between_two_pieces_stays_its_own(inside):
    with pytest.raises(KeyError, match="mine"):
        for _ in inside().stream("", processors=["tide=3"], seed=1):
            raise KeyError("mine")


@blaming()
def call(code):
    return code()


def test_nothing_is_blamed_where_nothing_is_raised():
    assert call(lambda: 5) == 5
    with pytest.raises(ConflictError):
        call(lambda: engine_of(chars("abc")).generate("", processors=["only=a", "ban=a", "length=2"]))


# ------------------------------------------------------------------------------------------------- wrong answers


@pytest.mark.parametrize(("method", "code", "said"), [
    ("start", "result = []", "has a state that cannot be hashed (a list); make it a tuple"),
    ("step", "result = {1: 2}", "has a state that cannot be hashed (a dict)"),
    ("next", "result = [1]", "has a state that cannot be hashed (a list)"),
    ("next", "result = np.ones(2)", "has a state that cannot be hashed (an ndarray of the shape 2)"),
    ("allowed", "result = None", "gave None in allowed; return an array of 7 booleans"),
    ("allowed", "result = [True]", "gave a list in allowed"),
    ("allowed", "result = np.ones(1, bool)", "gave an ndarray of the shape 1 in allowed"),
    ("allowed", "result = np.ones(6, bool)", "gave an ndarray of the shape 6 in allowed"),
    ("allowed", "result = {1, 2}", "gave a set in allowed"),
    ("accepts", "import torch; result = torch.ones(2)", "gave a Tensor of the shape 2 in accepts; return True or"),
    ("accepts", "result = np.ones((2, 3))", "gave an ndarray of the shape 2x3 in accepts"),
    ("min_remaining", "result = 'x'", "gave a str in min_remaining; return a number, or leave it out"),
    ("mentions", "result = 5", "gave an int in mentions"),
    ("removes_at_most", "result = []", "gave a list in removes_at_most"),
])  # fmt: skip
def test_what_a_constraint_answers_wrongly_is_named(inside, method, code, said):
    written = METHODS[method]
    assert f"{written}{OF}{said}" in str(told(inside(**{method: code}, **searched(method)), written))


def test_one_answer_is_no_answer_for_each_token():
    sly = SimpleNamespace(
        start=lambda prompt: 0,
        allowed=lambda state: np.ones(1 if state else 3, dtype=bool),
        permits=lambda state, token: True,
        next=lambda state, token: state + 1,
        accepts=lambda state: True,
    )
    with pytest.raises(PluginError, match="sly gave an ndarray of the shape 1 in allowed"):
        engine_of(chars("ab")).generate("", processors=[Named("sly", sly), "length=3"], max_new=4)


@pytest.mark.parametrize("written", ["wave=2", "memory"])
@pytest.mark.parametrize("code", ["logits[:, :2]", "logits.numpy()", "logits.long()", "None", "logits[0]", "'x'"])
def test_what_a_shaper_returns_wrongly_is_named(inside, written, code):
    assert f"{written}{OF}did not return logits of the shape" in str(told(inside(shape=f"result = {code}"), written))


@pytest.mark.parametrize("code", ["logits * float('nan')", "logits - float('inf')", "logits * 0 / 0"])
def test_a_shaper_that_leaves_no_number_is_undone_and_told(inside, code):
    [done] = inside(shape=f"result = {code}").generate("", processors=["wave=2", "length=3"], max_new=6, seed=1)
    assert done.undone == ("wave=2",)


MACHINE = "result = type('T', (), dict(start=lambda s, t: 0, step=lambda s, a, b: 0, accepts=lambda s, a: True))()"


@pytest.mark.parametrize(("code", "said"), [
    ("result = Tide", "is no processor; give a constraint"),
    ("result = None", "is no processor"),
    ("result = {'step': 1}", "is no processor"),
    (MACHINE.replace("a, b", "a"), "cannot be called as step(state, char); give step these parameters"),
    (MACHINE.replace("s, t", "s").replace("a, b", "a, b=0"), "cannot be called as start(text)"),
    ("result = lambda logits: logits", "failed (TypeError"),
    ("result = functools.partial(max, 1)", "failed (TypeError"),
])  # fmt: skip
def test_what_a_factory_returns_wrongly_is_named(inside, code, said):
    assert f"made{OF}{said}" in str(told(inside(factory=code), "made"))


@pytest.mark.parametrize("value", ["5", "None", "'text'"])
def test_what_is_no_factory_is_named(inside, value):
    error = told(inside(hook=f"from . import rules; rules.tide = {value}"), "tide")
    assert str(error) == f"tide{OF}is {value} instead of a function; update or uninstall gen-bad."


def test_what_is_no_factory_is_listed_with_the_reason(bad):
    done = bad.gen("processors", "--json", hook="from . import rules; rules.tide = 5")
    assert "instead of a function" in {row["name"]: row for row in json.loads(done.stdout)}["tide"]["summary"]


# ---------------------------------------------------------------------------------------- the command line


@pytest.mark.parametrize(("code", "exit_code", "said"), [
    ("sys.exit(4)", 4, ""),
    ("sys.exit('done')", 1, "done\n"),
    ("raise click.UsageError('no')", 2, "gen: no; `gen shore --help` shows what can be given.\n"),
    ("open('/no/such')", 2, "gen: /no/such cannot be read or written (No such file or directory); "),
    ("raise OSError(5, 'gone')", 1, "gen: The plugin bad (gen-bad) failed in shore (OSError: [Errno 5] gone; "),
    ("raise KeyError(4)", 1, "gen: The plugin bad (gen-bad) failed in shore (KeyError: 4; "),
    ("raise MemoryError", 1, "gen: The plugin bad (gen-bad) failed in shore (MemoryError; "),
    ("import gen_engine.text.token_sets as s; s.marked([9], 3)", 1, "gen: Something went wrong inside (IndexError: "),
])  # fmt: skip
def test_how_a_plugins_own_command_ends(bad, code, exit_code, said):
    done = bad.gen("shore", command=code)
    assert (done.returncode, done.stdout) == (exit_code, "a line\n")
    assert done.stderr.startswith(said)
    assert done.stderr.count("\n") <= 1


@pytest.mark.parametrize(
    "late", ["gen_bad.nowhere:late", "gen_bad.rules:late", "gen_bad.rules:tide", "gen_bad.leaves:late"]
)
def test_a_command_that_cannot_be_imported_is_named(bad, late):
    done = bad.gen("late", late=late)
    assert done.stderr.startswith("gen: The command late of the plugin bad (gen-bad) failed in its import (")
    assert done.returncode == 1


@pytest.mark.parametrize(
    "code",
    ["raise OSError(28, 'full')", *(pytest.param(c, marks=pytest.mark.slow) for c in ("sys.exit(3)", "quit()"))],
)
def test_the_command_line_says_one_sentence(bad, code):
    done = bad.gen("poem", "--with", "wave=2", "--json", shape=code)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert done.stderr.startswith("gen: wave=2 of the plugin bad (gen-bad) failed (")


@pytest.mark.slow
def test_debug_shows_the_rest(bad):
    done = bad.gen("--debug", "poem", "--with", "wave=2", shape="raise KeyError(5)")
    assert done.returncode == 1
    assert "rules.py" in done.stderr


# ------------------------------------------------------------------------------------------- standard output

PRINTS = [
    "print('x')", "click = __import__('click'); click.echo('x')", "import os; os.write(1, b'x')",
    "import sys; sys.stdout.write('x'); sys.stdout.flush()", "import sys; sys.stdout.buffer.write(b'x')",
    "import subprocess; subprocess.run(['echo', 'x'])", "import sys; sys.stdout.writelines(['x'])",
    "import logging, sys; logging.basicConfig(stream=sys.stdout, level=10); logging.info('x')",
    "import threading; t = threading.Thread(target=print, args='x'); t.start(); t.join()",
    "import sys; print('x', file=sys.__stdout__)", "import ctypes; ctypes.CDLL(None).puts(b'x')",
]  # fmt: skip


@pytest.mark.parametrize("code", PRINTS)
def test_what_a_plugin_prints_is_no_result(bad, code):
    places = dict.fromkeys(("import", "hook", "mount"), code)
    done = bad.gen("models", "--json", **places)
    assert json.loads(done.stdout)
    assert "x" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("code", [code for code in PRINTS if "subprocess" not in code])
def test_what_a_processor_prints_is_no_result(bad, code):
    places = dict.fromkeys(("start", "step", "shape", "decoder"), code)
    words = ["--with", "tide=3", "--with", "wave=2", "--decoder", "surf", "--num", "2"]
    done = bad.gen("poem", "--json", *words, **places)
    assert [json.loads(line)["sample"] for line in done.stdout.splitlines()] == [0, 1]
    assert "x" in done.stderr


@pytest.mark.parametrize("code", ["print('x')", "click.echo('x')", "import sys; sys.stdout.buffer.write(b'x\\n')",
                                  "import rich; rich.print('x')", "sys.stdout.close(); print('x')"])  # fmt: skip
def test_what_a_plugins_command_prints_is_a_result(bad, code):
    done = bad.gen("shore", command=code)
    assert (sorted(done.stdout.split()), done.stderr) == (["a", "line", "x"], "")


# --------------------------------------------------------------------------------------------- imports and hooks


@pytest.mark.parametrize(("place", "code", "said"), [
    ("import", "raise SystemExit", "SystemExit"),
    ("import", "quit()", "SystemExit"),
    ("import", "raise KeyboardInterrupt", "KeyboardInterrupt"),
    ("import", "import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
    ("import", "exec('def')", "SyntaxError"),
    ("hook", "raise KeyboardInterrupt", "processors: KeyboardInterrupt"),
    ("hook", "import sys; sys.exit(3)", "processors: SystemExit: 3"),
    ("hook", "raise RecursionError('deep')", "processors: RecursionError: deep"),
    ("mount", "gen.add_command(5)", "add_commands: "),
    ("mount", "raise MemoryError", "add_commands: MemoryError"),
])  # fmt: skip
def test_gen_plugins_tells_a_failed_plugin_with_its_reason(bad, place, code, said):
    listed = {row["name"]: row for row in json.loads(bad.gen("plugins", "--json", **{place: code}).stdout)}
    assert listed["bad"]["error"].startswith(said)
    assert listed["core"]["error"] is None


CHANGES = {
    "import torch; torch.set_default_dtype(torch.float64)": "torch's default dtype or gradients",
    "import torch; torch.set_grad_enabled(False)": "torch's default dtype or gradients",
    "import locale; locale.setlocale(locale.LC_ALL, 'C.UTF-8')": "the locale",
    "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)": "the handling of signals",
    "import warnings; warnings.simplefilter('error')": "which warnings are errors",
    "import os; os.chdir('/')": "the working folder",
    "import sys; sys.stdout = sys.stderr": "the standard streams",
    "import sys; sys.setrecursionlimit(99)": "the limit of recursion",
}


@pytest.mark.parametrize("code", CHANGES)
def test_process_changes_of_a_plugin_are_undone_and_told(bad, code):
    listed = {row["name"]: row for row in json.loads(bad.gen("plugins", "--json", **{"import": code}).stdout)}
    assert listed["bad"]["remarks"] == [f"it changed {CHANGES[code]}, which was put back"]
    assert listed["bad"]["error"] is None


# --------------------------------------------------------------------------------------------- what takes long

LOOPS = {
    "import": ("gen", "--help"), "hook": ("gen", "processors"), "mount": ("gen", "--help"),
    "factory": ("gen", "poem", "--with", "made"), "step": ("gen", "poem", "--with", "tide=3"),
    "shape": ("gen", "poem", "--with", "wave=2"),
}  # fmt: skip
NAMED = {
    "import": "importing the plugin bad (gen-bad) (GEN_PLUGINS can leave it out) (5 s)",
    "hook": "asking the plugin bad (gen-bad) for its processors (GEN_PLUGINS can leave it out) (5 s)",
    "mount": "asking the plugin bad (gen-bad) for its add_commands (GEN_PLUGINS can leave it out) (5 s)",
    "factory": "making made of the plugin bad (gen-bad) (5 s)",
    "step": "waiting for step of tide=3 of the plugin bad (gen-bad) (5 s)",
    "shape": "waiting for wave=2 of the plugin bad (gen-bad) (5 s)",
}


@pytest.mark.slow
@pytest.mark.parametrize("code", ["while True: pass", "import time; time.sleep(99)"])
@pytest.mark.parametrize("place", LOOPS)
def test_what_takes_long_is_named_and_ctrl_c_ends_it(bad, place, code):
    command = [sys.executable, "-m", "gen_engine", *LOOPS[place][1:]]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=bad.env({place: code})) as running:
        assert running.stderr.readline().strip() == NAMED[place]
        running.send_signal(signal.SIGINT)
        assert running.stderr.read().startswith("gen: Stopped")
    assert running.returncode == 130
