"""Runs of `gen` in processes of their own that can be killed, forked from one that has torch imported already."""

import os
import resource
import sys
import time
from functools import cache
from multiprocessing import get_context
from multiprocessing.connection import wait

HEAVY = ["torch", "torch.distributed", "transformers", "safetensors.torch", "tokenizers", "click", "seaborn", "tomli_w"]
MODELS = ["transformers.models.gpt2.modeling_gpt2", "transformers.models.bert.modeling_bert"]


@cache
def _context():
    context = get_context("forkserver")
    context.set_forkserver_preload([*HEAVY, *MODELS])
    return context


def start(arguments, *, log, room=None, **environment):
    """A process that runs `gen ARGUMENTS`; what it prints goes to the file `log`; no file may exceed `room` bytes."""
    words = [str(argument) for argument in arguments]
    process = _context().Process(target=_run, args=(words, str(log), room, environment))
    process.start()
    return process


def run(arguments, *, log, room=None):
    """(exit code, what was printed) of `gen ARGUMENTS`."""
    process = start(arguments, log=log, room=room)
    process.join()
    return process.exitcode, log.read_text(encoding="utf-8")


def run_together(arguments, *, log, port):
    """The exit codes of two gloo processes that run `gen ARGUMENTS` as torchrun would have them."""
    shared = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    both = [start(arguments, log=log.with_suffix(f".{rank}"), RANK=str(rank), **shared) for rank in (0, 1)]
    wait([process.sentinel for process in both])
    for process in both:
        if any(other.exitcode for other in both):  # as torchrun would
            process.terminate()
        process.join()
    return [process.exitcode for process in both]


def wait_for(path, lines, process):
    """Wait until the file `path` has so many lines or the process has ended."""
    while process.is_alive() and (not path.exists() or path.read_text(encoding="utf-8").count("\n") < lines):
        time.sleep(0.002)


def _run(words, log, room, environment):
    from gen_engine.cli.main import main

    os.environ.update(environment)
    file = sys.stdout = sys.stderr = open(log, "w", encoding="utf-8", buffering=1)  # noqa: SIM115
    for descriptor in (1, 2):
        os.dup2(file.fileno(), descriptor)
    if room is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
    sys.exit(main(words))
