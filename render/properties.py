"""Settings of the render engine, on a scene."""

from __future__ import annotations

import bpy

METHODS = (
    ("AUTO", "Automatic", "Nearest points where the GPU can draw them, otherwise sorted"),
    (
        "EXACT",
        "Nearest Points",
        "The nearest points of every pixel count, as in the paper: fast and exact",
    ),
    (
        "SORTED",
        "Sorted",
        "All points count, drawn from far to near: for GPUs that can't draw the nearest points",
    ),
    (
        "NEURAL",
        "Neural",
        "The paper's networks paint every frame from the points' features: for scenes that were "
        "made with its checkpoint; slow without a GPU. The viewport shows the points themselves",
    ),
)


class MAKE4D_PG_engine(bpy.types.PropertyGroup):
    """How the engine draws a scene."""

    method: bpy.props.EnumProperty(  # type: ignore[valid-type]
        name="Method", description="How overlapping points are composited", items=METHODS
    )
    nearest: bpy.props.IntProperty(  # type: ignore[valid-type]
        name="Points per Pixel",
        description="Number of points that count in a pixel, the nearest first",
        default=8,
        min=1,
        max=32,
    )


def register() -> None:
    """Add the settings to scenes."""
    bpy.utils.register_class(MAKE4D_PG_engine)
    bpy.types.Scene.make_4d_engine = bpy.props.PointerProperty(type=MAKE4D_PG_engine)


def unregister() -> None:
    """Remove the settings."""
    del bpy.types.Scene.make_4d_engine
    bpy.utils.unregister_class(MAKE4D_PG_engine)
