"""The command line: a group built by a factory. Plugins bring its commands."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from io import TextIOWrapper
from types import TracebackType
from typing import Any, cast

import click

from ..errors import GenError, readable
from ..hooks.registry import registry
from ..system import interrupts
from ..system.help_pages import uncut
from ..system.screen import note
from ..system.underway import doing, shown
from ..types import CORE
from .config import Defaults, mention_used
from .options import Settings, debug_option

COMPLETING = "_GEN_COMPLETE"
"""The variable by which a shell asks for completions."""


def make_cli() -> click.Group:
    """The group `gen` with every installed command."""

    @click.group("gen", context_settings={"help_option_names": ["-h", "--help"]})
    @click.version_option(package_name=CORE, prog_name="gen", message="%(prog)s %(version)s")
    @debug_option()
    def gen() -> None:
        """Generate text under constraints that always hold."""

    registry().mount(gen, "add_commands")
    uncut(gen)
    return gen


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command. Returns the exit code.

    0 is success, 1 a fault of a plugin or the program, 2 what the user can mend, 3 undecided. It is 141 if nobody reads
    standard output any more. If a signal ended the program, it is 128 plus the signal's number (130 for Ctrl-C).
    """
    settings = Settings()
    write_any_text()
    sys.excepthook = one_sentence(settings)
    try:
        with shown(_slow_processor):
            with doing("loading plugins"):
                gen = make_cli()
            for sentence in () if COMPLETING in os.environ else registry().absent():
                note(readable(sentence))
            interrupts.begin()
            arguments = _arguments(argv)
            settings.arguments = tuple(arguments)
            defaults = None if COMPLETING in os.environ else Defaults(gen, used=settings.used)
            done = gen.main(
                arguments, prog_name="gen", obj=settings, standalone_mode=False, default_map=cast("Any", defaults)
            )
        return done if isinstance(done, int) else 0
    except (click.Abort, KeyboardInterrupt) as problem:
        return _stopped(problem)
    except (Exception, SystemExit) as problem:  # noqa: BLE001 - libraries make other errors of a Ctrl-C within them
        if interrupts.asked():
            return _stopped(problem)
        code = _failed(problem, settings)
        mention_used(
            settings.used, problem.format_message() if isinstance(problem, click.ClickException) else str(problem)
        )
        return code


def _stopped(problem: BaseException) -> int:
    """Say that the program was stopped and what was done by then. Returns the exit code."""
    cause = problem.__cause__ if isinstance(problem, click.Abort) else problem
    if isinstance(cause, EOFError):
        return complain("The input ended too early; check the files that were named.", 2)
    done = "; ".join(getattr(cause, "__notes__", ()))
    number = getattr(cause, "number", interrupts.asked() or signal.SIGINT)
    return complain(f"Stopped: {done}." if done else "Stopped.", 128 + number)


def _failed(problem: Exception | SystemExit, settings: Settings) -> int:
    """Say in one sentence what went wrong. Returns the exit code.

    Re-raises unexpected errors, and an exit that a command chose itself.
    """
    try:
        raise _told_by_name(problem)
    except click.ClickException as problem:
        if problem.format_message().startswith("Usage:"):  # a group without a command: show its help
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


def _told_by_name(problem: Exception | SystemExit) -> BaseException:
    """The error that names the plugin whose code raised `problem`; else `problem` itself."""
    if isinstance(problem, (GenError, click.ClickException)) and not isinstance(problem, click.UsageError):
        return problem
    from ..blame import named_error

    named = named_error(problem)
    if named is None:
        return problem
    named.__cause__ = problem
    return named


def _slow_processor() -> tuple[object, str] | None:
    """The running call into a plugin's processor, and its name. None if there is none, or no engine yet."""
    if not hasattr(sys.modules.get("gen_engine.engine"), "load"):  # not imported, or not completely
        return None
    from ..blame import asked_now

    return asked_now()


def complain(message: str, code: int) -> int:
    """Print one sentence, if any, on standard error, safe for a terminal. Returns `code`."""
    if message:
        note(readable(message), "gen:", "error")
    return code


def _usage(problem: click.ClickException) -> str:
    """click's message as one sentence that ends in the remedy."""
    message = " ".join(problem.format_message().split()).rstrip(".")
    if "No such command" in message:
        message += registry().broken()
    context = getattr(problem, "ctx", None)
    help_page = f"`{context.command_path if context else 'gen'} --help`"
    return f"{message} ({help_page})" if message.endswith("?") else f"{message}; {help_page} shows what can be given."


def _arguments(argv: Sequence[str] | None) -> list[str]:
    """The arguments as UTF-8, whatever the locale decoded them as."""
    given = sys.argv[1:] if argv is None else argv
    return [os.fsencode(word).decode("utf-8", "replace") for word in given]


def write_any_text() -> None:
    """Let the standard streams write Chinese if the locale (LANG=C) cannot."""
    for stream in (sys.stdout, sys.stderr):
        if not isinstance(stream, TextIOWrapper):
            continue  # a test's own stream
        try:
            "白𠀀".encode(stream.encoding)
        except (UnicodeEncodeError, LookupError):
            stream.reconfigure(encoding="utf-8")
        stream.reconfigure(errors="replace")


def one_sentence(settings: Settings) -> Callable[[type[BaseException], BaseException, TracebackType | None], None]:
    """The hook for unexpected errors: one sentence, with the traceback only under `--debug`."""

    def show(kind: type[BaseException], problem: BaseException, trace: TracebackType | None) -> None:
        if settings.debug:
            sys.__excepthook__(kind, problem, trace)
        else:
            words = " ".join(f"{kind.__name__}: {problem}".split())
            complain(f"Something went wrong inside ({words}); --debug shows where, please report it.", 1)

    return show
