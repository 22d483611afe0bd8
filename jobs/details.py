"""The details of a failure as text for a report, without the names of the artist's folders."""

from __future__ import annotations

import json
import platform
import re
import sys
import tomllib
from pathlib import Path

import bpy

from ..geometry.save_handlers import PATHS
from ..ml.common.job_settings import JobSettings
from .job import Failure

MANIFEST = Path(__file__).parents[1] / "blender_manifest.toml"
PATH_SETTINGS = (*PATHS, "edits")
"""Settings that are paths; only the files' names are reported."""
SEPARATORS = r"[\\/]+"
"""What stands between the names in a path, in plain text and escaped as in JSON and tracebacks."""


def details(failure: Failure) -> str:
    """Return the versions, the settings, the message and the log of a failure."""
    version = tomllib.loads(MANIFEST.read_text(encoding="utf-8"))["version"]
    lines = [
        f"Make 4D {version}, Blender {bpy.app.version_string}, Python {sys.version.split()[0]}",
        f"{platform.system()} {platform.release()} {platform.machine()}",
        f"{failure.label}, settings: {json.dumps(public_settings(failure.settings))}",
        failure.message,
        failure.detail,
    ]
    return without_folders("\n".join(lines), failure.settings, str(Path.home()))


def public_settings(settings: JobSettings) -> dict[str, object]:
    """Return the settings with the names of files in place of their paths."""
    record = settings.to_json()
    return record | {name: file_name(str(record[name])) for name in PATH_SETTINGS}


def without_folders(text: str, settings: JobSettings, home: str) -> str:
    r"""Return a text without the folders that settings name, and with ~ for the home folder.

    Paths are found with single and with doubled separators, as in `C:\\Users`, and regardless of
    case, which Windows ignores.
    """
    for path in filter(None, (str(getattr(settings, name)) for name in PATH_SETTINGS)):
        text = _replaced(text, path, file_name(path))
    return _replaced(text, home, "~")


def file_name(path: str) -> str:
    """Return the last name in a path of any system, empty for an empty path."""
    return re.split(SEPARATORS, path)[-1]


def _replaced(text: str, path: str, name: str) -> str:
    parts = re.split(SEPARATORS, path)
    if not any(parts):
        return text
    pattern = SEPARATORS.join(re.escape(part) for part in parts)
    return re.sub(rf"{pattern}(?!\w)", lambda _: name, text, flags=re.IGNORECASE)
