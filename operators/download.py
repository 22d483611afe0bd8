"""Download: get a pretrained model from the hub, once the artist has seen its license and size."""

from __future__ import annotations

import time

import bpy
from bpy.app.translations import pgettext_iface as iface_
from bpy.app.translations import pgettext_rpt as rpt_
from bpy.props import StringProperty

from ..geometry.folders import models_folder
from ..geometry.translation import translate
from ..jobs import running
from ..ml.client.process import MissingPackageError
from ..ml.client.tasks import Download
from ..ml.common.model_store import size_words
from ..ml.common.protocol import Cancelled, Done
from ..ml.common.registry import ModelSpec, model
from . import download_watch

OFFLINE = (
    "Blender may not use the network: allow Online Access in Preferences > System, or put the "
    "model into the Models Folder by hand."
)


class MAKE4D_OT_download(bpy.types.Operator):
    """Get a pretrained model, whose license and size are shown first."""

    bl_idname = "make_4d.download"
    bl_label = "Download"
    bl_description = "Get this model from the Hugging Face hub, after showing its license and size"
    bl_options = {"INTERNAL"}

    model: StringProperty(options={"HIDDEN"})  # type: ignore[valid-type]

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Blender has to be allowed to use the network."""
        if not bpy.app.online_access:
            cls.poll_message_set(OFFLINE)
            return False
        return True

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Show what will come, and ask."""
        title = iface_("Download {name}").format(name=model(self.model).label)
        return context.window_manager.invoke_props_dialog(
            self, width=420, title=title, confirm_text=iface_("Download")
        )

    def draw(self, context: bpy.types.Context) -> None:
        """Size, license, where it goes."""
        spec = model(self.model)
        column = self.layout.column()
        size = size_words(spec.download_mb * 1_000_000)
        column.label(text=iface_("Size: {size}").format(size=size), icon="IMPORT")
        folder = iface_("Folder: {folder}").format(folder=models_folder())
        column.label(text=folder, icon="FILE_FOLDER")
        place = iface_("From: {place}").format(place=f"huggingface.co/{spec.hub_id}")
        column.label(text=place, icon="INTERNET")
        license = iface_("License: {license}").format(license=spec.license)
        column.label(text=license, icon="TEXT")
        column.operator("wm.url_open", text="Read the License", icon="URL").url = spec.license_url

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Start the download; without a window, run it to its end."""
        spec = model(self.model)
        going = running.downloads.get(spec.key)
        if going is not None and going.task is not None:
            text = rpt_("{name} is being downloaded already")
            self.report({"ERROR"}, text.format(name=spec.label))
            return {"CANCELLED"}
        try:
            task = Download(spec.key, models_folder())
        except (MissingPackageError, OSError) as error:
            self.report({"ERROR"}, translate(error))
            return {"CANCELLED"}
        running.downloads[spec.key] = running.RunningDownload(task)
        if bpy.app.background:
            return self._run_to_end(spec)
        download_watch.watch()
        return {"FINISHED"}

    def _run_to_end(self, spec: ModelSpec) -> set[str]:
        while (ended := running.downloads[spec.key].poll()) is None:
            time.sleep(download_watch.POLL_SECONDS)
        failure = download_watch.conclude(spec.key, ended)
        if failure:
            self.report({"ERROR"}, translate(failure))
        elif isinstance(ended, Cancelled):
            self.report({"INFO"}, "Cancelled: what has come is kept for the next time")
        else:
            self.report({"INFO"}, rpt_("{name} is ready").format(name=spec.label))
        return {"FINISHED"} if isinstance(ended, Done) else {"CANCELLED"}


def register() -> None:
    """Register the operator."""
    bpy.utils.register_class(MAKE4D_OT_download)


def unregister() -> None:
    """Remove the operator."""
    bpy.utils.unregister_class(MAKE4D_OT_download)
