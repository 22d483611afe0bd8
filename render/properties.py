"""The render engine's settings on a scene."""

from __future__ import annotations

from dataclasses import dataclass

import bpy


@dataclass(frozen=True)
class RenderMethod:
    """A row of `METHODS`.

    Attributes:
        identifier: the value of the property *Method* for scripts.
        label: its name in the interface.
        description: its tooltip.
        number: the value that .blend files store; never reuse or change one.
    """

    identifier: str
    label: str
    description: str
    number: int


METHODS = (
    RenderMethod(
        identifier="AUTO",
        label="Automatic",
        description="Nearest Points if the GPU supports it, otherwise Sorted",
        number=0,
    ),
    RenderMethod(
        identifier="NEAREST",
        label="Nearest Points",
        description="Composite only the nearest points of each pixel, as in the paper",
        number=1,
    ),
    RenderMethod(
        identifier="SORTED",
        label="Sorted",
        description="Composite all points from far to near. Works on any GPU",
        number=2,
    ),
    RenderMethod(
        identifier="NEURAL",
        label="Neural",
        description="Generate each frame with the paper's networks. The scene must have been made "
        "with the paper's checkpoint; slow without a GPU. The viewport shows the points",
        number=3,
    ),
)


class MAKE4D_PG_engine(bpy.types.PropertyGroup):
    """How the engine draws a scene."""

    method: bpy.props.EnumProperty(  # type: ignore[valid-type]
        name="Method",
        description="How overlapping points are composited",
        items=[(m.identifier, m.label, m.description, m.number) for m in METHODS],
    )
    nearest: bpy.props.IntProperty(  # type: ignore[valid-type]
        name="Points per Pixel",
        description="Maximum number of points composited in each pixel, nearest first",
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
