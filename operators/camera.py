"""The camera's operators and options: its move, how far it can go, its horizon."""

from __future__ import annotations

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty

from ..geometry.camera_rig import TILT, roll_of, set_roll
from ..geometry.core.autocruise import CruiseSettings
from ..geometry.core.long_cruise import LongCruise
from ..geometry.core.messages import Message
from ..geometry.core.path_safety import MAX_INPAINTED, MAX_UNCOVERED
from ..geometry.path_check import Limits, measure_path, summary
from ..geometry.scene_parts import parts_of
from ..geometry.scene_path import MOVES, PathRequest, fit_path, remake_path
from ..geometry.scene_rig import existing_rig
from ..geometry.translation import CONTEXT
from .reporting import Reports, in_object_mode

MOVE_ITEMS = tuple((key, move.label, move.description) for key, move in MOVES.items())
EASE_ITEMS = (
    ("LINEAR", "Linear", "Constant speed"),
    ("EASE", "Ease In and Out", "Start and stop gently"),
    ("EASE_IN", "Ease In", "Start gently, end at full speed"),
    ("EASE_OUT", "Ease Out", "Start at full speed, stop gently"),
)
LOOP_ITEMS = (
    ("NONE", "None", "End the film where the path ends"),
    ("BACK", "There and Back", "Fly back the same way, so that the last frame leads to the first"),
)
FLOWN = "Edit the curve's points and the target, then press Check Path"
SHORTENED = "Shortened to {fraction} of its length. {summary}"
LEVEL = "No tilt was detected in the photo: set Angle in Adjust Last Operation"


class PathOptions:
    """What the artist asks of a path: mixed into the operator and the scene's property group."""

    move: EnumProperty(  # type: ignore[valid-type]
        name="Move",
        description="Kind of path that the camera follows",
        items=MOVE_ITEMS,
        translation_context=CONTEXT,
    )
    amount: FloatProperty(  # type: ignore[valid-type]
        name="Amount",
        description=(
            "How far the move goes. 1 is as far as the image holds together; lower values stay "
            "closer to the photo, higher values reveal gaps"
        ),
        default=1.0,
        min=0.0,
        soft_max=2.0,
        max=10.0,
    )
    mirrored: BoolProperty(  # type: ignore[valid-type]
        name="Mirror", description="Swap left and right"
    )
    seed: IntProperty(  # type: ignore[valid-type]
        name="Seed", description="Random seed of the camera shake", min=0
    )
    ease: EnumProperty(  # type: ignore[valid-type]
        name="Ease",
        description="How the camera starts and stops. Linear loops seamlessly on a closed path",
        items=EASE_ITEMS,
        translation_context=CONTEXT,
        default="EASE",
    )
    loop: EnumProperty(  # type: ignore[valid-type]
        name="Loop", description="Where the camera is after the last frame", items=LOOP_ITEMS
    )
    length: FloatProperty(  # type: ignore[valid-type]
        name="Length",
        description=(
            "Length of the long cruise, in scene units: the nearest point of the photo is 1 away"
        ),
        default=3.0,
        min=0.1,
        soft_max=20.0,
        max=100.0,
    )
    steps: IntProperty(  # type: ignore[valid-type]
        name="Steps",
        description=(
            "Number of times the camera chooses a new direction; more steps avoid smaller obstacles"
        ),
        default=20,
        min=2,
        soft_max=60,
        max=200,
    )
    turning: FloatProperty(  # type: ignore[valid-type]
        name="Turning",
        description="How quickly the camera turns toward a new direction",
        default=0.3,
        min=0.01,
        max=1.0,
        subtype="FACTOR",
    )
    horizon: FloatProperty(  # type: ignore[valid-type]
        name="Horizon",
        description="Fraction of the frame above the skyline that the camera aims for",
        default=0.4,
        min=0.0,
        max=1.0,
        subtype="FACTOR",
    )
    sky: FloatProperty(  # type: ignore[valid-type]
        name="Sky",
        description="Disparity below which a pixel counts as sky; the nearest point has 1",
        default=0.1,
        min=0.0,
        max=1.0,
        subtype="FACTOR",
    )
    near: FloatProperty(  # type: ignore[valid-type]
        name="Near Ground",
        description="Fraction of the frame filled by near ground; higher values fly lower",
        default=0.25,
        min=0.0,
        max=1.0,
        subtype="FACTOR",
    )


OPTIONS = tuple(PathOptions.__annotations__)
"""Names of all options."""


class Make4DCamera(PathOptions, bpy.types.PropertyGroup):
    """The options of the scene's path, and the limits within which a path is safe."""

    max_empty: FloatProperty(  # type: ignore[valid-type]
        name="Empty",
        description="Maximum part of the frame that may be empty on a safe path",
        default=100 * MAX_UNCOVERED,
        min=0.0,
        max=100.0,
        precision=1,
        subtype="PERCENTAGE",
    )
    max_inpainted: FloatProperty(  # type: ignore[valid-type]
        name="Inpainted",
        description=(
            "Maximum part of the frame that may be inpainted on a safe path, where the photo shows "
            "only what is in front. The outpainted surroundings don't count"
        ),
        default=100 * MAX_INPAINTED,
        min=0.0,
        max=100.0,
        precision=0,
        subtype="PERCENTAGE",
    )


