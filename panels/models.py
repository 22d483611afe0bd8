"""The panel Models: the backend of each stage, and downloading models."""

from __future__ import annotations

import bpy
from bpy.app.translations import pgettext_iface

from ..geometry.folders import models_folder
from ..geometry.preferences import preferences
from ..geometry.translation import translate
from ..jobs.downloads import ModelDownload
from ..jobs.manager import manager
from ..ml.client.process import downloads_available, models_available
from ..ml.client.tasks import NO_DOWNLOADS
from ..ml.common.model_store import format_size, snapshot_folder
from ..ml.common.registry import BUILTIN, MODEL_STAGES, ModelSpec, model
from ..operators.models import (
    MAKE4D_OT_cancel_download,
    MAKE4D_OT_download,
    MAKE4D_OT_find_device,
    MAKE4D_OT_free_models,
    MAKE4D_OT_remove_model,
    MAKE4D_OT_use_models,
)
from .base import SubPanel
from .session import session
from .text import draw_wrapped

AVOID_HINT = "text, people"
NUMBERS = ("steps", "guidance", "strength")
OFFLINE = "Allow online access to download models, or copy them into the models folder."
LIGHT = "PyTorch is not installed: only the built-in methods are available."
MISSING = "Not installed: {size}"
RESUME = "Resume ({size} downloaded)"


class VIEW3D_PT_make_4d_models(SubPanel, bpy.types.Panel):
    """Pretrained models in place of the built-in methods."""

    bl_label = "Models"
    bl_order = 4

    def draw(self, context: bpy.types.Context) -> None:
        """Draw the backend of each stage with the state of its model, and the device.

        If no model can run, only models that were chosen on another computer are shown, so that
        the artist can choose Built-in instead.
        """
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        settings = context.scene.make_4d
        chosen = [stage for stage in MODEL_STAGES if getattr(settings, f"{stage}_model") != BUILTIN]
        has_models, has_downloads = installed_packages()
        if not has_models:
            draw_wrapped(layout, context, LIGHT, "INFO")
        elif not has_downloads:
            draw_wrapped(layout, context, NO_DOWNLOADS, "INFO")
        elif not chosen:
            layout.operator(MAKE4D_OT_use_models.bl_idname, icon="IMPORT")
        for stage in MODEL_STAGES if has_models else chosen:
            draw_stage(layout, context, settings, stage)
        if has_downloads and is_any_missing(settings) and not bpy.app.online_access:
            draw_online(layout, context)
        if has_models or settings.networks:
            draw_networks(layout, settings)
        if chosen or settings.networks:
            draw_device(layout)


def draw_stage(
    layout: bpy.types.UILayout,
    context: bpy.types.Context,
    settings: bpy.types.PropertyGroup,
    stage: str,
) -> None:
    """Draw the backend of a stage, the state of its model, and the model's own settings."""
    column = layout.column()
    choice = column.column(align=True)
    choice.enabled = manager().current is None
    name, key = f"{stage}_model", getattr(settings, f"{stage}_model")
    if key == BUILTIN:
        choice.prop(settings, name)
        return
    choice.label(text=settings.bl_rna.properties[name].name)
    choice.prop(settings, name, text="")  # the names of models need the whole width
    draw_state(column, context, model(key))
    if stage == "inpaint":
        options = column.column()
        options.enabled = manager().current is None
        options.prop(settings, "negative_prompt", placeholder=AVOID_HINT)
        for name in NUMBERS:
            options.prop(settings, name)


def draw_state(layout: bpy.types.UILayout, context: bpy.types.Context, spec: ModelSpec) -> None:
    """Draw the state of a model: downloading, failed, ready or missing."""
    box = layout.box()
    download = manager().downloads.get(spec.key)
    if download is not None and download.is_running:
        draw_download(box, spec, download)
        return
    if download is not None:
        draw_wrapped(box, context, download.failure, "ERROR")
    state = manager().model_states.state(spec)
    if state.status == "ready":
        row = box.row()
        row.label(text="Ready", icon="CHECKMARK")
        if state.folder == snapshot_folder(spec, models_folder()):
            remove = row.operator(MAKE4D_OT_remove_model.bl_idname, text="", icon="TRASH")
            remove.model = spec.key
    else:
        draw_missing(box, context, spec, state.bytes_fetched)


def draw_download(layout: bpy.types.UILayout, spec: ModelSpec, download: ModelDownload) -> None:
    """Draw the progress of a download, and Cancel."""
    row = layout.row(align=True)
    detail = translate(download.detail or "Contacting the Hub", pgettext_iface)
    row.progress(factor=download.fraction, text=detail)
    cancel = row.operator(MAKE4D_OT_cancel_download.bl_idname, text="", icon="X")
    cancel.model = spec.key


def draw_missing(
    layout: bpy.types.UILayout, context: bpy.types.Context, spec: ModelSpec, fetched: int
) -> None:
    """Draw size and license of a missing model, and the button that downloads it."""
    size = format_size(spec.download_mb * 1_000_000)
    layout.label(text=pgettext_iface(MISSING).format(size=size), icon="IMPORT")
    license = pgettext_iface("License: {license}").format(license=spec.license)
    draw_wrapped(layout, context, license, "TEXT")
    row = layout.row()
    _, row.enabled = installed_packages()
    text = "Download..."
    if fetched:
        text = pgettext_iface(RESUME).format(size=format_size(fetched))
    row.operator(MAKE4D_OT_download.bl_idname, text=text, icon="IMPORT").model = spec.key


def installed_packages() -> tuple[bool, bool]:
    """Whether the packages that run models, and those that download them, are installed."""
    return session().file_facts.get(
        "installed packages", lambda: (models_available(), downloads_available())
    )


def is_any_missing(settings: bpy.types.PropertyGroup) -> bool:
    """Whether a chosen model is not installed."""
    keys = [getattr(settings, f"{stage}_model") for stage in MODEL_STAGES]
    states = manager().model_states
    return any(states.state(model(k)).status != "ready" for k in keys if k != BUILTIN)


def draw_online(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Draw why nothing can be downloaded, and Blender's own switch for it."""
    system = context.preferences.system
    draw_wrapped(layout, context, OFFLINE, "INTERNET_OFFLINE")
    if not system.is_property_readonly("use_online_access"):
        layout.prop(system, "use_online_access")


def draw_networks(layout: bpy.types.UILayout, settings: bpy.types.PropertyGroup) -> None:
    """Draw the checkpoint of the paper's own networks."""
    column = layout.column()
    column.enabled = manager().current is None
    column.prop(settings, "networks", placeholder="For Neural")


def draw_device(layout: bpy.types.UILayout) -> None:
    """Draw the device, and whether models are kept in memory."""
    own_preferences = preferences()
    if own_preferences is not None:
        layout.prop(own_preferences, "device")
        layout.prop(own_preferences, "keep_models")
    row = layout.row()
    device = manager().device
    if device is None:
        row.operator(MAKE4D_OT_find_device.bl_idname, icon="MEMORY")
    else:
        free = format_size(device.free_bytes)
        text = pgettext_iface("{device}: {size} free").format(device=device.name, size=free)
        row.label(text=text, icon="MEMORY", translate=False)
        row.operator(MAKE4D_OT_find_device.bl_idname, text="", icon="FILE_REFRESH")
    if manager().keeps_models:
        layout.operator(MAKE4D_OT_free_models.bl_idname, icon="TRASH")


register, unregister = bpy.utils.register_classes_factory((VIEW3D_PT_make_4d_models,))
