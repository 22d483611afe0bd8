"""Fit to Safe: the camera's path ends where the picture still holds together."""

from __future__ import annotations

import bpy
from bpy.app.translations import pgettext_rpt as rpt_

from ..geometry.path_check import summary
from ..geometry.rig_paths import PathError
from ..geometry.scene_parts import SceneError, parts_of
from ..geometry.scene_path import fit_path
from ..geometry.translation import translate
from .path_options import in_object_mode, limits_of


class MAKE4D_OT_fit_path(bpy.types.Operator):
    """Shorten the camera's path to what is safe."""

    bl_idname = "make_4d.fit_path"
    bl_label = "Fit to Safe"
    bl_description = (
        "End the camera's path where it is safe; up to there the curve and what the camera looks "
        "at stay, and the film takes as long as before"
    )
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """In Object Mode, where the curve can be changed."""
        return in_object_mode(cls, context)

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Shorten the path and say by how much."""
        limits = limits_of(context.scene)
        try:
            measured, kept = fit_path(context.scene, parts_of(context.scene), limits)
        except (SceneError, PathError) as error:
            self.report({"ERROR"}, translate(error))
            return {"CANCELLED"}
        text = "" if kept == 1 else rpt_("Shortened to {share} of its length. ")
        done = text.format(share=f"{kept:.0%}")
        self.report({"INFO"}, done + summary(measured, limits))
        return {"FINISHED"}


def register() -> None:
    """Register the operator."""
    bpy.utils.register_class(MAKE4D_OT_fit_path)


def unregister() -> None:
    """Remove the operator."""
    bpy.utils.unregister_class(MAKE4D_OT_fit_path)
