"""The worker process: whole jobs over a small photo, canceling, killing, resuming, bad input."""

import errno
import io
import os
import shutil
import signal
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from make_4d.geometry.core.scene_data import load_scene_data
from make_4d.ml.client import tasks as tasks_module
from make_4d.ml.client.process import package_folders
from make_4d.ml.client.tasks import Job
from make_4d.ml.common.job_settings import JobSettings, SettingsError
from make_4d.ml.common.protocol import Cancelled, Done, Failed, Progress, StageDone, decode
from make_4d.ml.stages.table import stage_label, stages_for
from make_4d.ml.worker import server
from messages import is_message
from tasks import finish

pytestmark = pytest.mark.slow

NAMES = [stage.name for stage in stages_for(JobSettings("photo.png"))]


@pytest.fixture(scope="module")
def photo(tmp_path_factory):
    """A small landscape: a sky, a textured meadow, a dark tower."""
    rng = np.random.default_rng(3)
    image = np.zeros((72, 96, 3), np.float32)
    rows = np.linspace(0, 1, 40)[:, None]
    image[:40] = np.stack([230 - 0 * rows, 190 + 30 * rows, 130 + 80 * rows], -1)
    image[40:] = (40, 110, 60)
    image[40:] += rng.normal(0, 18, (32, 96, 1))
    image[15:52, 60:70] = (50, 50, 60)
    path = tmp_path_factory.mktemp("photo") / "small photo äö.png"
    cv2.imencode(".png", image.clip(0, 255).astype(np.uint8))[1].tofile(path)
    return path


def settings_for(photo, **changes):
    return JobSettings(str(photo), **({"size": 96, "frames": 4} | changes))


@pytest.fixture
def start():
    """Start jobs that are closed at the end of the test."""
    jobs = []

    def starter(settings, cache):
        jobs.append(Job(settings, cache))
        return jobs[-1]

    yield starter
    for job in jobs:
        job.close()
        assert not Path(job.output).exists()


@pytest.fixture(scope="module")
def finished_cache(photo, tmp_path_factory):
    """A cache with the complete small job, and the messages of its run."""
    cache = tmp_path_factory.mktemp("cache")
    job = Job(settings_for(photo), cache)
    messages = finish(job)
    scene_data = (
        load_scene_data(Path(job.finished.folder)) if isinstance(job.finished, Done) else None
    )
    job.close()
    return cache, messages, scene_data


def test_a_job_runs_every_stage_in_order_and_reports(finished_cache):
    _, messages, _ = finished_cache
    assert isinstance(messages[-1], Done), messages[-1]
    done = [m for m in messages if isinstance(m, StageDone)]
    assert [m.stage for m in done] == NAMES
    assert all(m.peak_mb > 20 and not m.cached for m in done)
    shares = [m.fraction for m in messages if isinstance(m, Progress)]
    assert shares == sorted(shares) and shares[0] == 0 and shares[-1] == pytest.approx(1)


def test_the_result_is_finite_and_starts_at_the_photo(finished_cache):
    _, _, scene_data = finished_cache
    for points in (scene_data.still, scene_data.moving):
        assert np.isfinite(points.position).all() and (points.position[:, 2] > 0.9).all()
        assert points.color.min() >= 0 and points.color.max() <= 1
        assert points.forward.shape == points.backward.shape
        assert points.forward.shape[1:] == points.position.shape
        assert (points.radius > 0).all()
    assert scene_data.still.count + scene_data.moving.count > 96 * 72 * 2
    np.testing.assert_array_equal(scene_data.plan.positions[0], 0)
    np.testing.assert_allclose(scene_data.plan.look[0], [0, 0, 1])
    assert (scene_data.plan.camera.width, scene_data.plan.camera.height) == (96, 72)


def test_the_first_view_has_every_pixel_of_the_photo(finished_cache, photo):
    _, _, scene_data = finished_cache
    camera = scene_data.plan.camera
    seen = np.zeros((72, 96), bool)
    for points in (scene_data.still, scene_data.moving):
        p = points.position[points.observed > 0.5]
        u = np.floor(p[:, 0] / p[:, 2] * camera.focal + camera.cx).astype(int)
        v = np.floor(p[:, 1] / p[:, 2] * camera.focal + camera.cy).astype(int)
        inside = (u >= 0) & (u < 96) & (v >= 0) & (v < 72)
        seen[v[inside], u[inside]] = True
    assert seen.all()


def test_a_second_run_is_cached_and_equal(finished_cache, photo, start):
    cache, _, scene_data = finished_cache
    job = start(settings_for(photo), cache)
    done = [m for m in finish(job) if isinstance(m, StageDone)]
    assert all(m.cached for m in done[:-1])
    again = load_scene_data(job.output)
    np.testing.assert_array_equal(again.still.position, scene_data.still.position)
    np.testing.assert_array_equal(again.moving.forward, scene_data.moving.forward)


def test_the_same_job_without_the_cache_is_equal_bit_for_bit(
    finished_cache, photo, start, tmp_path
):
    _, _, scene_data = finished_cache
    job = start(settings_for(photo), tmp_path)
    assert isinstance(finish(job)[-1], Done)
    again = load_scene_data(job.output)
    for name in ("position", "color", "opacity", "radius", "observed", "forward"):
        for cloud in ("still", "moving"):
            one, other = getattr(scene_data, cloud), getattr(again, cloud)
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_a_changed_setting_reruns_only_the_stages_after_it(finished_cache, photo, start):
    cache, _, _ = finished_cache
    job = start(settings_for(photo, fly="out", frames=9), cache)
    done = {m.stage: m.cached for m in finish(job) if isinstance(m, StageDone)}
    assert [name for name in NAMES if not done[name]] == ["cruise", "lift"]


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX systems")
def test_a_worker_that_exits_is_not_reported_as_killed(photo, start, tmp_path):
    job = start(settings_for(photo), tmp_path)
    finish(job, until=lambda m: isinstance(m, Progress))
    os.kill(job.pid, signal.SIGABRT)
    failed = finish(job)[-1]
    assert isinstance(failed, Failed)
    assert is_message(failed.message, tasks_module.DIED, stage=stage_label(job.stage))


