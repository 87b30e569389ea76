"""Reads and builds processors as users write them, `NAME[=VALUE[,key=value]...]`.

A value may stand in single or double quotes, which protect commas and bars. These escapes work everywhere: `\\n`,
`\\t`, `\\u4e00`, `\\,`, `\\|`, `\\'`, `\\"` and `\\\\`. A list is written with bars: `ban=，|。|！`.
"""

from __future__ import annotations

import inspect
import re
import sys
import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal, NewType, Union, get_args, get_origin

from ..errors import GenError, brief, quoted, reason_of
from ..system.underway import OTHERS, doing
from ..types import CORE, Named, Pieces, Recipe, Spec
from .registry import Offer, PluginInfo

if TYPE_CHECKING:
    from ..text.vocabulary import Vocabulary
    from .registry import Registry

ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", "'": "'", '"': '"', ",": ",", "|": "|"}
NAME = re.compile(r"\s*([^=,\s]+)\s*(=?)")
KEY = re.compile(r"\s*([A-Za-z_]\w*)\s*=")
ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
PIECE = {ends: re.compile(rf"(?:{ESCAPE.pattern}|[^\\{ends}]+|\\\Z)*", re.DOTALL) for ends in ("'", '"', ",|")}
"""Inside each kind of quotes, and outside them: escapes, and characters that need none."""

FILLED = ("vocabulary", "generation", "course")
"""Parameters that the engine fills; `course` is what `generation` was called in version 0.3."""

Opened = NewType("Opened", str)
"""The type of a factory's parameter that names what it opens: a file, a folder or a model. Users of the command line
name their own; a server offers no such parameter to its clients.
"""

YES, NO = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


def parse_spec(text: str) -> Spec:
    """Read `NAME[=VALUE[,key=value]...]`."""
    head = NAME.match(text)
    if not head:
        raise GenError(f"{quoted(text)} names no processor; write NAME=VALUE, as in top_k=50.")
    value: Pieces | None = None
    position = head.end()
    if head[2]:
        value, position = _value(text, position)
    options: dict[str, Pieces] = {}
    while position < len(text):
        key = KEY.match(text, position + 1)
        if not key:
            raise GenError(
                f"{quoted(text)} has no key=value after a comma; quote a value that holds commas, as in ban='a,b'."
            )
        if key[1] in options:
            raise GenError(f"{quoted(text)} gives {brief(key[1])} twice; keep one of them.")
        options[key[1]], position = _value(text, key.end())
    return Spec(head[1], value, options, text)


def _value(text: str, position: int) -> tuple[Pieces, int]:
    """The value that starts at `position`, and where it ends: at a comma or the end of the text."""
    pieces = []
    while True:
        piece, position = _piece(text, position)
        pieces.append(piece)
        if text[position : position + 1] != "|":
            return tuple(pieces), position
        position += 1


def _piece(text: str, position: int) -> tuple[str, int]:
    """One piece of a value, up to a bar or comma outside quotes and escapes."""
    quote = text[position : position + 1]
    ends = quote if quote and quote in "'\"" else ",|"
    position += ends == quote
    piece = PIECE[ends].match(text, position)
    assert piece is not None  # it may be empty
    written, position = ESCAPE.sub(_unescape, piece[0]), piece.end()
    if ends == quote:
        closed = text[position : position + 1] == quote
        position += 1
        if not closed or text[position : position + 1] not in ("", ",", "|"):
            raise GenError(
                f"{quoted(text)} has a value that does not end where its quotes do; put {quote} around all of it."
            )
    try:
        return written.encode("utf-16", "surrogatepass").decode("utf-16"), position
    except UnicodeDecodeError:
        raise GenError(f"{quoted(text)} holds half a surrogate pair; write the whole character instead.") from None


def _unescape(escape: re.Match[str]) -> str:
    code = escape[1]
    return chr(int(code[1:], 16)) if len(code) == 5 else ESCAPES.get(code, escape[0])


def build(item: Any, registry: Registry, vocabulary: Vocabulary) -> Named:
    """The processor that `item` means. A text or `Spec` is looked up and built; an object is returned as it is."""
    if isinstance(item, Named):
        return item
    if isinstance(item, str):
        item = parse_spec(item)
    if not isinstance(item, Spec):
        return Named(getattr(item, "__name__", None) or repr(item), item)
    offer = registry.find("processor", item.name)
    return Named(item.text, _call(offer, item, vocabulary), offer.plugin.words)


def build_decoder(item: Any, registry: Registry) -> Any:
    """The decoder that `item` means, written like a processor ("beam,width=8"). An object is returned as it is.

    A plugin's function is a decoder if its first parameter is called `generation`. Otherwise it is a factory of one.
    """
    if not isinstance(item, str):
        return item
    spec = parse_spec(item)
    offer = registry.find("decoder", spec.name)
    found = offer.function
    if not is_decoder(found):
        return _call(offer, spec, None)
    if spec.value is not None or spec.options:
        raise GenError(f"{spec.name} takes no options; write {spec.name} alone instead of {quoted(spec.text)}.")
    return found


def is_decoder(function: Callable[..., Any]) -> bool:
    """Whether what a plugin offers is a decoder itself, rather than a factory of one."""
    named = inspect.signature(function).parameters.keys()
    if "course" in named:
        warnings.warn("A decoder's parameter `course` is called `generation` now.", DeprecationWarning, stacklevel=2)
    return bool(named & {"generation", "course"})


