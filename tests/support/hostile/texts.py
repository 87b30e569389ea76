"""Hostile texts: as prompts, first lines, tunes, names and arguments."""

from .case import JUDGE, MODEL, Case, case, each, refused

BIDI, ZERO = "月\u202e東\u2066光", "月\u200b光\ufeff"
TEXTS = {
    "empty": "",
    "blanks": " \t\u3000 ",
    "line breaks": "月\n\r\n\x0b\x0c光",
    "bidirectional": BIDI,
    "zero width": ZERO,
    "controls": "月\x01\x07\x1b[31m光\x9b",
    "a lone surrogate": b"\xe6\x9c\x88\xed\xa0\x80",
    "bytes that are no UTF-8": b"\xff\xfe\xe6",
    "emoji": "月🌙👩\u200d👩\u200d👧",
    "combining": "e" + "\u0301" * 3000,
    "private use": "\ue000\U0010fffd",
    "noncharacters": "月\ufffe\uffff",
    "latin": "the quick brown fox",
    "marks only": "，。！？；、",
    "a special token": "[SEP][UNK]<|endoftext|>",
    "compatibility": "\uf900⽇㈱①",
    "half width": "､｡ｶﾞ",
    "100,000 characters": "月" * 30_000,
    "quotes": "'\"\\`$(id)",
    "an option": "--num",
    "percent": "%s%n{0}{x}[bold]",
    "rare": "𠀀𪛖𰻝",
    "traditional": "東風樂發髮臺",
}

PROMPTS = [
    case(f"{name}, gen {command}", command, *words, text, "--seed", 1, *rest)
    for name, text in TEXTS.items()
    for command, words, rest in [("text", ("--model", MODEL, "--max-new", 3, "--prompt"), ("--with", "no_unk"))]
]

VERSE = [
    case(f"{name}, gen {words[0]} {words[-1]}", *words, TEXTS[name])
    for words, names in {
        ("poem", "--model", MODEL, "--rows", 1, "--cols", 3, "--seed", 1, "--prompt"): (
            "bidirectional",
            "controls",
            "bytes that are no UTF-8",
            "marks only",
            "100,000 characters",
            "traditional",
        ),
        ("couplet", "--model", MODEL, "--seed", 1, "--first"): (
            "empty",
            "emoji",
            "100,000 characters",
            "latin",
            "controls",
        ),
        ("ci", "--prompt", "月", "--tune"): ("empty", "bidirectional", "100,000 characters", "percent"),
        ("forms",): ("bidirectional", "100,000 characters", "percent", "a lone surrogate"),
        ("poem", "--model", MODEL, "--acrostic"): ("marks only", "100,000 characters", "emoji"),
        ("poem", "--model", MODEL, "--template"): ("blanks", "100,000 characters", "latin"),
        ("poem", "--form"): ("controls", "100,000 characters"),
        ("classify", "--model", JUDGE): ("empty", "controls", "100,000 characters", "bytes that are no UTF-8"),
    }.items()
    for name in names
]

ODD = [
    refused("a command that does not exist", "\u202epoem\x1b[31m"),
    refused("a command of 100,000 characters", "月" * 30_000),
    refused("an option of 30,000 characters", "text", "--" + "x" * 30_000),
    refused("a model of bidirectional characters", "text", "--model", BIDI),
    refused("a model of 100,000 characters", "text", "--model", "月" * 30_000),
    refused("a model on the hub that is none", "text", "--model", "no-such/model-" + "x" * 20),
    refused("a model that is a URL", "text", "--model", "https://example.invalid/model"),
    refused("an empty model", "text", "--model", ""),
    case("10,000 arguments", "classify", "--model", JUDGE, *["月"] * 10_000),
    case("a text to explain that does not begin so", "explain", "--model", MODEL, "--prompt", "月", "--text", "日"),
    case("a text to explain of 3,000 characters", "explain", "--model", MODEL, "--text", "月" * 3_000),
    refused("a prompt and a file", "text", "--model", MODEL, "--prompt", "月", "--file", "-"),
    refused("nothing to continue", "novel", "--model", MODEL, "--prompt", " \n"),
]

CASES: list[Case] = each("text", [*PROMPTS, *VERSE, *ODD])