def test_without_motion_nothing_moves(finished_cache, photo, start):
    cache, _, _ = finished_cache
    job = start(settings_for(photo, motion=False), cache)
    assert isinstance(finish(job)[-1], Done)
    scene_data = load_scene_data(job.output)
    assert scene_data.moving.count == 0 and scene_data.still.count > 0


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX systems")
def test_killed_worker_is_reported_and_every_next_run_resumes(photo, start, tmp_path):
    """Kill the worker in one stage after another; each run finds the earlier ones in the cache."""
    finished: set[str] = set()
    for stage in ("photo", "outpaint", "depth", "inpaint", "layer_depth", "motion", None):
        job = start(settings_for(photo), tmp_path)
        messages = finish(job, until=lambda m, stage=stage: at_stage(m, stage))
        cached = {m.stage for m in messages if isinstance(m, StageDone) and m.cached}
        assert finished <= cached
        if stage is None:
            assert isinstance(messages[-1], Done)
            continue
        os.kill(job.pid, signal.SIGKILL)
        failed = finish(job)[-1]
        assert isinstance(failed, Failed)
        assert is_message(failed.message, tasks_module.KILLED, stage=stage_label(job.stage))
        finished = set(NAMES[: NAMES.index(stage)])


def at_stage(message, stage) -> bool:
    return isinstance(message, Progress) and message.stage == stage


def test_cancel_ends_the_job_soon(photo, start, tmp_path):
    job = start(settings_for(photo, size=512), tmp_path)
    finish(job, until=lambda m: isinstance(m, Progress) and m.stage == "outpaint")
    started = time.monotonic()
    job.cancel()
    messages = finish(job)
    assert isinstance(messages[-1], Cancelled)
    assert time.monotonic() - started < 5.0


def test_close_ends_the_process(photo, tmp_path):
    job = Job(settings_for(photo, size=512), tmp_path)
    finish(job, until=lambda m: isinstance(m, Progress))
    job.close()
    with pytest.raises(ProcessLookupError):
        os.kill(job.pid, 0)


def test_a_worker_ends_when_blender_does(photo, tmp_path):
    job = Job(settings_for(photo, size=512), tmp_path)
    finish(job, until=lambda m: isinstance(m, Progress))
    job.worker._process.stdin.close()
    job.worker._process.wait(timeout=5)
    job.close()


def test_a_broken_photo_fails_with_one_sentence(start, tmp_path):
    broken = tmp_path / "text.jpg"
    broken.write_text("this is not a picture")
    job = start(settings_for(broken), tmp_path / "cache")
    failed = finish(job)[-1]
    assert isinstance(failed, Failed)
    assert "Traceback" not in failed.message and failed.message.count("\n") == 0


def test_invalid_settings_start_no_process(photo, tmp_path):
    with pytest.raises(SettingsError):
        Job(settings_for(photo, frames=0), tmp_path)


def test_a_cache_that_cannot_be_created_fails_with_one_sentence(photo, start, tmp_path):
    (tmp_path / "file").write_text("in the way")
    job = start(settings_for(photo), tmp_path / "file")
    failed = finish(job)[-1]
    assert isinstance(failed, Failed) and "\n" not in failed.message


def test_full_disk_and_full_memory_are_reported():
    full = OSError(errno.ENOSPC, "No space left on device")
    assert is_message(server.message_for(full, "depth"), server.FULL_DISK)
    error = server.message_for(MemoryError(), "depth")
    assert is_message(error, server.NO_MEMORY, stage=stage_label("depth"))


def test_a_read_only_cache_is_used_and_reported(tmp_path, finished_cache, photo, read_only):
    """Its finished stages are used; what the scene refers to goes into our own cache."""
    shared, own, output = (tmp_path / name for name in ("shared", "own", "job/output"))
    shutil.copytree(finished_cache[0], shared)
    output.mkdir(parents=True)
    read_only(shared)
    before = sorted(shared.rglob("*"))
    replies = io.StringIO()
    settings = settings_for(photo, field_of_view=0.7)
    command = {"type": "run", "job": "j", "settings": settings.to_json(), "output": str(output)}
    server.Server(io.StringIO(), replies)._run(
        command | {"cache": str(shared), "own_cache": str(own)}
    )
    messages = [decode(line) for line in replies.getvalue().splitlines()]
    assert isinstance(messages[-1], Done), messages[-1]
    assert is_message(messages[-1].notes[-1], server.READ_ONLY_CACHE, folder=str(shared))
    done = {m.stage: m.cached for m in messages if isinstance(m, StageDone)}
    assert [name for name, cached in done.items() if not cached] == ["motion", "cruise", "lift"]
    assert sorted(shared.rglob("*")) == before
    images = load_scene_data(output).plan.editable_images
    assert images and all(Path(image.file).is_relative_to(own) for image in images)
    assert all(Path(image.file).is_file() for image in images)


def test_stray_output_of_the_worker_is_skipped(finished_cache, photo, start):
    job = start(settings_for(photo), finished_cache[0])
    job.worker._lines.put("what a library prints\n")
    assert isinstance(finish(job)[-1], Done)
    assert "what a library prints" in job.worker.log_tail()


def test_the_worker_gets_an_explicit_list_of_folders():
    folders = package_folders()
    assert folders and all(Path(folder).is_dir() for folder in folders)
