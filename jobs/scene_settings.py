"""A scene's settings as job settings, and job settings on the scene that was made with them."""

from __future__ import annotations

from pathlib import Path

import bpy

from ..geometry.folders import BESIDE_BLEND, PHOTOS
from ..geometry.save_handlers import PATHS
from ..ml.common.job_settings import DIFFUSION, JobSettings

SHARED_SETTINGS = (
    *("photo", "size", "frames", "loop_frames", "layers", "fly", "motion", "seed", "field_of_view"),
    *("inpaint_model", "depth_model", "motion_model"),
    *DIFFUSION,
)
"""Settings with the same name and meaning in the scene and in the job."""


def job_settings(scene: bpy.types.Scene) -> JobSettings:
    """Return a scene's settings for the worker; raises SettingsError where one is unusable."""
    own = scene.make_4d
    values = {name: getattr(own, name) for name in SHARED_SETTINGS}
    values |= {name: file_of(getattr(own, name)) for name in PATHS}
    settings = JobSettings(**values)
    settings.validate()
    return settings


def file_of(path: str) -> str:
    """Return the absolute path of a chosen file, which may have moved together with the .blend.

    Returns the path itself where there is no such file.
    """
    if not path:
        return ""
    chosen = Path(bpy.path.abspath(path))
    if chosen.is_file() or not bpy.data.filepath:
        return str(chosen)
    folder = Path(bpy.data.filepath).parent
    moved = (folder / chosen.name, folder / BESIDE_BLEND / PHOTOS / chosen.name)
    return next((str(file) for file in moved if file.is_file()), str(chosen))


def remember_settings(scene: bpy.types.Scene, settings: JobSettings) -> None:
    """Set a scene's settings to those that it was made with."""
    own = scene.make_4d
    for name in (*SHARED_SETTINGS, "networks"):
        setattr(own, name, getattr(settings, name))
    if settings.networks:
        scene.make_4d_engine.method = "NEURAL"
