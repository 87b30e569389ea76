"""`gen`, and `python -m gen_engine`. Ctrl-C and the standard streams are set up before anything else is imported."""

from __future__ import annotations

import sys

from .system import interrupts


def main() -> int:
    """Run the program; returns its exit code."""
    interrupts.listen()
    from .system import streams

    code = 1
    try:
        streams.guard()
        from .cli.main import complain
        from .cli.main import main as run

        code = run()
        problem = streams.shut()
        if problem is not None and not code:
            code = complain(str(problem), problem.exit_code)
    except interrupts.Stopped as stopped:  # stands behind the command, so to speak
        code = 128 + stopped.number
    finally:
        streams.shut()
        interrupts.end(code)
    return code


if __name__ == "__main__":
    sys.exit(main())
