"""The menu of presets in the header of the tab, as in Blender's own panels."""

from __future__ import annotations

from typing import Any

import bpy
from bl_ui.utils import PresetPanel

from ..operators.presets import FOLDER, MAKE4D_OT_add_preset


class MAKE4D_PT_presets(PresetPanel, bpy.types.Panel):
    """Load, save and remove presets."""

    bl_label = "Make 4D Presets"
    preset_subdir = FOLDER
    preset_operator = "script.execute_preset"
    preset_add_operator = MAKE4D_OT_add_preset.bl_idname

    def path_menu(self, searchpaths: list[str], operator: str, **options: Any) -> None:
        """List the presets; before the first one Blender's own list would show missing paths."""
        folders = searchpaths or [user_folder()]
        bpy.types.Menu.path_menu(self, folders, operator, **options)


def user_folder() -> str:
    """The folder of the user's presets."""
    return str(bpy.utils.user_resource("SCRIPTS", path=f"presets/{FOLDER}", create=True))


register, unregister = bpy.utils.register_classes_factory((MAKE4D_PT_presets,))
