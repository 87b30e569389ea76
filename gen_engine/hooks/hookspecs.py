"""The hooks that a plugin may implement. They run once at start-up, never per token."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    import click

    from ..types import Decoder, DecoderFactory, ModelLoader, ProcessorFactory, RecipeFactory, ShippedModel

PROJECT = "gen_engine"
hookspec: pluggy.HookspecMarker = pluggy.HookspecMarker(PROJECT)
hookimpl: pluggy.HookimplMarker = pluggy.HookimplMarker(PROJECT)


@hookspec
def add_commands(gen: click.Group) -> None:
    """Mount commands on `gen`."""


@hookspec
def add_trainers(train: click.Group) -> None:
    """Mount trainers on `gen train`."""


@hookspec
def add_evaluators(group: click.Group) -> None:
    """Mount evaluators on `gen eval`."""


@hookspec
def models() -> Mapping[str, ShippedModel]:  # type: ignore[empty-body]
    """Name the trained models this plugin brings."""


@hookspec
def loaders() -> Mapping[str, ModelLoader]:  # type: ignore[empty-body]
    """Name the `model_type`s of checkpoints that this plugin loads by its own loader."""


@hookspec
def processors() -> Mapping[str, ProcessorFactory]:  # type: ignore[empty-body]
    """Name the factories of constraints and shapers."""


@hookspec
def decoders() -> Mapping[str, Decoder | DecoderFactory]:  # type: ignore[empty-body]
    """Name the decoding strategies: functions of a `generation`, or factories of them with typed parameters."""


@hookspec
def recipes() -> Mapping[str, RecipeFactory]:  # type: ignore[empty-body]
    """Name the recipes of `gen convert`: factories, with typed parameters, of functions that convert foreign
    tensors.
    """
