"""Absurd numbers and specs: options out of range, huge sizes, options that contradict, processors misspelt."""

from .case import MODEL, Case, case, each, refused

START = ("text", "--model", MODEL, "--prompt", "月", "--seed", 1, "--max-new", 3)
TEXTS = {"texts": "月白\n日风\n春夏秋冬\n".encode() * 9}
UNDECIDED = frozenset({0, 2, 3})

OPTIONS = {
    "--num": ("0", "-1", "1e99", "nan", "10**30", "٣x", "0x10", ""),
    "--seed": ("-1", str(10**40), "nan", "1.5"),
    "--temperature": ("nan", "inf", "-1", "0", "1e-320", "1e308"),
    "--top-k": ("-1", "0", str(10**30)),
    "--top-p": ("nan", "2", "-0.1", "0"),
    "--patience": ("nan", "-1", "0", "inf", "1e999"),
    "--beams": ("0", str(10**9), str(10**30)),
    "--particles": ("0", str(10**9)),
    "--resample": ("nan", "2"),
    "--diversity": ("nan", "-inf"),
    "--max-new": ("0", "-5", str(10**30)),
}
GIVEN = [
    case(f"{option} {value or '(nothing)'}", *START, option, value, codes=UNDECIDED)
    for option, values in OPTIONS.items()
    for value in values
]

SIZES = [
    case("full-width digits", *START, "--num", "１２"),
    refused("10**30 rows", "poem", "--model", MODEL, "--rows", 10**30),
    refused("a billion columns", "poem", "--model", MODEL, "--cols", 10**9),
    refused("a template of a million blanks", "poem", "--model", MODEL, "--template", "□" * 40_000),
    case("a novel of 10**30 characters", "novel", "--model", MODEL, "--prompt", "月", "--len", 10**30, codes=UNDECIDED),
    refused("couplets of a billion", "couplet", "--model", MODEL, "--cols", 10**9),
    refused("parts of nothing", "couplet", "--model", MODEL, "--cols", "，，"),
    refused("a form of the size of full-width digits", *START, "--with", "form=４x５９"),
    refused("a tune's variant 10**20", "ci", "--tune", "浣溪沙", "--variant", 10**20),
    refused("couplet 10**30 parallel", "poem", "--model", MODEL, "--form", "七律", "--parallel", 10**30),
    *(
        refused(
            f"train gpt2 {option} {value}",
            "train",
            "gpt2",
            "texts",
            "--from-scratch",
            "--out",
            "out",
            option,
            value,
            files=TEXTS,
        )
        for option, value in [
            ("--layers", 10**8),
            ("--width", 10**9),
            ("--positions", 10**12),
            ("--heads", 0),
            ("--epochs", "nan"),
            ("--epochs", 0),
            ("--rate", "nan"),
            ("--rate", "inf"),
            ("--dropout", "nan"),
            ("--parallel", 10**9),
            ("--vocab", "bpe:999999999999"),
            ("--max-length", 2),
        ]
    ),
    *(
        refused(
            f"train mlm {option} {value}",
            "train",
            "mlm",
            "texts",
            "--from-scratch",
            "--out",
            "out",
            option,
            value,
            files=TEXTS,
        )
        for option, value in [("--mask-share", "nan"), ("--mask-share", 0), ("--layers", 10**9), ("--ff", 10**15)]
    ),
]

SPECS = {
    "=": "=",
    "nothing": "",
    "a comma": ",",
    "no value": "ban=",
    "an open quote": "ban='月",
    "bars": "ban=|||",
    "an unknown name": "no_such\u202e\x07",
    "a key twice": "form=2x2,book=none,book=none",
    "an unknown key": "length=3,x=1",
    "a regex that never ends": "regex=(a*)*b",
    "a regex that is none": "regex=(",
    "a regex of a lookbehind": "regex=(?<=a)b",
    "a regex of 10**6 repeats": "regex=月{1000000}",
    "a regex nested": "regex=" + "(" * 3000 + ")" * 3000,
    "10,000 choices": "choice=" + "|".join(f"月{'日' * (i % 90)}" for i in range(900)),
    "length 10**12": f"length={10**12}",
    "no_repeat 10**30": f"no_repeat={10**30}",
    "no_repeat below 0": "no_repeat=-1",
    "top_k 1e99": "top_k=1e99",
    "temperature nan": "temperature=nan",
    "an empty stop": "stop=",
    "a stop of 50,000": "stop=" + "月" * 30_000,
    "only nothing": "only=",
    "surrogates": "ban=\\ud800",
    "an acrostic of a mark": "acrostic=，",
    "required too much": "require=" + "|".join(map(chr, range(0x4E00, 0x4E40))),
    "a guide without a model": "guide=好",
    "a file that is endless": "couplet=5,not_in=/dev/zero",
}
WRITTEN = [case(f"--with {name}", *START, "--with", spec, codes=UNDECIDED) for name, spec in SPECS.items()]

AGAINST = [
    refused("rows and a template", "poem", "--model", MODEL, "--rows", 2, "--template", "□□，"),
    refused("a first line and a prompt", "couplet", "--model", MODEL, "--first", "月", "--prompt", "日"),
    refused("columns and a form", "poem", "--model", MODEL, "--form", "五绝", "--cols", 3),
    refused("tones without a form", "poem", "--model", MODEL, "--tones", "strict"),
    refused("beams and particles", *START, "--beams", 2, "--particles", 2),
    refused("only and a ban of the same", *START, "--with", "only=月", "--with", "ban=月", "--with", "length=2"),
    refused("an end that is asked for and banned", *START, "--with", "choice=日", "--with", "ban=日"),
    refused(
        "fresh and adapted", "train", "gpt2", "texts", "--from-scratch", "--base", MODEL, "--out", "o", files=TEXTS
    ),
    case(
        "resuming nothing",
        "train",
        "gpt2",
        "texts",
        "--from-scratch",
        "--resume",
        "--out",
        "o",
        files=TEXTS,
        makes=("o",),
    ),
    refused("a form and a tune", "check", "texts", "--form", "五绝", "--tune", "浣溪沙", files=TEXTS),
    refused("a decoder and its rival's option", *START, "--decoder", "greedy", "--beams", 2),
    refused(
        "a column of plain lines",
        "train",
        "gpt2",
        "texts",
        "--column",
        "x",
        "--from-scratch",
        "--out",
        "o",
        files=TEXTS,
    ),
]

CASES: list[Case] = each("number", [*GIVEN, *SIZES, *WRITTEN, *AGAINST])
