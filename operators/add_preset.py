"""Add Preset: save the settings for other photos, or remove saved ones, the Blender way."""

from __future__ import annotations

import bpy
from bl_operators.presets import AddPresetBase

from ..jobs.scene_settings import REMEMBERED

CAMERA_MOVES = "make_4d"
"""Folder of the presets among the user's."""
OF_THE_PHOTO = ("photo", "field_of_view")


class MAKE4D_OT_add_preset(AddPresetBase, bpy.types.Operator):
    """Save these settings under a name, for other photos and scenes."""

    bl_idname = "make_4d.add_preset"
    bl_label = "Add Make 4D Preset"
    bl_description = (
        "Save quality, flight, motion and models under a name, or remove a saved preset"
    )
    preset_menu = "MAKE4D_PT_presets"
    preset_subdir = CAMERA_MOVES
    preset_defines = ("own = bpy.context.scene.make_4d",)
    preset_values = tuple(f"own.{name}" for name in REMEMBERED if name not in OF_THE_PHOTO)


def register() -> None:
    """Register the operator."""
    bpy.utils.register_class(MAKE4D_OT_add_preset)


def unregister() -> None:
    """Remove the operator."""
    bpy.utils.unregister_class(MAKE4D_OT_add_preset)
