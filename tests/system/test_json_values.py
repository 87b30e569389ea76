"""What is written as JSON can be read by every reader of JSON."""

import json

from hypothesis import given
from hypothesis import strategies as st

from gen_engine.system.json_values import finite, json_line

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)


def fail(name):
    raise AssertionError(name)


@given(VALUES)
def test_a_line_of_json_holds_no_number_that_json_lacks(value):
    assert json.loads(json_line(value), parse_constant=fail) == finite(value)


def test_what_json_lacks_becomes_null_wherever_it_stands():
    assert json_line({"a": [float("inf"), (float("nan"), 1.5)]}) == '{"a": [null, [null, 1.5]]}'
