"""The render passes: their names, channels, and what switches them on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import bpy


@dataclass(frozen=True)
class Pass:
    """A render pass: name, identifiers of channels, kind of value; does a view layer want it?"""

    name: str
    channels: str
    kind: str
    is_wanted: Callable[[Any], bool]


PASSES = (
    Pass("Combined", "RGBA", "COLOR", lambda layer: True),
    Pass("Depth", "Z", "VALUE", lambda layer: layer.use_pass_z),
    Pass("Position", "XYZ", "VECTOR", lambda layer: layer.use_pass_position),
    Pass("Vector", "XYZW", "VECTOR", lambda layer: layer.use_pass_vector),
    Pass("Disocclusion", "X", "VALUE", lambda layer: layer.make_4d_passes.disocclusion),
    Pass("Layer", "X", "VALUE", lambda layer: layer.make_4d_passes.layer),
)


class MAKE4D_PG_passes(bpy.types.PropertyGroup):
    """The passes that only this engine has, on a view layer."""

    disocclusion: bpy.props.BoolProperty(  # type: ignore[valid-type]
        name="Disocclusion",
        description="How much of each pixel was invented and not seen in the photo: 0 to 1",
    )
    layer: bpy.props.BoolProperty(  # type: ignore[valid-type]
        name="Layer",
        description="Index of the photo's layer that counts most in each pixel: 0 is the nearest, "
        "-1 is nothing",
    )


def wanted(layer: bpy.types.ViewLayer) -> list[Pass]:
    """The passes that a view layer wants, Combined first."""
    return [each for each in PASSES if each.is_wanted(layer)]


def register() -> None:
    """Add the settings to view layers."""
    bpy.utils.register_class(MAKE4D_PG_passes)
    bpy.types.ViewLayer.make_4d_passes = bpy.props.PointerProperty(type=MAKE4D_PG_passes)


def unregister() -> None:
    """Remove the settings."""
    del bpy.types.ViewLayer.make_4d_passes
    bpy.utils.unregister_class(MAKE4D_PG_passes)
