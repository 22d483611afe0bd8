"""Rendering a built scene to a film, with the frames kept as pictures where asked for."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import bpy

from .build import BuiltScene
from .scene_setup import set_film_output

LABEL = "Rendering"


class FilmError(Exception):
    """The film could not be rendered; its text is one sentence for the user."""


def render_film(
    built: BuiltScene,
    film: Path,
    frames: Path | None,
    progress: Callable[[str, float], None],
) -> float:
    """Render the scene's frame range to `film` (.mp4); returns the seconds it took.

    frames: existing folder that gets every frame as frame_NNNN.png, or None. Raises FilmError.
    """
    scene = bpy.data.scenes[built.scene]
    set_film_output(scene, str(film))
    started = time.perf_counter()
    with still_settings(scene) as still, after_each_frame(scene, still, frames, progress):
        try:
            bpy.ops.render.render(animation=True, scene=built.scene)
        except RuntimeError as error:
            raise FilmError(f"The film could not be rendered: {error}.") from error
    if not film.is_file() or film.stat().st_size == 0:
        raise FilmError(f"The film {film.name} was not written: is the disk full?")
    return time.perf_counter() - started


@contextmanager
def still_settings(scene: bpy.types.Scene) -> Iterator[bpy.types.Scene]:
    """A scene that exists only to hold PNG settings: Blender saves a frame with a scene's settings,
    and those of the film's scene are a video's."""
    still = bpy.data.scenes.new("Make 4D stills")
    still.view_settings.view_transform = scene.view_settings.view_transform
    still.render.dither_intensity = 0.0
    still.render.image_settings.file_format = "PNG"
    still.render.image_settings.color_mode = "RGB"
    try:
        yield still
    finally:
        bpy.data.scenes.remove(still)


@contextmanager
def after_each_frame(
    scene: bpy.types.Scene,
    still: bpy.types.Scene,
    frames: Path | None,
    progress: Callable[[str, float], None],
) -> Iterator[None]:
    """Report progress and keep the picture after every frame while the context lasts."""
    count = scene.frame_end - scene.frame_start + 1

    def keep(rendered: bpy.types.Scene, *_: object) -> None:
        frame = rendered.frame_current
        if frames is not None:
            picture = bpy.data.images["Render Result"]
            picture.save_render(str(frames / f"frame_{frame:04d}.png"), scene=still)
        progress(LABEL, (frame - scene.frame_start + 1) / count)

    progress(LABEL, 0.0)
    bpy.app.handlers.render_post.append(keep)
    try:
        yield
    finally:
        bpy.app.handlers.render_post.remove(keep)
