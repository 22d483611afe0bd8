"""The picture of what a job is making, as an icon that panels can draw."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy
import numpy as np
from bpy.utils import previews
from numpy.typing import NDArray

from .text import icon_scale

NAME = "make_4d"

_icons: list[previews.ImagePreviewCollection] = []
_shown: list[str] = []


def draw_preview(layout: bpy.types.UILayout, context: bpy.types.Context, path: str) -> None:
    """Draw the picture of the file `path` (a `protocol.Preview`), if it is still there."""
    if not path or not _load(path):
        return
    layout.template_icon(icon_value=_icons[0][NAME].icon_id, scale=icon_scale(context))


def _load(path: str) -> bool:
    """See that the icon shows the file; whether there is anything to show."""
    if _shown == [path]:
        return True
    try:
        pixels = np.load(Path(path), allow_pickle=False)
    except (OSError, ValueError):
        return bool(_shown)  # it is gone already, and a newer one will come
    rgba = np.ones((*pixels.shape[:2], 4), np.float32)
    rgba[..., :3] = pixels / np.float32(255)
    fill(_icons[0].get(NAME) or _icons[0].new(NAME), rgba)
    _shown[:] = [path]
    return True


def fill(icon: bpy.types.ImagePreview, rgba: NDArray[Any]) -> None:
    """Have an icon show a picture (h, w, 4), float32 0..1, top row first."""
    height, width = rgba.shape[:2]
    icon.image_size = (width, height)
    icon.image_pixels_float.foreach_set(np.ascontiguousarray(rgba[::-1]).ravel())


def register() -> None:
    """Make room for the icon."""
    _icons.append(previews.new())


def unregister() -> None:
    """Remove it."""
    _shown.clear()
    previews.remove(_icons.pop())
