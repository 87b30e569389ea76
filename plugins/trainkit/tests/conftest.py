"""Signals as on a terminal, however the tests are run."""

import signal

# A run in the background of a script, or under nohup, ignores these; what is tested is who hears them.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
