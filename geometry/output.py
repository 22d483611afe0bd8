"""What a scene's animation is rendered to: one film, or a folder of images.

Nothing is stored here: it follows from Blender's own output settings.
"""

from __future__ import annotations

import bpy

from .scene_setup import IMAGE_OUTPUT, VIDEO_OUTPUT, apply

OUTPUTS = FILM_KIND, IMAGES_KIND = "FILM", "IMAGES"
EXTENSION = ".mp4"
FRAMES = " frames/######"
"""Appended to a film's path without its extension; # stands for a digit of the frame number."""


def output_of(scene: bpy.types.Scene) -> str:
    """The kind of output of a scene, an item of `OUTPUTS`."""
    return FILM_KIND if scene.render.image_settings.media_type == "VIDEO" else IMAGES_KIND


def set_output(scene: bpy.types.Scene, kind: str) -> None:
    """Render the animation to a film, or to numbered images in a folder beside it.

    kind: an item of `OUTPUTS`.
    """
    path = scene.render.filepath
    if kind == IMAGES_KIND:
        path = path if path.endswith(FRAMES) else path.removesuffix(EXTENSION) + FRAMES
        apply(scene, IMAGE_OUTPUT | {"render.filepath": path})
    else:
        path = path.removesuffix(FRAMES) + EXTENSION if path.endswith(FRAMES) else path
        apply(scene, VIDEO_OUTPUT | {"render.filepath": path})
