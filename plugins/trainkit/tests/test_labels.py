import csv
import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gen_trainkit.labels import label_text

EXAMPLES = settings(deadline=None, max_examples=200, derandomize=True, database=None)


@pytest.mark.parametrize(
    "one, others",
    [
        ("1", [1, 1.0, "1.0", " 1", "1 ", "+1", "1.", "1.00", "\ufeff1", "1\u3000", "\t1\n"]),
        ("0", [0, 0.0, "0", "-0", "-0.0", "0.000", " 0 "]),
        ("-3", [-3, -3.0, "-3.0", " -3"]),
        ("0.5", [0.5, "0.5", ".5", "0.50", "+0.5 "]),
        ("true", [True, "true", "True", "TRUE", " true"]),
        ("false", [False, "False", "FALSE"]),
        ("正面", ["正面", " 正面\u3000", "正面\u200b"]),
        ("", [None, "", " ", float("nan"), float("inf"), "\u200b"]),
    ],
)
def test_one_label_in_all_its_spellings(one, others):
    assert {label_text(other) for other in others} == {one}


@pytest.mark.parametrize(
    "name", ["01", "007", "01.0", "+01", "-00", "3E1", "1e0", "1.2.3", "1,000", "１", "v1", "1a", "-", "+", ".", "一"]
)
def test_what_is_no_plain_number_is_a_name(name):
    assert label_text(name) == name


@EXAMPLES
@given(st.text(st.sampled_from(" +-.01259e真tru"), max_size=7))
def test_a_written_label_is_written_the_same_again(text):
    assert label_text(label_text(text)) == label_text(text)


@EXAMPLES
@given(st.integers(-(10**20), 10**20) | st.booleans() | st.decimals(-1000, 1000, places=3).map(float))
def test_all_formats_write_one_label(value):
    written = io.StringIO()
    csv.writer(written).writerow([value])
    [[cell]] = csv.reader([written.getvalue()])
    assert label_text(value) == label_text(json.loads(json.dumps(value))) == label_text(cell)
