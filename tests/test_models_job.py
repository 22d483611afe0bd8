"""Pretrained models from the registry to a finished job: the real path, over tiny models."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("torch", reason="PyTorch is not installed")
pytest.importorskip("diffusers", reason="diffusers is not installed")
pytest.importorskip("transformers", reason="transformers is not installed")

import tiny_models
from make_4d.geometry.core.color import linear_to_srgb, srgb_to_linear
from make_4d.geometry.core.feature_files import features_path, load_features
from make_4d.geometry.core.scene_data import load_scene_data
from make_4d.ml.client.kept_workers import KeptWorkers
from make_4d.ml.client.process import Worker
from make_4d.ml.client.tasks import DeviceQuery, Job
from make_4d.ml.common.job_settings import JobSettings, Resources
from make_4d.ml.common.model_store import snapshot_folder
from make_4d.ml.common.protocol import (
    Cancelled,
    DeviceFound,
    Done,
    Failed,
    Preview,
    Progress,
    StageDone,
)
from make_4d.ml.common.registry import model
from tasks import finish

pytestmark = pytest.mark.slow

KEYS = ("sd2-inpaint", "depth-anything-v2-small", "segformer-b0")
STEPS = 4


@pytest.fixture(scope="module")
def photo(tmp_path_factory):
    """A small landscape with a tower."""
    rng = np.random.default_rng(3)
    image = np.zeros((48, 64, 3), np.float32)
    image[:26] = (230, 200, 150)
    image[26:] = (40, 110, 60)
    image[26:] += rng.normal(0, 18, (22, 64, 1))
    image[10:36, 40:48] = (50, 50, 60)
    path = tmp_path_factory.mktemp("photo") / "tower.png"
    cv2.imwrite(str(path), image.clip(0, 255).astype(np.uint8))
    return path


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A models folder with tiny models, and a checkpoint of the paper's networks."""
    folder = tiny_models.install(tmp_path_factory.mktemp("models"), *KEYS)
    tiny_models.save_checkpoint(folder / "paper.pth")
    return folder


def settings_for(photo, models, **changes):
    chosen = {
        **{"size": 64, "frames": 3, "steps": STEPS, "prompt": "a meadow"},
        **dict(zip(("inpaint_model", "depth_model", "motion_model"), KEYS, strict=True)),
        "networks": str(models / "paper.pth"),
    }
    return JobSettings(str(photo), **(chosen | changes))


def resources_for(models, **changes):
    return Resources(str(models), **({"use_hub_cache": False, "device": "cpu"} | changes))


@pytest.fixture
def start():
    """Start jobs that are closed at the test's end."""
    jobs = []

    def starter(*arguments):
        jobs.append(Job(*arguments))
        return jobs[-1]

    yield starter
    for job in jobs:
        job.close()


@pytest.fixture(scope="module")
def finished(photo, models, tmp_path_factory):
    """The job with all models: its messages, its previews, its flight, its cache."""
    cache = tmp_path_factory.mktemp("cache")
    job = Job(settings_for(photo, models), cache, resources_for(models))
    previews, messages = [], []
    while job.finished is None:
        for message in job.poll():
            messages.append(message)
            if isinstance(message, Preview) and Path(message.path).is_file():
                previews.append(np.load(message.path))
        time.sleep(0.005)
    assert isinstance(job.finished, Done), job.finished
    scene_data = load_scene_data(Path(job.finished.folder))
    job.close()
    return messages, previews, scene_data, cache


def test_progress_of_a_job(finished):
    messages, previews, _, _ = finished
    [device] = [m for m in messages if isinstance(m, DeviceFound)]
    assert device.kind == "cpu" and device.name and 0 < device.free_bytes <= device.total_bytes
    details = {m.detail for m in messages if isinstance(m, Progress)}
    for label in (model(key).label for key in KEYS):
        assert f"Loading {label}" in details
    assert {f"step {k} of {STEPS}" for k in range(1, STEPS + 1)} <= details
    shares = [m.fraction for m in messages if isinstance(m, Progress)]
    assert shares == sorted(shares) and shares[-1] == pytest.approx(1)
    assert previews
    for picture in previews:
        assert picture.dtype == np.uint8 and picture.ndim == 3 and max(picture.shape) <= 128


