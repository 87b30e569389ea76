"""Where output goes and cannot, and Ctrl-C at several moments."""

from dataclasses import replace

from .case import JUDGE, MODEL, Case, case, each, fifo, folder, link, refused

TEXT = ("text", "--model", MODEL, "--prompt", "月", "--seed", 1)
MANY = (*TEXT, "--max-new", 30, "--num", 100_000)
POEM = {"poem": "白日依山尽，黄河入海流。欲穷千里目，更上一层楼。\n\n".encode() * 300}
LINES = {"lines": "月白风清\n".encode() * 30_000}
TRAIN = ("train", "gpt2", "lines", "--from-scratch", "--out", "out", "--width", 16, "--layers", 1)
WRITTEN = frozenset({0, 1, 2, 141})
STOPPED = frozenset({0, 1, 2, 130})

OUT = [
    refused("--out in no folder", *TEXT, "--out", "no/such/file"),
    refused("--out is a folder", *TEXT, "--out", "here", files={"here": folder}),
    refused("--out below a file", *TEXT, "--out", "here/x", files={"here": b""}),
    refused("--out is a loop of links", *TEXT, "--out", "loop", files={"loop": link("loop")}),
    refused("--out is full", *TEXT, "--out", "/dev/full"),
    refused("--out has a name of 300 characters", *TEXT, "--out", "x" * 300),
    refused("--out is nothing", *TEXT, "--out", ""),
    refused("--out of a training is a file", *TRAIN, files={**LINES, "out": b"mine"}),
    case("--out of a training has files", *TRAIN, files={**LINES, "out/mine.txt": b"mine"}, makes=("out",)),
    refused("--html is no page", "explain", "--model", MODEL, "--prompt", "月", "--html", "/dev/full", "--max-new", 2),
    refused("a picture that is none", "eval", "poem", "poem", "--picture", "x.doc", files=POEM),
    refused("a plugin into a file", "plugins", "new", "x", "--into", "here", files={"here": b""}),
    refused("a plugin of a bad name", "plugins", "new", "../x\u202e"),
    refused("convert into its base", "convert", "net.pt", MODEL, "--base", MODEL, files={"net.pt": b""}),
]

FULL = [
    replace(case(f"standard output is {how}, gen {words[0]}", *words, files=POEM), out=out, codes=WRITTEN)
    for words in [
        ("--help",),
        ("forms",),
        ("check", "poem"),
        (*TEXT, "--max-new", 3),
        ("processors", "--json"),
        ("classify", "--model", JUDGE, "月"),
    ]
    for how, out in [("full", "/dev/full"), ("closed", "closed"), ("read in part", "head")]
]

HALTED = [
    replace(
        case(
            f"Ctrl-C after {seconds} s, gen {' '.join(map(str, words[:2]))} {words[-1]}",
            *words,
            files={**POEM, **LINES},
        ),
        stop=seconds,
        codes=STOPPED,
        makes=makes,
    )
    for words, makes, moments in [
        (("forms",), (), (0.15, 0.4)),
        (("check", "poem"), (), (0.3, 1)),
        (MANY, (), (0.5, 2, 6)),
        ((*MANY, "--out", "texts"), ("texts",), (1, 6)),
        (TRAIN, ("out",), (1, 5, 10)),
        (("classify", "--model", JUDGE, "--file", "lines"), (), (3, 8)),
        (("plugins", "check", "core"), (), (3,)),
    ]
    for seconds in moments
]
READING = [
    replace(
        case("Ctrl-C at a named pipe", "text", "--model", MODEL, "--file", "pipe", files={"pipe": fifo}),
        stop=2,
        codes=STOPPED,
    ),
    replace(case("many texts that nobody reads on", *MANY), out="head", codes=WRITTEN),
    replace(case("many texts onto a full disk", *MANY), out="/dev/full", codes=WRITTEN),
    replace(case("many texts into a closed output", *MANY[:-1], 3), out="closed", codes=WRITTEN),
]

CASES: list[Case] = each("stream", [*OUT, *FULL, *HALTED, *READING])
