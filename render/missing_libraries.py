"""What a frame would lack, because a linked file isn't on this machine."""

from __future__ import annotations

from collections.abc import Iterator

import bpy
from bpy.app.translations import pgettext_rpt as rpt_

LOST = (
    "Make 4D: '{name}' can't be read from {file}: bring that file to this machine, or remove what "
    "is linked from it."
)


def missing_library(layer: bpy.types.ViewLayer) -> str:
    """Which linked part of a view layer isn't there, in one sentence; empty where all are.

    Blender puts an empty placeholder in its place and would render the rest, down to a black frame.
    """
    for part in _rendered(layer.layer_collection):
        if part.is_missing:
            file = bpy.path.abspath(part.library.filepath)
            return rpt_(LOST).format(name=part.name, file=file)
    return ""


def _rendered(layer: bpy.types.LayerCollection) -> Iterator[bpy.types.ID]:
    """The collections, objects and data that aren't switched off for renders."""
    if layer.exclude or layer.collection.hide_render:
        return
    yield layer.collection
    for thing in layer.collection.objects:
        if not thing.hide_render:
            yield from _parts(thing)
    for child in layer.children:
        yield from _rendered(child)


def _parts(thing: bpy.types.Object) -> Iterator[bpy.types.ID]:
    """An object, its data, and the collection that it shows."""
    yield thing
    if thing.data is not None:
        yield thing.data
    shown = thing.instance_collection
    if shown is not None:
        yield shown
        yield from (each for each in shown.all_objects if not each.hide_render)
