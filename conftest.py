"""All tests start alike: no file of the user gives defaults, and signals are those of a terminal."""

import os
import signal
from collections.abc import Iterator

import pytest

os.environ["GEN_CONFIG"] = ""  # no file of the user; programs that tests start inherit it

for name in ("GEN_DATA", "GEN_CACHE"):  # as they were meant: seen from where the tests are started
    if os.environ.get(name):
        os.environ[name] = os.path.abspath(os.environ[name])

# A run in the background of a script, or under nohup, ignores these; what is tested is who hears them.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(autouse=True, scope="session")
def empty_working_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A `gen.toml` where the tests were started counts for none of them."""
    before = os.getcwd()
    os.chdir(tmp_path_factory.mktemp("work"))
    yield
    os.chdir(before)
