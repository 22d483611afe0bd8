"""Blender's own panels for this engine, and panels for what only Eevee's panels would show."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import bpy
from bpy.app.translations import pgettext_iface as iface_

from ..geometry.core.render_passes import PASSES
from .engine import ENGINE

_PREFIXES = ("CAMERA_PT", "DATA_PT", "OBJECT_PT", "RENDER_PT", "VIEWLAYER_PT", "WORLD_PT")
_EXCLUDED = ("freestyle", "gpencil", "grease", "simplify_greasepencil")
_ALSO = ("VIEWLAYER_PT_layer_passes",)


class EnginePanel:
    """Base of the panels of this engine."""

    bl_space_type = "PROPERTIES"
    bl_region_type = "WINDOW"
    COMPAT_ENGINES = frozenset({ENGINE})

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Whether the scene uses this engine."""
        return context.engine in cls.COMPAT_ENGINES


class FilmPanel(EnginePanel, bpy.types.Panel):
    """Render properties: film."""

    bl_idname = "RENDER_PT_make_4d_film"
    bl_label = "Film"
    bl_context = "render"

    def draw(self, context: bpy.types.Context) -> None:
        """Show the switch for a transparent film."""
        self.layout.use_property_split = True
        self.layout.prop(context.scene.render, "film_transparent", text="Transparent")


class PointsPanel(EnginePanel, bpy.types.Panel):
    """Render properties: how points are composited."""

    bl_idname = "RENDER_PT_make_4d_points"
    bl_label = "Points"
    bl_context = "render"

    def draw(self, context: bpy.types.Context) -> None:
        """Show the method, and the points per pixel if the method uses them."""
        self.layout.use_property_split = True
        settings = context.scene.make_4d_engine
        self.layout.prop(settings, "method")
        row = self.layout.row()
        row.active = settings.method != "SORTED"
        row.prop(settings, "nearest")


class PassesPanel(EnginePanel, bpy.types.Panel):
    """View layer properties: passes."""

    bl_idname = "VIEWLAYER_PT_make_4d_passes"
    bl_label = "Data"
    bl_context = "view_layer"
    bl_parent_id = "VIEWLAYER_PT_layer_passes"

    def draw(self, context: bpy.types.Context) -> None:
        """Show the switches of the passes."""
        self.layout.use_property_split = True
        column = self.layout.column(heading="Include")
        for each in PASSES:
            switch = each.switch(context.view_layer)
            if switch is not None:
                column.prop(*switch, text=iface_(each.label), translate=False)


class WorldPanel(EnginePanel, bpy.types.Panel):
    """World properties: the color behind the points."""

    bl_idname = "WORLD_PT_make_4d_color"
    bl_label = "Background"
    bl_context = "world"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Whether the scene uses this engine and has a world."""
        return super().poll(context) and context.world is not None

    def draw(self, context: bpy.types.Context) -> None:
        """Show the world's color."""
        self.layout.use_property_split = True
        self.layout.prop(context.world, "color")


_CLASSES = (PointsPanel, FilmPanel, PassesPanel, WorldPanel)
_register_classes, _unregister_classes = bpy.utils.register_classes_factory(_CLASSES)


def compatible_panels() -> Iterator[Any]:
    """Blender's panels that apply to this engine."""
    for panel in _subclasses(bpy.types.Panel):
        engines = getattr(panel, "COMPAT_ENGINES", None)
        if not isinstance(engines, set) or panel in _CLASSES:
            continue
        name = panel.__name__
        general = "BLENDER_RENDER" in engines and name.startswith(_PREFIXES)
        if name in _ALSO or (general and not any(word in name for word in _EXCLUDED)):
            yield panel


def _subclasses(cls: Any) -> Iterator[Any]:
    for child in cls.__subclasses__():
        yield child
        yield from _subclasses(child)


def register() -> None:
    """Show the panels for this engine."""
    _register_classes()
    for panel in compatible_panels():
        panel.COMPAT_ENGINES.add(ENGINE)


def unregister() -> None:
    """Restore Blender's panels."""
    for panel in _subclasses(bpy.types.Panel):
        engines = getattr(panel, "COMPAT_ENGINES", None)
        if isinstance(engines, set):
            engines.discard(ENGINE)
    _unregister_classes()
