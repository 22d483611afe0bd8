"""One job after another, watched from a timer that outlives files, scenes and windows."""

from __future__ import annotations

import atexit
import time
from collections.abc import Callable
from pathlib import Path

import bpy
from bpy.app.translations import pgettext_rpt as rpt_

from ..geometry.core.messages import Message, message_of
from ..geometry.translation import translate
from ..ml.client.process import MissingPackageError
from ..ml.common.errors import no_checkpoint
from ..ml.common.job_settings import JobSettings, Resources, SettingsError
from ..ml.common.model_store import why_not
from ..ml.common.protocol import Cancelled, Done, Failed
from . import rates, running
from .redraw import redraw_sidebars

POLL_SECONDS = 0.1
LEFT_SECONDS = 5.0
"""By so much an estimate of the time left has to change to be drawn again."""
_shown: list[tuple[object, ...]] = [()]
type Report = Callable[[set[str], str], None]


def ask(wanted: running.JobRequest) -> None:
    """Start a job, or let it wait for its turn; raises SettingsError or OSError at once."""
    check_photo(wanted.settings)
    check_models(wanted.settings, running.resources())
    if running.current is None and not running.waiting:
        running.begin(wanted)
    else:
        running.waiting.append(wanted)
    if not bpy.app.timers.is_registered(tick):
        bpy.app.timers.register(tick, first_interval=POLL_SECONDS, persistent=True)


def tick() -> float | None:
    """Look after the job that runs; ends the timer when there is none."""
    job = running.current
    if job is None:
        _begin_next()
    elif job.poll() is not None:
        _hand_over(job)
    _show_what_changed()
    return POLL_SECONDS if running.current or running.waiting else None


def run_to_end(wanted: running.JobRequest, report: Report) -> set[str]:
    """Do a job and take its result, all at once (background mode and scripts)."""
    check_photo(wanted.settings)
    check_models(wanted.settings, running.resources())
    job = running.begin(wanted)
    while job.poll() is None:
        time.sleep(POLL_SECONDS)
    return conclude(report)


def conclude(report: Report) -> set[str]:
    """Take the result of the job that has ended into the file, or tell why there is none."""
    job = running.current
    assert job is not None
    ended = job.job.finished
    rates.store()
    if isinstance(ended, Cancelled):
        running.end()
        report({"INFO"}, rpt_("Cancelled: what was finished is kept for the next run"))
        return {"CANCELLED"}
    if isinstance(ended, Failed):
        running.end()
        running.fail(ended.message, ended.detail, job.settings)
        report({"ERROR"}, translate(ended.message))
        return {"CANCELLED"}
    return take(running.hold(), report)


def take(job: running.RunningJob, report: Report) -> set[str]:
    """Take a job's result into the file; may be called again after an undo."""
    done = job.job.finished
    assert isinstance(done, Done)
    try:
        message = running.RESULT_HANDLERS[job.kind](Path(done.folder), job)
    except (OSError, ValueError, MemoryError) as error:
        told = Message("The scene could not be built ({error}): run again.", error=error)
        running.fail(told, repr(error), job.settings)
        report({"ERROR"}, translate(told))
        return {"CANCELLED"}
    for note in done.notes:
        report({"INFO"}, translate(note))
    report({"INFO"}, message)
    return {"FINISHED"}


def check_photo(settings: JobSettings) -> None:
    """Raise SettingsError unless the photo is a file."""
    if not settings.photo:
        raise SettingsError("Choose a photo first.")
    if not Path(settings.photo).is_file():
        raise SettingsError(
            "There is no photo at {path}: choose another file.", path=settings.photo
        )


def check_models(settings: JobSettings, resources: Resources) -> None:
    """Raise SettingsError unless every model that the settings name lies ready."""
    place = Path(resources.models_folder)
    for spec in settings.models():
        if problem := why_not(spec, place, resources.use_hub_cache):
            raise SettingsError(problem)
    if settings.networks and not Path(settings.networks).is_file():
        raise SettingsError(no_checkpoint(settings.networks))


def _show_what_changed() -> None:
    """Draw the sidebars again where they would show something else: drawing takes time."""
    job = running.current
    left = job.seconds_left if job is not None else None
    state: tuple[object, ...] = (len(running.waiting), len(running.ready), running.failure)
    if job is not None:
        state += (job.label, job.detail, job.preview, f"{job.fraction:.0%}")
        state += (None if left is None else round(left / LEFT_SECONDS),)
    if state != _shown[0]:
        _shown[0] = state
        redraw_sidebars()


def _begin_next() -> None:
    while running.waiting and running.current is None:
        wanted = running.waiting.pop(0)
        try:
            running.begin(wanted)
        except (SettingsError, MissingPackageError, OSError) as error:
            running.fail(message_of(error), "", wanted.settings)


def _hand_over(job: running.RunningJob) -> None:
    """Have the ended job's result taken in the window where that makes an undo step."""
    if isinstance(job.job.finished, Done) and job.place.scene() is None:
        running.offer()
        return
    window = _free_window()
    if window is None:
        return  # later: the artist is in the middle of something
    with bpy.context.temp_override(window=window, **_viewport(window)):
        bpy.ops.make_4d.take_result("INVOKE_DEFAULT")


def _free_window() -> bpy.types.Window | None:
    """A window in which nothing of Blender's own is going on; None where there is none.

    Modal operators of other add-ons, which may run for ever, don't count.
    """
    windows = bpy.context.window_manager.windows
    if bpy.app.is_job_running("RENDER"):
        return None
    for window in windows:
        active = window.view_layer.objects.active
        if active is not None and active.mode.startswith("EDIT"):
            return None
        for operator in window.modal_operators:
            if bpy.types.Operator.bl_rna_get_subclass_py(operator.bl_idname) is None:
                return None
    return windows[0] if windows else None


def _viewport(window: bpy.types.Window) -> dict[str, object]:
    """The 3D viewport of a window, as a context; empty where it shows none."""
    for area in window.screen.areas:
        if area.type == "VIEW_3D":
            region = next(region for region in area.regions if region.type == "WINDOW")
            return {"area": area, "region": region}
    return {}


@bpy.app.handlers.persistent
def _another_file(*_: object) -> None:
    running.another_file()


def register() -> None:
    """Notice when another file is opened; end all processes when Blender quits."""
    bpy.app.handlers.load_post.append(_another_file)
    atexit.register(running.end_all)


def unregister() -> None:
    """End all jobs, and everything that watches them."""
    if bpy.app.timers.is_registered(tick):
        bpy.app.timers.unregister(tick)
    running.end_all()
    atexit.unregister(running.end_all)
    bpy.app.handlers.load_post.remove(_another_file)