def build_draft(text: str, factories: Mapping[str, Callable[..., Any]]) -> Any:
    """The draft that `text` means, written like a processor ("model=NAME,tokens=4"), made by one of `factories`."""
    if not text.strip():
        raise GenError("The draft has no name; write lookup, ngram or model=NAME, or leave it out.")
    spec = parse_spec(text)
    if spec.name not in factories:
        raise GenError(f"There is no draft {quoted(spec.name)}; there are {', '.join(factories)}.")
    return _call(Offer(spec.name, PluginInfo("core", CORE, "", ""), factories), spec, None)


def build_recipe(text: str, registry: Registry) -> Recipe:
    """The recipe of `gen convert` that `text` means, written like a processor ("frozen_bert,reads=pooler")."""
    spec = parse_spec(text)
    made: Recipe = _call(registry.find("recipe", spec.name), spec, None)
    return made


def parameters(factory: Callable[..., Any]) -> list[inspect.Parameter]:
    """What a user may pass to `factory`: its parameters without those that the engine fills, annotations evaluated."""
    signature = inspect.signature(factory)
    return [_evaluated(p, factory) for p in signature.parameters.values() if p.name not in FILLED]


def _evaluated(parameter: inspect.Parameter, factory: Callable[..., Any]) -> inspect.Parameter:
    if not isinstance(parameter.annotation, str):
        return parameter
    try:
        return parameter.replace(annotation=eval(parameter.annotation, vars(sys.modules[factory.__module__])))
    except (NameError, AttributeError, SyntaxError, TypeError, KeyError):  # known only to type checkers, or to nobody
        return parameter.replace(annotation=str)


def _call(offer: Offer, spec: Spec, vocabulary: Vocabulary | None) -> Any:
    factory = offer.function
    known = parameters(factory)
    given = dict(spec.options)
    if spec.value is not None:
        if not known:
            raise GenError(f"{spec.name} takes no value; write {spec.name} alone instead of {quoted(spec.text)}.")
        if known[0].name in given:
            raise GenError(f"{quoted(spec.text)} gives {known[0].name} twice; keep one of them.")
        given = {known[0].name: spec.value, **given}
    for key in given:
        if key not in {p.name for p in known}:
            raise GenError(f"{brief(spec.name)} has no option {quoted(key)}; {_options(known)}.")
    for p in known:
        if p.default is p.empty and p.name not in given:
            as_in = f"{spec.name}=VALUE" if p is known[0] else f"{spec.name},{p.name}=VALUE"
            raise GenError(f"{quoted(spec.text)} lacks its {p.name} ({describe(p.annotation)}); write {as_in}.")
    arguments = {p.name: convert(given[p.name], p, spec) for p in known if p.name in given}
    if "vocabulary" in inspect.signature(factory).parameters:
        arguments["vocabulary"] = vocabulary
    try:
        with doing(f"making {spec.name}{offer.plugin.of}", logged=OTHERS):
            return factory(**arguments)
    except (ValueError, TypeError, LookupError, ArithmeticError) as problem:
        which = f"{quoted(spec.text)}{offer.plugin.of} cannot be made ({reason_of(problem)})"
        raise GenError(f"{which}; give it other values, or leave it out.") from problem


def _options(known: list[inspect.Parameter]) -> str:
    if not known:
        return "write its name alone"
    return "write one of its options: " + ", ".join(f"{p.name} ({describe(p.annotation)})" for p in known)


def describe(annotation: Any) -> str:
    """A type in words that fit a command line."""
    if get_origin(annotation) is Literal:
        return " or ".join(str(choice) for choice in get_args(annotation))
    if get_origin(annotation) is tuple:
        return f"{describe(get_args(annotation)[0])}|..."
    if members := _members(annotation):
        return " or ".join(describe(member) for member in members)
    words = {int: "whole number", float: "number", str: "text", bool: "yes or no", type(None): "none"}
    return words.get(annotation, "text")


def is_opened(annotation: Any) -> bool:
    """Whether a parameter of this type names what a processor opens: a file, a folder or a model."""
    return annotation is Opened or any(is_opened(each) for each in get_args(annotation) if each is not Ellipsis)


def _members(annotation: Any) -> tuple[Any, ...]:
    """The members of a union in the order in which they are tried: the narrowest first."""
    if get_origin(annotation) not in (type(int | str), Union):
        return ()
    order = [type(None), int, float, bool]
    return tuple(sorted(get_args(annotation), key=lambda m: order.index(m) if m in order else len(order) + (m is str)))


def convert(value: Pieces, parameter: inspect.Parameter, spec: Spec) -> Any:
    """`value` converted to the annotated type of `parameter`."""
    try:
        return _converted(value, parameter.annotation)
    except ValueError:
        wanted = describe(parameter.annotation)
        raise GenError(
            f"{quoted(spec.text)} gives {parameter.name} as {quoted('|'.join(value))}; write {wanted}."
        ) from None


def _converted(value: Pieces, annotation: Any) -> Any:
    text = "|".join(value)
    for member in _members(annotation):
        try:
            return _converted(value, member)
        except ValueError:
            continue
    if get_origin(annotation) is tuple:
        return tuple(_converted((piece,), get_args(annotation)[0]) for piece in value)
    if get_origin(annotation) is Literal:
        return get_args(annotation)[[str(choice) for choice in get_args(annotation)].index(text)]
    return SIMPLE.get(annotation, str)(text)


def _number(text: str) -> float:
    number = float(text)
    if number != number:
        raise ValueError(text)
    return number


def _truth(text: str) -> bool:
    if text.lower() not in YES + NO:
        raise ValueError(text)
    return text.lower() in YES


def _nothing(text: str) -> None:
    if text.lower() != "none":
        raise ValueError(text)


SIMPLE: dict[Any, Callable[[str], Any]] = {int: int, float: _number, bool: _truth, type(None): _nothing}
