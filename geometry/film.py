"""Rendering a scene to a film by way of lossless frames.

Each frame is rendered as a PNG image first, and the film is encoded from these. A frame that is
kept is therefore exactly the film's frame.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import bpy
from bpy.app.translations import pgettext_rpt as rpt_

from .scene_setup import EXACT_COLORS, IMAGE_OUTPUT, NO_STAMPS, VIDEO_OUTPUT, applied, apply

RENDERING, ENCODING = "Rendering", "Encoding the film"
FRAMES_MISSING = "Some frames could not be written. Check that the disk is not full."
FILM_MISSING = "The film {name} could not be written. Check that the disk is not full."
NOT_RENDERED = "The film could not be rendered ({error})."
Progress = Callable[[str, float], None]


class FilmError(Exception):
    """The film could not be rendered; its text is a sentence for the artist."""


def render_film(scene_name: str, film: Path, frames: Path, progress: Progress) -> float:
    """Render a scene's frame range to a film; the scene's own output settings are kept.

    Args:
        scene_name: name of the scene.
        film: path of the .mp4 file.
        frames: existing, empty folder that receives each frame as frame_NNNN.png.
        progress: called with a label of the current step and its fraction done.

    Returns:
        Seconds that it took.

    Raises:
        FilmError: Blender could not render, or a file could not be written.
    """
    started = time.perf_counter()
    scene = bpy.data.scenes[scene_name]
    with applied(scene, IMAGE_OUTPUT | {"render.filepath": str(frames / "frame_")}):
        render(scene, RENDERING, progress)
    images = sorted(frames.glob("frame_*.png"))
    if len(images) != scene.frame_end - scene.frame_start + 1:
        raise FilmError(rpt_(FRAMES_MISSING))
    with sequence(scene, images, film) as encoding:
        render(encoding, ENCODING, progress)
    if not film.is_file() or film.stat().st_size == 0:
        raise FilmError(rpt_(FILM_MISSING).format(name=film.name))
    return time.perf_counter() - started


def render(scene: bpy.types.Scene, label: str, progress: Progress) -> None:
    """Render a scene's animation; raises FilmError if Blender fails.

    progress: called with `label` and the fraction of frames done.
    """
    count = scene.frame_end - scene.frame_start + 1

    def report(rendered: bpy.types.Scene, *_: object) -> None:
        progress(label, (rendered.frame_current - scene.frame_start + 1) / count)

    progress(label, 0.0)
    bpy.app.handlers.render_write.append(report)
    try:
        bpy.ops.render.render(animation=True, scene=scene.name)
    except RuntimeError as error:
        raise FilmError(rpt_(NOT_RENDERED).format(error=error)) from error
    finally:
        bpy.app.handlers.render_write.remove(report)


@contextmanager
def sequence(scene: bpy.types.Scene, images: list[Path], film: Path) -> Iterator[bpy.types.Scene]:
    """A temporary scene that encodes images as a film without changing their colors."""
    encoding = bpy.data.scenes.new("Make 4D film")
    try:
        size = {f"render.{n}": getattr(scene.render, n) for n in ("resolution_x", "resolution_y")}
        rate = {f"render.{n}": getattr(scene.render, n) for n in ("fps", "fps_base")}
        frames = {"frame_start": 1, "frame_end": len(images), "render.filepath": str(film)}
        apply(encoding, size | rate | EXACT_COLORS | NO_STAMPS | VIDEO_OUTPUT | frames)
        encoding.render.resolution_percentage = scene.render.resolution_percentage
        strips = encoding.sequence_editor_create().strips
        strip = strips.new_image("frames", str(images[0]), channel=1, frame_start=1)
        for image in images[1:]:
            strip.elements.append(image.name)
        yield encoding
    finally:
        bpy.data.scenes.remove(encoding)
