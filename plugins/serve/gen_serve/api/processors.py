"""`gen_xargs`: the processors of all plugins as one flat, typed object. No engine is known here, and no torch.

A processor's value stands under its own name, and each option under `NAME_OPTION`. They apply in their order in the
JSON. A parameter that names what a processor opens (its type is `Opened`: a file, a folder, a model) is not offered,
and neither is a processor that needs one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, reduce
from inspect import Parameter
from operator import or_
from types import NoneType
from typing import Annotated, Any, ClassVar, Literal, Union, get_args, get_origin

from pydantic import (
    AllowInfNan,
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    Strict,
    create_model,
    model_validator,
)
from pydantic_core import PydanticCustomError

from gen_engine.errors import GenError
from gen_engine.hooks.registry import Offer, registry
from gen_engine.hooks.specs import describe, is_decoder, is_opened, parameters
from gen_engine.types import Spec

LISTED = 1024
"""The most entries of a list; each makes a rule larger, which others wait for."""

Whole = Annotated[int, Strict()]
Number = Annotated[float, Strict(), AllowInfNan(False)]
Truth = Annotated[bool, Strict()]
Words = Annotated[str, Strict()]
SIMPLE: dict[Any, Any] = {int: Whole, float: Number, bool: Truth, str: Words | Whole, NoneType: None}
"""What JSON must hold for each type of a parameter. A text may be a whole number, as in `length`."""

FAILED = "not_possible"
"""The type of an error that pydantic cannot find by itself."""


def wrong(param: str, message: str) -> PydanticCustomError:
    """What a check of several fields raises; the error names the field `param`."""
    return PydanticCustomError(FAILED, "{message}", {"param": param, "message": message})


class Arguments(BaseModel):
    """Processors of `gen processors`, in the order in which they apply, and how tokens are chosen."""

    model_config = ConfigDict(extra="forbid")
    options: ClassVar[Mapping[str, tuple[str, str]]] = {}
    decoders: ClassVar[frozenset[str]] = frozenset()
    _order: tuple[str, ...] = PrivateAttr(())

    decoder: Words | None = None
    patience: Number | None = Field(
        None, gt=0, description="Seconds of search after which the answer is 424; at most those of the server."
    )

    @model_validator(mode="wrap")
    @classmethod
    def _in_order(cls, given: Any, handler: Callable[[Any], Arguments]) -> Arguments:
        names = tuple(given) if isinstance(given, Mapping) else ()
        if decoder := next((name for name in names if name in cls.decoders and name not in cls.model_fields), None):
            raise wrong(decoder, f'it is a decoder; set decoder to "{decoder}"')
        made = handler(given)
        made._order = names
        for name in made._order:
            owner = cls.options.get(name, ("", ""))[0]
            if owner and owner != name and not made._has(owner):
                remedy = f'set decoder to "{owner}"' if owner in cls.decoders else f"add {owner}"
                raise wrong(name, f"it is an option of {owner}; {remedy}, or leave it out")
        return made

    def _has(self, owner: str) -> bool:
        return owner in (self.decoder or "sample", *(name for name in self._order if getattr(self, name) is not False))

    @property
    def specs(self) -> tuple[str, ...]:
        """The processors in the notation of the command line, in order."""
        own = (name for name in self._order if self.options.get(name) == (name, ""))
        return tuple(str(self._spec(name)) for name in own if getattr(self, name) is not False)

    @property
    def decoder_spec(self) -> str | None:
        """The decoder in the same notation, None if none was named."""
        return None if self.decoder is None else str(self._spec(self.decoder))

    def _spec(self, owner: str) -> Spec:
        value = getattr(self, owner) if owner in self._order else True
        mine = {name: self.options[name] for name in self._order if name != owner and name in self.options}
        options = {option: _pieces(getattr(self, name)) for name, (of, option) in mine.items() if of == owner}
        return Spec(owner, None if value is True else _pieces(value), options)


def _pieces(value: Any) -> tuple[str, ...]:
    """A value in the notation of the command line."""
    if isinstance(value, list):
        return tuple(piece for each in value for piece in _pieces(each))
    return ("none" if value is None else "yes" if value is True else "no" if value is False else str(value),)


@dataclass(frozen=True)
class Offering:
    """A processor or a decoder that is offered: its parameters, and the first line of its documentation."""

    name: str
    parameters: tuple[Parameter, ...]
    summary: str
    takes_value: bool = True

    @property
    def fields(self) -> Iterator[tuple[str, str, Any, Any]]:
        """Name, option ("" for the value), type and description of each of its fields."""
        first, rest = self.parameters[:1] if self.takes_value else (), self.parameters[self.takes_value :]
        if self.takes_value:
            is_needed = bool(first) and first[0].default is Parameter.empty
            kinds = [*([] if is_needed else [Truth]), *(typed(each.annotation) for each in first)]
            yield self.name, "", reduce(or_, kinds), self.summary
        for each in rest:
            told = f"`{each.name}` of {self.name} ({describe(each.annotation)})"
            yield f"{self.name}_{each.name}", each.name, typed(each.annotation), told


def typed(annotation: Any) -> Any:
    """What JSON must hold for a parameter of this type; null stands for `none`."""
    if get_origin(annotation) is tuple:
        member: Any = typed(get_args(annotation)[0])
        return Annotated[list[member], Field(min_length=1, max_length=LISTED, fail_fast=True)]
    if get_origin(annotation) in (type(int | str), Union):
        return reduce(or_, map(typed, get_args(annotation)))
    return annotation if get_origin(annotation) is Literal else SIMPLE.get(annotation, Words | Whole)


def offering(offer: Offer, *, takes_value: bool = True) -> Offering | None:
    """What clients may use of an offer; None if it needs what they may not open, or cannot be imported."""
    try:
        function = offer.function
    except GenError:  # `gen plugins` reports it
        return None
    known = () if not takes_value and is_decoder(function) else parameters(function)
    if any(is_opened(each.annotation) and each.default is Parameter.empty for each in known):
        return None
    summary = (function.__doc__ or "").strip().split("\n")[0]
    kept = tuple(each for each in known if not is_opened(each.annotation))
    return Offering(offer.name, kept, summary, takes_value)


def make_arguments(processors: Mapping[str, Offer], decoders: Mapping[str, Offer]) -> type[Arguments]:
    """The type of `gen_xargs` for these processors and decoders.

    Where an option would be called as another processor, the name is that processor's.
    """
    found = [each for offer in processors.values() if (each := offering(offer)) is not None]
    ways = [each for offer in decoders.values() if (each := offering(offer, takes_value=False)) is not None]
    names = {each.name for each in found}
    fields: dict[str, Any] = {}
    options: dict[str, tuple[str, str]] = {}
    for each in (*found, *ways):
        for name, option, kind, told in each.fields:
            if option and (name in names or name in Arguments.model_fields):
                continue
            fields[name] = (kind, Field(None, description=told))
            options[name] = (each.name, option)
    told = "How tokens are picked: one of `gen decoders`; its options stand under `DECODER_OPTION`."
    fields["decoder"] = (Literal[tuple(each.name for each in ways)] | None, Field(None, description=told))
    made: type[Arguments] = create_model("Processors", __base__=Arguments, __doc__=Arguments.__doc__, **fields)
    made.options, made.decoders = options, frozenset(each.name for each in ways)
    return made


@cache
def arguments() -> type[Arguments]:
    """The type of `gen_xargs` for everything installed."""
    return make_arguments(registry().processors, registry().decoders)
