"""A turn of a chat: what a user asks a chat model."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Chat:
    """A chat up to the model's answer: what the `user` says, after the `system` text if there is one.

    As the context of a request it is written by the model's own chat template, and the answer is the text. Special
    tokens in it stay characters, so that nobody can end a turn by typing its end, unless it is `special`.
    """

    user: str
    system: str = ""
    special: bool = False
