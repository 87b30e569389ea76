"""What became of random requests, and how one of them is watched."""

import contextlib
import json
import signal
import time
from collections import Counter
from dataclasses import dataclass, field

HANG = 120
"""After how many seconds a request counts as one that hangs; its patience is a tenth of that at most."""


class HangError(BaseException):
    """A request took too long; no handler of errors may catch this."""


class WrongError(AssertionError):
    """What a check found."""


@dataclass
class Account:
    """Counts by source and outcome, and each failure with what repeats it."""

    counts: Counter = field(default_factory=Counter)
    failures: list = field(default_factory=list)

    def add(self, source, outcome, number=1):
        self.counts[f"{source}: {outcome}"] += number

    def fail(self, source, kind, told):
        self.add(source, kind)
        self.failures.append(f"{source}: {kind}: {told}")
        print(self.failures[-1], flush=True)

    @property
    def requests(self):
        """How many requests were answered or refused, in whatever way."""
        return sum(number for name, number in self.counts.items() if not name.endswith("(beside)"))

    def line(self, **more):
        return json.dumps({**more, "counts": dict(sorted(self.counts.items())), "failures": self.failures})


@contextlib.contextmanager
def watched(account, source, told, seconds=HANG):
    """A request that is counted as a failure if it crashes, breaks a law, or hangs for so many seconds."""

    def ring(*_):
        raise HangError

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    begun = time.process_time()
    try:
        yield
    except HangError:
        account.fail(source, "hang", f"{time.process_time() - begun:.0f} s of one core for {told}")
    except WrongError as wrong:
        account.fail(source, "violation", f"{wrong} for {told}")
    except Exception as problem:  # noqa: BLE001 - whatever it is, it is what is looked for
        account.fail(source, "crash", f"{type(problem).__name__}: {problem} for {told}")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
