"""The log of failures: a file of limited size in the extension's own folder."""

from __future__ import annotations

import logging
from logging.handlers import RotatingFileHandler
from pathlib import Path

from ..geometry.folders import log_folder

NAME = "make_4d.log"
LIMIT_BYTES = 256 << 10


def path() -> Path:
    """Return the path of the log."""
    return log_folder() / NAME


def write(message: str, detail: str) -> None:
    """Add a failure to the log; only print it where the log can't be written."""
    print(f"Make 4D: {message}\n{detail}")
    record = logging.LogRecord("make_4d", logging.ERROR, "", 0, f"{message}\n{detail}", None, None)
    try:
        handler = RotatingFileHandler(path(), maxBytes=LIMIT_BYTES, backupCount=1, encoding="utf-8")
    except OSError:
        return
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    handler.emit(record)
    handler.close()
