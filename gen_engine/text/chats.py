"""A chat: what a user asks a chat model, and what was said before."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Chat:
    """A chat up to the model's answer: what the `user` says, after the `system` text if there is one.

    `earlier` holds what was said between these two, as pairs of role ("user", "assistant" or "system") and text.

    As the context of a request it is written by the model's own chat template, and the answer is the text. Special
    tokens in it stay characters, so that nobody can end a turn by typing its end, unless it is `special`.
    """

    user: str
    system: str = ""
    special: bool = False
    earlier: tuple[tuple[str, str], ...] = ()

    @property
    def turns(self) -> list[tuple[str, str]]:
        """All of it in order, as pairs of role and text."""
        return [*([("system", self.system)] if self.system else []), *self.earlier, ("user", self.user)]
