"""The view layer's switches for the passes that only this engine has."""

from __future__ import annotations

import bpy

from ..geometry.core.render_passes import PASSES, PROPERTY_GROUP


def _switches() -> dict[str, object]:
    """A Boolean property by name for each pass without a built-in switch."""
    return {
        each.own_property: bpy.props.BoolProperty(name=each.label, description=each.description)
        for each in PASSES
        if each.own_property
    }


class MAKE4D_PG_passes(bpy.types.PropertyGroup):
    """The engine's own passes of a view layer."""

    __annotations__ = _switches()


def register() -> None:
    """Add the switches to view layers."""
    bpy.utils.register_class(MAKE4D_PG_passes)
    group = bpy.props.PointerProperty(type=MAKE4D_PG_passes)
    setattr(bpy.types.ViewLayer, PROPERTY_GROUP, group)


def unregister() -> None:
    """Remove the switches."""
    delattr(bpy.types.ViewLayer, PROPERTY_GROUP)
    bpy.utils.unregister_class(MAKE4D_PG_passes)
