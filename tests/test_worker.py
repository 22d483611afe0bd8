"""The worker process: whole jobs over a small photo, canceling, killing, resuming, bad input."""

import os
import signal
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from make_4d.geometry.core.scene_data import load_scene_data
from make_4d.ml.client.process import package_folders
from make_4d.ml.client.tasks import Job
from make_4d.ml.common.job_settings import JobSettings, SettingsError
from make_4d.ml.common.protocol import Cancelled, Done, Failed, Progress, StageDone
from make_4d.ml.stages.table import stage_label, stages_for
from tasks import finish

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
    """Start jobs that are closed at the test's end."""
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
    """A cache in which the small job is complete, and the messages of making it."""
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


def test_the_flight_is_finite_and_starts_at_the_photo(finished_cache):
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


def test_the_first_view_holds_every_pixel_of_the_photo(finished_cache, photo):
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


def test_a_second_run_takes_all_from_the_cache_and_is_the_same(finished_cache, photo, start):
    cache, _, scene_data = finished_cache
    job = start(settings_for(photo), cache)
    done = [m for m in finish(job) if isinstance(m, StageDone)]
    assert all(m.cached for m in done[:-1])
    again = load_scene_data(job.output)
    np.testing.assert_array_equal(again.still.position, scene_data.still.position)
    np.testing.assert_array_equal(again.moving.forward, scene_data.moving.forward)


def test_an_equal_job_without_the_cache_is_the_same_bit_for_bit(
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


def test_a_changed_setting_recomputes_only_what_follows(finished_cache, photo, start):
    cache, _, _ = finished_cache
    job = start(settings_for(photo, fly="out", frames=9), cache)
    done = {m.stage: m.cached for m in finish(job) if isinstance(m, StageDone)}
    assert [name for name in NAMES if not done[name]] == ["cruise", "lift"]


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX systems")
def test_a_worker_that_ends_by_itself_is_not_called_killed(photo, start, tmp_path):
    job = start(settings_for(photo), tmp_path)
    finish(job, until=lambda m: isinstance(m, Progress))
    os.kill(job.pid, signal.SIGABRT)
    failed = finish(job)[-1]
    assert isinstance(failed, Failed)
    assert f"ended unexpectedly in the stage '{stage_label(job.stage)}'" in failed.message
    assert "run again to resume" in failed.message


def test_without_motion_nothing_moves(finished_cache, photo, start):
    cache, _, _ = finished_cache
    job = start(settings_for(photo, motion=False), cache)
    assert isinstance(finish(job)[-1], Done)
    scene_data = load_scene_data(job.output)
    assert scene_data.moving.count == 0 and scene_data.still.count > 0


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX systems")
@pytest.mark.parametrize(
    "stage", ["photo", "outpaint", "depth", "inpaint", "layer_depth", "motion"]
)
def test_a_killed_worker_is_told_and_the_next_run_resumes(photo, start, tmp_path, stage):
    job = start(settings_for(photo), tmp_path)
    finish(job, until=lambda m: isinstance(m, Progress) and m.stage == stage)
    os.kill(job.pid, signal.SIGKILL)
    messages = finish(job)
    failed = messages[-1]
    assert isinstance(failed, Failed)
    assert "was killed in the stage" in failed.message
    assert "run again to resume" in failed.message
    again = start(settings_for(photo), tmp_path)
    messages = finish(again)
    assert isinstance(messages[-1], Done)
    cached = {m.stage for m in messages if isinstance(m, StageDone) and m.cached}
    assert set(NAMES[: NAMES.index(stage)]) <= cached


def test_cancel_ends_the_job_soon(photo, start, tmp_path):
    job = start(settings_for(photo, size=512), tmp_path)
    finish(job, until=lambda m: isinstance(m, Progress) and m.stage == "outpaint")
    started = time.monotonic()
    job.cancel()
    messages = finish(job)
    assert isinstance(messages[-1], Cancelled)
    assert time.monotonic() - started < 5.0


def test_closing_leaves_no_process(photo, tmp_path):
    job = Job(settings_for(photo, size=512), tmp_path)
    finish(job, until=lambda m: isinstance(m, Progress))
    job.close()
    with pytest.raises(ProcessLookupError):
        os.kill(job.pid, 0)


def test_a_worker_without_blender_ends_by_itself(photo, tmp_path):
    job = Job(settings_for(photo, size=512), tmp_path)
    finish(job, until=lambda m: isinstance(m, Progress))
    job.worker._process.stdin.close()
    job.worker._process.wait(timeout=5)
    job.close()


def test_a_broken_photo_is_one_sentence(start, tmp_path):
    broken = tmp_path / "text.jpg"
    broken.write_text("this is not a picture")
    job = start(settings_for(broken), tmp_path / "cache")
    failed = finish(job)[-1]
    assert isinstance(failed, Failed)
    assert "Traceback" not in failed.message and failed.message.count("\n") == 0


def test_wrong_settings_never_start_a_process(photo, tmp_path):
    with pytest.raises(SettingsError):
        Job(settings_for(photo, frames=0), tmp_path)


def test_a_cache_that_cannot_be_made_is_one_sentence(photo, start, tmp_path):
    (tmp_path / "file").write_text("in the way")
    job = start(settings_for(photo), tmp_path / "file")
    failed = finish(job)[-1]
    assert isinstance(failed, Failed) and "\n" not in failed.message


def test_a_full_disk_is_said_so():
    import errno

    from make_4d.ml.worker.server import message_for

    full = OSError(errno.ENOSPC, "No space left on device")
    assert "disk is full" in message_for(full, "depth")
    assert "smaller size" in message_for(MemoryError(), "depth")


def test_the_worker_gets_an_explicit_list_of_folders():
    folders = package_folders()
    assert folders and all(Path(folder).is_dir() for folder in folders)
