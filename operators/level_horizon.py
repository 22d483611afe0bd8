"""Level Horizon: roll the camera so that the photo's horizon is level, or back again."""

from __future__ import annotations

import bpy
from bpy.props import FloatProperty

from ..geometry.camera_rig import TILT, roll_of, set_roll
from ..geometry.scene_parts import SceneError, parts_of
from ..geometry.scene_rig import existing_rig
from ..geometry.translation import translate

UNKNOWN = (
    "The photo's horizon is level, or nobody knows better: set Angle in the panel of this step"
)


class MAKE4D_OT_level_horizon(bpy.types.Operator):
    """Turn the view so that the horizon is level; press again to turn it back."""

    bl_idname = "make_4d.level_horizon"
    bl_label = "Level Horizon"
    bl_description = (
        "Turn the camera's view, all along its path, so that the photo's horizon is level; press "
        "again to turn it back"
    )
    bl_options = {"REGISTER", "UNDO"}

    angle: FloatProperty(  # type: ignore[valid-type]
        name="Angle",
        description="By how much the horizon is turned clockwise in the photo",
        soft_min=-0.35,
        soft_max=0.35,
        min=-1.6,
        max=1.6,
        subtype="ANGLE",
        options={"SKIP_SAVE"},
    )

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Turn the target, whose up is the camera's."""
        try:
            rig = existing_rig(parts_of(context.scene))
        except SceneError as error:
            self.report({"ERROR"}, translate(error))
            return {"CANCELLED"}
        if not self.properties.is_property_set("angle"):
            self.angle = 0.0 if roll_of(rig) else rig.camera.get(TILT, 0.0)
            if self.angle == 0.0 and not roll_of(rig):
                self.report({"INFO"}, UNKNOWN)
        set_roll(rig, self.angle)
        return {"FINISHED"}


def register() -> None:
    """Register the operator."""
    bpy.utils.register_class(MAKE4D_OT_level_horizon)


def unregister() -> None:
    """Remove the operator."""
    bpy.utils.unregister_class(MAKE4D_OT_level_horizon)