class MAKE4D_OT_fly_path(Reports, PathOptions, bpy.types.Operator):
    """Give the camera another path."""

    bl_idname = "make_4d.fly_path"
    bl_label = "Re-make Path"
    bl_description = (
        "Replace the camera's path: its curve, and the keyframes of camera and target along it. "
        "Other changes that you made to them are kept"
    )
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """In Object Mode, where the curve can be changed."""
        return in_object_mode(cls, context)

    def run(self, context: bpy.types.Context) -> str:
        """Make the path and keep its options with the scene."""
        remake_path(context.scene, parts_of(context.scene), self.request())
        for name in OPTIONS:
            setattr(context.scene.make_4d_camera, name, getattr(self, name))
        return FLOWN

    def draw(self, context: bpy.types.Context) -> None:
        """Draw the options that the move uses."""
        self.layout.use_property_split = True
        draw_options(self.layout, self)

    def request(self) -> PathRequest:
        """The path that the options describe."""
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


class MAKE4D_OT_check_path(Reports, bpy.types.Operator):
    """Measure the camera's views along its path."""

    bl_idname = "make_4d.check_path"
    bl_label = "Check Path"
    bl_description = (
        "Find where the camera would see gaps or too much that is inpainted. The curve turns green "
        "where the path is safe, amber near the limits, and red beyond them"
    )
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """In Object Mode, where the curve is as it is drawn."""
        return in_object_mode(cls, context)

    def run(self, context: bpy.types.Context) -> str:
        """Measure, and say how far the camera can go."""
        parts = parts_of(context.scene)
        measurement = measure_path(context.scene, parts, existing_rig(parts))
        return summary(measurement, limits_of(context.scene))


class MAKE4D_OT_fit_path(Reports, bpy.types.Operator):
    """Shorten the camera's path to what is safe."""

    bl_idname = "make_4d.fit_path"
    bl_label = "Fit to Safe"
    bl_description = (
        "End the camera's path where it stops being safe. The curve and the target stay the same "
        "up to there, and the film keeps its length"
    )
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """In Object Mode, where the curve can be changed."""
        return in_object_mode(cls, context)

    def run(self, context: bpy.types.Context) -> str:
        """Shorten the path, and say by how much."""
        limits = limits_of(context.scene)
        measurement, kept = fit_path(context.scene, parts_of(context.scene), limits)
        message = summary(measurement, limits)
        if kept == 1:
            return message
        return Message(SHORTENED, fraction=f"{kept:.0%}", summary=message)


class MAKE4D_OT_level_horizon(Reports, bpy.types.Operator):
    """Turn the view so that the horizon is level; press again to turn it back."""

    bl_idname = "make_4d.level_horizon"
    bl_label = "Level Horizon"
    bl_description = (
        "Roll the camera, all along its path, so that the photo's horizon is level. Press again to "
        "undo the roll"
    )
    bl_options = {"REGISTER", "UNDO"}

    angle: FloatProperty(  # type: ignore[valid-type]
        name="Angle",
        description="Angle by which the horizon is tilted clockwise in the photo",
        soft_min=-0.35,
        soft_max=0.35,
        min=-1.6,
        max=1.6,
        subtype="ANGLE",
        options={"SKIP_SAVE"},
    )

    def run(self, context: bpy.types.Context) -> str:
        """Roll the target, whose z axis is the camera's up."""
        rig = existing_rig(parts_of(context.scene))
        rolled, is_set = roll_of(rig), self.properties.is_property_set("angle")
        if not is_set:
            self.angle = 0.0 if rolled else rig.camera.get(TILT, 0.0)
        set_roll(rig, self.angle)
        return "" if is_set or self.angle or rolled else LEVEL


def limits_of(scene: bpy.types.Scene) -> Limits:
    """The scene's limits as fractions 0 to 1."""
    own = scene.make_4d_camera
    return Limits(own.max_empty / 100, own.max_inpainted / 100)


def draw_options(layout: bpy.types.UILayout, options: PathOptions) -> None:
    """Draw the move, the options that it uses, and what every move has."""
    for name in ("move", *MOVES[str(options.move)].options, "ease", "loop"):
        layout.prop(options, name)


_register_classes, _unregister_classes = bpy.utils.register_classes_factory(
    (
        Make4DCamera,
        MAKE4D_OT_fly_path,
        MAKE4D_OT_check_path,
        MAKE4D_OT_fit_path,
        MAKE4D_OT_level_horizon,
    )
)


def register() -> None:
    """Register the operators, and the options with every scene."""
    _register_classes()
    bpy.types.Scene.make_4d_camera = bpy.props.PointerProperty(type=Make4DCamera)


def unregister() -> None:
    """Unregister them."""
    del bpy.types.Scene.make_4d_camera
    _unregister_classes()
