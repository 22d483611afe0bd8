"""The menu of saved settings in the header of the tab, as Blender's own panels have one."""

from __future__ import annotations

import bpy
from bl_ui.utils import PresetPanel

from ..operators.add_preset import PRESETS, MAKE4D_OT_add_preset


class MAKE4D_PT_presets(PresetPanel, bpy.types.Panel):
    """Load, save and remove presets."""

    bl_label = "Make 4D Presets"
    preset_subdir = PRESETS
    preset_operator = "script.execute_preset"
    preset_add_operator = MAKE4D_OT_add_preset.bl_idname


def register() -> None:
    """Register the menu."""
    bpy.utils.register_class(MAKE4D_PT_presets)


def unregister() -> None:
    """Remove the menu."""
    bpy.utils.unregister_class(MAKE4D_PT_presets)
