"""The preferences: folders of models and cache, the device, and what is kept in memory."""

from __future__ import annotations

import bpy
from bpy.app.translations import pgettext_iface
from bpy.props import BoolProperty, EnumProperty, StringProperty

from ..geometry.folders import cache_folders, models_folder
from ..geometry.preferences import PACKAGE
from ..jobs.manager import manager
from ..ml.client.process import downloads_available, models_available
from ..ml.common.model_store import format_size
from .files import MAKE4D_OT_clear_cache

COUNTING = "Clear Cache (Calculating Size)"
CLEAR = "Clear Cache ({size})"


def _look_again(self: bpy.types.AddonPreferences, context: bpy.types.Context) -> None:
    manager().model_states.forget()


def _count_again(self: bpy.types.AddonPreferences, context: bpy.types.Context) -> None:
    manager().cache_size.forget()


def _device_changed(self: bpy.types.AddonPreferences, context: bpy.types.Context) -> None:
    manager().forget_device()


def _keeping_changed(self: bpy.types.AddonPreferences, context: bpy.types.Context) -> None:
    if not self.keep_models:
        manager().free_models()


class Make4DPreferences(bpy.types.AddonPreferences):
    """Settings for all files."""

    bl_idname = PACKAGE

    models_folder: StringProperty(  # type: ignore[valid-type]
        name="Models Folder",
        description=(
            "Folder of the downloaded models. You can put models there yourself, as ORGANIZATION/"
            "NAME. Leave empty to use the folder of the extension"
        ),
        subtype="DIR_PATH",
        update=_look_again,
    )
    use_hub_cache: BoolProperty(  # type: ignore[valid-type]
        name="Use the Hugging Face Cache",
        description="Use models that other programs have downloaded, without changing them",
        default=True,
        update=_look_again,
    )
    cache_folder: StringProperty(  # type: ignore[valid-type]
        name="Cache Folder",
        description=(
            "Folder in which make_4d_cache is created. It keeps the results of stages, so that "
            "changing a setting repeats only the stages that depend on it. Leave empty to use the "
            "folder of the .blend, or the folder of the extension for unsaved files"
        ),
        subtype="DIR_PATH",
        update=_count_again,
    )
    device: EnumProperty(  # type: ignore[valid-type]
        name="Device",
        description="Device that runs neural networks",
        items=(
            ("auto", "Automatic", "The fastest device available"),
            (
                "cuda",
                "NVIDIA or AMD GPU",
                "CUDA or ROCm; the fastest device available if there is none",
            ),
            ("mps", "Apple GPU", "Metal; the fastest device available if there is none"),
            ("cpu", "CPU", "Slow, but can use all of the system memory"),
        ),
        update=_device_changed,
    )
    keep_models: BoolProperty(  # type: ignore[valid-type]
        name="Keep in Memory",
        description=(
            "Keep models loaded for the next stage and the next job. Faster, but takes memory for "
            "all of them together; otherwise each is freed after use"
        ),
        default=False,
        update=_keeping_changed,
    )

    def draw(self, context: bpy.types.Context) -> None:
        """Draw the preferences that apply to this installation."""
        layout = self.layout
        layout.use_property_split = True
        if models_available():
            layout.prop(self, "models_folder", placeholder=str(models_folder()))
            layout.prop(self, "use_hub_cache")
            if downloads_available():
                _draw_online(layout, context)
            for name in ("device", "keep_models"):
                layout.prop(self, name)
        layout.prop(self, "cache_folder", placeholder=str(cache_folders()[0]))
        _draw_cache(layout)


def _draw_online(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Draw Blender's own switch, without which nothing is downloaded."""
    row = layout.row(heading="Downloads")
    row.enabled = not context.preferences.system.is_property_readonly("use_online_access")
    row.prop(context.preferences.system, "use_online_access")


def _draw_cache(layout: bpy.types.UILayout) -> None:
    """Draw the button that clears the cache."""
    row = layout.row(align=True)
    row.operator(MAKE4D_OT_clear_cache.bl_idname, text=cache_text(), icon="TRASH", translate=False)


def cache_text() -> str:
    """The label of the button: how much it would free."""
    size = manager().cache_size.known_bytes()
    if size is None:
        return pgettext_iface(COUNTING)
    return pgettext_iface(CLEAR).format(size=format_size(size))


register, unregister = bpy.utils.register_classes_factory((Make4DPreferences,))
