"""What results say of how they were made can be read back, and anything else is refused."""

import json
from dataclasses import asdict, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gen_engine.cli.provenance import KEY, Origin, read_origin, results_in, without_outputs
from gen_engine.errors import GenError

TOLD = {
    "command": "", "model": "m", "hash": "00", "prompt": "白", "context": "", "processors": ("no_unk",),
    "decoder": "sample", "num": 2, "sample": 1, "seed": 3, "max_new": 4, "draft": None, "dtype": "int8",
    "device": "cpu", "fast": False, "attention": None, "versions": {"gen-engine": "0.4.0"}, "drawn": None,
}  # fmt: skip
MADE = Origin(**TOLD)
TEXTS = st.text(max_size=4)
CHATS = st.fixed_dictionaries({"user": TEXTS, "system": TEXTS, "special": st.booleans()})


@given(st.lists(TEXTS), TEXTS | CHATS, TEXTS | st.none(), st.integers(0, 2**64))
def test_an_origin_survives_json(processors, context, drawn, seed):
    made = replace(MADE, processors=tuple(processors), context=context, drawn=drawn, seed=seed)
    assert read_origin(json.loads(json.dumps({"text": "", KEY: asdict(made)}))) == made


@pytest.mark.parametrize("name", sorted(TOLD))
def test_an_origin_that_lacks_something_is_refused(name):
    told = {key: value for key, value in TOLD.items() if key != name}
    with pytest.raises(GenError, match=rf"lacks {name}; take the result as it was written\.$"):
        read_origin({"text": "", KEY: told})


@pytest.mark.parametrize("name", sorted(TOLD))
@pytest.mark.parametrize("value", [{"x": 1}, [1], 1.5])
def test_an_origin_with_a_wrong_value_is_refused(name, value):
    if name in ("prompt", "context") and isinstance(value, dict):
        return  # what a text may be is told when it is read
    with pytest.raises(GenError, match=f"has {name} as"):
        read_origin({"text": "", KEY: {**TOLD, name: value}})


@pytest.mark.parametrize("result", [{"text": "白"}, {KEY: TOLD}, {"text": "白", KEY: 3}, {"text": 3, KEY: TOLD}])
def test_a_result_without_an_origin_is_refused(result):
    with pytest.raises(GenError, match="does not tell how it was made"):
        read_origin(result)


@pytest.mark.parametrize("value", [{"texts": [{"text": "a"}, {"text": "b"}]}, [{"text": "a"}, {"r": [{"text": "b"}]}]])
def test_results_are_found_wherever_they_stand(value):
    assert [each["text"] for each in results_in(value)] == ["a", "b"]


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("gen poem --json --out a --seed 1", "gen poem --seed 1"),
        ("gen poem --out=a --prompt '春 风' --debug", "gen poem --prompt '春 风'"),
        ("gen poem --explain a.html --num 2", "gen poem --num 2"),
        ("gen poem --explain --num 2", "gen poem --num 2"),
        ("", ""),
    ],
)
def test_a_command_is_kept_without_where_its_output_went(typed, kept):
    assert without_outputs(typed) == kept
