"""The running job in the sidebar: its stage, progress, time left, preview; waiting jobs."""

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

READY = "'{photo}' is ready, but its scene '{scene}' was removed."
ELSEWHERE = "For scene '{name}'"
SECONDS_LEFT = "About {seconds} s left"
MINUTES_LEFT = "About {minutes} min left"
HOURS_LEFT = "About {hours:.1f} h left"


def draw_progress(layout: bpy.types.UILayout, context: bpy.types.Context, job: RunningJob) -> None:
    """Draw the stage, its progress and details, a preview, the time left, and Cancel."""
    box = layout.box()
    if job.scene_name != context.scene.name:
        box.label(text=elsewhere_text(job), icon="SCENE_DATA", translate=False)
    box.label(text=job.label)
    row = box.row(align=True)  # above the details, so that Cancel does not move when they change
    row.progress(factor=job.fraction, text=percent_text(job.fraction))
    row.operator(MAKE4D_OT_cancel.bl_idname, text="", icon="X")
    if job.detail:
        detail = translate(job.detail, pgettext_iface)
        draw_wrapped(box, context, detail[:1].upper() + detail[1:])
    draw_preview(box, context, job.preview)
    left = job.seconds_left
    if left is not None:
        box.label(text=left_text(left), icon="TIME", translate=False)


def draw_waiting(layout: bpy.types.UILayout) -> None:
    """Draw the waiting jobs in their order."""
    if not manager().waiting:
        return
    column = layout.column(align=True)
    column.label(text="Waiting")
    for number, job in enumerate(manager().waiting):
        row = column.row(align=True)
        row.label(text=job.name, icon="TIME", translate=False)
        row.operator(MAKE4D_OT_cancel.bl_idname, text="", icon="X").waiting = number


def draw_ready(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Draw the results whose scenes were removed, with buttons that add or discard them."""
    for number, job in enumerate(manager().ready):
        box = layout.box()
        draw_wrapped(box, context, ready_text(job), icon="CHECKMARK")
        row = box.row(align=True)
        add = row.operator(MAKE4D_OT_take_result.bl_idname, text="Add to Scene", icon="IMPORT")
        add.offered = number
        row.operator(MAKE4D_OT_discard_ready.bl_idname, icon="TRASH").offered = number


def draw_failure(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Draw why the last job failed, until the next one starts."""
    failure = manager().failure
    if failure is None:
        return
    box = layout.box()
    draw_wrapped(box, context, failure.message, icon="ERROR")
    row = box.row(align=True)
    row.operator(MAKE4D_OT_copy_details.bl_idname, icon="COPYDOWN")
    row.operator(MAKE4D_OT_dismiss_failure.bl_idname, text="", icon="X")


def ready_text(job: RunningJob) -> str:
    """Say what is ready, and which scene it was for."""
    text = pgettext_iface(READY)
    return text.format(photo=job.name, scene=job.request.scene_ref.name)


def elsewhere_text(job: RunningJob) -> str:
    """Say which scene a job is for."""
    return pgettext_iface(ELSEWHERE).format(name=job.scene_name)


def percent_text(fraction: float) -> str:
    """A fraction in percent."""
    return f"{fraction:.0%}"


def left_text(seconds: float) -> str:
    """The remaining time in words, as precise as an estimate can be."""
    if seconds < 90:
        shown = max(5, 5 * round(seconds / 5))
        return pgettext_iface(SECONDS_LEFT).format(seconds=shown)
    if seconds < 5400:
        return pgettext_iface(MINUTES_LEFT).format(minutes=round(seconds / 60))
    return pgettext_iface(HOURS_LEFT).format(hours=seconds / 3600)
