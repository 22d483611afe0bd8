"""What the panels of the sidebar tab share."""

from __future__ import annotations

import bpy

from ..operators.properties import CATEGORY
from .scene_facts import is_4d_scene

MAIN_PANEL = "VIEW3D_PT_make_4d"


class Sidebar:
    """Mixed into a panel before `bpy.types.Panel`: puts it into the tab."""

    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = CATEGORY


class SubPanel(Sidebar):
    """A panel inside the main one, closed at first."""

    bl_parent_id = MAIN_PANEL
    bl_options = {"DEFAULT_CLOSED"}


class ScenePanel(SubPanel):
    """A panel that only 4D scenes show."""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Shown in 4D scenes."""
        return is_4d_scene(context.scene)


def property_column(layout: bpy.types.UILayout, align: bool = False) -> bpy.types.UILayout:
    """A column of properties with their names at the left, without keyframe buttons."""
    column = layout.column(align=align)
    column.use_property_split = True
    column.use_property_decorate = False
    return column
