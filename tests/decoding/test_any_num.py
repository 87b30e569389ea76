"""Any number of texts is written as it comes: in order, the same texts, in memory that does not grow."""

import gc
import json
import os
import signal
import subprocess
import sys
import weakref
from contextlib import contextmanager
from itertools import islice

import pytest
import strategies as some
from hypothesis import given
from hypothesis import strategies as st
from tiny import chars, engine_of

from gen_engine.decoding import packing
from gen_engine.decoding.generation import Generation
from gen_engine.decoding.sample import sample
from gen_engine.decoding.scheduler import ROWS
from gen_engine.decoding.tickets import AHEAD
from gen_engine.errors import GenError
from gen_engine.types import Completion, Request

HUGE = 10**12
DECODERS = ["sample", "greedy", "smc,particles=3", "smc,particles=1"]


def texts(num, *, decoder="sample", wanted=None, processors=("no_repeat=3",)):
    found = engine_of(chars("abcdefgh")).completions(
        "a", processors=processors, num=num, seed=4, max_new=6, decoder=decoder
    )
    return list(islice(found, wanted))


@pytest.mark.parametrize("decoder", DECODERS)
def test_the_first_of_endless_texts_are_the_same_in_order(decoder):
    few = texts(150, decoder=decoder)
    assert texts(HUGE, decoder=decoder, wanted=150) == few
    assert [done.sample for done in few] == list(range(150))


@given(st.integers(1, 200), st.sampled_from(DECODERS), st.integers(1, 3 * ROWS))
@some.examples(15)
def test_a_text_is_the_same_for_every_num(num, decoder, more):
    assert texts(num + more, decoder=decoder, wanted=num) == texts(num, decoder=decoder)


def test_what_cannot_be_told_of_so_many_fails_at_once():
    with pytest.raises(GenError, match="more than 4 beams can tell"):
        engine_of(chars("ab")).completions("a", num=HUGE, decoder="beam")
    with pytest.raises(GenError, match="constraints|no text|admit"):
        engine_of(chars("ab")).completions("a", processors=["only=a", "no_repeat=1", "length=3"], num=HUGE)


@pytest.mark.parametrize("decoder", ["beam=4", "smc=4", "beam=4,groups=2", "smc=4,resample=1"])
def test_too_many_rows_for_a_long_prompt_are_refused(monkeypatch, decoder):
    monkeypatch.setattr(packing, "ROOM", 8)
    engine_of(chars("ab")).completions("a", decoder=decoder)
    with pytest.raises(GenError, match="4 beams or particles for a prompt of 3 tokens are more than 8 tokens in all"):
        engine_of(chars("ab")).completions("ab", decoder=decoder)
    engine_of(chars("ab")).completions("ab" * 100, num=HUGE)


@pytest.mark.parametrize("decoder", DECODERS)
def test_no_more_is_alive_after_many_texts_than_after_few(decoder):
    found = engine_of(chars("abcdefgh")).completions("a", num=HUGE, seed=4, max_new=6, decoder=decoder)
    alive = []
    for _ in range(3):
        assert sum(1 for _ in islice(found, ROWS)) == ROWS
        gc.collect()
        kinds = [type(each) for each in gc.get_objects()]
        alive.append((kinds.count(Generation), kinds.count(Completion)))
    assert max(generations for generations, _ in alive) <= ROWS + 1
    assert max(completions for _, completions in alive) <= 2 * ROWS


@pytest.mark.parametrize("count, num", [(300, 1), (3, 200), (40, 5)])
def test_generations_are_made_when_there_is_room_for_their_rows(count, num):
    alive, most = weakref.WeakSet(), []

    def watched(generation):
        alive.add(generation)
        most.append(sum(len(each.samples) for each in alive))
        yield from sample(generation)

    for _ in engine_of(chars("abcdefgh")).pieces([Request("a", (), num, 1, 6, watched)] * count):
        pass
    assert ROWS <= max(most) <= 3 * ROWS


def endless_first(begun):
    """A decoder whose first generation takes long; `begun` holds how many texts had begun by then."""

    def decode(generation):
        begun.append(generation.samples.stop)
        for _ in range(60 if generation.samples.start == 0 else 1):
            text = generation.texts()[0]
            generation.look(text)
            yield generation.ask([(-1, text, None)], lambda row, text: generation.draw(row, text, None))
        for text in generation.texts():
            generation.finish(text, "end")

    return decode


