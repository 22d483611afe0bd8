"""The setup of a 4D scene: resolution, frame range, engine, exact colors, output.

An unused scene (no objects, strips, compositing or animation) is set up in place, because it
contains nothing of the artist's. Otherwise a new scene "Make 4D <photo>" is created and shown. The
artist's own scene, even if it only has the default cube, stays exactly as it is and is one click
away in the scene menu.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import reduce
from typing import Any

import bpy

from .camera_rig import FIRST_FRAME
from .core.scene_data import ScenePlan

ENGINE = "MAKE_4D"
FPS = 30
EXACT_COLORS: dict[str, Any] = {
    "view_settings.view_transform": "Standard",
    "view_settings.look": "None",
    "view_settings.exposure": 0.0,
    "view_settings.gamma": 1.0,
    "view_settings.use_curve_mapping": False,
    "view_settings.use_white_balance": False,
    "render.dither_intensity": 0.0,
}
"""With these, renders show stored colors unchanged. With AgX, the default, they differ by up to
126/255."""
NO_STAMPS: dict[str, Any] = {
    f"render.{name}": False
    for name in ("use_stamp_date", "use_stamp_time", "use_stamp_render_time", "use_stamp_memory")
} | {"render.use_stamp_hostname": False, "render.use_stamp_filename": False}
"""Metadata that would make two films of the same scene differ; turned off."""
VIDEO_OUTPUT: dict[str, Any] = {
    "render.use_file_extension": True,
    "render.image_settings.media_type": "VIDEO",  # before the format, which it allows
    "render.image_settings.file_format": "FFMPEG",
    "render.image_settings.color_mode": "RGB",
    "render.ffmpeg.format": "MPEG4",
    "render.ffmpeg.codec": "H264",
    "render.ffmpeg.constant_rate_factor": "HIGH",
    "render.ffmpeg.ffmpeg_preset": "GOOD",
    "render.ffmpeg.gopsize": 18,
    "render.ffmpeg.use_max_b_frames": False,
    "render.ffmpeg.audio_codec": "NONE",
}

"""Output of an H.264 film."""

IMAGE_OUTPUT: dict[str, Any] = {
    "render.use_file_extension": True,
    "render.image_settings.media_type": "IMAGE",
    "render.image_settings.file_format": "PNG",
    "render.image_settings.color_mode": "RGB",
    "render.image_settings.color_depth": "8",
    "render.image_settings.compression": 15,
}


def is_unused(scene: bpy.types.Scene) -> bool:
    """Whether a scene contains nothing of the artist's."""
    strips = scene.sequence_editor is not None and len(scene.sequence_editor.strips_all) > 0
    return not (
        scene.collection.all_objects
        or strips
        or scene.compositing_node_group
        or scene.animation_data
        or scene.timeline_markers
        or scene.library
    )


def unused_or_new_scene(name: str, scene: bpy.types.Scene | None) -> bpy.types.Scene:
    """Return `scene` if it is unused, otherwise a new scene named "Make 4D <name>"."""
    if scene is not None and is_unused(scene):
        return scene
    return bpy.data.scenes.new(f"Make 4D {name}")


def show(scene: bpy.types.Scene) -> None:
    """Show a scene in the artist's window, if there is one."""
    window = bpy.context.window
    if window is not None:
        window.scene = scene


@contextmanager
def set_up(scene: bpy.types.Scene, plan: ScenePlan, camera: bpy.types.Object) -> Iterator[None]:
    """Set a scene up to render `plan` through `camera`; undone if the body raises."""
    setup = setup_for(plan) | {"camera": camera}
    before = {path: read(scene, path) for path in setup}
    try:
        apply(scene, setup)
        yield
    except BaseException:
        apply(scene, before)
        raise


def setup_for(plan: ScenePlan) -> dict[str, Any]:
    """Return the setup of a scene, properties by path; the engine only if it is registered."""
    setup: dict[str, Any] = {
        "render.resolution_x": plan.camera.width,
        "render.resolution_y": plan.camera.height,
        "render.resolution_percentage": 100,
        "render.pixel_aspect_x": 1.0,
        "render.pixel_aspect_y": 1.0,
        "render.use_border": False,
        "render.fps": FPS,
        "render.fps_base": 1.0,
        "frame_start": FIRST_FRAME,
        "frame_end": plan.frames,
        "frame_step": 1,
        "frame_current": FIRST_FRAME,
    }
    if plan.meters_per_unit > 0:
        setup["unit_settings.scale_length"] = plan.meters_per_unit
    if has_engine():
        setup["render.engine"] = ENGINE
    return setup | EXACT_COLORS | NO_STAMPS


def has_engine() -> bool:
    """Whether the add-on's render engine is registered."""
    return any(
        getattr(engine, "bl_idname", "") == ENGINE and engine.is_registered
        for engine in bpy.types.RenderEngine.__subclasses__()
    )


def set_film_output(scene: bpy.types.Scene, path: str) -> None:
    """Set a scene to render animations to an H.264 film at `path` (.mp4).

    The same frames give the same bytes. H.264 needs even resolutions; Blender reports others.
    """
    apply(scene, VIDEO_OUTPUT | {"render.filepath": path})


def read(scene: bpy.types.Scene, path: str) -> Any:
    """Return a property of the scene by its path, such as "render.fps"."""
    return reduce(getattr, path.split("."), scene)


def apply(scene: bpy.types.Scene, setup: dict[str, Any]) -> None:
    """Set properties of the scene by their paths, in order."""
    for path, value in setup.items():
        owner, _, name = path.rpartition(".")
        setattr(read(scene, owner) if owner else scene, name, value)


@contextmanager
def applied(scene: bpy.types.Scene, setup: dict[str, Any]) -> Iterator[None]:
    """Set properties of the scene by their paths inside the context."""
    before = {path: read(scene, path) for path in setup}
    try:
        apply(scene, setup)
        yield
    finally:
        apply(scene, before)