def first_view(scene_data):
    """The points from the photo's place, (H, W, 3): each pixel's nearest fringe over its nearest
    solid point, in linear light."""
    camera = scene_data.plan.camera
    clouds = (scene_data.still, scene_data.moving)
    place, color, opacity = (
        np.concatenate([getattr(cloud, name) for cloud in clouds])
        for name in ("position", "color", "opacity")
    )
    order = np.argsort(-place[:, 2])  # the last assigned is the nearest
    column, row = np.floor(
        place[order, :2] / place[order, 2:] * camera.focal + (camera.cx, camera.cy)
    ).astype(int).T  # fmt: skip
    inside = (column >= 0) & (column < camera.width) & (row >= 0) & (row < camera.height)
    view = np.full((camera.height, camera.width, 3), np.nan)
    for which in (opacity[order] == 1, opacity[order] < 1):
        chosen = inside & which
        at = row[chosen], column[chosen]
        share = opacity[order][chosen, None]
        own = srgb_to_linear(color[order][chosen])
        view[at] = share * own + (1 - share) * np.nan_to_num(view[at])
    return linear_to_srgb(view)


def test_the_photo_is_unchanged(finished, photo):
    _, _, scene_data, _ = finished
    image = cv2.imread(str(photo))[..., ::-1].astype(np.float32) / 255
    error = np.abs(first_view(scene_data) - image).max(axis=-1)
    # A few mixtures can't be taken apart: a color would have less than no light.
    assert np.median(error) < 1e-6 and (error > 2 / 255).mean() < 0.01


