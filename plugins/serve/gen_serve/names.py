"""Names that whoever starts the server gives: origins of pages, and hosts. What browsers never send is refused."""

from __future__ import annotations

import re

from gen_engine.errors import quoted

HOST = r"(?:[a-z0-9_](?:[a-z0-9._-]*[a-z0-9_])?|\[[0-9a-f:.]+\])"
ORIGIN = re.compile(rf"([a-z][a-z0-9+.-]*)://({HOST})(?::(\d{{1,5}}))?", re.ASCII)
NAME = re.compile(rf"{HOST}|[0-9a-f.]*:[0-9a-f.]*:[0-9a-f:.]*", re.ASCII)
PORTS = {"http": "80", "https": "443"}
"""Ports that browsers leave out."""

ANY = "*"


def origin_of(text: str) -> str:
    """An origin as browsers send it. Raises ValueError, with the remedy, for what is none.

    `null` is refused: any page can have it sent, from a sandboxed frame.
    """
    found = ORIGIN.fullmatch(text.lower())
    if text == ANY:
        return text
    if found is None:
        more = ", or * for any" if text.lower() == "null" else ""
        raise ValueError(f"{quoted(text)} is no origin; write SCHEME://HOST or SCHEME://HOST:PORT, such as "
                         f"https://example.org{more}.")  # fmt: skip
    scheme, host, port = found.groups()
    return f"{scheme}://{host}" if port in (None, PORTS.get(scheme)) else f"{scheme}://{host}:{port}"


def host_of(text: str) -> str:
    """A name as the `Host` header has it, without a port. Raises ValueError, with the remedy, for what is none."""
    name = text.lower().removesuffix(".")
    if text != ANY and not NAME.fullmatch(name):
        raise ValueError(f"{quoted(text)} is no name of a host; write it without scheme, port and path, such as "
                         "gen.example.org, or * for any.")  # fmt: skip
    return name
