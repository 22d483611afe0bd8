"""Bring data that an older version of the add-on made up to date, when a file is opened.

Everything that the add-on makes carries the version of its form (see `custom_properties`). STEPS
holds a function for each version that leads to the next. They run on the data of an opened file and
on what is linked or appended later, so that all other code knows today's names only. Linked data
is upgraded in memory, each time that it is loaded; the library file stays as it is.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from types import MappingProxyType
from typing import Any

import bpy
from bpy.app.translations import pgettext_rpt as rpt_

from .custom_properties import (
    EDITABLE_IMAGES,
    MOTION_REGIONS,
    ROLE,
    SCENE_VERSION,
    VERSION,
)
from .scene_parts import NEWER_SCENE

type Step = Callable[[bpy.types.ID], None]

RENAMED_SETTINGS = {
    "make_4d_camera": {"preset": "move", "max_invented": "max_inpainted"},
}
"""Registered properties of scenes that have other names now: group -> old name -> new name."""


def upgrade_file() -> None:
    """Upgrade everything in the file that an older version of the add-on made.

    Data of a newer version stays untouched, and the artist is told.
    """
    for scene in bpy.data.scenes:
        _rename_settings(scene)
    _upgrade(_stamped(_all_data()))


def _all_data() -> Iterator[bpy.types.ID]:
    for collection in (bpy.data.objects, bpy.data.images, bpy.data.collections, bpy.data.scenes):
        yield from collection


def _stamped(data_blocks: Iterable[bpy.types.ID]) -> list[bpy.types.ID]:
    """Return the data-blocks with a version; node groups have versions of their own."""
    return [data for data in data_blocks if ROLE in data and VERSION in data]


def _upgrade(data_blocks: list[bpy.types.ID]) -> None:
    for data in data_blocks:
        for version in range(int(data[VERSION]), SCENE_VERSION):
            STEPS[version](data)
            data[VERSION] = version + 1
    if any(data[VERSION] > SCENE_VERSION for data in data_blocks):
        _warn(rpt_(NEWER_SCENE))


def _warn(text: str) -> None:
    """Show a warning in a pop-up, or on the console if there is no window."""
    if bpy.app.background or bpy.context.window is None:
        print(f"Make 4D: {text}", file=sys.stderr)
        return

    def draw(menu: Any, context: bpy.types.Context) -> None:
        menu.layout.label(text=text, translate=False)

    bpy.context.window_manager.popup_menu(draw, title="Make 4D", icon="ERROR")


def _from_1(data: bpy.types.ID) -> None:
    """Version 1 (0.1.0): other names of attributes, custom properties, roles and images."""
    if isinstance(data, bpy.types.Object):
        if data.type == "POINTCLOUD":
            _rename_attribute(data.data, "known", "observed")
        _rename_property(data, "make_4d_pictures", EDITABLE_IMAGES)
        _rename_property(data, "make_4d_regions", MOTION_REGIONS)
        if EDITABLE_IMAGES in data:
            _rename_property(data[EDITABLE_IMAGES], "wide", "outpainted")
    elif isinstance(data, bpy.types.Image):
        roles = {"picture": "editable_image", "regions": "motion_regions"}
        data[ROLE] = roles.get(data[ROLE], data[ROLE])
        _rename_property(data, "make_4d_found", "make_4d_estimate")


STEPS: MappingProxyType[int, Step] = MappingProxyType({1: _from_1})
"""For each older version, the function that brings a data-block to the next version."""


def _rename_attribute(cloud: bpy.types.PointCloud, old: str, new: str) -> None:
    attribute = cloud.attributes.get(old)
    if attribute is not None and new not in cloud.attributes:
        attribute.name = new


def _rename_property(holder: Any, old: str, new: str) -> None:
    """Rename a custom property, or an item of a group of them."""
    if old in holder and new not in holder:
        holder[new] = holder[old]
        del holder[old]


def _rename_settings(scene: bpy.types.Scene) -> None:
    """Give the values of renamed settings, as far as the scene has any, their new names."""
    stored = scene.bl_system_properties_get()
    for group, names in RENAMED_SETTINGS.items():
        if stored is not None and group in stored:
            for old, new in names.items():
                _rename_property(stored[group], old, new)


@bpy.app.handlers.persistent
def _on_load(_path: str) -> None:
    upgrade_file()


@bpy.app.handlers.persistent
def _on_import(_context: bpy.types.BlendImportContext) -> None:
    upgrade_file()


def register() -> None:
    """Upgrade files as they are opened, linked or appended, and the one that is open now."""
    bpy.app.handlers.load_post.append(_on_load)
    bpy.app.handlers.blend_import_post.append(_on_import)
    bpy.app.timers.register(upgrade_file, first_interval=0.0)  # bpy.data can't be used yet


def unregister() -> None:
    """Remove what `register` added."""
    if bpy.app.timers.is_registered(upgrade_file):
        bpy.app.timers.unregister(upgrade_file)
    bpy.app.handlers.blend_import_post.remove(_on_import)
    bpy.app.handlers.load_post.remove(_on_load)
