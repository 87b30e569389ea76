"""Starting an engine process: nobody who asks the whole group to end may end it in the middle of its imports."""

import signal

from gen_serve.engine_process import start
from gen_serve.engine_process.loading import Loading


class Played:
    """A process that remembers which signals are held back when it begins; and what makes it."""

    def __init__(self):
        self.held = set()

    def Process(self, **_):  # noqa: N802 - as multiprocessing calls it
        return self

    def start(self):
        self.held = signal.pthread_sigmask(signal.SIG_BLOCK, ())


def test_a_process_begins_with_signals_held_back(monkeypatch):
    played = Played()
    monkeypatch.setattr(start, "get_context", lambda _: played)
    start.started(None, Loading(()))
    assert {signal.SIGINT, signal.SIGTERM, signal.SIGHUP} <= played.held
    assert not {signal.SIGINT, signal.SIGTERM} & signal.pthread_sigmask(signal.SIG_BLOCK, ())
