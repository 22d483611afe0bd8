"""Presets: named sets of scene settings that the artist saves, stored as Blender's own are."""

from __future__ import annotations

import bpy
from bl_operators.presets import AddPresetBase

from ..jobs.scene_settings import SHARED_SETTINGS

FOLDER = "make_4d"
"""Subfolder of the user's presets."""
OF_THE_PHOTO = ("photo", "field_of_view")
"""Settings that belong to one photo: presets leave them out."""


class MAKE4D_OT_add_preset(AddPresetBase, bpy.types.Operator):
    """Save the scene settings under a name, or remove a saved preset."""

    bl_idname = "make_4d.add_preset"
    bl_label = "Add Make 4D Preset"
    bl_description = (
        "Save quality, camera, motion and models as a named preset, or remove a saved one"
    )
    preset_menu = "MAKE4D_PT_presets"
    preset_subdir = FOLDER
    preset_defines = ("own = bpy.context.scene.make_4d",)
    preset_values = tuple(f"own.{name}" for name in SHARED_SETTINGS if name not in OF_THE_PHOTO)


register, unregister = bpy.utils.register_classes_factory((MAKE4D_OT_add_preset,))
