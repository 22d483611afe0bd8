"""The log of jobs that failed: a file in the extension's own folder, of bounded size."""

from __future__ import annotations

import logging
from logging.handlers import RotatingFileHandler
from pathlib import Path

from ..geometry.folders import log_folder

NAME = "make_4d.log"
LIMIT_BYTES = 256 << 10


def path() -> Path:
    """Where the log lies."""
    return log_folder() / NAME


def write(message: str, detail: str) -> None:
    """Add a failure to the log; where that can't be written, to Blender's console alone."""
    print(f"Make 4D: {message}\n{detail}")
    record = logging.LogRecord("make_4d", logging.ERROR, "", 0, f"{message}\n{detail}", None, None)
    try:
        handler = RotatingFileHandler(path(), maxBytes=LIMIT_BYTES, backupCount=1, encoding="utf-8")
    except OSError:
        return
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    handler.emit(record)
    handler.close()
