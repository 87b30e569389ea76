"""What int8 costs is told, however much it is."""

import pytest

from gen_engine.models.int8 import MOST_LOSS, int8_reason, takes_int8


@pytest.mark.parametrize("loss", [MOST_LOSS * 1.01, 5.0, 1e6, float("inf"), float("nan")])
def test_auto_takes_no_int8_that_costs_much(loss):
    assert not takes_int8("auto", loss)
    assert "more than 0.5%" in int8_reason("auto", loss)
    assert takes_int8("int8", loss)
    assert int8_reason("int8", loss).startswith("asked for; ")
