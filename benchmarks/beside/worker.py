"""`python -m benchmarks.beside.worker NAME`: a contestant in a process of its own, asked by lines of JSON.

So no library's threads, memory or limits (the engine limits what oneDNN uses) touch another's.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from ..measure import seconds
from .works import Work


class Worker:
    """Answers what is asked of one contestant."""

    def __init__(self, name: str) -> None:
        from .contestants import make_contestant

        self.contestant = make_contestant(name)

    def open(self, folder: str) -> dict[str, Any]:
        """Load a model."""
        return self.contestant.open(Path(folder))

    def prepare(self, work: dict[str, Any]) -> dict[str, Any]:
        """Make ready for a work, and do it once. Returns the seconds of that."""
        self.writing = self.contestant.writing(Work(**work))
        return {"seconds": seconds(self.writing)}

    def write(self, times: int) -> dict[str, Any]:
        """Do the work so many times. Returns the seconds of one."""
        return {"seconds": seconds(lambda: [self.writing() for _ in range(times)]) / times}

    def lengths(self, positions: int) -> dict[str, Any]:
        """The seconds of each step of one row, from two tokens on (`time_steps`)."""
        from .lengths import last_length, time_steps

        model = self.contestant.engine.model  # type: ignore[attr-defined]
        return {"seconds": time_steps(model, last_length(positions))}

    def memory(self, first: str, folder: str, work: dict[str, Any]) -> dict[str, Any]:
        """How many bytes the process grows by at most, while it loads a model and while it writes.

        The `first` model is opened and writes before that, so that modules, tables and threads do not count.
        """
        from .memory import measure_growth

        opened: dict[str, Any] = {}
        writing = self.contestant.writing(Work(**work))
        self.open(first)
        self.contestant.writing(Work(**{**work, "rows": 1, "new": 9}))()
        return {**measure_growth(lambda: opened.update(self.open(folder)), writing), **opened}


def main() -> None:
    """Answer each line of standard input with a line of JSON; whatever else is printed goes to standard error."""
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    worker = Worker(sys.argv[1])
    for line in sys.stdin:
        asked = json.loads(line)
        answer = getattr(worker, asked.pop("do"))(**asked)
        print(json.dumps(answer), file=replies, flush=True)


if __name__ == "__main__":
    main()
