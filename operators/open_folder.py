"""Open Folder: show the folder that renders go to in the system's file browser."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import bpy
from bpy.app.translations import pgettext_rpt


class MAKE4D_OT_open_folder(bpy.types.Operator):
    """Open the folder of the film."""

    bl_idname = "make_4d.open_folder"
    bl_label = "Open Folder"
    bl_description = "Show the folder that the film goes to in the system's file browser"
    bl_options = {"INTERNAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Open it, if something made it already."""
        folder = film_folder(context.scene)
        if not folder.is_dir():
            text = pgettext_rpt("There is no folder {folder} yet: render the film first.")
            self.report({"ERROR"}, text.format(folder=folder))
            return {"CANCELLED"}
        if sys.platform == "linux" and shutil.which("xdg-open") is None:  # Blender needs it
            text = pgettext_rpt("This system has no program that opens folders: look in {folder}")
            self.report({"ERROR"}, text.format(folder=folder))
            return {"CANCELLED"}
        bpy.ops.wm.path_open(filepath=str(folder))
        return {"FINISHED"}


def film_folder(scene: bpy.types.Scene) -> Path:
    """The folder that a scene's renders go to."""
    path = bpy.path.abspath(scene.render.filepath)
    return Path(path if path.endswith(("/", "\\")) else Path(path).parent)


def register() -> None:
    """Register the operator."""
    bpy.utils.register_class(MAKE4D_OT_open_folder)


def unregister() -> None:
    """Remove the operator."""
    bpy.utils.unregister_class(MAKE4D_OT_open_folder)
