"""A plugin on disk that does, at the places that `MISBEHAVE` names, what it says: `{"step": "raise KeyError('x')"}`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tiny import chars, engine_of

from gen_engine.engine import Engine
from gen_engine.hooks.registry import registry

ENTRY = "[gen_engine]\nbad = gen_bad\n"
METADATA = "Metadata-Version: 2.1\nName: gen-bad\nVersion: 1.0\n"
INIT = """
import json, os
from gen_engine import hookimpl
from gen_engine.hooks.lazy import LazyCommand
AT = json.loads(os.environ.get("MISBEHAVE", "{}"))
exec(AT.get("import", ""))

@hookimpl
def processors():
    exec(AT.get("hook", ""))
    from . import rules
    return {name: getattr(rules, name) for name in ("tide", "ebb", "token", "wave", "memory", "made")}

@hookimpl
def decoders():
    from .rules import surf
    return {"surf": surf}

@hookimpl
def loaders():
    from .rules import load
    return {"bad": load}

@hookimpl
def recipes():
    from .rules import rock
    return {"rock": rock}

@hookimpl
def add_commands(gen):
    from .rules import shore
    gen.add_command(shore)
    gen.add_command(LazyCommand("late", AT.get("late", "gen_bad.nowhere:late"), "Nothing."))
    exec(AT.get("mount", ""))
"""
RULES = '''
import functools, os, subprocess, sys, threading, time
import click
import numpy as np
from . import AT

def at(place, usual=None, **names):
    """What the code for `place` leaves in `result`."""
    if place not in AT:
        return usual
    known = {**globals(), **names, "result": usual}
    exec(AT[place], known)
    return known["result"]

class Tide:
    def start(self, text): return at("start", 0)
    def step(self, state, char): return at("step", state + 1) if state > 1 else state + 1
    def accepts(self, state): return at("accepts", True)
    def kind(self, char): return None
    def mentions(self, state): return at("mentions", ())
    def removes_at_most(self, horizon): return at("removes_at_most", 0)

class Ebb:
    def start(self, text): return 0
    def step(self, state, char): return 0
    def accepts(self, state): return True
    def kind(self, char): return at("kind")
    def min_remaining(self, state): return at("min_remaining", 0)

class Token:
    def __init__(self, size): self.size = size
    def start(self, prompt): return at("start", 0)
    def allowed(self, state): return at("allowed" if state else "", np.ones(self.size, bool), size=self.size)
    def next(self, state, token): return at("next", state + 1) if state else 1
    def accepts(self, state): return True

class Memory:
    def start(self): return at("start", 0)
    def next(self, state, token, logprob): return at("next", state + 1)
    def __call__(self, step, logits): return at("shape", logits, logits=logits)

def tide(n: int = 1):
    """Allow everything."""
    return Tide()

def ebb(n: int = 1):
    """Allow everything, and say more of it."""
    return Ebb()

def token(vocabulary, n: int = 1):
    """Allow every token."""
    return Token(len(vocabulary))

def wave(n: int = 1):
    """Leave the logits alone."""
    return lambda step, logits: at("shape", logits, logits=logits)

def memory(n: int = 1):
    """Remember the number of tokens."""
    return Memory()

def made(n: int = 1):
    """Whatever is asked for."""
    return at("factory")

def surf(generation):
    from gen_engine.decoding.sample import sample
    at("decoder", generation=generation)
    yield from sample(generation)

class Model:
    """A model of the kit that may fail."""
    def __init__(self):
        from tiny import chars, engine_of
        self.inner = engine_of(chars("abc")).model

    def feed(self, *ask):
        at("feed")
        return self.inner.feed(*ask)

    def __getattr__(self, name):
        return getattr(self.inner, name)

def load(folder, *, name, dtype="auto", fast=False):
    at("load")
    return Model()

def rock():
    """Fail, perhaps."""
    return lambda found, base: at("recipe")

@click.command()
def shore():
    """Write a line."""
    click.echo("a line")
    at("command")
'''


@dataclass(frozen=True)
class Bad:
    """The plugin in a folder that is put on the path."""

    folder: Path

    def env(self, places: dict[str, str]) -> dict[str, str]:
        """The environment in which it misbehaves at these places."""
        kept = {name: value for name, value in os.environ.items() if name != "GEN_PLUGINS"}
        return {**kept, "PYTHONPATH": str(self.folder), "MISBEHAVE": json.dumps(places)}

    def gen(self, *words: str, **places: str) -> subprocess.CompletedProcess[str]:
        """Run `gen` in a process of its own."""
        command = [sys.executable, "-m", "gen_engine", *words]
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            env=self.env(places),
            check=False,
            timeout=100,
            stdin=subprocess.DEVNULL,
        )


def write(folder: Path) -> Bad:
    """The plugin, installed as far as importlib.metadata can tell."""
    info = folder / "gen_bad-1.0.dist-info"
    package = folder / "gen_bad"
    for each in (info, package):
        each.mkdir()
    (info / "METADATA").write_text(METADATA)
    (info / "entry_points.txt").write_text(ENTRY)
    (package / "__init__.py").write_text(INIT)
    (package / "rules.py").write_text(RULES)
    (package / "leaves.py").write_text("raise SystemExit(3)")
    return Bad(folder)


def engine() -> Engine:
    """A tiny engine with all plugins that are installed now."""
    registry.cache_clear()
    return engine_of(chars("abcdef"))