def test_one_endless_text_lets_only_so_many_others_run_ahead():
    begun = []
    found = engine_of(chars("ab")).completions("a", num=HUGE, seed=1, max_new=3, decoder=endless_first(begun))
    next(found)
    assert AHEAD <= max(begun) <= AHEAD + ROWS


@contextmanager
def running(*words, **options):
    command = [sys.executable, "-m", "gen_engine", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, **options) as process:
        try:
            yield process
        finally:
            process.kill()


def held(process, what="VmRSS"):
    """The memory of a process in kB: now, or the most so far (VmHWM)."""
    with open(f"/proc/{process.pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(what))


MILLION = ["--num=1000000", "--seed=3", "--json"]
COMMANDS = [
    ["text", "--model=poem", "--prompt=白", "--max-new=6"],
    ["text", "--model=poem", "--prompt=白", "--max-new=6", "--particles=4"],
    ["text", "--model=poem", "--prompt=白", "--max-new=6", "--decoder=greedy", "--explain"],
    ["poem", "--form=五绝"],
    ["ci", "--tune=十六字令"],
    ["couplet"],
    ["novel", "--prompt=他", "--len=20"],
    ["explain", "--model=poem", "--prompt=白", "--max-new=6"],
]


@pytest.mark.slow
@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_the_first_of_a_million_texts_come_at_once_unchanged(words):
    with running(*words, "--num=3", "--seed=3", "--json") as process:
        few = process.stdout.readlines()
    with running(*words, *MILLION) as process:
        first = [next(process.stdout) for _ in few]
        peak = held(process, "VmHWM")
    assert first == few
    assert len(few) == 3
    assert peak < 900_000


@pytest.mark.slow
def test_memory_is_flat():
    words = ["text", "--model=poem", "--prompt=白", "--max-new=3", "--with=no_repeat=3", *MILLION]
    with running(*words) as process:
        assert sum(1 for _ in islice(process.stdout, 1000)) == 1000
        early = held(process)
        assert sum(1 for _ in islice(process.stdout, 19_000)) == 19_000
        late = held(process)
    assert late - early < 40_000


def stopped(number, folder, *words):
    """How a program ends that gets a signal once it has written something aside in `folder`, and its last line."""
    with running(*words, stderr=subprocess.PIPE, text=True) as process:
        while not any(path.stat().st_size for path in folder.glob(".*.tmp")):
            assert process.poll() is None
        process.send_signal(number)
        said = process.communicate(timeout=20)[1]
    return process.returncode, said.splitlines()[-1]


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("more", [[], ["--explain"], ["--particles=4"]])
def test_a_stopped_program_keeps_whole_texts_and_counts_them(tmp_path, number, more):
    out = tmp_path / "out.jsonl"
    out.write_text("old\n")
    words = ["text", "--model=poem", "--prompt=白", "--max-new=6", *MILLION, f"--out={out}", *more]
    code, said = stopped(number, tmp_path, *words)
    samples = [json.loads(line)["sample"] for line in out.read_text("utf-8").splitlines()]
    count = len(samples)
    assert samples == list(range(count))
    told = f"gen: Stopped: {count} text{'s were' if count > 1 else ' was'} written; {out} keeps what was written."
    assert (code, said, os.listdir(tmp_path)) == (128 + number, told, ["out.jsonl"])


@pytest.mark.slow
def test_a_stopped_explanation_leaves_a_whole_page(tmp_path):
    page = tmp_path / "page.html"
    with running("explain", "--model=poem", "--prompt=白", "--max-new=6", *MILLION, f"--html={page}") as process:
        for _ in range(5):
            next(process.stdout)
        process.send_signal(signal.SIGINT)
        rest = process.communicate(timeout=20)[0].splitlines()
    html = page.read_text("utf-8")
    data = json.loads(html.partition('id="data">')[2].partition("</script>")[0])
    assert (process.returncode, len(data["texts"])) == (130, 5 + len(rest))
    assert html.endswith("</html>\n")
