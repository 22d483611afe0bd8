"""What the artist asks of the camera's path: the same in the panel and in the operator's redo."""

from __future__ import annotations

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty

from ..geometry.core.path_safety import MAX_INPAINTED, MAX_UNCOVERED
from ..geometry.path_check import Limits
from ..geometry.scene_path import MOVES
from ..geometry.translation import CONTEXT

MOVE_ITEMS = tuple((key, move.label, move.description) for key, move in MOVES.items())
EASES = (
    ("LINEAR", "Linear", "At the same speed all the way"),
    ("EASE", "Ease In and Out", "Start and come to rest gently"),
    ("EASE_IN", "Ease In", "Start gently, end in full flight"),
    ("EASE_OUT", "Ease Out", "Start in full flight, come to rest gently"),
)
LOOPS = (
    ("NONE", "None", "The film ends where the path ends"),
    ("BACK", "There and Back", "Fly back the same way, so that the last frame leads to the first"),
)


class PathOptions:
    """Mixed into the operator and into the scene's property group."""

    move: EnumProperty(  # type: ignore[valid-type]
        name="Move",
        description="The path that the camera gets",
        items=MOVE_ITEMS,
        translation_context=CONTEXT,
    )
    amount: FloatProperty(  # type: ignore[valid-type]
        name="Amount",
        description=(
            "1 goes as far as the picture holds together; less stays closer to the photo, more "
            "shows its gaps"
        ),
        default=1.0,
        min=0.0,
        soft_max=2.0,
        max=10.0,
    )
    mirrored: BoolProperty(  # type: ignore[valid-type]
        name="Mirror", description="Left for right"
    )
    seed: IntProperty(  # type: ignore[valid-type]
        name="Seed", description="Another number shakes the camera differently", min=0
    )
    ease: EnumProperty(  # type: ignore[valid-type]
        name="Ease",
        description="How the camera starts and ends. On a closed path Linear loops without a rest",
        items=EASES,
        translation_context=CONTEXT,
        default="EASE",
    )
    loop: EnumProperty(  # type: ignore[valid-type]
        name="Loop", description="Where the camera is after the last frame", items=LOOPS
    )
    length: FloatProperty(  # type: ignore[valid-type]
        name="Length",
        description="How far the long cruise goes; the photo's nearest thing is 1 away",
        default=3.0,
        min=0.1,
        soft_max=20.0,
        max=100.0,
    )
    steps: IntProperty(  # type: ignore[valid-type]
        name="Steps",
        description="How often the camera looks where to go next; more goes round narrower things",
        default=20,
        min=2,
        soft_max=60,
        max=200,
    )
    turning: FloatProperty(  # type: ignore[valid-type]
        name="Turning",
        description="How quickly the camera turns to where it wants to go",
        default=0.3,
        min=0.01,
        max=1.0,
        subtype="FACTOR",
    )
    horizon: FloatProperty(  # type: ignore[valid-type]
        name="Horizon",
        description="Share of the picture above the skyline that the camera looks for",
        default=0.4,
        min=0.0,
        max=1.0,
        subtype="FACTOR",
    )
    sky: FloatProperty(  # type: ignore[valid-type]
        name="Sky",
        description="What counts as sky: nearness below this, where 1 is the nearest thing",
        default=0.1,
        min=0.0,
        max=1.0,
        subtype="FACTOR",
    )
    near: FloatProperty(  # type: ignore[valid-type]
        name="Near Ground",
        description="Share of the picture that near ground shall have: more flies lower",
        default=0.25,
        min=0.0,
        max=1.0,
        subtype="FACTOR",
    )


OPTIONS = tuple(PathOptions.__annotations__)


class Make4DCamera(PathOptions, bpy.types.PropertyGroup):
    """What was last asked for, and how much the artist bears."""

    max_empty: FloatProperty(  # type: ignore[valid-type]
        name="Empty",
        description="Largest share of the picture that may be empty where the path counts as safe",
        default=100 * MAX_UNCOVERED,
        min=0.0,
        max=100.0,
        precision=1,
        subtype="PERCENTAGE",
    )
    max_inpainted: FloatProperty(  # type: ignore[valid-type]
        name="Invented",
        description=(
            "Largest share of the picture that may be invented, because things hide it in the "
            "photo, where the path counts as safe. The painted-on surroundings don't count"
        ),
        default=100 * MAX_INPAINTED,
        min=0.0,
        max=100.0,
        precision=0,
        subtype="PERCENTAGE",
    )


def limits_of(scene: bpy.types.Scene) -> Limits:
    """The scene's limits as shares 0..1."""
    own = scene.make_4d_camera
    return Limits(own.max_empty / 100, own.max_inpainted / 100)


def in_object_mode(operator: type[bpy.types.Operator], context: bpy.types.Context) -> bool:
    """Poll of operators on the path: in Object Mode, since Edit Mode would overwrite the curve."""
    if context.mode != "OBJECT":
        operator.poll_message_set("Leave Edit Mode first")
    return bool(context.mode == "OBJECT")


def draw_options(layout: bpy.types.UILayout, options: PathOptions) -> None:
    """Draw the options that the chosen move uses."""
    for name in MOVES[str(options.move)].options:
        layout.prop(options, name)


def register() -> None:
    """Hang the options on the scene."""
    bpy.utils.register_class(Make4DCamera)
    bpy.types.Scene.make_4d_camera = bpy.props.PointerProperty(type=Make4DCamera)


def unregister() -> None:
    """Remove them."""
    del bpy.types.Scene.make_4d_camera
    bpy.utils.unregister_class(Make4DCamera)
