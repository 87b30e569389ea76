"""Starting an engine process: nobody who asks the whole group to end may end it in the middle of its imports."""

import signal

from gen_serve.engine_process import start
from gen_serve.engine_process.loading import Loading


def test_a_process_begins_with_signals_held_back(monkeypatch):
    held = []

    class Played:
        def Process(self, **_):  # noqa: N802 - as multiprocessing calls it
            return self

        def start(self):
            held.append(signal.pthread_sigmask(signal.SIG_BLOCK, ()))

    monkeypatch.setattr(start, "get_context", lambda _: Played())
    start.started(None, Loading(()))
    assert {signal.SIGINT, signal.SIGTERM, signal.SIGHUP} <= held[0]
    assert not {signal.SIGINT, signal.SIGTERM} & signal.pthread_sigmask(signal.SIG_BLOCK, ())
