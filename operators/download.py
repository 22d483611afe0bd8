"""Download: get a pretrained model from the hub, once the artist has seen its licence and size."""

from __future__ import annotations

import time

import bpy
from bpy.props import StringProperty

from ..geometry.folders import models_folder
from ..ml.client import Download
from ..ml.model_store import size_words
from ..ml.process import MissingPackageError
from ..ml.protocol import Cancelled, Done, Failed
from ..ml.registry import ModelSpec, model
from . import model_states, running
from .redraw import redraw_sidebars
from .watching import Watching

POLL_SECONDS = 0.2
OFFLINE = (
    "Blender may not use the network: allow Online Access in Preferences > System, or put the "
    "model into the Models Folder by hand."
)


class MAKE4D_OT_download(Watching, bpy.types.Operator):
    """Get a pretrained model, whose licence and size are shown first."""

    bl_idname = "make_4d.download"
    bl_label = "Download"
    bl_description = "Get this model from the Hugging Face hub, after showing its licence and size"
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
        return context.window_manager.invoke_props_dialog(
            self, width=420, title=f"Download {model(self.model).label}", confirm_text="Download"
        )

    def draw(self, context: bpy.types.Context) -> None:
        """Size, licence, where it goes."""
        spec = model(self.model)
        column = self.layout.column()
        column.label(text=f"Size: {size_words(spec.download_mb * 1_000_000)}", icon="IMPORT")
        column.label(text=f"Folder: {models_folder()}", icon="FILE_FOLDER")
        column.label(text=f"From: huggingface.co/{spec.hub_id}", icon="INTERNET")
        column.label(text=f"Licence: {spec.licence}", icon="TEXT")
        column.operator("wm.url_open", text="Read the Licence", icon="URL").url = spec.licence_url

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Start the download and watch it from a timer; without a window, run it to its end."""
        if not self._begin():
            return {"CANCELLED"}
        if bpy.app.background:
            while (ended := running.downloads[self.model].poll()) is None:
                time.sleep(POLL_SECONDS)
            return self._end(context, ended)
        return self.watch(context, POLL_SECONDS)

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Look after the download on every tick of the timer; all other events pass through."""
        if event.type != "TIMER":
            return {"PASS_THROUGH"}
        if self.model not in running.downloads:  # the add-on went meanwhile
            self.stop_watching(context)
            return {"CANCELLED"}
        ended = running.downloads[self.model].poll()
        redraw_sidebars()
        return {"PASS_THROUGH"} if ended is None else self._end(context, ended)

    def cancel(self, context: bpy.types.Context) -> None:
        """Called by Blender when the file is closed: what has come stays for the next time."""
        if self.model in running.downloads:
            running.end_download(self.model)
        self.stop_watching(context)

    def _begin(self) -> bool:
        spec = model(self.model)
        going = running.downloads.get(spec.key)
        if going is not None and going.task is not None:
            self.report({"ERROR"}, f"{spec.label} is being downloaded already")
            return False
        try:
            task = Download(spec.key, models_folder())
        except (MissingPackageError, OSError) as error:
            self.report({"ERROR"}, str(error))
            return False
        running.downloads[spec.key] = running.RunningDownload(task)
        return True

    def _end(self, context: bpy.types.Context, ended: Done | Failed | Cancelled) -> set[str]:
        spec: ModelSpec = model(self.model)
        failure = ended.sentence if isinstance(ended, Failed) else ""
        running.end_download(spec.key, failure)
        model_states.forget()
        if failure:
            self.report({"ERROR"}, failure)
        elif isinstance(ended, Cancelled):
            self.report({"INFO"}, "Cancelled: what has come is kept for the next time")
        else:
            self.report({"INFO"}, f"{spec.label} is ready")
        self.stop_watching(context)
        redraw_sidebars()
        return {"FINISHED"} if isinstance(ended, Done) else {"CANCELLED"}


def register() -> None:
    """Register the operator."""
    bpy.utils.register_class(MAKE4D_OT_download)


def unregister() -> None:
    """Remove the operator."""
    bpy.utils.unregister_class(MAKE4D_OT_download)
