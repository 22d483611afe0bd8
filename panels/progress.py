"""What runs, as panels show it: the stage, a bar, the time left, a preview, Cancel, what waits."""

from __future__ import annotations

import bpy
from bpy.app.translations import pgettext_iface

from ..geometry.translation import translate
from ..jobs.job import RunningJob
from ..jobs.manager import manager
from ..operators.jobs import (
    MAKE4D_OT_cancel,
    MAKE4D_OT_copy_details,
    MAKE4D_OT_discard_ready,
    MAKE4D_OT_dismiss_failure,
    MAKE4D_OT_take_result,
)
from .preview import draw_preview
from .text import draw_wrapped


def draw_progress(layout: bpy.types.UILayout, context: bpy.types.Context, job: RunningJob) -> None:
    """The stage by name, a bar, what it makes just now, the time left, and Cancel."""
    box = layout.box()
    if job.scene_name != context.scene.name:
        box.label(text=elsewhere_text(job), icon="SCENE_DATA", translate=False)
    box.label(text=job.label)
    row = box.row(align=True)  # Cancel stays where it is, whatever is told below
    row.progress(factor=job.fraction, text=share_text(job.fraction))
    row.operator(MAKE4D_OT_cancel.bl_idname, text="", icon="X")
    if job.detail:
        detail = translate(job.detail, pgettext_iface)
        draw_wrapped(box, context, detail[:1].upper() + detail[1:])
    draw_preview(box, context, job.preview)
    left = job.seconds_left
    if left is not None:
        box.label(text=left_text(left), icon="TIME", translate=False)


def draw_waiting(layout: bpy.types.UILayout) -> None:
    """The jobs that wait for the one that runs, in their order."""
    if not manager().waiting:
        return
    column = layout.column(align=True)
    column.label(text="Waiting")
    for number, job in enumerate(manager().waiting):
        row = column.row(align=True)
        row.label(text=job.name, icon="TIME", translate=False)
        row.operator(MAKE4D_OT_cancel.bl_idname, text="", icon="X").waiting = number


def draw_ready(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Results whose scenes are gone: bring them here, or throw them away."""
    for number, job in enumerate(manager().ready):
        box = layout.box()
        draw_wrapped(box, context, ready_text(job), icon="CHECKMARK")
        row = box.row(align=True)
        take = row.operator(MAKE4D_OT_take_result.bl_idname, text="Bring It Here", icon="IMPORT")
        take.offered = number
        row.operator(MAKE4D_OT_discard_ready.bl_idname, icon="TRASH").offered = number


def draw_failure(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Why the last job ended badly, and what to do, until the next one."""
    failure = manager().failure
    if failure is None:
        return
    box = layout.box()
    draw_wrapped(box, context, failure.message, icon="ERROR")
    row = box.row(align=True)
    row.operator(MAKE4D_OT_copy_details.bl_idname, icon="COPYDOWN")
    row.operator(MAKE4D_OT_dismiss_failure.bl_idname, text="", icon="X")


def ready_text(job: RunningJob) -> str:
    """Says what is ready and where it was wanted."""
    text = pgettext_iface("'{photo}' is ready. The scene '{scene}', which asked for it, is gone.")
    return text.format(photo=job.name, scene=job.request.scene_ref.name)


def elsewhere_text(job: RunningJob) -> str:
    """Says which scene a job is for."""
    return pgettext_iface("For scene '{name}'").format(name=job.scene_name)


def share_text(fraction: float) -> str:
    """A share in percent."""
    return f"{fraction:.0%}"


def left_text(seconds: float) -> str:
    """The time left in words, rounded to what an estimate can tell."""
    if seconds < 90:
        shown = max(5, 5 * round(seconds / 5))
        return pgettext_iface("About {seconds} s left").format(seconds=shown)
    if seconds < 5400:
        return pgettext_iface("About {minutes} min left").format(minutes=round(seconds / 60))
    return pgettext_iface("About {hours:.1f} h left").format(hours=seconds / 3600)
