"""Every error a user can meet: one sentence of what is wrong, ending in the remedy."""

from __future__ import annotations

from collections.abc import Sequence


class GenError(Exception):
    """What is wrong and how to mend it, in one sentence; the command line prints it and exits with `exit_code`."""

    exit_code = 2


class ConflictError(GenError):
    """The constraints admit no text at all; `members` are a subset of which none can be dropped."""

    def __init__(self, message: str, members: Sequence[str]) -> None:
        super().__init__(message)
        self.members = tuple(members)


class UndecidedError(GenError):
    """Neither a legal text nor a proof that there is none was found within the search limit."""

    exit_code = 3
