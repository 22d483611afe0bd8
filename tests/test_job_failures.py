"""Jobs that go wrong: each one ends with a message, and the queue goes on."""

from __future__ import annotations

import shutil

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
from make_4d.geometry.scene_parts import SceneError, parts_of
from make_4d.jobs import results
from make_4d.jobs.details import details, without_folders
from make_4d.jobs.job import Failure, RunningJob
from make_4d.jobs.manager import UNEXPECTED, manager, tick
from make_4d.ml.client import process
from make_4d.ml.client.kept_workers import KeptWorkers
from make_4d.ml.client.process import Worker
from make_4d.ml.client.tasks import Job
from make_4d.ml.common.job_settings import JobSettings, SettingsError
from make_4d.ml.common.protocol import Failed
from make_4d.operators import jobs as job_operators
from messages import is_message, raises_message
from tasks import finish


@pytest.fixture
def made(scene):
    """A 4D scene that a job has made."""
    submit(scene)
    until(has_ended)
    assert take() == {"FINISHED"}
    return scene


@pytest.mark.parametrize("kind", [results.REBUILD, results.UPDATE_MOTION, results.FIND_MOTION])
def test_a_still_cloud_deleted_during_a_job_is_a_failure(made, kind):
    submit(made, kind)
    bpy.data.objects.remove(parts_of(made).still)
    until(has_ended)
    with raises_message(RuntimeError, results.NO_STILL_CLOUD):
        take()
    assert is_message(manager().failure.message, results.NO_STILL_CLOUD)
    assert manager().current is None and tick() is None


def test_a_stray_line_of_the_worker_is_logged_and_the_job_goes_on(scene, monkeypatch):
    submit(scene)
    worker = manager().current.task.worker
    stray = ["a library's own words\n", "[1, 2]\n", '{"type": "news"}\n']
    original = worker.next_line
    monkeypatch.setattr(worker, "next_line", lambda: stray.pop() if stray else original())
    until(has_ended)
    log = worker.log_tail()
    assert not stray and all(line in log for line in ("own words", "[1, 2]", "news"))
    assert take() == {"FINISHED"} and len(clouds()) == 2 and manager().failure is None


def test_output_in_another_encoding_is_logged(root, tmp_path, monkeypatch):
    shutil.copy(root / "blender_manifest.toml", tmp_path)
    script = tmp_path / "ml" / "worker" / "main.py"
    script.parent.mkdir(parents=True)
    script.write_text("import os; os.write(1, b'\\xff noise\\n')", encoding="utf-8")
    monkeypatch.setattr(process, "ROOT", tmp_path)
    job = Job(JobSettings("photo.jpg"), tmp_path / "cache")
    finish(job)
    assert isinstance(job.finished, Failed) and "noise" in job.finished.detail
    job.close()


def test_an_exception_in_the_timer_ends_its_job_and_the_next_one_starts(scene, monkeypatch):
    submit(scene)
    submit(scene, seed=1)
    broken = manager().current
    worker = broken.task.worker
    poll = RunningJob.poll

    def fails_once(job):
        if job is broken:
            raise RuntimeError("no such luck")
        return poll(job)

    monkeypatch.setattr(RunningJob, "poll", fails_once)
    assert tick() is not None, "the timer stays"
    failure = manager().failure
    assert is_message(failure.message, UNEXPECTED, error="RuntimeError: no such luck")
    assert "fails_once" in failure.detail and not worker.is_alive
    until(has_ended)
    assert manager().current is not broken and take() == {"FINISHED"} and len(clouds()) == 2


def test_an_exception_while_a_waiting_job_starts_is_its_failure(scene, monkeypatch):
    submit(scene)
    submit(scene, seed=1)
    manager().cancel()
    until(has_ended)
    take()

    def fail(*_):
        raise ZeroDivisionError

    monkeypatch.setattr("make_4d.jobs.manager.check_job", fail)
    assert tick() is None and not manager().waiting
    assert is_message(manager().failure.message, UNEXPECTED)


def test_a_kept_worker_outlives_settings_that_do_not_validate(scene):
    worker = Worker()
    manager().workers.put_back(worker)
    with pytest.raises(SettingsError):
        submit(scene, frames=0)
    assert manager().workers.idle == (worker,) and worker.is_alive
    manager().free_models()
    assert not worker.is_alive


def test_a_task_takes_no_worker_for_settings_that_do_not_validate(tmp_path):
    worker, workers = Worker(), KeptWorkers()
    workers.put_back(worker)
    with pytest.raises(SettingsError):
        Job(JobSettings("photo.jpg", frames=0), tmp_path, workers=workers)
    assert workers.idle == (worker,)
    workers.close()
    assert not worker.is_alive


def test_a_path_that_cannot_be_made_is_a_warning(scene, monkeypatch):
    """What the redo panel does, in a scene whose path can't be made."""

    def fail(*_):
        raise SceneError("There is no way.")

    submit(scene)
    until(has_ended)
    monkeypatch.setattr(job_operators, "remake_path", fail)
    assert take(move="ORBIT") == {"FINISHED"} and len(clouds()) == 2


WINDOWS_HOME = "C:\\Users\\Ann Smith"
WINDOWS_PHOTO = "D:\\Secret Trip\\lake.jpg"


@pytest.mark.parametrize(
    "path",
    [
        WINDOWS_HOME + "\\AppData\\log.txt",
        (WINDOWS_HOME + "\\AppData\\log.txt").replace("\\", "\\\\"),
        (WINDOWS_HOME + "\\AppData\\log.txt").replace("\\", "\\\\\\\\"),
        "c:/users/ann smith/AppData/log.txt",
    ],
)
def test_reports_name_no_home_folder(path):
    text = without_folders(f"can't read '{path}'", JobSettings("lake.jpg"), WINDOWS_HOME)
    assert "ann" not in text.lower() and "~" in text and text.endswith("log.txt'")


@pytest.mark.parametrize("path", [WINDOWS_PHOTO, WINDOWS_PHOTO.replace("\\", "\\\\")])
def test_reports_name_no_folder_of_the_photo(path):
    text = without_folders(f"can't read '{path}'", JobSettings(WINDOWS_PHOTO), WINDOWS_HOME)
    assert text == "can't read 'lake.jpg'"


def test_reports_have_versions_and_settings(addon, monkeypatch):
    failure = Failure("Too small.", "Traceback", JobSettings(WINDOWS_PHOTO, seed=7), "Rebuild")
    text = details(failure)
    assert '"seed": 7' in text and '"photo": "lake.jpg"' in text and "Secret" not in text
    assert "Rebuild" in text and "Too small." in text and "Traceback" in text
