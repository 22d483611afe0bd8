"""The menu of saved settings in the header of the tab, as Blender's own panels have one."""

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
        """Blender's list of presets; empty before the first one, where Blender's would complain
        of missing paths."""
        places = searchpaths or [user_folder()]
        bpy.types.Menu.path_menu(self, places, operator, **options)


def user_folder() -> str:
    """The folder that the user's presets go to."""
    return str(bpy.utils.user_resource("SCRIPTS", path=f"presets/{FOLDER}", create=True))


def register() -> None:
    """Register the menu."""
    bpy.utils.register_class(MAKE4D_PT_presets)


def unregister() -> None:
    """Remove the menu."""
    bpy.utils.unregister_class(MAKE4D_PT_presets)
