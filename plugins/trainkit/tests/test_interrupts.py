import os
import signal

import pytest

from gen_trainkit.interrupts import asked_to_stop


def test_a_signal_is_noted_and_the_handler_put_back():
    before = signal.getsignal(signal.SIGTERM)
    with asked_to_stop() as stop_signal:
        assert stop_signal() == 0
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop_signal() == signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_second_ctrl_c_ends_at_once():
    with pytest.raises(KeyboardInterrupt), asked_to_stop():
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
