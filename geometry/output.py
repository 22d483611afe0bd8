"""What a scene's animation is rendered to: one film, or a folder of pictures.

Nothing is stored: Blender's own output settings say which it is.
"""

from __future__ import annotations

import bpy

from .scene_setup import FILM, STILL, apply

OUTPUTS = FILM_KIND, EDITABLE_IMAGES = "FILM", "PICTURES"
ENDING = ".mp4"
FRAMES = " frames/######"
"""What a film's path without its ending becomes: # are the digits of the frame's number."""


def output_of(scene: bpy.types.Scene) -> str:
    """FILM_KIND or PICTURES."""
    return FILM_KIND if scene.render.image_settings.media_type == "VIDEO" else EDITABLE_IMAGES


def set_output(scene: bpy.types.Scene, kind: str) -> None:
    """Render the animation to a film, or to numbered pictures in a folder beside it."""
    path = scene.render.filepath
    if kind == EDITABLE_IMAGES:
        path = path if path.endswith(FRAMES) else path.removesuffix(ENDING) + FRAMES
        apply(scene, STILL | {"render.filepath": path})
    else:
        path = path.removesuffix(FRAMES) + ENDING if path.endswith(FRAMES) else path
        apply(scene, FILM | {"render.filepath": path})
