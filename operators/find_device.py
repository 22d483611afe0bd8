"""Find Device: ask the worker which processor networks run on."""

from __future__ import annotations

import time

import bpy

from ..geometry.preferences import preference
from ..geometry.translation import translate
from ..jobs import running
from ..jobs.redraw import redraw_sidebars
from ..ml.client.process import MissingPackageError
from ..ml.client.tasks import DeviceQuery
from ..ml.common.protocol import Failed
from .watching import Watching

POLL_SECONDS = 0.1


class MAKE4D_OT_find_device(Watching, bpy.types.Operator):
    """Look which processor the networks run on."""

    bl_idname = "make_4d.find_device"
    bl_label = "Find Device"
    bl_description = "Look which processor the networks run on, and how much memory it has free"
    bl_options = {"INTERNAL"}

    _query: DeviceQuery | None = None

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Ask, and wait from a timer: loading PyTorch takes some seconds."""
        if bpy.app.background:
            return self.execute(context)
        if not self._begin():
            return {"CANCELLED"}
        return self.watch(context, POLL_SECONDS)

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Look for the answer on every tick of the timer."""
        assert self._query is not None
        if event.type != "TIMER":
            return {"PASS_THROUGH"}
        self._query.poll()
        return self._end(context) if self._query.finished else {"PASS_THROUGH"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Ask and wait (background mode and scripts)."""
        if not self._begin():
            return {"CANCELLED"}
        assert self._query is not None
        while not self._query.finished:
            self._query.poll()
            time.sleep(POLL_SECONDS)
        return self._end(context)

    def cancel(self, context: bpy.types.Context) -> None:
        """Called by Blender when the file is closed."""
        if self._query is not None:
            self._query.close()

    def _begin(self) -> bool:
        try:
            self._query = DeviceQuery(preference("device", "auto"))
        except (MissingPackageError, OSError) as error:
            self.report({"ERROR"}, translate(error))
            return False
        return True

    def _end(self, context: bpy.types.Context) -> set[str]:
        query = self._query
        assert query is not None
        query.close()
        self.stop_watching(context)
        if query.device is None:
            ended = query.finished
            why = ended.message if isinstance(ended, Failed) else "No answer: try again."
            self.report({"ERROR"}, translate(why))
            return {"CANCELLED"}
        running.note_device(query.device)
        redraw_sidebars()
        return {"FINISHED"}


def register() -> None:
    """Register the operator."""
    bpy.utils.register_class(MAKE4D_OT_find_device)


def unregister() -> None:
    """Remove the operator."""
    bpy.utils.unregister_class(MAKE4D_OT_find_device)
