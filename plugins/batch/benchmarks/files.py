"""What `gen batch` promises of files, tried in earnest.

    python plugins/batch/benchmarks/files.py kills --requests 20000
    python plugins/batch/benchmarks/files.py many --requests 1000000 --workers 1 --workers 2

`kills` answers a file undisturbed, and again killed three times at random; `many` answers a long file with several
numbers of workers, and tells the memory. Both compare the outputs byte by byte.
"""

import json
import os
import random
import shutil
import subprocess
import sys
import time
from hashlib import file_digest
from pathlib import Path
from typing import Any

import click

Process = subprocess.Popen[bytes]
NEWLINE = b"\n"
KINDS = ("verse", "text", "tiny")
GEN = (sys.executable, "-m", "gen_engine", "batch")
HAN = "白日依山尽黄河入海流欲穷千里目更上一层楼春眠不觉晓处闻啼鸟夜来风雨声花落知多少"


def tiny_model(folder: Path) -> Path:
    """A GPT-2 of one layer with random weights that knows some characters."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *dict.fromkeys(HAN)]
    sizes = {"vocab_size": len(words), "n_embd": 16, "n_layer": 1, "n_head": 2, "n_positions": 32}
    model = GPT2LMHeadModel(GPT2Config(**sizes, bos_token_id=2, eos_token_id=3, pad_token_id=0))
    model.save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
    return folder


def request(number: int, kind: str) -> dict[str, Any]:
    """One of the requests: verse, four characters, or two by a tiny model; every thousandth is wrong."""
    if number % 1000 == 999:
        return {"id": f"r{number}", "command": "poem" if kind == "verse" else "text", "rows": "wrong"}
    first = HAN[number % len(HAN)]
    if kind == "verse":
        return {"id": f"r{number}", "command": "poem", "prompt": first, "rows": 2, "cols": 5, "best_of": 1}
    return {"id": f"r{number}", "command": "text", "prompt": first, "max_new": 4 if kind == "text" else 2}


def write_requests(path: Path, count: int, kind: str) -> None:
    """The file of requests."""
    with path.open("w", encoding="utf-8") as file:
        for number in range(count):
            file.write(json.dumps(request(number, kind), ensure_ascii=False) + "\n")


def hash_of(path: Path) -> str:
    """The SHA-256 of a file."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def check_order(path: Path, count: int) -> None:
    """The ids of all lines, in order, each once."""
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file):
            assert json.loads(line)["id"] == f"r{number}", f"line {number + 1}"
    assert number + 1 == count, f"{number + 1} lines of {count}"


def started(source: Path, out: Path, *options: str) -> Process:
    """A batch that runs."""
    log = out.with_suffix(".log").open("ab")
    return subprocess.Popen([*GEN, str(source), str(out), "--seed", "1", *options], stdout=log, stderr=log)


def resident(pid: int) -> float:
    """The memory of a process and its children now, in megabytes."""
    pids = [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]
    pages = sum(int(Path(f"/proc/{each}/statm").read_text().split()[1]) for each in pids)
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def watched(process: Process, out: Path, whole: float) -> tuple[float, dict[int, float]]:
    """Wait for a batch. Returns its seconds, and its memory in each tenth of its output of about `whole` bytes."""
    since, memory = time.monotonic(), dict[int, float]()
    while process.poll() is None:
        time.sleep(0.5)
        try:
            tenth = int(10 * out.stat().st_size / whole)
            memory[tenth] = max(memory.get(tenth, 0), resident(process.pid))
        except (OSError, ValueError):
            continue
    assert process.returncode in (0, 1), out.with_suffix(".log").read_text(encoding="utf-8")
    return time.monotonic() - since, memory


@click.group()
def main() -> None:
    """Try what `gen batch` promises."""


@main.command()
@click.option("--requests", "count", default=20_000, show_default=True)
@click.option("--kind", type=click.Choice(KINDS), default="verse", show_default=True)
@click.option("--kills", default=3, show_default=True)
@click.option("--folder", type=click.Path(path_type=Path), default=Path("runs/batch"), show_default=True)
def kills(count: int, kind: str, kills: int, folder: Path) -> None:
    """Kill a batch at random, run it again, and compare it with an undisturbed one."""
    source, options = prepared(folder, count, kind)
    calm, killed = folder / "calm.jsonl", folder / "killed.jsonl"
    seconds, _ = watched(started(source, calm, *options), calm, 1e12)
    check_order(calm, count)
    print(f"undisturbed: {count:,} in {seconds:.0f} s, {count / seconds:.1f} a second", flush=True)
    for number in range(kills):
        process = started(source, killed, *options)
        time.sleep(random.uniform(0.1, 0.6) * seconds)
        process.kill()
        process.wait()
        text = killed.read_bytes() if killed.exists() else b""
        torn = " and a torn one" if text and not text.endswith(b"\n") else ""
        print(f"kill {number + 1}: {text.count(NEWLINE):,} lines{torn}", flush=True)
    seconds, _ = watched(started(source, killed, *options), killed, 1e12)
    check_order(killed, count)
    assert calm.read_bytes() == killed.read_bytes()
    print(f"run again: {count:,} lines in order, equal to the undisturbed run ({seconds:.0f} s for the rest)")


@main.command()
@click.option("--requests", "count", default=1_000_000, show_default=True)
@click.option("--kind", type=click.Choice(KINDS), default="tiny", show_default=True)
@click.option("--workers", multiple=True, type=int, default=(1, 2), show_default=True)
@click.option("--folder", type=click.Path(path_type=Path), default=Path("runs/batch"), show_default=True)
def many(count: int, kind: str, workers: tuple[int, ...], folder: Path) -> None:
    """Answer a long file with several numbers of workers, and compare the outputs."""
    source, options = prepared(folder, count, kind)
    whole, hashes = 0, set()
    for number in workers:
        out = folder / f"by{number}.jsonl"
        guess = whole or count * 650
        seconds, memory = watched(started(source, out, *options, "--workers", str(number)), out, guess)
        check_order(out, count)
        whole = out.stat().st_size
        hashes.add(hash_of(out))
        tenths = ", ".join(f"{memory[tenth]:.0f}" for tenth in sorted(memory))
        print(f"--workers {number}: {count:,} in {seconds:.0f} s, {count / seconds:.0f} a second", flush=True)
        print(f"  {whole / 1e6:.0f} MB; all processes hold, at each tenth, {tenths} MB", flush=True)
    print(f"{len(hashes)} different output{'s' if len(hashes) > 1 else ''}: {', '.join(hashes)}")
    assert len(hashes) == 1


def prepared(folder: Path, count: int, kind: str) -> tuple[Path, tuple[str, str]]:
    """An empty folder with the requests, and the options of the model."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    write_requests(folder / "requests.jsonl", count, kind)
    options = ("--model", str(tiny_model(folder / "tiny")) if kind == "tiny" else "poem")
    return folder / "requests.jsonl", options


if __name__ == "__main__":
    main()
