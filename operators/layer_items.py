"""What the artist asks of single layers, kept with the still cloud: hidden, seed, prompt."""

from __future__ import annotations

import bpy
from bpy.props import BoolProperty, CollectionProperty, IntProperty, StringProperty

from ..jobs.layer_items import hide_layers
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
