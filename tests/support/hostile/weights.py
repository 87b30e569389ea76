"""Hostile models: configs, weights and tokenizers that are damaged, huge, endless or of another kind."""

import json
import pickle
import struct
from pathlib import Path

import numpy as np

from .case import JUDGE, MODEL, Case, big, case, each, fifo, folder, link, refused
from .models import GPT2, judge_with, make_gpt2, weights, with_config, with_file, with_tensors

NOTE = "context.json"
TEXT = ("text", "--model", "./model", "--prompt", "月", "--max-new", "3", "--seed", "1")


def replaced(name, tensor):
    return with_tensors(lambda tensors: {**tensors, name: tensor})


def without(name):
    return with_tensors(lambda tensors: {key: value for key, value in tensors.items() if key != name})


WTE = "transformer.wte.weight"
HEADER = struct.pack("<Q", 2**40) + b"{}"

CONFIGS = {
    "empty": with_config(""),
    "a list": with_config("[]"),
    "deep": with_config("[" * 100_000),
    "cut": with_config('{"model_type": "gp'),
    "NaN": with_config(layer_norm_epsilon=float("nan")),
    "twice a key": with_config(json.dumps(GPT2)[:-1] + ', "n_embd": 999}'),
    "no type": with_config(model_type=None),
    "a type that is a number": with_config(model_type=5),
    "an unknown type": with_config(model_type="no\u202esuch"),
    "a billion wide": with_config(n_embd=10**9),
    "a billion layers": with_config(n_layer=10**9),
    "10**30 tokens": with_config(vocab_size=10**30),
    "a billion positions": with_config(n_positions=10**12),
    "less than nothing": with_config(n_layer=-1, n_head=-2),
    "no heads": with_config(n_head=0),
    "heads that do not divide": with_config(n_head=3),
    "words for numbers": with_config(n_embd="eight"),
    "fractions": with_config(n_layer=1.5),
    "full-width digits": with_config(n_layer="１"),
    "null": with_config("null"),
    "a number of 5,000 digits": with_config('{"model_type": "gpt2", "n_embd": ' + "9" * 5000 + "}"),
    "code": with_config(auto_map={"AutoModelForCausalLM": "evil.Model"}, model_type="evil"),
    "missing": with_file("config.json", None),
    "a named pipe": with_file("config.json", fifo),
    "/dev/zero": with_file("config.json", link("/dev/zero")),
    "a folder": with_file("config.json", folder),
    "UTF-16": with_file("config.json", json.dumps(GPT2).encode("utf-16")),
    "a loop": with_file("config.json", link("config.json")),
    "200 MB": with_file("config.json", big(200 * 2**20, b" ")),
}
TENSORS = {
    "missing": with_file("model.safetensors", None),
    "empty": with_file("model.safetensors", b""),
    "cut": with_file("model.safetensors", weights()[:-100]),
    "cut in the header": with_file("model.safetensors", weights()[:60]),
    "a huge header": with_file("model.safetensors", HEADER),
    "a header that is no JSON": with_file("model.safetensors", struct.pack("<Q", 4) + b"{{{{"),
    "a pointer": with_file("model.safetensors", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"),
    "a page": with_file("model.safetensors", b"<!DOCTYPE html><html>404</html>"),
    "a named pipe": with_file("model.safetensors", fifo),
    "/dev/zero": with_file("model.safetensors", link("/dev/zero")),
    "a folder": with_file("model.safetensors", folder),
    "of NaN": replaced(WTE, np.full((GPT2["vocab_size"], 8), np.nan, np.float32)),
    "infinite": replaced("transformer.ln_f.weight", np.full(8, np.inf, np.float32)),
    "of another shape": replaced(WTE, np.zeros((3, 8), np.float32)),
    "of no dimension": replaced(WTE, np.zeros((), np.float32)),
    "of whole numbers": replaced(WTE, np.zeros((GPT2["vocab_size"], 8), np.int64)),
    "without one": without("transformer.h.0.attn.c_attn.weight"),
    "without the table": without(WTE),
    "only a pickle": with_file("model.safetensors", None),
}
TOKENIZERS = {
    "no vocabulary": with_file("vocab.txt", None),
    "an empty one": with_file("vocab.txt", b""),
    "without [UNK]": with_file("vocab.txt", "月\n日\n".encode()),
    "random": with_file("vocab.txt", bytes(range(256)) * 9),
    "larger than the model": with_file(
        "vocab.txt", b"[UNK]\n[CLS]\n[SEP]\n" + b"\n".join(b"a%d" % i for i in range(9999))
    ),
    "a tokenizer.json that is empty": with_file("tokenizer.json", b""),
    "of another kind": with_file("tokenizer.json", b'{"a": 1}'),
    "deep": with_file("tokenizer.json", b"[" * 100_000),
    "a named pipe": with_file("tokenizer.json", fifo),
    "/dev/zero": with_file("vocab.txt", link("/dev/zero")),
    "no model in it": with_file("tokenizer.json", b'{"model": {"type": "BPE"}}'),
}

BROKEN = [
    case(f"{what}, {name}", *TEXT, files={"model": made})
    for what, table in {"config": CONFIGS, "weights": TENSORS, "tokenizer": TOKENIZERS}.items()
    for name, made in table.items()
]

JUDGES = [
    refused("a language model that should classify", "classify", "--model", MODEL, "月"),
    refused("a classifier that should write", "text", "--model", JUDGE, "--prompt", "月"),
    refused("a classifier that should write a novel", "novel", "--model", JUDGE, "--prompt", "月"),
    *(
        case(f"a classifier, {name}", "classify", "--model", "./model", "月", files={"model": made})
        for name, made in {
            "config cut": judge_with("config.json", b'{"model_'),
            "weights cut": judge_with("model.safetensors", b"abc"),
            "config endless": judge_with("config.json", link("/dev/zero")),
            "no weights": judge_with("model.safetensors", None),
        }.items()
    ),
]


class Evil:
    """A pickle that would make a file if its code were run."""

    def __reduce__(self):
        return (Path("made-by-pickle").touch, ())


NETS = {
    "empty": b"",
    "text": b"no pickle",
    "a page": b"<!DOCTYPE html>",
    "a raw pickle": pickle.dumps({"a": 1}),
    "a pickle with code": pickle.dumps(Evil()),
    "a pointer": b"version https://git-lfs.github.com/spec/v1\n",
    "a named pipe": fifo,
    "/dev/zero": link("/dev/zero"),
    "a folder": folder,
    "cut safetensors": weights()[:-9],
    "a zip of nothing": b"PK\x05\x06" + bytes(18),
    "deep pickle": b"\x80\x04" + b"(" * 200_000 + b".",
}
CONVERTED = [
    refused(f"convert, {name}", "convert", "net.pt", "out", "--base", MODEL, files={"net.pt": made})
    for name, made in NETS.items()
]
BASES = [
    refused(
        f"a base, {name}",
        "train",
        "gpt2",
        "texts",
        "--base",
        "./model",
        "--out",
        "out",
        files={"model": made, "texts": "月白\n日风\n".encode() * 9},
    )
    for name, made in {
        "config cut": CONFIGS["cut"],
        "a billion wide": CONFIGS["a billion wide"],
        "weights cut": TENSORS["cut"],
        "no vocabulary": TOKENIZERS["no vocabulary"],
    }.items()
]
WHOLE = [case("nothing is wrong", *TEXT, files={"model": make_gpt2}, codes=frozenset({0}))]

NOTES = [
    refused(f"a note {name}", "poem", "--model", "./model", "--title", "月", files={"model": with_file(NOTE, made)})
    for name, made in {
        "that is no JSON": b"{",
        "in UTF-16": '{"order": []}'.encode("utf-16"),
        "of controls": b'{"\\u001b]0;x": 1}',
        "of halves": b'{"order": ["\\ud800"], "parts": {"\\ud800": "{}"}}',
        "deep": b"[" * 100_000,
        "that is a pipe": fifo,
        "that is /dev/zero": link("/dev/zero"),
        "that is a folder": folder,
        "of 200 MB": big(200 * 2**20, b" "),
    }.items()
]
CASES: list[Case] = each("model", [*NOTES, *BROKEN, *JUDGES, *CONVERTED, *BASES, *WHOLE])
