"""JSON schemas as regular expressions: every match is valid JSON under the schema, and the rest is refused by name."""

import json
import random
import re

import jsonschema_rs
import pytest

from gen_engine.constraints.regex import regex
from gen_engine.errors import GenError
from gen_serve.api.schema import regex_of_schema

TAKEN = [
    {"type": "string"}, {"type": "string", "minLength": 2, "maxLength": 4}, {"type": "integer"}, {"type": "number"},
    {"type": "boolean"}, {"type": "null"}, {"type": ["integer", "null"]}, {"const": 'a"\\b'},
    {"enum": [1, "二", None, True, 1.5]},
    {"type": "string", "format": "date"}, {"type": "string", "format": "date-time"},
    {"type": "string", "format": "uuid"},
    {"type": "string", "pattern": "^[a-c]{2,3}$"}, {"type": "string", "pattern": "ab|c"},
    {"type": "string", "pattern": r"\d\d"},
    {"type": "array", "items": {"type": "integer"}},
    {"type": "array", "items": {"enum": ["春", "夏"]}, "minItems": 1, "maxItems": 2},
    {"type": "array", "prefixItems": [{"type": "null"}, {"type": "boolean"}], "items": False},
    {"anyOf": [{"type": "string"}, {"type": "null"}]}, {"oneOf": [{"type": "integer"}, {"type": "boolean"}]},
    {"allOf": [{"type": "boolean"}], "title": "A"}, {"type": "object", "additionalProperties": {"type": "integer"}},
    {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "null"}, "c": {"type": "boolean"}},
     "required": ["b"]},
    {"type": "object", "properties": {"a.(b)": {"type": "integer"}}, "additionalProperties": False},
    {"$defs": {"p": {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]}},
     "type": "object", "properties": {"a": {"$ref": "#/$defs/p"}, "b": {"$ref": "#/$defs/p"}}, "required": ["a", "b"]},
    {"definitions": {"A/b": {"type": "null"}}, "$ref": "#/definitions/A~1b"},
]  # fmt: skip


def matches(pattern, draw, longest=60):
    """A text that the automaton of a pattern accepts, drawn step by step."""
    machine, state, text = regex(pattern), 0, ""
    while not (machine.accepts(state) and (len(text) >= longest or not machine.table[state] or draw.random() < 0.3)):
        atoms = machine.table[state]
        low, high = draw.choice(machine.atoms.ranges(frozenset([draw.choice(list(atoms))])))
        char = chr(draw.randint(low, min(high, low + 200)))
        text, state = text + char, machine.step(state, char)
        if len(text) > 5 * longest:
            return matches(pattern, draw)
    return text


@pytest.mark.parametrize("schema", TAKEN, ids=json.dumps)
def test_what_matches_is_valid_under_the_schema(schema):
    draw, pattern = random.Random(1), regex_of_schema(schema)
    validator = jsonschema_rs.validator_for(schema)
    for _ in range(40):
        text = matches(pattern, draw)
        assert re.fullmatch(pattern, text)
        assert validator.is_valid(json.loads(text, parse_float=lambda each: min(1e9, max(-1e9, float(each))))), text


NODE = {"type": "object", "properties": {"next": {"anyOf": [{"$ref": "#/$defs/n"}, {"type": "null"}]}}}
TWICE = {f"d{i}": {"type": "array", "prefixItems": [{"$ref": f"#/$defs/d{i + 1}"}] * 2} for i in range(12)}


@pytest.mark.parametrize(("schema", "said"), [
    ({"type": "integer", "minimum": 3}, "'minimum'"),
    ({"type": "array", "items": {"type": "null"}, "uniqueItems": True}, "'uniqueItems'"),
    ({"$defs": {"n": NODE}, "$ref": "#/$defs/n"}, "is recursive"), ({}, "no type"),
    ({"type": "object"}, "no properties"),
    ({"type": "array"}, "no items"), ({"not": {"type": "null"}}, "'not'"),
    ({"type": "string", "format": "email"}, "'email'"),
    ({"type": "string", "pattern": ".*"}, "matches quotes"),
    ({"type": "string", "pattern": r"a\s"}, "control characters"),
    ({"type": "string", "pattern": "a", "maxLength": 3}, "beside other limits"),
    ({"type": "string", "pattern": "("}, "is none"),
    ({"type": "object", "properties": {'a"': {"type": "null"}}}, "needs an escape"), ({"const": [1]}, "as a constant"),
    ({"type": "object", "properties": {"a": {"type": "null"}}, "required": ["b"]}, "required"),
    ({"enum": []}, "no list with members"),
    ({"type": "object", "properties": {"a": True}}, "True at a"), ({"$ref": "http://a/b"}, "'http://a/b'"),
    ({"allOf": [{"type": "null"}, {"type": "null"}]}, "several members"),
    ({"type": "string", "enum": [1]}, "which is no string"),
    ({"type": ["object", "null"], "properties": {"a": {"type": "null"}}}, "'properties'"),
    ({"type": "string", "minLength": 3, "maxLength": 2}, "below"),
    ({"$defs": {**TWICE, "d12": {"type": "null"}}, "$ref": "#/$defs/d0"}, "too large"),
    ({"type": "string", "maxLength": -1}, "from 0"),
    ({"title": "a" * 20_001, "type": "null"}, "20,0"),
    ({"$defs": {"a": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"}, "is recursive"),
    ({"type": "array", "prefixItems": [{"type": "null"}], "minItems": 2}, "'minItems'"),
    ({"type": {"a": 1}}, "no type"),
    ({"type": "string", "pattern": "x)|(?:y"}, "is none"),
    ({"type": "object", "properties": {"a": {"type": "null"}}, "required": [["a"]]}, "required"),
    ({"$ref": "#/$defs/a", "type": "string", "$defs": {"a": {"type": "integer"}}}, "'type'"),
])  # fmt: skip
def test_what_is_not_supported_is_named(schema, said):
    with pytest.raises(GenError, match=re.escape(said)):
        regex_of_schema(schema)
