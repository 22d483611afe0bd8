"""The image of what a job is making, as an icon that panels can draw."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from .session import session
from .text import icon_scale

NAME = "make_4d"


def draw_preview(layout: bpy.types.UILayout, context: bpy.types.Context, path: str) -> None:
    """Draw the image of a preview file (see `protocol.Preview`), if it still exists."""
    if path and load_preview(path):
        icon = session().job_icons[NAME]
        layout.template_icon(icon_value=icon.icon_id, scale=icon_scale(context))


def load_preview(path: str) -> bool:
    """Let the icon show a preview file; returns whether it shows any."""
    panels = session()
    if panels.shown == path:
        return True
    try:
        pixels = np.load(Path(path), allow_pickle=False)
    except (OSError, ValueError):
        return bool(panels.shown)  # the worker has removed it, and a newer one will come
    rgba = np.ones((*pixels.shape[:2], 4), np.float32)
    rgba[..., :3] = pixels / np.float32(255)
    fill_icon(panels.job_icons.get(NAME) or panels.job_icons.new(NAME), rgba)
    panels.shown = path
    return True


def fill_icon(icon: bpy.types.ImagePreview, rgba: NDArray[Any]) -> None:
    """Let an icon show an image (h, w, 4), float32 0 to 1, top row first."""
    height, width = rgba.shape[:2]
    icon.image_size = (width, height)
    icon.image_pixels_float.foreach_set(np.ascontiguousarray(rgba[::-1]).ravel())
