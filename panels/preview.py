"""The picture of what a job is making, as an icon that panels can draw."""

from __future__ import annotations

from pathlib import Path

import bpy
import numpy as np
from bpy.utils import previews

NAME = "make_4d"
SCALE = 8.0

_icons: list[previews.ImagePreviewCollection] = []
_shown: list[str] = []


def draw_preview(layout: bpy.types.UILayout, path: str) -> None:
    """Draw the picture of the file `path` (a `protocol.Preview`), if it is still there."""
    if not path or not _load(path):
        return
    layout.template_icon(icon_value=_icons[0][NAME].icon_id, scale=SCALE)


def _load(path: str) -> bool:
    """See that the icon shows the file; whether there is anything to show."""
    if _shown == [path]:
        return True
    try:
        pixels = np.load(Path(path), allow_pickle=False)
    except (OSError, ValueError):
        return bool(_shown)  # it is gone already, and a newer one will come
    icon = _icons[0].get(NAME) or _icons[0].new(NAME)
    rgba = np.ones((*pixels.shape[:2], 4), np.float32)
    rgba[..., :3] = pixels[::-1] / np.float32(255)
    icon.image_size = (pixels.shape[1], pixels.shape[0])
    icon.image_pixels_float.foreach_set(rgba.ravel())
    _shown[:] = [path]
    return True


def register() -> None:
    """Make room for the icon."""
    _icons.append(previews.new())


def unregister() -> None:
    """Remove it."""
    _shown.clear()
    previews.remove(_icons.pop())
