"""The per-layer settings of a 4D scene: one item on the still cloud for each layer."""

from __future__ import annotations

import bpy

from ..geometry.editable_images import editable_images_of, layer_count
from ..geometry.nodes.hide_layers import set_hidden
from ..geometry.scene_parts import SceneError, parts_of


def make_layer_items(still: bpy.types.Object) -> None:
    """Give a still cloud an item for each of its layers; existing items keep their settings."""
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
    """Hide or show the layers of a 4D scene according to its items."""
    hidden = {number for number, item in enumerate(still.make_4d_layers) if item.hide}
    for cloud in clouds_of(still):
        set_hidden(cloud, hidden)


def clouds_of(still: bpy.types.Object) -> list[bpy.types.Object]:
    """Return a still cloud and the moving cloud of the same scene, if there is one."""
    for scene in still.users_scene:
        try:
            parts = parts_of(scene, still)
        except SceneError:
            continue
        return [cloud for cloud in (parts.still, parts.moving) if cloud is not None]
    return [still]
