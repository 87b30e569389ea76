"""What people write after --with, and what becomes of it."""

from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gen_engine.errors import GenError
from gen_engine.hooks.registry import Offer, PluginInfo, Registry
from gen_engine.hooks.specs import build, describe, parse_spec
from gen_engine.types import Named, Spec


def parsed(text):
    spec = parse_spec(text)
    return spec.name, spec.value, spec.options


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("no_unk", ("no_unk", None, {})),
        ("top_k=50", ("top_k", ("50",), {})),
        ("no_repeat=30,exempt=punctuation", ("no_repeat", ("30",), {"exempt": ("punctuation",)})),
        ("xtc,threshold=0.1,probability=0.5", ("xtc", None, {"threshold": ("0.1",), "probability": ("0.5",)})),
        ("ban=的|了|春风", ("ban", ("的", "了", "春风"), {})),
        ("ban='a,b'", ("ban", ("a,b",), {})),
        ('ban="a|b"|c', ("ban", ("a|b", "c"), {})),
        (r"ban=a\,b\|c", ("ban", ("a,b|c",), {})),
        (r"stop='\n'", ("stop", ("\n",), {})),
        (r"stop=\n\n|\u3002", ("stop", ("\n\n", "。"), {})),
        (r"regex=\d+\\", ("regex", (r"\d+" + "\\",), {})),
        (r"ban='it\'s'", ("ban", ("it's",), {})),
        ("ban=it's", ("ban", ("it's",), {})),
        ("only=a=b", ("only", ("a=b",), {})),
        ("ban=", ("ban", ("",), {})),
        ("ban=，。", ("ban", ("，。",), {})),
    ],
)
def test_a_spec_is_read_as_it_is_written(text, expected):
    assert parsed(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "names no processor; write NAME=VALUE"),
        ("=3", "names no processor"),
        ("ban=a,b", "no key=value after a comma; quote a value that holds commas"),
        ("ban=a,", "no key=value after a comma"),
        ("ban='a", "does not end where its quotes do"),
        ("ban='a'b", "does not end where its quotes do; put ' around all of it"),
        ("p=1,window=2,window=3", "gives window twice"),
        ("stop=\\ud800", "half a surrogate pair; write the whole character"),
    ],
)
def test_what_cannot_be_read_is_an_error_with_a_remedy(text, message):
    with pytest.raises(GenError, match=message):
        parse_spec(text)


def test_a_pair_of_surrogates_is_the_character_it_stands_for():
    assert parse_spec(r"ban=\ud840\udc00").value == ("\U00020000",)


@given(st.text())
def test_any_text_can_be_written_between_quotes(text):
    quoted = text.replace("\\", "\\\\").replace("'", "\\'")
    assert parsed(f"ban='{quoted}',of=new") == ("ban", (text,), {"of": ("new",)})


def made(factory, text, vocabulary=None):
    """What the processor `p`, made by `factory`, is when written so."""
    registry = Registry(None, [])
    registry.__dict__["processors"] = {"p": Offer("p", PluginInfo("a", "a", "1", "a"), {"p": factory})}
    return build(text, registry, vocabulary).processor


def takes_int(n: int):
    return n


def takes_options(n: int = 1, *, of: Literal["new", "whole"] = "new", exempt: tuple[str, ...] = (), on: bool = False):
    return n, of, exempt, on


def takes_union(k: int | float | str):
    return k


def takes_optional(window: int | None = 3):
    return window


def takes_numbers(places: tuple[int, ...]):
    return places


def takes_float(p: float):
    return p


def takes_vocabulary(vocabulary, items: "tuple[str, ...]"):
    return vocabulary, items


def takes_unknown_type(text: "NotImported"):  # noqa: F821
    return text


def takes_nothing():
    return "made"


@pytest.mark.parametrize(
    ("factory", "text", "expected"),
    [
        (takes_int, "p=30", 30),
        (takes_int, "p,n=30", 30),
        (takes_options, "p", (1, "new", (), False)),
        (takes_options, "p=2,of=whole,exempt=的|了,on=yes", (2, "whole", ("的", "了"), True)),
        (takes_union, "p=3", 3),
        (takes_union, "p=.5", 0.5),
        (takes_union, "p=5..10", "5..10"),
        (takes_optional, "p=none", None),
        (takes_optional, "p=4", 4),
        (takes_numbers, "p=1|2", (1, 2)),
        (takes_float, "p=1e-3", 0.001),
        (takes_vocabulary, "p=a|b", ("the vocabulary", ("a", "b"))),
        (takes_unknown_type, "p=5", "5"),
        (takes_nothing, "p", "made"),
    ],
)
def test_values_become_what_the_factory_is_annotated_with(factory, text, expected):
    assert made(factory, text, "the vocabulary") == expected


@pytest.mark.parametrize(
    ("factory", "text", "message"),
    [
        (takes_int, "p=x", "'p=x' gives n as 'x'; write whole number."),
        (takes_int, "p=1.5", "write whole number"),
        (takes_int, "p", r"'p' lacks its n \(whole number\); write p=VALUE"),
        (takes_float, "p=nan", "write number"),
        (takes_options, "p,of=old", "write new or whole"),
        (takes_options, "p,on=perhaps", "write yes or no"),
        (takes_options, "p,size=3", r"p has no option 'size'; write one of its options: n \(whole number\), of"),
        (takes_options, "p=1,n=2", "gives n twice"),
        (takes_nothing, "p=1", "p takes no value; write p alone"),
        (takes_nothing, "p,a=1", "p has no option 'a'; write its name alone"),
        (takes_numbers, "p=1|x", r"write whole number\|..."),
        (lambda: 1 / 0, "p", r"cannot be made \(ZeroDivisionError: division by zero\); give it other values"),
    ],
)
def test_options_unknown_to_a_factory_are_errors_with_a_remedy(factory, text, message):
    with pytest.raises(GenError, match=message):
        made(factory, text)


def test_a_processor_is_called_by_what_was_written():
    registry = Registry(None, [])
    registry.__dict__["processors"] = {"p": Offer("p", PluginInfo("a", "a", "1", "a"), {"p": takes_options})}
    assert build("p=2,of=new", registry, None).label == "p=2,of=new"


def test_objects_and_functions_pass_through():
    assert build(takes_int, None, None) == Named("takes_int", takes_int)
    assert build(3.5, None, None) == Named("3.5", 3.5)


def test_what_is_named_already_keeps_its_name():
    assert build(Named("mine", 1), None, None) == Named("mine", 1)


def test_a_spec_can_be_given_ready_made():
    registry = Registry(None, [])
    registry.__dict__["processors"] = {"p": Offer("p", PluginInfo("a", "a", "1", "a"), {"p": takes_int})}
    assert build(Spec("p", ("3",)), registry, None) == Named("p=3", 3, "the plugin a (a)")


PIECES = st.text(st.characters(codec="utf-8") | st.sampled_from(",|'\"\\\n\t\r= "), max_size=6)
VALUES = st.lists(PIECES, min_size=1, max_size=3).map(tuple)


@given(VALUES | st.none(), st.dictionaries(st.sampled_from(["book", "at", "n"]), VALUES))
def test_a_spec_reads_back_as_it_is_written(value, options):
    spec = Spec("form", value, options)
    assert parse_spec(str(spec)) == spec


def test_types_are_described_in_words():
    assert describe(int | None) == "none or whole number"
    assert describe(tuple[str, ...]) == "text|..."
    assert describe(dict) == "text"
