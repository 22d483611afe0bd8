"""Operators of pretrained models: download, choose, remove, free, and the device they run on."""

from __future__ import annotations

import time

import bpy
from bpy.app.translations import pgettext_iface as iface_
from bpy.app.translations import pgettext_rpt as rpt_
from bpy.props import StringProperty

from ..geometry.core.messages import Message
from ..geometry.folders import models_folder
from ..geometry.preferences import preference
from ..geometry.translation import translate
from ..jobs.manager import manager
from ..jobs.windows import redraw_sidebars
from ..ml.client.tasks import DeviceQuery
from ..ml.common.model_store import format_size, remove
from ..ml.common.protocol import Cancelled, Done, Failed
from ..ml.common.registry import MODEL_STAGES, ModelSpec, model, models_for
from .reporting import OperatorError, Reports

POLL_SECONDS = 0.1
OFFLINE = (
    "Blender may not use the network: turn on Allow Online Access in Preferences > System, or put "
    "the model into the models folder by hand"
)
TURN_ON_ACCESS = "Turn on Allow Online Access in Preferences > System, then press Download"
NO_ANSWER = "The worker did not answer: try again."
BUSY = "Wait for the running job, or cancel it."
IN_USE = "{name} is in use: wait for the job, or cancel it."
REMOVED = "{name} was removed"
DOWNLOADING = "{name} is already being downloaded."
DOWNLOADED = "{name} is ready"
CANCELLED = "Canceled: the next download resumes where this one stopped"


