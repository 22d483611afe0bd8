"""Jobs over time: the queue, other files and scenes, undo and redo, failures, and no leftovers."""

from __future__ import annotations

from pathlib import Path

import pytest

bpy = pytest.importorskip("bpy", reason="Blender's module is not installed")

from job_parts import (
    clouds,
    has_ended,
    photo_fixture,  # noqa: F401 - pytest finds it here
    scene_fixture,  # noqa: F401
    submit,
    take,
    until,
)
from make_4d.jobs import log
from make_4d.jobs.details import details
from make_4d.jobs.manager import manager, tick
from make_4d.jobs.results import MAKE
from make_4d.ml.common.errors import MISSING_PHOTO
from make_4d.ml.common.job_settings import JobSettings, SettingsError
from make_4d.ml.common.protocol import Done, Failed
from make_4d.operators.jobs import BUSY
from messages import raises_message


def test_a_second_job_waits_for_the_first(scene):
    submit(scene)
    submit(scene, seed=1)
    assert manager().current is not None and [job.name for job in manager().waiting] == ["lake"]
    first = manager().current
    until(has_ended)
    assert isinstance(first.task.finished, Done) and first.label.startswith("Ready")
    assert not clouds(), "the artist is busy: nothing was taken"
    assert take() == {"FINISHED"} and len(clouds()) == 2
    until(has_ended)
    assert manager().current is not first and not manager().waiting
    assert take() == {"FINISHED"} and len(clouds()) == 4
    assert not Path(first.task.output).exists(), "the older result's files are gone"
    until(lambda: tick() is None)


def test_undo_removes_the_result_and_redo_restores_it(scene):
    bpy.ops.ed.undo_push(message="before")
    submit(scene)
    until(has_ended)
    assert take() == {"FINISHED"}
    made = clouds()
    bpy.ops.ed.undo()
    assert not clouds()
    bpy.ops.ed.redo()
    assert clouds() == made


def test_length_and_move_can_be_changed_in_the_redo_panel(scene):
    """What the operator's redo panel does: undo, then the same result with other properties."""
    bpy.ops.ed.undo_push(message="before")
    submit(scene)
    until(has_ended)
    take()
    bpy.ops.ed.undo()
    assert take(frames=9, move="ORBIT") == {"FINISHED"}
    made = bpy.data.scenes[manager().taken.built]
    assert made.frame_end == 9 and made.make_4d_camera.move == "ORBIT" and len(clouds()) == 2


def test_the_scene_is_found_after_undo_and_renaming(scene):
    submit(scene)
    scene.name = "My lake"
    bpy.ops.ed.undo_push(message="named")
    until(has_ended)
    assert manager().current.scene_name == "My lake"
    take()
    assert manager().taken.built == "My lake" and len(clouds()) == 2


def test_the_window_keeps_showing_another_scene(scene):
    other = bpy.data.scenes.new("Elsewhere")
    bpy.data.objects.new("Keep", None)
    submit(scene)
    bpy.context.window.scene = other
    until(has_ended)
    take()
    assert bpy.context.window.scene == other and not other.objects
    assert len(scene.objects) == 5


def test_a_result_for_another_file_is_offered(scene, tmp_path):
    submit(scene)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    until(lambda: manager().ready)
    [job] = manager().ready
    assert manager().current is None and not clouds()
    folder = Path(job.task.output)
    assert folder.is_dir()
    assert bpy.ops.make_4d.take_result("EXEC_DEFAULT", True, offered=0) == {"FINISHED"}
    assert len(clouds()) == 2 and not manager().ready


def test_a_result_keeps_its_files_but_not_its_process(scene):
    """They stay for the redo panel; the worker's memory does not."""
    submit(scene)
    until(has_ended)
    worker = manager().current.task.worker
    take()
    assert not worker.is_alive and Path(manager().taken.task.output).is_dir()
    submit(scene)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    until(lambda: manager().ready)
    assert not manager().ready[0].task.worker.is_alive


def test_an_offered_result_may_be_discarded(scene):
    submit(scene)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    until(lambda: manager().ready)
    folder = Path(manager().ready[0].task.output)
    assert bpy.ops.make_4d.discard_ready(offered=0) == {"FINISHED"}
    assert not manager().ready and not folder.exists() and not clouds()


def test_a_failure_is_shown_with_its_details_and_the_queue_goes_on(scene, tmp_path):
    broken = tmp_path / "secret" / "broken.jpg"
    broken.parent.mkdir()
    broken.write_text("no picture")
    good = scene.make_4d.photo
    scene.make_4d.photo = str(broken)
    submit(scene)
    scene.make_4d.photo = good
    submit(scene)
    until(has_ended)
    assert isinstance(manager().current.task.finished, Failed)
    with pytest.raises(RuntimeError) as caught:
        take()
    assert not clouds() and manager().failure.message in str(caught.value)
    text = details(manager().failure)
    assert "secret" not in text
    assert '"photo": "broken.jpg"' in text and "Blender 5." in text and "Make 4D 0." in text
    assert manager().failure.message in (tmp_path / log.NAME).read_text(encoding="utf-8")
    until(has_ended)
    assert manager().failure is None, "the next job begins"
    assert take() == {"FINISHED"} and len(clouds()) == 2


def test_a_failure_can_be_dismissed(scene):
    manager().fail("Too small.", "", manager().request(JobSettings("x.png"), MAKE, scene))
    assert bpy.ops.make_4d.copy_details.poll()
    bpy.ops.make_4d.dismiss_failure()
    assert manager().failure is None and not bpy.ops.make_4d.copy_details.poll()


def test_waiting_jobs_and_the_running_one_are_cancelled(scene):
    submit(scene)
    submit(scene, seed=1)
    assert bpy.ops.make_4d.cancel(waiting=0) == {"FINISHED"} and not manager().waiting
    assert manager().current is not None
    bpy.ops.make_4d.cancel()
    until(has_ended)
    assert take() == {"CANCELLED"}
    assert manager().current is None and not clouds() and not bpy.ops.make_4d.cancel.poll()


def test_an_unusable_request_is_refused_at_once(scene):
    scene.make_4d.photo = "/nowhere/at/all.jpg"
    with raises_message(SettingsError, MISSING_PHOTO, path="/nowhere/at/all.jpg"):
        submit(scene)
    assert manager().current is None and not manager().waiting


def test_scripts_are_refused_while_a_job_runs(scene):
    submit(scene)
    with raises_message(RuntimeError, BUSY):
        bpy.ops.make_4d.make()


def test_disabling_the_addon_leaves_nothing_behind(scene, addon):
    submit(scene)
    submit(scene, seed=1)
    jobs = manager()
    job = jobs.current.task
    worker, folder = job.worker, Path(job.output)
    assert worker.is_alive and folder.is_dir() and bpy.app.timers.is_registered(tick)
    handlers = sum(len(getattr(bpy.app.handlers, name)) for name in HANDLERS)
    addon.unregister()
    try:
        assert not worker.is_alive and not folder.exists() and not jobs.waiting
        assert not bpy.app.timers.is_registered(tick)
        assert not hasattr(bpy.types.WindowManager, "make_4d_jobs")
        assert not hasattr(bpy.types.WindowManager, "make_4d_workers")
        left = [
            function.__module__
            for name in HANDLERS
            for function in getattr(bpy.app.handlers, name)
            if function.__module__.startswith("make_4d")
        ]
        assert not left and handlers > 0
    finally:
        addon.register()


HANDLERS = [
    name for name in dir(bpy.app.handlers) if isinstance(getattr(bpy.app.handlers, name), list)
]
