"""Linked data that a frame needs but that is missing on this computer."""

from __future__ import annotations

from collections.abc import Iterator

import bpy
from bpy.app.translations import pgettext_rpt as rpt_

MISSING = (
    "Make 4D: '{name}' can't be loaded from {file}. Copy that file to this computer, or remove "
    "what is linked from it."
)


def missing_library(layer: bpy.types.ViewLayer) -> str:
    """A sentence on a linked part of a view layer that is missing; empty if none is.

    Blender replaces missing data by an empty placeholder and would render the rest, even if that
    is a black frame.
    """
    for part in _rendered(layer.layer_collection):
        if part.is_missing:
            file = bpy.path.abspath(part.library.filepath)
            return rpt_(MISSING).format(name=part.name, file=file)
    return ""


def _rendered(layer: bpy.types.LayerCollection) -> Iterator[bpy.types.ID]:
    """The collections, objects and data of a layer that renders show."""
    if layer.exclude or layer.collection.hide_render:
        return
    yield layer.collection
    for item in layer.collection.objects:
        if not item.hide_render:
            yield from _parts(item)
    for child in layer.children:
        yield from _rendered(child)


def _parts(item: bpy.types.Object) -> Iterator[bpy.types.ID]:
    """An object, its data, and the collection that it instances."""
    yield item
    if item.data is not None:
        yield item.data
    instanced = item.instance_collection
    if instanced is not None:
        yield instanced
        yield from (each for each in instanced.all_objects if not each.hide_render)
