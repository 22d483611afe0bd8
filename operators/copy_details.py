"""Copy Details: what somebody who can help needs to know of a failure, without private paths."""

from __future__ import annotations

import json
import platform
import sys
import tomllib
from pathlib import Path

import bpy

from ..jobs import running
from ..ml.common.job_settings import JobSettings

MANIFEST = Path(__file__).parents[1] / "blender_manifest.toml"
PRIVATE = ("photo", "networks", "edits")
"""Settings that are paths: only the files' names are copied."""


class MAKE4D_OT_copy_details(bpy.types.Operator):
    """Copy why the last job failed."""

    bl_idname = "make_4d.copy_details"
    bl_label = "Copy Details"
    bl_description = (
        "Copy the error, the settings and the versions of everything to the clipboard, to paste "
        "into a report. Your folders' names are left out"
    )
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """There has to be a failure."""
        return running.failure is not None

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Put the text on the clipboard."""
        assert running.failure is not None
        context.window_manager.clipboard = details(running.failure)
        self.report({"INFO"}, "Copied: paste it into your report")
        return {"FINISHED"}


def details(failure: running.Failure) -> str:
    """Versions, settings, sentence and log of a failure, as text."""
    version = tomllib.loads(MANIFEST.read_text(encoding="utf-8"))["version"]
    lines = [
        f"Make 4D {version}, Blender {bpy.app.version_string}, Python {sys.version.split()[0]}",
        f"{platform.system()} {platform.release()} {platform.machine()}",
        f"Settings: {json.dumps(public(failure.settings))}",
        failure.message,
        failure.detail,
    ]
    return without_folders("\n".join(lines), failure.settings)


def public(settings: JobSettings) -> dict[str, object]:
    """Settings with the names of files in place of their paths."""
    record = settings.to_json()
    return record | {name: Path(str(record[name])).name for name in PRIVATE}


def without_folders(text: str, settings: JobSettings) -> str:
    """A text without the folders that settings name, and with ~ in place of the user's own."""
    for path in filter(None, (str(getattr(settings, name)) for name in PRIVATE)):
        text = text.replace(path, Path(path).name)
    return text.replace(str(Path.home()), "~")


def register() -> None:
    """Register the operator."""
    bpy.utils.register_class(MAKE4D_OT_copy_details)


def unregister() -> None:
    """Remove the operator."""
    bpy.utils.unregister_class(MAKE4D_OT_copy_details)