class MAKE4D_OT_download(bpy.types.Operator):
    """Download a pretrained model, after showing its license and size."""

    bl_idname = "make_4d.download"
    bl_label = "Download"
    bl_description = "Download this model from Hugging Face, after showing its license and size"
    bl_options = {"INTERNAL"}

    model: StringProperty(options={"HIDDEN"})  # type: ignore[valid-type]

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Available while Blender may use the network."""
        if not bpy.app.online_access:
            cls.poll_message_set(OFFLINE)
            return False
        return True

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Show what will be downloaded, and ask."""
        title = iface_("Download {name}").format(name=model(self.model).label)
        return context.window_manager.invoke_props_dialog(
            self, width=420, title=title, confirm_text=iface_("Download")
        )

    def draw(self, context: bpy.types.Context) -> None:
        """Draw the size, the folder, the source and the license."""
        spec = model(self.model)
        column = self.layout.column()
        size = iface_("Size: {size}").format(size=download_size(spec))
        column.label(text=size, icon="IMPORT")
        folder = iface_("Folder: {folder}").format(folder=models_folder())
        column.label(text=folder, icon="FILE_FOLDER")
        source = iface_("From: {place}").format(place=f"huggingface.co/{spec.hub_id}")
        column.label(text=source, icon="INTERNET")
        license = iface_("License: {license}").format(license=spec.license)
        column.label(text=license, icon="TEXT")
        column.operator("wm.url_open", text="Read the License", icon="URL").url = spec.license_url

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Start the download; in background mode, run it to its end."""
        spec, jobs = model(self.model), manager()
        if jobs.downloads.is_running(spec.key):
            self.report({"ERROR"}, translate(Message(DOWNLOADING, name=spec.label)))
            return {"CANCELLED"}
        try:
            jobs.downloads.start(spec)
        except Reports.expected as error:
            self.report({"ERROR"}, translate(error))
            return {"CANCELLED"}
        if bpy.app.background:
            return self._run_to_end(spec)
        jobs.watch()
        return {"FINISHED"}

    def _run_to_end(self, spec: ModelSpec) -> set[str]:
        ended = manager().downloads.wait(spec.key)
        if isinstance(ended, Failed):
            self.report({"ERROR"}, translate(ended.message))
        elif isinstance(ended, Cancelled):
            self.report({"INFO"}, rpt_(CANCELLED))
        else:
            self.report({"INFO"}, translate(Message(DOWNLOADED, name=spec.label)))
        return {"FINISHED"} if isinstance(ended, Done) else {"CANCELLED"}


class MAKE4D_OT_cancel_download(Reports, bpy.types.Operator):
    """Cancel a download, or hide its failure."""

    bl_idname = "make_4d.cancel_download"
    bl_label = "Cancel Download"
    bl_description = "Stop the download. The next one resumes where this one stopped"
    bl_options = {"INTERNAL"}

    model: StringProperty(options={"HIDDEN"})  # type: ignore[valid-type]

    def run(self, context: bpy.types.Context) -> str:
        """Ask the download to stop; the timer sees it end."""
        manager().downloads.cancel(self.model)
        return ""


class MAKE4D_OT_use_models(Reports, bpy.types.Operator):
    """Choose the recommended models, and download the missing ones."""

    bl_idname = "make_4d.use_models"
    bl_label = "Use Pretrained Models"
    bl_description = (
        "Choose the recommended models for inpainting, depth and motion, and download the missing "
        "ones after showing their licenses and sizes"
    )
    bl_options = {"INTERNAL"}

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Show what will be downloaded, and ask."""
        missing_mb = sum(spec.download_mb for spec in missing_models())
        size = format_size(missing_mb * 1_000_000)
        text = iface_("Download {name}").format(name=size) if missing_mb else iface_("Use")
        return context.window_manager.invoke_props_dialog(
            self, width=460, title=self.bl_label, confirm_text=text
        )

    def draw(self, context: bpy.types.Context) -> None:
        """Draw every model with its size and license, and the models folder."""
        missing = missing_models()
        for spec in recommended_models():
            column = self.layout.box().column()
            is_missing = spec in missing
            state = download_size(spec) if is_missing else iface_("Ready")
            icon = "IMPORT" if is_missing else "NONE"
            column.label(text=f"{spec.label}: {state}", icon=icon, translate=False)
            row = column.split(factor=0.7)
            row.label(text=iface_("License: {license}").format(license=spec.license))
            row.operator("wm.url_open", text="Read").url = spec.license_url
        folder = iface_("Folder: {folder}").format(folder=models_folder())
        self.layout.label(text=folder, icon="FILE_FOLDER")

    def run(self, context: bpy.types.Context) -> str:
        """Choose the models, then start the downloads."""
        if manager().current is not None:
            raise OperatorError(BUSY)
        for spec in recommended_models():
            setattr(context.scene.make_4d, f"{spec.stage}_model", spec.key)
        missing = missing_models()
        redraw_sidebars()
        if missing and not bpy.app.online_access:
            self.report({"WARNING"}, rpt_(TURN_ON_ACCESS))
        elif missing:
            self._download(missing)
        return ""

    def _download(self, missing: list[ModelSpec]) -> None:
        """Start the downloads; without a window, run them to their ends one after another."""
        jobs = manager()
        for spec in missing:
            if jobs.downloads.get(spec.key) is not None:
                continue
            try:
                jobs.downloads.start(spec)
            except Reports.expected as error:
                self.report({"WARNING"}, translate(error))
                return
            if bpy.app.background:
                ended = jobs.downloads.wait(spec.key)
                if isinstance(ended, Failed):
                    self.report({"WARNING"}, translate(ended.message))
        jobs.watch()


class MAKE4D_OT_remove_model(Reports, bpy.types.Operator):
    """Delete a downloaded model."""

    bl_idname = "make_4d.remove_model"
    bl_label = "Remove Model"
    bl_description = "Delete this model from the models folder. It can be downloaded again"
    bl_options = {"INTERNAL"}

    model: StringProperty(options={"HIDDEN"})  # type: ignore[valid-type]

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Ask first, because another download may take long."""
        return context.window_manager.invoke_confirm(
            self,
            event,
            title=iface_("Remove {name}?").format(name=model(self.model).label),
            message=iface_("It is deleted from the models folder."),
            confirm_text=iface_("Remove"),
        )

    def run(self, context: bpy.types.Context) -> str:
        """Delete the model's folder."""
        spec, jobs = model(self.model), manager()
        if jobs.current is not None and spec in jobs.current.settings.models():
            raise OperatorError(IN_USE, name=spec.label)
        jobs.free_models()
        remove(spec, models_folder())
        jobs.model_states.forget()
        return Message(REMOVED, name=spec.label)


