"""The add-on's preferences: where models lie, what they run on, what is kept."""

from __future__ import annotations

import bpy
from bpy.props import BoolProperty, EnumProperty, StringProperty

from ..geometry.folders import models_folder
from ..geometry.preferences import PACKAGE
from . import model_states, running


def _look_again(self: bpy.types.AddonPreferences, context: bpy.types.Context) -> None:
    model_states.forget()


def _device_changed(self: bpy.types.AddonPreferences, context: bpy.types.Context) -> None:
    running.forget_device()


def _keeping_changed(self: bpy.types.AddonPreferences, context: bpy.types.Context) -> None:
    if not self.keep_models:
        running.free_models()


class Make4DPreferences(bpy.types.AddonPreferences):
    """What holds for all files."""

    bl_idname = PACKAGE

    models_folder: StringProperty(  # type: ignore[valid-type]
        name="Models Folder",
        description=(
            "Where downloaded models lie, and where you may put models yourself, as ORGANISATION/"
            "NAME. Empty for a folder of the extension's own"
        ),
        subtype="DIR_PATH",
        update=_look_again,
    )
    use_hub_cache: BoolProperty(  # type: ignore[valid-type]
        name="Use the Hugging Face Cache",
        description="Use models that other programs have downloaded; they are only read",
        default=True,
        update=_look_again,
    )
    device: EnumProperty(  # type: ignore[valid-type]
        name="Device",
        description="What networks run on",
        items=(
            ("auto", "Automatic", "The fastest there is"),
            (
                "cuda",
                "NVIDIA or AMD GPU",
                "CUDA or ROCm; where it is missing, the fastest there is",
            ),
            ("mps", "Apple GPU", "Metal; where it is missing, the fastest there is"),
            ("cpu", "CPU", "The processor: slow, but with the computer's whole memory"),
        ),
        update=_device_changed,
    )
    keep_models: BoolProperty(  # type: ignore[valid-type]
        name="Keep in Memory",
        description=(
            "Keep models loaded for the next stage and the next job: quicker, and takes the memory "
            "of all of them together. Otherwise each is freed after use"
        ),
        default=False,
        update=_keeping_changed,
    )

    def draw(self, context: bpy.types.Context) -> None:
        """All of them, and where models go."""
        layout = self.layout
        layout.use_property_split = True
        layout.prop(self, "models_folder", placeholder=str(models_folder()))
        for name in ("use_hub_cache", "device", "keep_models"):
            layout.prop(self, name)


def register() -> None:
    """Register the preferences."""
    bpy.utils.register_class(Make4DPreferences)


def unregister() -> None:
    """Remove the preferences."""
    bpy.utils.unregister_class(Make4DPreferences)
