"""The command line: a group built by a factory; what it can do comes from plugins."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from io import TextIOWrapper
from threading import current_thread, main_thread
from types import TracebackType

import click

from .errors import GenError
from .help_pages import uncut
from .options import Settings, debug_option
from .plugins import CORE, registry
from .screen import paint


def make_cli() -> click.Group:
    """The group `gen` with every command that is installed."""

    @click.group("gen", context_settings={"help_option_names": ["-h", "--help"]})
    @click.version_option(package_name=CORE, prog_name="gen", message="%(prog)s %(version)s")
    @debug_option()
    def gen() -> None:
        """Generate text under constraints that always hold."""

    registry().mount(gen, "add_commands")
    uncut(gen)
    return gen


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code: 0, 2 for what the user can mend, 3 for undecided, 130 for Ctrl-C."""
    settings = Settings()
    write_any_text()
    sys.excepthook = one_sentence(settings)
    if current_thread() is main_thread() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, leave_tidily)
    try:
        done = make_cli().main(_arguments(argv), prog_name="gen", obj=settings, standalone_mode=False)
        return done if isinstance(done, int) else 0
    except (click.Abort, KeyboardInterrupt):
        return 130
    except click.ClickException as problem:
        if problem.format_message().startswith("Usage:"):  # a group without a command: its help
            problem.show()
            return 2
        return complain(_usage(problem), problem.exit_code if problem.exit_code > 1 else 2)
    except OSError as problem:
        if settings.debug:
            traceback.print_exc()
        what = problem.filename or "The output"
        why = problem.strerror or problem
        return complain(f"{what} cannot be read or written ({why}); make room for it, or name another.", 2)
    except GenError as problem:
        if settings.debug:
            traceback.print_exc()
        return complain(str(problem), problem.exit_code)


def complain(message: str, code: int) -> int:
    """Print one sentence on standard error and pass `code` on."""
    print(paint([("gen:", "error"), (f" {message}", "")], sys.stderr), file=sys.stderr)
    return code


def _usage(problem: click.ClickException) -> str:
    """What click has to say in one sentence, ending in the remedy."""
    message = " ".join(problem.format_message().split()).rstrip(".")
    if "No such command" in message:
        message += registry().broken()
    context = getattr(problem, "ctx", None)
    help_page = f"`{context.command_path if context else 'gen'} --help`"
    return f"{message} ({help_page})" if message.endswith("?") else f"{message}; {help_page} shows what can be given."


def _arguments(argv: Sequence[str] | None) -> list[str]:
    """The arguments as UTF-8, whatever the locale took them for."""
    given = sys.argv[1:] if argv is None else argv
    return [os.fsencode(word).decode("utf-8", "replace") for word in given]


def leave_tidily(number: int, _: object) -> None:
    """End as after Ctrl-C when the system asks to: a file keeps what was written, and nothing lies about beside it."""
    sys.exit(128 + number)


def write_any_text() -> None:
    """Let the standard streams write Chinese where the locale (LANG=C) would not."""
    for stream in (sys.stdout, sys.stderr):
        if not isinstance(stream, TextIOWrapper):
            continue  # a test's own stream
        try:
            "白𠀀".encode(stream.encoding)
        except (UnicodeEncodeError, LookupError):
            stream.reconfigure(encoding="utf-8")
        stream.reconfigure(errors="replace")


def one_sentence(settings: Settings) -> Callable[[type[BaseException], BaseException, TracebackType | None], None]:
    """The hook for errors nobody expected: one sentence, and where it came from only with `--debug`."""

    def show(kind: type[BaseException], problem: BaseException, trace: TracebackType | None) -> None:
        if settings.debug:
            sys.__excepthook__(kind, problem, trace)
        else:
            words = " ".join(f"{kind.__name__}: {problem}".split())
            complain(f"Something went wrong inside ({words}); --debug shows where, please report it.", 1)

    return show


if __name__ == "__main__":
    sys.exit(main())