class MAKE4D_OT_free_models(Reports, bpy.types.Operator):
    """Free the memory of the models that are kept."""

    bl_idname = "make_4d.free_models"
    bl_label = "Free Models"
    bl_description = "Free the memory of all models that are kept for the next job or render"
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Available while a worker is kept."""
        return manager().keeps_models

    def run(self, context: bpy.types.Context) -> str:
        """End the kept workers."""
        manager().free_models()
        return ""


class MAKE4D_OT_find_device(bpy.types.Operator):
    """Find the processor that networks run on."""

    bl_idname = "make_4d.find_device"
    bl_label = "Find Device"
    bl_description = "Find out which processor networks run on, and how much free memory it has"
    bl_options = {"INTERNAL"}

    _timer: bpy.types.Timer | None = None

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Ask, and wait with a timer: loading PyTorch takes some seconds."""
        if bpy.app.background:
            return self.execute(context)
        if self._start() is None:
            return {"CANCELLED"}
        window_manager = context.window_manager
        self._timer = window_manager.event_timer_add(POLL_SECONDS, window=context.window)
        window_manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Look for the answer at every timer event."""
        if event.type != "TIMER":
            return {"PASS_THROUGH"}
        query = manager().device_query
        if query is not None:
            query.poll()
            if not query.finished:
                return {"PASS_THROUGH"}
        self._remove_timer(context)
        return self._finish(query) if query is not None else {"CANCELLED"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Ask and wait (background mode and scripts)."""
        query = self._start()
        if query is None:
            return {"CANCELLED"}
        while not query.finished:
            query.poll()
            time.sleep(POLL_SECONDS)
        return self._finish(query)

    def cancel(self, context: bpy.types.Context) -> None:
        """End the query; Blender calls this when the file is closed."""
        self._remove_timer(context)
        manager().end_device_query()

    def _start(self) -> DeviceQuery | None:
        try:
            return manager().query_device(preference("device", "auto"))
        except Reports.expected as error:
            self.report({"ERROR"}, translate(error))
            return None

    def _finish(self, query: DeviceQuery) -> set[str]:
        manager().end_device_query()
        if query.device is None:
            ended = query.finished
            message = ended.message if isinstance(ended, Failed) else NO_ANSWER
            self.report({"ERROR"}, translate(message))
            return {"CANCELLED"}
        redraw_sidebars()
        return {"FINISHED"}

    def _remove_timer(self, context: bpy.types.Context) -> None:
        if self._timer is not None:
            context.window_manager.event_timer_remove(self._timer)
            self._timer = None


def download_size(spec: ModelSpec) -> str:
    """Return the size of a model's download in words."""
    return format_size(spec.download_mb * 1_000_000)


def recommended_models() -> list[ModelSpec]:
    """Return the recommended model of every stage, which is its first."""
    return [models_for(stage)[0] for stage in MODEL_STAGES]


def missing_models() -> list[ModelSpec]:
    """Return the recommended models that are not installed."""
    states = manager().model_states
    return [spec for spec in recommended_models() if states.state(spec).status != "ready"]


register, unregister = bpy.utils.register_classes_factory(
    (
        MAKE4D_OT_download,
        MAKE4D_OT_cancel_download,
        MAKE4D_OT_use_models,
        MAKE4D_OT_remove_model,
        MAKE4D_OT_free_models,
        MAKE4D_OT_find_device,
    )
)
