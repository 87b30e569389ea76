"""`gen`, and `python -m gen_engine`: Ctrl-C and the standard streams are seen to before anything else is imported."""

from __future__ import annotations

import signal
import sys

from . import interrupts


def main() -> int:
    """Run the program; returns its exit code."""
    interrupts.listen()
    from . import streams

    try:
        streams.guard()
        from .cli import complain
        from .cli import main as run

        code = run()
        problem = streams.shut()
        return code if problem is None or code else complain(str(problem), problem.exit_code)
    except KeyboardInterrupt:  # between two commands, so to speak
        return 128 + (interrupts.asked() or signal.SIGINT)
    finally:
        streams.shut()
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # what comes now may end at once


if __name__ == "__main__":
    sys.exit(main())
