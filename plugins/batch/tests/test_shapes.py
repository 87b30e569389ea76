"""Lines may have to have one shape."""

import pytest

from gen_batch.shapes import check_shape

PLAIN = {"command": "poem", "id": "a"}
OPENAI = {"custom_id": "a", "method": "POST", "url": "/v1/completions", "body": {}}


@pytest.mark.parametrize(("shape", "asked"), [("plain", PLAIN), ("openai", OPENAI), ("auto", PLAIN), ("auto", OPENAI)])
def test_a_line_of_the_right_shape_is_left_alone(shape, asked):
    assert check_shape(shape, (asked, ""), "Line 1") == (asked, "")


@pytest.mark.parametrize(("shape", "asked"), [("plain", OPENAI), ("openai", PLAIN), ("openai", {})])
def test_a_line_of_another_shape_has_a_problem(shape, asked):
    found, problem = check_shape(shape, (asked, ""), "Line 1")
    assert found == asked
    assert f"Line 1 is not of the shape {shape}" in problem


def test_a_problem_stays_what_it_is():
    assert check_shape("openai", ({}, "no JSON"), "Line 1") == ({}, "no JSON")
