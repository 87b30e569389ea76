"""`response_format`: a regular expression, or a JSON schema that outlines-core writes as one.

outlines-core passes over what it does not know, and some of what it writes is no JSON. So a schema may hold only what
is listed here; then every text that matches is valid under the schema.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from outlines_core.json_schema import build_regex_from_schema

from gen_engine.constraints.finite import Finite
from gen_engine.constraints.regex import regex
from gen_engine.errors import GenError, brief, quoted

REMARKS = {"title", "description", "default", "examples", "$schema", "$id", "$comment", "deprecated", "readOnly",
           "writeOnly", "$defs", "definitions"}  # fmt: skip
"""Keywords that forbid nothing."""

OF_TYPE: dict[str, set[str]] = {
    "string": {"minLength", "maxLength", "pattern", "format"},
    "integer": set(), "number": set(), "boolean": set(), "null": set(),
    "array": {"items", "minItems", "maxItems", "prefixItems"},
    "object": {"properties", "required", "additionalProperties"},
}  # fmt: skip
"""The types, and the keywords that each of them may have."""

ALONE = ("$ref", "anyOf", "oneOf", "allOf", "const", "enum")
"""Keywords beside which only remarks and a type may stand."""

FORMATS = ("date", "date-time", "uuid")
"""The formats whose texts are valid; that of times, e-mail addresses and the like are not always JSON."""

SCHEMAS = 1000
"""The most schemas within a schema, each counted as often as it is referred to."""

DEPTH = 32
"""How deep schemas may nest."""

LONGEST = 20_000
"""The most characters of a schema."""

UNQUOTED = '"\\' + "".join(map(chr, range(32)))
"""Characters that a JSON string has only as escapes."""

ASCII = "(?a)"
r"""Makes `\d` mean 0 to 9, as in JSON schemas."""


def regex_of_schema(schema: Mapping[str, Any]) -> str:
    """A pattern for our `regex` that matches only JSON texts that are valid under the schema.

    Raises GenError for what is not supported, which it names.
    """
    written = json.dumps(schema, ensure_ascii=False)
    if len(written) > LONGEST:
        raise GenError(f"The schema has {len(written):,} characters, and {LONGEST:,} may be read; give a smaller one.")
    told = json.dumps(Reading(schema).read(schema, ()), ensure_ascii=False)
    try:
        return ASCII + str(build_regex_from_schema(told))
    except (ValueError, TypeError) as problem:
        reason = brief(str(problem).strip().split("\n")[0], 200)
        raise GenError(f"The schema cannot be written as a regular expression ({reason}); simplify it.") from None


@dataclass
class Reading:
    """Reads a schema: `root` is where references begin, `count` how many schemas were read."""

    root: Mapping[str, Any]
    count: int = field(default=0)

    def read(self, schema: Any, path: tuple[str, ...], under: tuple[str, ...] = ()) -> dict[str, Any]:
        """The schema as outlines-core reads it rightly, without references; `under` are those that led to it.

        Raises GenError for the first thing in it that is not supported.
        """
        self.count += 1
        if self.count > SCHEMAS or len(path) > DEPTH:
            raise GenError("The schema is too large when its references are written out; give a smaller one.")
        if not isinstance(schema, Mapping):
            raise GenError(f"The schema has {quoted(schema)}{_at(path)} instead of an object; write one with a type.")
        rules = {key: value for key, value in schema.items() if key not in REMARKS}
        alone = next((key for key in ALONE if key in rules), None)
        kind = rules.get("type", "object" if "properties" in rules else None)
        if alone is None and isinstance(kind, list) and kind:
            self._refuse_others(rules, {"type"}, path)
            return {"anyOf": [self.read({"type": each}, path) for each in kind]}
        allowed = {alone, "type"} if alone is not None else {"type"} | OF_TYPE.get(str(kind), set())
        self._refuse_others(rules, allowed, path)
        if alone is not None:
            return self._alone(alone, rules, path, under)
        if not isinstance(kind, str) or kind not in OF_TYPE:
            raise GenError(f"The schema has no type{_at(path)} of {', '.join(OF_TYPE)}; give it one.")
        return {"type": kind, **dict(self._parts(kind, rules, path, under))}

    def _refuse_others(self, rules: Mapping[str, Any], allowed: set[str], path: tuple[str, ...]) -> None:
        other = next((key for key in rules if key not in allowed), None)
        if other is not None:
            raise GenError(f"The schema's {quoted(other)}{_at(path)} is not supported there; leave it out.")

    def _alone(
        self, key: str, rules: Mapping[str, Any], path: tuple[str, ...], under: tuple[str, ...]
    ) -> dict[str, Any]:
        value = rules[key]
        if key == "$ref":
            if value in under:
                raise GenError(f"The schema is recursive ({quoted(value)}), and no regular expression is; unroll it.")
            self._refuse_others(rules, {key, "$defs", "definitions"}, path)
            return self.read(self._found(value), (*path, key), (*under, value))
        if key == "const":
            return {"enum": [_as_typed(value, rules, path)]}
        if not isinstance(value, list) or not value:
            raise GenError(f"The schema's {key}{_at(path)} is no list with members; write one.")
        if key == "enum":
            return {"enum": [_as_typed(each, rules, path) for each in value]}
        if key == "allOf" and len(value) > 1:
            raise GenError(f"The schema's allOf{_at(path)} has several members; write them as one.")
        self._refuse_others(rules, {key}, path)
        return {"anyOf": [self.read(each, (*path, key), under) for each in value]}

    def _found(self, reference: Any) -> Any:
        """What a reference within the schema refers to."""
        found: Any = self.root
        steps = str(reference).split("/") if isinstance(reference, str) else [""]
        for step in steps[1:]:
            name = step.replace("~1", "/").replace("~0", "~")
            found = found.get(name) if isinstance(found, Mapping) else None
        if steps[0] != "#" or found is None:
            raise GenError(f"The schema refers to {quoted(reference)}, which is not in it; write #/$defs/NAME.")
        return found

    def _parts(
        self, kind: str, rules: Mapping[str, Any], path: tuple[str, ...], under: tuple[str, ...]
    ) -> Iterator[tuple[str, Any]]:
        """What a schema of this type says."""
        if kind == "string":
            yield from _string(rules, path)
        if kind == "array":
            yield from self._array(rules, path, under)
        if kind == "object":
            yield from self._object(rules, path, under)

    def _array(
        self, rules: Mapping[str, Any], path: tuple[str, ...], under: tuple[str, ...]
    ) -> Iterator[tuple[str, Any]]:
        yield from _bounds(rules, ("minItems", "maxItems"), path)
        if "prefixItems" in rules:
            self._refuse_others(rules, {"type", "prefixItems", "items"}, path)
            if not isinstance(rules["prefixItems"], list) or rules.get("items") not in (None, False):
                raise GenError(f"The schema's prefixItems{_at(path)} are no list alone; leave out what is beside them.")
            yield "prefixItems", [self.read(each, (*path, "prefixItems"), under) for each in rules["prefixItems"]]
        elif "items" in rules:
            yield "items", self.read(rules["items"], (*path, "items"), under)
        else:
            raise GenError(f"The schema's array{_at(path)} has no items; say what they are.")

    def _object(
        self, rules: Mapping[str, Any], path: tuple[str, ...], under: tuple[str, ...]
    ) -> Iterator[tuple[str, Any]]:
        properties, more = rules.get("properties", {}), rules.get("additionalProperties", True)
        if not isinstance(properties, Mapping) or not (properties or isinstance(more, Mapping)):
            raise GenError(
                f"The schema's object{_at(path)} has no properties; name them, or give additionalProperties."
            )
        needed = rules.get("required", [])
        if not isinstance(needed, list) or any(not isinstance(name, str) or name not in properties for name in needed):
            raise GenError(f"The schema's required{_at(path)} is no list of its properties; name those.")
        if not properties:
            yield "additionalProperties", self.read(more, (*path, "additionalProperties"), under)
            return
        odd = next((name for name in properties if json.dumps(name, ensure_ascii=False) != f'"{name}"'), None)
        if odd is not None:
            raise GenError(f"The schema's property {quoted(odd)}{_at(path)} needs an escape in JSON; rename it.")
        yield "properties", {name: self.read(each, (*path, name), under) for name, each in properties.items()}
        yield "required", list(needed)


def _at(path: tuple[str, ...]) -> str:
    return f" at {brief('.'.join(path))}" if path else ""


def _as_typed(value: Any, rules: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    """A value of const or enum, which must be of the type that stands beside it, if one does."""
    types = {"string": str, "integer": int, "number": int | float, "boolean": bool, "null": type(None)}
    if isinstance(value, list | dict):
        raise GenError(f"The schema has {quoted(value)}{_at(path)} as a constant; write it as a type of its own.")
    named = rules.get("type", list(types))
    kinds = (
        ["boolean"] if isinstance(value, bool) else [name for name, kind in types.items() if isinstance(value, kind)]
    )
    if not any(name in kinds for name in (named if isinstance(named, list) else [named])):
        raise GenError(f"The schema has {quoted(value)}{_at(path)}, which is no {brief(named)}; leave out its type.")
    return value


def _bounds(rules: Mapping[str, Any], names: tuple[str, str], path: tuple[str, ...]) -> Iterator[tuple[str, int]]:
    for name in names:
        if name in rules:
            if not isinstance(rules[name], int) or isinstance(rules[name], bool) or rules[name] < 0:
                raise GenError(f"The schema's {name}{_at(path)} is no whole number from 0; write one.")
            yield name, rules[name]
    if rules.get(names[1], rules.get(names[0], 0)) < rules.get(names[0], 0):
        raise GenError(f"The schema's {names[1]}{_at(path)} is below its {names[0]}; exchange them.")


def _string(rules: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    yield from _bounds(rules, ("minLength", "maxLength"), path)
    special = next((key for key in ("pattern", "format") if key in rules), None)
    if special is None:
        return
    if len(rules.keys() - {"type"}) > 1:
        raise GenError(f"The schema's {special}{_at(path)} stands beside other limits of the string; keep one of them.")
    value = rules[special]
    if special == "format":
        if value not in FORMATS:
            raise GenError(f"The schema's format {quoted(value)}{_at(path)} is not supported; write a pattern instead.")
        yield special, value
        return
    if not isinstance(value, str):
        raise GenError(f"The schema's pattern{_at(path)} is no text; write a regular expression.")
    pattern = re.sub(r"(?<!\\)\$\Z", "", value).removeprefix("^")
    try:
        re.compile(pattern)  # by itself: what is whole only inside the brackets below would break out of the string
    except re.error as problem:
        raise GenError(f"The schema's pattern {quoted(value)}{_at(path)} is none ({problem}); mend it.") from None
    machine = regex(f"{ASCII}(?:{pattern})")
    if isinstance(machine, Finite):
        kinds = {machine.atoms.of(char) for char in UNQUOTED}
        if any(not kinds.isdisjoint(row) for row in machine.table):
            raise GenError(
                f"The schema's pattern {quoted(value)}{_at(path)} matches quotes, backslashes or control characters, "
                r'which JSON escapes; exclude them, as in [^"\\\x00-\x1f].'
            )
    yield special, f"(?:{pattern})"
