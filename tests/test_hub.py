"""Every registered model for real: downloaded, verified, loaded, and a frame rendered with it.

Run with `./make4d test -m hub`. The models are kept in the folder MAKE_4D_MODELS if it is set.
"""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

import numpy as np
import pytest

bpy = pytest.importorskip("bpy", reason="Blender's module is not installed")
pytest.importorskip("torch", reason="PyTorch is not installed")
pytest.importorskip("diffusers", reason="diffusers is not installed")
pytest.importorskip("transformers", reason="transformers is not installed")

from make_4d.geometry.build import build_scene
from make_4d.geometry.core.scene_data import load_scene_data
from make_4d.ml.client.tasks import Download, Job
from make_4d.ml.common.job_settings import JobSettings, Resources
from make_4d.ml.common.protocol import Done
from make_4d.ml.common.registry import MODELS
from render_scene import rendered

HUB = ("huggingface.co", 443)
HOURS = 3600.0


@pytest.fixture(scope="module")
def models_folder(tmp_path_factory) -> Path:
    """The folder for the models; the tests are skipped if the hub can't be reached."""
    try:
        socket.create_connection(HUB, 5.0).close()
    except OSError as error:
        pytest.skip(f"the hub can't be reached: {error}")
    chosen = os.environ.get("MAKE_4D_MODELS")
    return Path(chosen) if chosen else tmp_path_factory.mktemp("models")


def finish(task):
    deadline = time.monotonic() + 2 * HOURS
    while task.finished is None and time.monotonic() < deadline:
        task.poll()
        time.sleep(0.05)
    assert isinstance(task.finished, Done), task.finished
    return Path(task.finished.folder)


@pytest.mark.hub
@pytest.mark.parametrize("spec", MODELS, ids=lambda spec: spec.key)
def test_registered_model_works(addon, empty_blend, models_folder, tmp_path, spec):
    download = Download(spec.key, models_folder)
    finish(download)
    download.close()
    sample = Path(__import__("sklearn").__file__).parent / "datasets" / "images" / "china.jpg"
    choice = {f"{spec.stage}_model": spec.key}
    settings = JobSettings(str(sample), size=256, frames=2, steps=10, **choice)
    job = Job(settings, tmp_path / "cache", Resources(str(models_folder), use_hub_cache=False))
    scene_data = load_scene_data(finish(job))
    job.close()
    built = build_scene(scene_data, spec.key, bpy.context.scene)
    image = rendered(bpy.data.scenes[built.scene], tmp_path)
    assert np.isfinite(image).all() and image[..., :3].std() > 0.02
