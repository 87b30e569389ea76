"""The two shapes of a request: that of OpenAI's batch files, and the plain one of a command and its parameters."""

from __future__ import annotations

from typing import Literal

from .files.entries import Asked, Understood

Shape = Literal["auto", "openai", "plain"]
SHAPES = ("auto", "openai", "plain")

OPENAI = ("custom_id", "method", "url", "body")


def is_openai(asked: Asked) -> bool:
    """Whether a request has the shape of OpenAI's batch files."""
    return "body" in asked or "custom_id" in asked or "url" in asked


def check_shape(shape: Shape, understood: Understood, where: str) -> Understood:
    """The same request, with a problem if it is not of the shape that all are to have."""
    asked, problem = understood
    if problem or shape == "auto" or is_openai(asked) == (shape == "openai"):
        return understood
    wanted = ", ".join(OPENAI) if shape == "openai" else "command and its parameters"
    return asked, f"{where} is not of the shape {shape} ({wanted}); mend it, or leave --format out."
