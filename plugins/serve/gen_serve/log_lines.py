"""How lines of the log are written. It needs no framework, so that the first line need not wait for one."""

from __future__ import annotations

import json
import logging
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

LOGGER = logging.getLogger("gen_serve")


@dataclass(frozen=True, eq=False)
class Lines:
    """Writes what is logged as lines, of JSON if `in_json`. logging calls `format`."""

    in_json: bool

    def format(self, record: logging.LogRecord) -> str:
        """One line; control characters are escaped."""
        told: dict[str, Any] = getattr(record, "told", None) or {"message": record.getMessage()}
        if record.exc_info:
            told = {**told, "trace": logging.Formatter().formatException(record.exc_info)}
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        if self.in_json:
            return json.dumps({"at": at, "level": record.levelname.lower(), **told}, ensure_ascii=False)
        words = (str(value) if key != "body" else json.dumps(value, ensure_ascii=False) for key, value in told.items())
        return f"{at[11:23]} {' '.join(words)}"


def begin_logging(*, in_json: bool) -> None:
    """Log to standard error: each request, and what goes wrong."""
    shown = logging.StreamHandler(sys.stderr)
    shown.setFormatter(Lines(in_json))  # type: ignore[arg-type]  # `format` is all that is asked of it
    for logger, level in ((LOGGER, logging.INFO), (logging.getLogger("uvicorn"), logging.WARNING)):
        logger.handlers, logger.propagate = [shown], False
        logger.setLevel(level)
