"""The items that keep a still cloud's layer settings: as many as it has layers, and in effect."""

from __future__ import annotations

import bpy

from .editable_images import editable_images_of, layer_count
from .nodes.hide_layers import set_hidden
from .scene_parts import SceneError, parts_of


def make_items(still: bpy.types.Object) -> None:
    """Give a still cloud one item for each of its layers; existing items keep their settings."""
    items, images = still.make_4d_layers, editable_images_of(still)
    masked = layer_count(images)
    count = masked + (f"layer_{masked}" in images) if images else 0
    while len(items) < count:
        items.add()
    while len(items) > count:
        items.remove(len(items) - 1)
    still.make_4d_layer_index = min(still.make_4d_layer_index, max(count - 1, 0))
    hide_layers(still)


def hide_layers(still: bpy.types.Object) -> None:
    """Hide the layers of a result whose items say so."""
    hidden = {number for number, item in enumerate(still.make_4d_layers) if item.hide}
    for cloud in clouds_with(still):
        set_hidden(cloud, hidden)


def clouds_with(still: bpy.types.Object) -> list[bpy.types.Object]:
    """A still cloud and the moving one beside it, if there is one."""
    for scene in still.users_scene:
        try:
            parts = parts_of(scene, still)
        except SceneError:
            continue
        return [cloud for cloud in (parts.still, parts.moving) if cloud is not None]
    return [still]
