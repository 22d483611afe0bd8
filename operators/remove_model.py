"""Remove Model: delete a downloaded model from the models folder."""

from __future__ import annotations

import bpy
from bpy.app.translations import pgettext_iface as iface_
from bpy.app.translations import pgettext_rpt as rpt_
from bpy.props import StringProperty

from ..geometry.folders import models_folder
from ..geometry.translation import translate
from ..jobs import model_states, running
from ..ml.common.errors import ModelError
from ..ml.common.model_store import remove
from ..ml.common.registry import model


class MAKE4D_OT_remove_model(bpy.types.Operator):
    """Delete a downloaded model."""

    bl_idname = "make_4d.remove_model"
    bl_label = "Remove Model"
    bl_description = "Delete this model from the models folder; it can be downloaded again"
    bl_options = {"INTERNAL"}

    model: StringProperty(options={"HIDDEN"})  # type: ignore[valid-type]

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Ask first: a download may take long."""
        return context.window_manager.invoke_confirm(
            self,
            event,
            title=iface_("Remove {name}?").format(name=model(self.model).label),
            message=iface_("It is deleted from the models folder."),
            confirm_text=iface_("Remove"),
        )

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Delete the model's folder."""
        spec = model(self.model)
        if running.current is not None and spec in running.current.settings.models():
            text = rpt_("{name} is in use: wait for the job, or cancel it.")
            self.report({"ERROR"}, text.format(name=spec.label))
            return {"CANCELLED"}
        running.free_models()
        try:
            remove(spec, models_folder())
        except (ModelError, OSError) as error:
            self.report({"ERROR"}, translate(error))
            return {"CANCELLED"}
        model_states.forget()
        self.report({"INFO"}, rpt_("{name} is removed").format(name=spec.label))
        return {"FINISHED"}


def register() -> None:
    """Register the operator."""
    bpy.utils.register_class(MAKE4D_OT_remove_model)


def unregister() -> None:
    """Remove the operator."""
    bpy.utils.unregister_class(MAKE4D_OT_remove_model)
