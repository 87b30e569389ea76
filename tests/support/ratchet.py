"""Five hundred requests and the hashes of their texts, which every machine is to write: a change of any is noticed.

`python tests/support/ratchet.py --record` writes ratchet.jsonl beside this file anew, after a change of a model, a rule
or the arithmetic that was made on purpose. It tells how many texts are the same as before.
"""

import contextlib
import hashlib
import io
import json
import sys
from pathlib import Path
from random import Random

import gen_engine as gen
from gen_engine.cli.main import main as run_command
from gen_engine.errors import GenError

FILE = Path(__file__).with_name("ratchet.jsonl")
REQUESTS, COMMANDS = 440, 60
MODELS = ["poem"] * 5 + ["novel"] * 3 + ["bert-lstm-novel", "bert-fc-novel"]
CHARS = "春夏秋冬山水风花雪月白日青天江海云雨"
PROSE = ["却说宝玉", "宋江道", "黛玉", "且说", "那妇人", "次日", "行者", "曹操", "林冲听了", "话说"]
DECODERS = ["sample"] * 10 + ["greedy", "beam=3", "beam,width=2,length_penalty=0.7", "smc=4", "smc,particles=6"]
FORMS = ["五绝", "七绝", "五律", "七律", "4x5", "2x7", "浣溪沙", "如梦令", "菩萨蛮"]
SHAPERS = [
    "temperature=0.8", "temperature=1.3", "top_k=5", "top_k=50", "top_p=0.9", "min_p=0.05",
    "repetition_penalty=1.2", "frequency_penalty=0.3", "presence_penalty=0.4", "logit_bias=春:2|愁:-3",
]  # fmt: skip
"""Those that are portable: the same on every machine."""

RULES = [
    "no_unk", "ban=愁|泪", "ban=punctuation", "no_repeat=12,exempt=punctuation", "no_repeat_ngram=2",
    "length=12,of=new", "length=6..16,of=new", "no_double_punctuation", "only=han|，。", "stop=。", "stop=道|说",
    "balanced=《》|“”", "regex=[一-龥]{6}，[一-龥]{6}。",
    "choice=春山|秋水|明月", "force=2:风,of=new", "require=月", "sentence_end=10",
]  # fmt: skip


def drawn(number):
    """The request of a number: the model, what it is asked, and how."""
    chance = Random(f"ratchet {number}")
    model = chance.choice(MODELS)
    rules = chance.sample(RULES, chance.randint(0, 2))
    prompt = chance.choice(PROSE)
    if model == "poem":
        prompt = "".join(chance.sample(CHARS, chance.randint(1, 2)))
        rules = [*([f"form={chance.choice(FORMS)}"] if chance.random() < 0.8 else rules), *chance.choice(VERSE)]
    formed = any(rule.startswith("form=") for rule in rules)
    processors = [*rules, *chance.sample(SHAPERS, chance.randint(0, 2))]
    return {
        "model": model, "prompt": prompt, "processors": processors, "decoder": chance.choice(DECODERS),
        "max_new": 70 if formed else chance.choice([12, 24, 40]), "seed": number, "num": chance.choice([1, 1, 1, 2, 3]),
    }  # fmt: skip


VERSE = [[], [], [], ["distinct"], ["require=月"], ["no_repeat=20,exempt=punctuation"], ["ban=不|人"]]


def drawn_command(number):
    """The command line of a number."""
    chance = Random(f"ratchet command {number}")
    poem = ["poem", "--form", chance.choice(FORMS[:4]), "--tones", chance.choice(["strict", "loose"])]
    kinds = [
        [*poem, "--prompt", chance.choice(CHARS)],
        [*poem, "--title", "秋夜", "--author", chance.choice(["李白", "杜甫"])],
        ["poem", "--prompt", chance.choice(CHARS), "--rows", "4", "--cols", chance.choice("57")],
        ["ci", "--tune", chance.choice(FORMS[6:]), "--prompt", chance.choice(CHARS)],
        ["couplet", "--first", chance.choice(["春满神州花似锦", "海上生明月", "山高水长"])],
        ["novel", "--prompt", chance.choice(PROSE), "--len", chance.choice(["20", "40"]), "--no-repeat", "30"],
        ["text", "--model", chance.choice(MODELS[5:]), "--prompt", chance.choice(PROSE), "--max-new", "20"],
    ]
    return [*chance.choice(kinds), "--seed", str(number)]


def hashed(texts):
    """A short hash of texts."""
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:16]


def read():
    """The records: each a request or a command, and the hash."""
    return [json.loads(line) for line in FILE.read_text(encoding="utf-8").splitlines()]


def found(records):
    """The hashes of what is written for records now, in their order; requests to one model are written together."""
    hashes = {}
    for model in dict.fromkeys(MODELS):
        places = [place for place, record in enumerate(records) if record.get("model") == model]
        if places:
            engine = gen.load(model, dtype="int8")
            answers = engine.generate_batch([request_of(records[place]) for place in places])
            hashes.update((place, hashed([each.text for each in a])) for place, a in zip(places, answers, strict=True))
    hashes.update((place, printed(record["command"])) for place, record in enumerate(records) if "command" in record)
    return [hashes[place] for place in range(len(records))]


def request_of(record):
    """The engine's request of a record."""
    options = {name: value for name, value in record.items() if name not in ("model", "prompt", "processors", "hash")}
    return gen.Request(record["prompt"], tuple(record["processors"]), **options)


def printed(command):
    """The hash of what a command prints; raises GenError if it does not end well."""
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as problem:
        code = run_command([*command, "--dtype", "int8"])
    if code:
        raise GenError(f"{' '.join(command)} ended with {code}: {problem.getvalue()}")
    return hashed([out.getvalue()])


def made(record):
    """The record with its hash; None if it admits no text, or one that is not the same everywhere."""
    try:
        if "command" in record:
            return {**record, "hash": printed(record["command"])}
        answers = gen.load(record["model"], dtype="int8").generate_batch([request_of(record)])[0]
    except GenError:
        return None
    if not all(each.portable for each in answers):
        return None
    return {**record, "hash": hashed([each.text for each in answers])}


def first(count, draw):
    """The first so many records of those drawn that have texts."""
    number, kept = 0, []
    while len(kept) < count:
        record = made(draw(number))
        number += 1
        kept += [record] if record else []
        print(f"{len(kept)} of {count}", end="\r", file=sys.stderr)
    return kept


def record():
    """Write the file anew, and tell what is different."""
    before = {json.dumps({**each, "hash": ""}): each["hash"] for each in read()} if FILE.exists() else {}
    records = first(REQUESTS, drawn) + first(COMMANDS, lambda number: {"command": drawn_command(number)})
    FILE.write_text("".join(json.dumps(each, ensure_ascii=False) + "\n" for each in records), encoding="utf-8")
    same = sum(before.get(json.dumps({**each, "hash": ""})) == each["hash"] for each in records)
    print(f"{len(records)} requests are recorded; {same} have the same texts as before.")


if __name__ == "__main__":
    if sys.argv[1:] != ["--record"]:
        raise SystemExit("What is recorded is checked by tests/test_ratchet.py; --record records anew.")
    record()
