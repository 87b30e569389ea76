"""Lengths are counted in characters, and a prompt that is too long is told as it is counted."""

import pytest

from gen_engine.constraints.lengths import length
from gen_engine.errors import GenError


@pytest.mark.parametrize(("prompt", "told"), [
    ("abcdefgh", "The prompt has 8 characters, more than the 7"),
    ("abcdefg ", "The prompt has 8 characters, with the blank at its end, more than the 7"),
])  # fmt: skip
def test_a_blank_that_is_counted_is_named(prompt, told):
    with pytest.raises(GenError, match=told):
        length("7", of="whole").start(prompt)
