"""Hostile surroundings: locales, sizes of terminals, homes, folders and variables."""

from .case import MODEL, Case, case, each, folder, refused

TEXT = ("text", "--model", MODEL, "--prompt", "月", "--seed", 1, "--max-new", 3)
FINE = frozenset({0})

VARIABLES = {
    "LANG": ("C", "xx_YY.nonsense"),
    "LC_ALL": ("POSIX",),
    "PYTHONIOENCODING": ("ascii", "utf-16", "ascii:strict"),
    "PYTHONUTF8": ("0",),
    "COLUMNS": ("1", "0", "-5", "abc", str(10**9)),
    "LINES": ("0",),
    "TERM": ("dumb", "nonsense"),
    "NO_COLOR": ("1",),
    "FORCE_COLOR": ("1",),
    "HOME": (None, "/nonexistent", "/dev/null"),
    "TMPDIR": ("/nonexistent",),
    "OMP_NUM_THREADS": ("nope", "0", "-3"),
    "CUDA_VISIBLE_DEVICES": ("99",),
    "HF_HOME": ("/dev/null",),
    "PYTHONHASHSEED": ("12345",),
    "TZ": ("Nowhere/Nothing",),
    "PYTHONWARNINGS": ("error",),
}
SET = [
    case(f"{name}={value}, gen {' '.join(map(str, words[:1]))}", *words, env={name: value}, codes=FINE)
    for name, values in VARIABLES.items()
    for value in values
    for words in [
        TEXT if name in ("OMP_NUM_THREADS", "HF_HOME", "CUDA_VISIBLE_DEVICES", "TMPDIR") else ("forms", "五绝")
    ]
]

PLUGINS = [
    refused("GEN_PLUGINS=nope, a command that is then missing", "poem", env={"GEN_PLUGINS": "nope"}),
    case("GEN_PLUGINS is told", "processors", env={"GEN_PLUGINS": "nope"}, codes=FINE, says="nope"),
    case("GEN_PLUGINS is empty", "--help", env={"GEN_PLUGINS": ""}, codes=FINE),
    case("GEN_PLUGINS is long", "--help", env={"GEN_PLUGINS": "月," * 30_000}),
    case("GEN_PLUGINS has controls", "--help", env={"GEN_PLUGINS": "a\u202e\x1b[31m"}),
    case(
        "PYTHONIOENCODING=latin-1, a poem is checked",
        "check",
        "poem",
        files={"poem": "月白风清".encode() * 4},
        env={"PYTHONIOENCODING": "latin-1"},
        codes=frozenset({0, 1, 2}),
    ),
    case(
        "LANG=C, Chinese arguments", *TEXT, env={"LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, codes=FINE
    ),
    case("a torch.py lies here", *TEXT, files={"torch.py": b"raise SystemExit(9)"}),
    case("a folder json lies here", "processors", files={"json": folder}, codes=FINE),
    case("a gen_engine lies here", "--version", files={"gen_poem/__init__.py": b"raise RuntimeError"}),
    refused("the hub is not reached", "text", "--model", "gpt2-does-not-exist", env={"HF_HUB_OFFLINE": "1"}),
    case("the doctor, with no home", "doctor", env={"HOME": None}),
]

CASES: list[Case] = each("environment", [*SET, *PLUGINS])
