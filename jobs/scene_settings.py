"""A scene's settings on their way to the worker, and back on the scene that was made with them."""

from __future__ import annotations

from pathlib import Path

import bpy

from ..geometry.folders import BESIDE_BLEND, PHOTOS
from ..ml.common.job_settings import DIFFUSION, JobSettings

REMEMBERED = (
    *("photo", "size", "frames", "loop_frames", "layers", "fly", "motion", "seed", "field_of_view"),
    *("inpaint_model", "depth_model", "motion_model"),
    *DIFFUSION,
)
"""Settings that have the same name and meaning here and in the job."""


def job_settings(scene: bpy.types.Scene) -> JobSettings:
    """The scene's settings as the worker takes them; raises SettingsError where one is unusable."""
    own = scene.make_4d
    values = {name: getattr(own, name) for name in REMEMBERED}
    values |= {name: file_of(getattr(own, name)) for name in ("photo", "networks")}
    settings = JobSettings(**values)
    settings.validate()
    return settings


def file_of(path: str) -> str:
    """Where a chosen file lies: at its path, else beside the .blend, with which it may have moved;
    the path itself where it is nowhere."""
    if not path:
        return ""
    wanted = Path(bpy.path.abspath(path))
    if wanted.is_file() or not bpy.data.filepath:
        return str(wanted)
    beside = Path(bpy.data.filepath).parent
    moved = (beside / wanted.name, beside / BESIDE_BLEND / PHOTOS / wanted.name)
    return next((str(place) for place in moved if place.is_file()), str(wanted))


def remember_settings(scene: bpy.types.Scene, settings: JobSettings) -> None:
    """Note on a scene what it was made of, so that its panel shows it and can make it again."""
    own = scene.make_4d
    for name in (*REMEMBERED, "networks"):
        setattr(own, name, getattr(settings, name))
    if settings.networks:
        scene.make_4d_engine.method = "NEURAL"
