"""Use Pretrained Models: choose the recommended model of every stage and get what is missing."""

from __future__ import annotations

import bpy
from bpy.app.translations import pgettext_iface as iface_

from ..geometry.folders import models_folder
from ..jobs import model_states, running
from ..jobs.redraw import redraw_sidebars
from ..ml.common.model_store import size_words
from ..ml.common.registry import STAGES, ModelSpec, models_for


class MAKE4D_OT_use_models(bpy.types.Operator):
    """Choose the recommended models, and download those that aren't here."""

    bl_idname = "make_4d.use_models"
    bl_label = "Use Pretrained Models"
    bl_description = (
        "Choose the recommended model for painting, depth and motion, and download those that are "
        "missing, after showing their licenses and sizes"
    )
    bl_options = {"INTERNAL"}

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Show what will come, and ask."""
        needed = sum(spec.download_mb for spec in missing_models())
        size = size_words(needed * 1_000_000)
        text = iface_("Download {name}").format(name=size) if needed else iface_("Use")
        return context.window_manager.invoke_props_dialog(
            self, width=460, title=self.bl_label, confirm_text=text
        )

    def draw(self, context: bpy.types.Context) -> None:
        """Every model with its size and license, and where they go."""
        missing = missing_models()
        for spec in recommended_models():
            column = self.layout.box().column()
            size = size_words(spec.download_mb * 1_000_000)
            state = ": ".join((spec.label, size if spec in missing else iface_("Ready")))
            column.label(text=state, icon="IMPORT" if spec in missing else "NONE", translate=False)
            row = column.split(factor=0.7)
            row.label(text=iface_("License: {license}").format(license=spec.license))
            row.operator("wm.url_open", text="Read").url = spec.license_url
        folder = iface_("Folder: {folder}").format(folder=models_folder())
        self.layout.label(text=folder, icon="FILE_FOLDER")

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Choose the models, then start the downloads."""
        if running.current is not None:
            self.report({"ERROR"}, "Wait for the job, or cancel it")
            return {"CANCELLED"}
        for spec in recommended_models():
            setattr(context.scene.make_4d, f"{spec.stage}_model", spec.key)
        missing = missing_models()
        redraw_sidebars()
        if missing and not bpy.ops.make_4d.download.poll():
            self.report(
                {"WARNING"}, "Allow Online Access in Preferences > System, then press Download"
            )
            return {"FINISHED"}
        for spec in missing:
            if spec.key not in running.downloads:
                bpy.ops.make_4d.download("EXEC_DEFAULT", model=spec.key)
        return {"FINISHED"}


def recommended_models() -> list[ModelSpec]:
    """The first model of every stage."""
    return [models_for(stage)[0] for stage in STAGES]


def missing_models() -> list[ModelSpec]:
    """Those of them that aren't on this computer."""
    return [m for m in recommended_models() if model_states.state(m).status != "ready"]


def register() -> None:
    """Register the operator."""
    bpy.utils.register_class(MAKE4D_OT_use_models)


def unregister() -> None:
    """Remove the operator."""
    bpy.utils.unregister_class(MAKE4D_OT_use_models)
