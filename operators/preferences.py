"""The add-on's preferences: where models lie, what they run on, what is kept."""

from __future__ import annotations

import bpy
from bpy.app.translations import pgettext_iface
from bpy.props import BoolProperty, EnumProperty, StringProperty

from ..geometry.folders import cache_folders, models_folder
from ..geometry.preferences import PACKAGE
from ..jobs.manager import manager
from ..ml.client.process import downloads_available, models_available
from ..ml.common.model_store import size_words
from .clear_cache import MAKE4D_OT_clear_cache


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
    cache_folder: StringProperty(  # type: ignore[valid-type]
        name="Cache Folder",
        description=(
            "Where finished stages are kept, so that changing a setting repeats only what follows "
            "from it; a folder make_4d_cache is made there. Empty for beside the saved .blend, or "
            "a folder of the extension's own for unsaved files"
        ),
        subtype="DIR_PATH",
        update=_count_again,
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
        """Those that apply, in the order of what is asked most: models, device, cache."""
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
    """Blender's own switch, without which nothing is downloaded."""
    row = layout.row(heading="Downloads")
    row.enabled = not context.preferences.system.is_property_readonly("use_online_access")
    row.prop(context.preferences.system, "use_online_access")


def _draw_cache(layout: bpy.types.UILayout) -> None:
    """The size of the cache, and Clear."""
    row = layout.row(align=True)
    row.operator(MAKE4D_OT_clear_cache.bl_idname, text=cache_text(), icon="TRASH", translate=False)


def cache_text() -> str:
    """What the button says: how much it would free."""
    size = manager().cache_size.known_bytes()
    if size is None:
        return pgettext_iface("Clear Cache (counting)")
    return pgettext_iface("Clear Cache ({size})").format(size=size_words(size))


def register() -> None:
    """Register the preferences."""
    bpy.utils.register_class(Make4DPreferences)


def unregister() -> None:
    """Remove the preferences."""
    bpy.utils.unregister_class(Make4DPreferences)
