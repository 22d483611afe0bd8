"""How far can I go?: where along its path the camera would see gaps or too much invention."""

from __future__ import annotations

import bpy

from ..geometry.path_check import measure_path, summary
from ..geometry.rig_paths import PathError
from ..geometry.scene_parts import SceneError, parts_of
from ..geometry.scene_rig import existing_rig
from ..geometry.translation import translate
from .path_options import in_object_mode, limits_of


class MAKE4D_OT_check_path(bpy.types.Operator):
    """Measure the camera's views along its path."""

    bl_idname = "make_4d.check_path"
    bl_label = "How Far Can I Go?"
    bl_description = (
        "See where the camera would look past the painted picture or show too much that was "
        "invented: the curve turns green where all is well, amber where it nears the limits, red "
        "beyond them"
    )
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """In Object Mode, where the curve is as it is drawn."""
        return in_object_mode(cls, context)

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Measure and say what was found."""
        try:
            parts = parts_of(context.scene)
            measured = measure_path(context.scene, parts, existing_rig(parts))
        except (SceneError, PathError) as error:
            self.report({"ERROR"}, translate(error))
            return {"CANCELLED"}
        self.report({"INFO"}, summary(measured, limits_of(context.scene)))
        return {"FINISHED"}


def register() -> None:
    """Register the operator."""
    bpy.utils.register_class(MAKE4D_OT_check_path)


def unregister() -> None:
    """Remove the operator."""
    bpy.utils.unregister_class(MAKE4D_OT_check_path)
