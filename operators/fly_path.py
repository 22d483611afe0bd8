"""Re-make Path: another move of the camera over the same objects."""

from __future__ import annotations

import bpy

from ..geometry.core.autocruise import CruiseSettings
from ..geometry.core.long_cruise import LongCruise
from ..geometry.rig_paths import PathError
from ..geometry.scene_parts import SceneError, parts_of
from ..geometry.scene_path import PathRequest, remake_path
from ..geometry.translation import translate
from .path_options import OPTIONS, PathOptions, draw_options, in_object_mode


class MAKE4D_OT_fly_path(PathOptions, bpy.types.Operator):
    """Give the camera another path."""

    bl_idname = "make_4d.fly_path"
    bl_label = "Re-make Path"
    bl_description = (
        "Lay the camera's path anew: its curve, and the keys of camera and target on the way. "
        "Everything else that you made of them stays"
    )
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """In Object Mode, where the curve can be changed."""
        return in_object_mode(cls, context)

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Make the path and remember how."""
        try:
            remake_path(context.scene, parts_of(context.scene), self.request())
        except (SceneError, PathError, ValueError) as error:
            self.report({"ERROR"}, translate(error))
            return {"CANCELLED"}
        for name in OPTIONS:
            setattr(context.scene.make_4d_camera, name, getattr(self, name))
        self.report({"INFO"}, "Edit the curve's points and the target; then see how far you can go")
        return {"FINISHED"}

    def draw(self, context: bpy.types.Context) -> None:
        """The options that the move knows."""
        layout = self.layout
        layout.use_property_split = True
        layout.prop(self, "move")
        draw_options(layout, self)
        layout.prop(self, "ease")
        layout.prop(self, "loop")

    def request(self) -> PathRequest:
        """The options as what is to be made."""
        speed = self.length / self.steps
        step = CruiseSettings(speed, self.horizon, self.sky, self.near, self.turning)
        return PathRequest(
            move=str(self.move),
            amount=self.amount,
            mirrored=self.mirrored,
            seed=self.seed,
            cruise=LongCruise(self.length, step),
            ease=self.ease,
            back=self.loop == "BACK",
        )


def register() -> None:
    """Register the operator."""
    bpy.utils.register_class(MAKE4D_OT_fly_path)


def unregister() -> None:
    """Remove the operator."""
    bpy.utils.unregister_class(MAKE4D_OT_fly_path)
