"""The artist's share of the motion: motion guides, and painting what moves.

Update Motion, which turns both into motion, runs a job: it is with the other jobs.
"""

from __future__ import annotations

from contextlib import suppress

import bpy
import numpy as np

from ..geometry.canvas import CANVAS_ROLE, make_canvas, remove_canvas
from ..geometry.custom_properties import MOTION_REGIONS, ROLE
from ..geometry.guides import default_line, make_guide
from ..geometry.photo_view import outpainted_lens, view_from_photo
from ..geometry.scene_parts import SceneError, SceneParts, parts_of
from ..geometry.scene_rig import photo_lens
from .reporting import OperatorError, Reports, call, in_object_mode

SHADING = "make_4d_shading"
"""Custom property of the canvas: the viewport's shading type before painting."""
DRAW_HINT = "Draw in the direction of the flow, then leave Edit Mode"
EXCLUDED = "The view layer excludes the photo's collection: enable it in the Outliner."
NO_REGIONS = "This scene has no motion image: press Update Motion first."


class MAKE4D_OT_add_guide(Reports, bpy.types.Operator):
    """Add a curve along which things move."""

    bl_idname = "make_4d.add_guide"
    bl_label = "Add Guide"
    bl_description = (
        "Add a curve along which water or clouds move. Place it over the photo or along the river: "
        "its direction is the direction of the flow, the radius of its points sets the speed. Then "
        "press Update Motion"
    )
    bl_options = {"REGISTER", "UNDO"}

    draw_it: bpy.props.BoolProperty(  # type: ignore[valid-type]
        name="Draw",
        description="Draw the curve with the mouse, in the direction of the flow",
        options={"SKIP_SAVE"},
    )
    speed: bpy.props.FloatProperty(  # type: ignore[valid-type]
        name="Speed",
        description="Speed relative to the motion without a guide; 0 stands still",
        default=1.0,
        min=0.0,
        soft_max=4.0,
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """In Object Mode, where objects can be added."""
        return in_object_mode(cls, context)

    def run(self, context: bpy.types.Context) -> str:
        """Make the curve, select it, and start drawing if requested."""
        parts = parts_of(context.scene)
        photo_lens(parts.still)
        line = np.zeros((0, 3)) if self.draw_it else default_line(parts.still, parts.moving)
        guide = make_guide(parts.still, line, self.speed)
        try:
            select_only(context, guide)
            if self.draw_it:
                start_drawing(context)
        except OperatorError:
            bpy.data.curves.remove(guide.data)  # and the guide with it
            raise
        return DRAW_HINT if self.draw_it else ""


class MAKE4D_OT_paint_motion(Reports, bpy.types.Operator):
    """Paint what moves, or stop painting."""

    bl_idname = "make_4d.paint_motion"
    bl_label = "Paint Motion"
    bl_description = (
        "Paint on the photo what moves: white moves and is shown in red, black stands still. Press "
        "again when done, then press Update Motion. The image can also be painted in the Image "
        "Editor"
    )
    bl_options = {"REGISTER", "UNDO"}

    def run(self, context: bpy.types.Context) -> str:
        """Start painting, or stop if the canvas exists already."""
        canvas = canvas_of(context.scene)
        if canvas is not None:
            stop_painting(context, canvas)
            return ""
        parts = parts_of(context.scene)
        photo_lens(parts.still)
        if parts.still.get(MOTION_REGIONS) is None:
            raise OperatorError(NO_REGIONS)
        start_painting(context, parts)
        return ""


def select_only(context: bpy.types.Context, chosen: bpy.types.Object) -> None:
    """Make an object the only selected one, and active.

    Raises OperatorError where the view layer excludes it.
    """
    for other in context.selected_objects:
        other.select_set(False)
    try:
        chosen.select_set(True)
    except RuntimeError as error:
        raise OperatorError(EXCLUDED) from error
    context.view_layer.objects.active = chosen


def start_drawing(context: bpy.types.Context) -> None:
    """Edit the active curve with the Draw tool, on the surface under the mouse."""
    call(bpy.ops.object.mode_set, mode="EDIT")
    paint = context.scene.tool_settings.curve_paint_settings
    paint.curve_type, paint.depth_mode, paint.use_corners_detect = "BEZIER", "SURFACE", False
    if context.area is not None and context.area.type == "VIEW_3D":
        call(bpy.ops.wm.tool_set_by_id, name="builtin.draw")


def canvas_of(scene: bpy.types.Scene) -> bpy.types.Object | None:
    """The scene's canvas; None while nobody paints."""
    return next((o for o in scene.objects if o.get(ROLE) == CANVAS_ROLE), None)


def start_painting(context: bpy.types.Context, parts: SceneParts) -> None:
    """Show a canvas in place of the clouds, and paint on it.

    Raises OperatorError where Blender refuses a mode; the scene is then as before.
    """
    if context.mode != "OBJECT":
        call(bpy.ops.object.mode_set, mode="OBJECT")
    canvas = add_canvas(context.scene, parts)
    _hide_clouds(parts, True)
    try:
        select_only(context, canvas)
        set_up_brush(context.scene, parts.still[MOTION_REGIONS])
        call(bpy.ops.object.mode_set, mode="TEXTURE_PAINT")
    except OperatorError:
        _hide_clouds(parts, False)
        remove_canvas(canvas)
        raise
    space = viewport(context)
    if space is not None:
        canvas[SHADING] = space.shading.type
        space.shading.type = "MATERIAL"


def add_canvas(scene: bpy.types.Scene, parts: SceneParts) -> bpy.types.Object:
    """A canvas in the scene, where the photo's camera sees the clouds."""
    lens = outpainted_lens(parts.still)
    view = view_from_photo(_clouds(parts), lens)
    canvas = make_canvas(view, lens, parts.still[MOTION_REGIONS])
    canvas.matrix_world = parts.still.matrix_world
    scene.collection.objects.link(canvas)
    return canvas


def set_up_brush(scene: bpy.types.Scene, image: bpy.types.Image | None = None) -> None:
    """Let the brush paint white, and black after X is pressed, as everywhere in Blender.

    Args:
        scene: Whose tool settings are set.
        image: The canvas of Texture Paint Mode; None in an Image Editor, which has its own.
    """
    paint = scene.tool_settings.image_paint
    if image is not None:
        paint.mode, paint.canvas = "IMAGE", image
    brush = paint.unified_paint_settings
    brush.color, brush.secondary_color = (1.0, 1.0, 1.0), (0.0, 0.0, 0.0)


def stop_painting(context: bpy.types.Context, canvas: bpy.types.Object) -> None:
    """Remove the canvas, pack what was painted, and show the clouds again."""
    if context.view_layer.objects.active == canvas and context.mode != "OBJECT":
        call(bpy.ops.object.mode_set, mode="OBJECT")
    space = viewport(context)
    if space is not None and SHADING in canvas:
        space.shading.type = canvas[SHADING]
    remove_canvas(canvas)
    try:
        parts = parts_of(context.scene)
    except SceneError:
        return  # the clouds were deleted meanwhile: nothing is left to show
    _hide_clouds(parts, False)
    image = parts.still.get(MOTION_REGIONS)
    if image is not None and image.is_dirty:
        image.pack()


def viewport(context: bpy.types.Context) -> bpy.types.SpaceView3D | None:
    """The 3D Viewport that the operator was called from, None elsewhere."""
    area = context.area
    return area.spaces.active if area is not None and area.type == "VIEW_3D" else None


def _clouds(parts: SceneParts) -> list[bpy.types.Object]:
    return [cloud for cloud in (parts.still, parts.moving) if cloud is not None]


def _hide_clouds(parts: SceneParts, hidden: bool) -> None:
    for cloud in _clouds(parts):
        with suppress(RuntimeError):  # the view layer excludes it: it is hidden already
            cloud.hide_set(hidden)


register, unregister = bpy.utils.register_classes_factory(
    (
        MAKE4D_OT_add_guide,
        MAKE4D_OT_paint_motion,
    )
)
