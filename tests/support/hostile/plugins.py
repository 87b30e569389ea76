"""Plugins that misbehave: at import, in their hooks, and in every method of what they offer."""

from dataclasses import replace

from .case import MODEL, Case, case, each

POINTS = b"[gen_engine]\nbroken = broken\n"
ABOUT = b"Metadata-Version: 2.1\nName: broken-plugin\nVersion: 1.0\n"
TEXT = ("text", "--model", MODEL, "--prompt", "月", "--seed", 1, "--max-new", 3, "--with", "no_unk")


def installed(code: str, points: bytes = POINTS) -> dict[str, bytes]:
    """The files of a distribution in a folder, as pip leaves them."""
    beside = "site/broken_plugin-1.0.dist-info/"
    return {"site/broken.py": code.encode(), beside + "METADATA": ABOUT, beside + "entry_points.txt": points}


IMPORTS = {
    "raises": "raise ValueError('at import')",
    "exits": "raise SystemExit(9)",
    "prints": "print('noise')",
    "recurses": "def f(): f()\nf()",
    "cannot be parsed": "def (",
    "needs what is missing": "import no_such_module_anywhere",
    "has controls": "raise ValueError('a\\x1b[31m\\u202eb')",
    "says very much": "raise ValueError('x' * 10**6)",
    "is an OSError": "open('/no/such/file')",
    "leaves without a word": "import os\nos.write(1, b'')\nraise BaseException",
    "is empty": "",
    "shadows a hook": "from gen_engine import hookimpl\n@hookimpl\ndef procesors(): return {}",
}
AT_IMPORT = [
    case(f"at import it {name}, gen {words[0]}", *words, files=installed(code), env={"PYTHONPATH": "@here/site"})
    for name, code in IMPORTS.items()
    for words in [("plugins",), *([TEXT] if name in ("raises", "prints", "exits") else [])]
]
POINTED = [
    case(f"its entry point {name}", "plugins", files=installed("", points), env={"PYTHONPATH": "@here/site"})
    for name, points in {
        "is missing": b"[gen_engine]\nbroken = no.such.module\n",
        "names nothing": b"[gen_engine]\nbroken = broken:no\n",
        "is no text": b"\xff\xfe\0",
        "stands twice": POINTS + b"broken = broken\n",
        "has no name": b"[gen_engine]\n= broken\n",
    }.items()
]

OFFER = """
from gen_engine import hookimpl
class Rule:
    def start(self, text): {start}
    def step(self, state, char): {step}
    def accepts(self, state): {accepts}
def make(): {make}
@hookimpl
def processors(): {hook}
"""
SOUND = {
    "start": "return 0",
    "step": "return 0",
    "accepts": "return True",
    "make": "return Rule()",
    "hook": "return {'broken': make}",
}
METHODS = {
    "start raises": {"start": "raise ValueError('mine')"},
    "step raises": {"step": "raise KeyError('mine')"},
    "accepts raises": {"accepts": "1 / 0"},
    "step is an OSError": {"step": "raise OSError(28, 'mine')"},
    "step exits": {"step": "raise SystemExit(7)"},
    "step prints": {"step": "print('noise'); return 0"},
    "start returns a list": {"start": "return []"},
    "step never ends": {"step": "return self.step(state, char)"},
    "the factory raises": {"make": "raise RuntimeError('mine')"},
    "the factory returns None": {"make": "return None"},
    "the hook raises": {"hook": "raise ValueError('mine')"},
    "the hook returns a number": {"hook": "return 5"},
    "accepts returns text": {"accepts": "return 'yes'"},
    "accepts nothing": {"accepts": "return False"},
    "a shaper raises": {"make": "return lambda step, logits: 1 / 0"},
    "a shaper returns None": {"make": "return lambda step, logits: None"},
    "a shaper of another shape": {"make": "return lambda step, logits: logits[:, :2]"},
    "a shaper of NaN": {"make": "return lambda step, logits: logits * float('nan')"},
    "a shaper that exits": {"make": "return lambda step, logits: exit(3)"},
    "a shaper that is no function": {"make": "return object()"},
}
IN_USE = [
    replace(
        case(name, *TEXT, "--with", "broken", files=installed(OFFER.format(**{**SOUND, **change}))),
        env={"PYTHONPATH": "@here/site"},
        codes=frozenset({0, 1, 2, 3}),
    )
    for name, change in METHODS.items()
]

MANAGED = [
    case("installing a folder that is none", "plugins", "install", "./nothing"),
    case("installing a file", "plugins", "install", "./file", files={"file": b"x"}),
    case("removing what is not there", "plugins", "uninstall", "no-such-plugin\u202e"),
    case("checking what is not there", "plugins", "check", "nothing\x1b[31m"),
]

CASES: list[Case] = each("plugin", [*AT_IMPORT, *POINTED, *IN_USE, *MANAGED])
