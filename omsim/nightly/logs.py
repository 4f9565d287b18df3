"""How the nightly job speaks while it works: one line an event on stderr, as text or as JSON objects.

Owns the two formats and the clock of the phases. The job and its parts speak through an ordinary `logging.Logger`; what
they pass as ``extra`` (the phase, counts) goes into the line.
"""

from __future__ import annotations

import json
import logging
import math
import sys
import time
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Literal, TextIO

if TYPE_CHECKING:
    from collections.abc import Iterator

_NOT_COUNTS = ("run_key", "kind", "gate", "exit_code")
_OWN = {*logging.makeLogRecord({}).__dict__, "message", "asctime", "taskName"}


class JsonLines(logging.Formatter):
    """One JSON object a line: time (UTC), level, run key, phase, seconds since the start, message, and counts."""

    def __init__(self, key: str) -> None:
        super().__init__()
        self.key = key
        self.started = time.monotonic()

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record; its ``extra`` keys as they are, numbers JSON has no word for as null."""
        extra = {name: _plain(value) for name, value in _extra(record).items()}
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "run_key": self.key,
            "phase": extra.pop("phase", "job"),
            "seconds": extra.pop("seconds", round(time.monotonic() - self.started, 3)),
            "message": record.getMessage(),
            **extra,
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, allow_nan=False)


class TextLines(logging.Formatter):
    """A line for people: the phase, what happened, counts, and how long it took."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record."""
        extra = _extra(record)
        phase, seconds, message = extra.pop("phase", ""), extra.pop("seconds", None), record.getMessage()
        counts = ", ".join(
            f"{name.replace('_', ' ')} {_count(value)}" for name, value in extra.items() if name not in _NOT_COUNTS
        )
        text = f"{phase}: {message}" if phase and phase != message else message
        if counts:
            text += f" ({counts})"
        if seconds is not None:
            text += f", {seconds:.1f} s"
        return text if record.levelno < logging.WARNING else f"{record.levelname.lower()}: {text}"


@contextmanager
def night_log(
    key: str,
    *,
    style: Literal["text", "json"] = "text",
    level: int = logging.INFO,
    stream: TextIO | None = None,
) -> Iterator[logging.Logger]:
    """A logger for one call of the job, that no other configuration of logging sees.

    Parameters
    ----------
    key : str
        Run key, in each JSON line.
    style : str
        ``text`` or ``json``.
    level : int
        Least level told.
    stream : text file or None
        stderr unless given.
    """
    log = logging.Logger("omsim.nightly", level)
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines(key) if style == "json" else TextLines())
    log.addHandler(handler)
    try:
        yield log
    finally:
        handler.flush()
        log.removeHandler(handler)


def _extra(record: logging.LogRecord) -> dict[str, Any]:
    """What came as ``extra``; a mapping of counts laid open."""
    extra = {name: value for name, value in vars(record).items() if name not in _OWN}
    counts = extra.pop("counts", {})
    return {**extra, **counts}


def _count(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if hasattr(value, "item") and getattr(value, "ndim", 1) == 0:
        return _plain(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (bool, int, str)):
        return value
    return value.isoformat() if isinstance(value, date) else str(value)
