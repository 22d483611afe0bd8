"""What the artist asks of single layers, kept with the still cloud: hidden, seed, prompt."""

from __future__ import annotations

import bpy
from bpy.props import BoolProperty, CollectionProperty, IntProperty, StringProperty

from ..geometry.editable_images import editable_images_of, layer_count
from ..geometry.nodes.hide_layers import set_hidden
from ..geometry.scene_parts import SceneError, parts_of
from ..ml.common.job_settings import MAX_LAYER_SEED


def _hide(self: bpy.types.PropertyGroup, context: bpy.types.Context) -> None:
    hide_layers(self.id_data)


class Make4DLayer(bpy.types.PropertyGroup):
    """One layer of a photo, the nearest first; the last may be the sky behind all."""

    hide: BoolProperty(  # type: ignore[valid-type]
        name="Hide",
        description="Leave this layer out of the picture, in the viewport and in renders",
        update=_hide,
    )
    seed: IntProperty(  # type: ignore[valid-type]
        name="Seed",
        description="Another number invents what this layer hides behind others differently",
        min=0,
        max=MAX_LAYER_SEED,
    )
    prompt: StringProperty(  # type: ignore[valid-type]
        name="Prompt",
        description="What to paint where others hide this layer, in words; empty for the photo's",
    )


def make_items(still: bpy.types.Object) -> None:
    """Give a still cloud an item for each of its layers; those that are there stay."""
    items, pictures = still.make_4d_layers, editable_images_of(still)
    masked = layer_count(pictures)
    count = masked + (f"layer_{masked}" in pictures) if pictures else 0
    while len(items) < count:
        items.add()
    while len(items) > count:
        items.remove(len(items) - 1)
    still.make_4d_layer_index = min(still.make_4d_layer_index, max(count - 1, 0))
    hide_layers(still)


def hide_layers(still: bpy.types.Object) -> None:
    """Hide a result's layers as its items say."""
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


def register() -> None:
    """Register the layers and hang them on objects."""
    bpy.utils.register_class(Make4DLayer)
    bpy.types.Object.make_4d_layers = CollectionProperty(type=Make4DLayer)
    bpy.types.Object.make_4d_layer_index = IntProperty(
        name="Layer", description="The layer whose settings are shown below"
    )


def unregister() -> None:
    """Remove them."""
    del bpy.types.Object.make_4d_layer_index
    del bpy.types.Object.make_4d_layers
    bpy.utils.unregister_class(Make4DLayer)
