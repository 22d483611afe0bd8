"""Rendering a built scene to a film by way of lossless frames.

Every frame is rendered as a PNG picture first and the film is made of these, so that a frame that
is kept is exactly the frame of the film.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import bpy
from bpy.app.translations import pgettext_rpt as rpt_

from .scene_setup import EXACT_COLORS, FILM, NO_STAMPS, STILL, applied, apply

RENDERING, ENCODING = "Rendering", "Writing the film"
Progress = Callable[[str, float], None]


class FilmError(Exception):
    """The film could not be rendered; its text is one sentence for the user."""


def render_film(scene_name: str, film: Path, frames: Path, progress: Progress) -> float:
    """Render a scene's frame range to `film` (.mp4); returns the seconds it took.

    frames: existing, empty folder that gets every frame as frame_NNNN.png; progress takes what is
    done (in words) and its share. The scene's own output settings are kept. Raises FilmError.
    """
    started = time.perf_counter()
    scene = bpy.data.scenes[scene_name]
    with applied(scene, STILL | {"render.filepath": str(frames / "frame_")}):
        render(scene, RENDERING, progress)
    pictures = sorted(frames.glob("frame_*.png"))
    if len(pictures) != scene.frame_end - scene.frame_start + 1:
        raise FilmError("Not every frame could be written: is the disk full?")
    with sequence(scene, pictures, film) as cut:
        render(cut, ENCODING, progress)
    if not film.is_file() or film.stat().st_size == 0:
        text = rpt_("The film {name} could not be written: is the disk full?")
        raise FilmError(text.format(name=film.name))
    return time.perf_counter() - started


def render(scene: bpy.types.Scene, label: str, progress: Progress) -> None:
    """Render a scene's animation with progress; raises FilmError where Blender could not."""
    count = scene.frame_end - scene.frame_start + 1

    def report(rendered: bpy.types.Scene, *_: object) -> None:
        progress(label, (rendered.frame_current - scene.frame_start + 1) / count)

    progress(label, 0.0)
    bpy.app.handlers.render_write.append(report)
    try:
        bpy.ops.render.render(animation=True, scene=scene.name)
    except RuntimeError as error:
        text = rpt_("The film could not be rendered ({error}).")
        raise FilmError(text.format(error=error)) from error
    finally:
        bpy.app.handlers.render_write.remove(report)


@contextmanager
def sequence(scene: bpy.types.Scene, pictures: list[Path], film: Path) -> Iterator[bpy.types.Scene]:
    """A scene, for as long as the context lasts, that cuts pictures into a film unchanged."""
    cut = bpy.data.scenes.new("Make 4D film")
    try:
        size = {f"render.{n}": getattr(scene.render, n) for n in ("resolution_x", "resolution_y")}
        rate = {f"render.{n}": getattr(scene.render, n) for n in ("fps", "fps_base")}
        frames = {"frame_start": 1, "frame_end": len(pictures), "render.filepath": str(film)}
        apply(cut, size | rate | EXACT_COLORS | NO_STAMPS | FILM | frames)
        cut.render.resolution_percentage = scene.render.resolution_percentage
        strips = cut.sequence_editor_create().strips
        strip = strips.new_image("frames", str(pictures[0]), channel=1, frame_start=1)
        for picture in pictures[1:]:
            strip.elements.append(picture.name)
        yield cut
    finally:
        bpy.data.scenes.remove(cut)
