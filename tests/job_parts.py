"""What the tests of jobs share: a scene with a small photo, and a hand on the queue."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import bpy
import pytest
from lake_scene import write_lake
from make_4d.jobs import log
from make_4d.jobs import manager as manager_module
from make_4d.jobs.manager import manager, tick
from make_4d.ml.common.job_settings import JobSettings


@pytest.fixture(name="photo", scope="module")
def photo_fixture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("photo") / "lake.png"
    write_lake(path)
    return path


@pytest.fixture(name="scene")
def scene_fixture(
    addon: object, photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[bpy.types.Scene]:
    """A saved file's scene. The artist is busy in every window, so that no result is taken."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "work.blend"))
    monkeypatch.setattr(manager_module, "idle_window", lambda: None)
    monkeypatch.setattr(log, "log_folder", lambda: tmp_path)
    own = bpy.context.scene.make_4d
    own.photo, own.size, own.frames = str(photo), 64, 5
    yield bpy.context.scene
    manager().close()
    manager().dismiss_failure()


def submit(scene: bpy.types.Scene, kind: str = "make", **changes: object) -> bool:
    """Request a job as a click does; returns whether it waits."""
    own = scene.make_4d
    settings = JobSettings(**{"photo": own.photo, "size": 64, "frames": 5, **changes})
    return manager().submit(manager().request(settings, kind, scene))


def until(condition: Callable[[], object], seconds: float = 90) -> None:
    """Let the timer tick until something holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it takes too long"
        tick()
        time.sleep(0.02)


def has_ended() -> bool:
    return manager().has_ended


def take(**options: object) -> set[str]:
    """Take a result into the file."""
    return bpy.ops.make_4d.take_result("EXEC_DEFAULT", True, **options)


def clouds() -> list[str]:
    return [o.name for o in bpy.data.objects if o.type == "POINTCLOUD"]