def test_features_are_stored_in_the_cache_and_points_refer_to_them(finished, models):
    _, _, scene_data, cache = finished
    assert scene_data.plan.networks == str(models / "paper.pth")
    maps, size = load_features(features_path(cache, scene_data.plan.features))
    assert maps.shape[1] == 32 and np.isfinite(maps).all() and maps.astype(np.float32).std() > 0
    assert maps.shape[2:] == tuple(-(-side // 4) for side in size)
    for points in (scene_data.still, scene_data.moving):
        layer, inside = np.divmod(points.pixel, size[0] * size[1])
        np.testing.assert_array_equal(layer, points.layer)
        assert (inside >= 0).all() and layer.max(initial=0) < len(maps)


def test_another_prompt_only_changes_inpainting(finished, photo, models, start):
    cache = finished[3]
    job = start(settings_for(photo, models, prompt="a desert"), cache, resources_for(models))
    done = {m.stage: m.cached for m in finish(job) if isinstance(m, StageDone)}
    assert done["photo"] and not done["outpaint"] and not done["inpaint"]
    builtin = {"inpaint_model": "builtin", "networks": ""}
    for prompt, cached in (("a desert", False), ("a sea", True)):
        changed = settings_for(photo, models, prompt=prompt, **builtin)
        job = start(changed, cache, resources_for(models))
        done = {m.stage: m.cached for m in finish(job) if isinstance(m, StageDone)}
        assert done["inpaint"] == cached


def test_a_job_is_cancelled_within_a_step(photo, models, start, tmp_path):
    settings = settings_for(photo, models, steps=500)
    job = start(settings, tmp_path, resources_for(models))
    finish(job, until=lambda m: isinstance(m, Progress) and m.detail.startswith("step 3 "))
    job.cancel()
    started = time.monotonic()
    finish(job)
    assert isinstance(job.finished, Cancelled) and time.monotonic() - started < 2.0
    assert job.worker.is_alive  # it stopped by itself and was not killed


def test_a_kept_worker_runs_the_next_job_without_loading_models(photo, models, tmp_path):
    resources = resources_for(models, keep_models=True)
    job = Job(settings_for(photo, models, networks=""), tmp_path, resources)
    finish(job)
    worker = job.close(keep_worker=True)
    assert worker is not None
    workers = KeptWorkers()
    workers.put_back(worker)
    again = Job(settings_for(photo, models, networks="", seed=1), tmp_path, resources, workers)
    assert again.worker is worker
    details = {m.detail for m in finish(again) if isinstance(m, Progress)}
    assert isinstance(again.finished, Done)
    assert "step 1 of 4" in details and not [d for d in details if d.startswith("Loading")]
    assert again.close() is None and not worker.is_alive


def test_a_worker_that_cannot_run_models_is_replaced(photo, models, tmp_path):
    plain, workers = Worker(), KeptWorkers()
    workers.put_back(plain)
    job = Job(settings_for(photo, models), tmp_path, resources_for(models), workers)
    assert job.worker is not plain and not plain.is_alive
    job.close()


def missing(folder):
    return None


def cut_short(folder):
    weights = max(folder.rglob("*.safetensors"), key=lambda f: f.stat().st_size)
    weights.write_bytes(weights.read_bytes()[:-500])


def of_another_stage(folder):
    for file in folder.rglob("*"):
        if file.is_file():
            file.unlink()
    tiny_models.BUILDERS["segformer-b0"](folder)


@pytest.mark.parametrize("harm", [missing, cut_short, of_another_stage])
@pytest.mark.parametrize("key", ["sd2-inpaint", "depth-anything-v2-small"])
def test_an_unusable_model_fails_with_one_sentence(photo, start, tmp_path, key, harm):
    folder = tmp_path / "models"
    if harm is not missing:
        tiny_models.install(folder, key)
        harm(snapshot_folder(model(key), folder))
    choice = {f"{model(key).stage}_model": key}
    settings = JobSettings(str(photo), size=64, frames=2, steps=2, **choice)
    job = start(settings, tmp_path / "cache", resources_for(folder))
    finish(job)
    assert isinstance(job.finished, Failed)
    message = job.finished.message
    assert model(key).label in message and "\n" not in message and "Error" not in message
    assert message.endswith(".") and any(w in message for w in ("Download", "download", "choose"))


def test_prompts_of_any_length_and_script(photo, models, start, tmp_path):
    prompt = "ein Berg, 山の上の雲, गाँव, 🏔 " * 400
    settings = settings_for(photo, models, prompt=prompt[:10_000], networks="", steps=2)
    job = start(settings, tmp_path, resources_for(models))
    finish(job)
    assert isinstance(job.finished, Done), job.finished


def test_metric_depth_sets_the_lens_and_the_scale(photo, start, tmp_path):
    folder = tiny_models.install(tmp_path / "models", "depth-pro")
    settings = JobSettings(str(photo), size=64, frames=2, depth_model="depth-pro")
    job = start(settings, tmp_path / "cache", resources_for(folder))
    finish(job)
    assert isinstance(job.finished, Done), job.finished
    plan = load_scene_data(Path(job.finished.folder)).plan
    other = JobSettings(str(photo), size=64, frames=2)
    job = start(other, tmp_path / "cache", resources_for(folder))
    finish(job)
    plain = load_scene_data(Path(job.finished.folder)).plan
    assert plan.meters_per_unit > 0 and plain.meters_per_unit == 0
    assert plan.camera.focal != plain.camera.focal and plan.camera.focal > 10


def test_the_device_is_found(tmp_path):
    query = DeviceQuery("auto")
    finish(query)
    assert query.device is not None and query.device.name and query.device.total_bytes > 1 << 28
    query.close()


def test_a_job_never_opens_a_socket(photo, models, start, tmp_path, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
        for name in ("HF_ENDPOINT", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, address)
        monkeypatch.setenv("NO_PROXY", "")
        job = start(settings_for(photo, models, steps=2), tmp_path, resources_for(models))
        finish(job)
        assert isinstance(job.finished, Done), job.finished
        server.settimeout(0.0)
        with pytest.raises(BlockingIOError):  # nobody has knocked
            server.accept()
