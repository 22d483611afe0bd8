"""The part Photo of the sidebar: the file, its thumbnail, its size, its lens.

Only the file's first bytes are read here, and not again until it changes; Blender makes the
thumbnail in a job of its own. So drawing never waits.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import bpy
import numpy as np
from bpy.app.translations import pgettext_iface
from bpy.utils import previews

from ..jobs.scene_settings import file_of
from ..jobs.windows import redraw_sidebars
from ..ml.common.photo_file import PhotoError, PhotoFacts, photo_facts, turned
from .preview import fill
from .text import draw_wrapped, icon_scale

REMEMBERED_SECONDS = 2.0
MOST_KEPT = 16
UPRIGHT = 1


@dataclass
class _Known:
    """What was read of a file, and when: it is read anew where its time or length changed."""

    asked: float
    stamp: tuple[int, int]
    found: PhotoFacts | str


_known: dict[str, _Known] = {}
_icons: list[previews.ImagePreviewCollection] = []


def draw_photo(layout: bpy.types.UILayout, context: bpy.types.Context, brief: bool) -> None:
    """The file's field; once a photo is chosen its thumbnail, size and lens, or what is wrong.

    brief: only the field, while there is something else to look at.
    """
    settings = context.scene.make_4d
    layout.prop(settings, "photo", text="", placeholder="Choose a photo")
    found = chosen(context.scene)
    if found is None or brief:
        return
    if isinstance(found, str):
        draw_wrapped(layout, context, found, icon="ERROR")
        return
    draw_thumbnail(layout, context, found)
    column = layout.column(align=True)
    column.label(text=size_text(found))
    if found.focal_35mm is None:
        column.prop(settings, "field_of_view")
    else:
        column.label(text=lens_text(found.focal_35mm))


def chosen(scene: bpy.types.Scene) -> PhotoFacts | str | None:
    """What the scene's photo tells, or the sentence that says what is wrong with it; None where
    none is chosen."""
    name = scene.make_4d.photo
    return asked(file_of(name)) if name else None


def asked(path: str) -> PhotoFacts | str:
    """What a photo's file tells, as it was at most a few seconds ago."""
    now = time.monotonic()
    observed = _known.get(path)
    if observed is not None and now - observed.asked < REMEMBERED_SECONDS:
        return observed.found
    stamp = _stamp(path)
    if observed is None or observed.stamp != stamp:
        while len(_known) >= MOST_KEPT:
            _known.pop(next(iter(_known)))
        observed = _known[path] = _Known(now, stamp, _read(path))
    observed.asked = now
    return observed.found


def size_text(found: PhotoFacts) -> str:
    """The photo's size in words."""
    text = pgettext_iface("{width} x {height} pixels")
    return text.format(width=found.width, height=found.height)


def lens_text(focal: float) -> str:
    """The photo's lens in words: what it would be on 35 mm film."""
    return pgettext_iface("Lens: {focal:.0f} mm").format(focal=focal)


def draw_thumbnail(
    layout: bpy.types.UILayout, context: bpy.types.Context, found: PhotoFacts
) -> None:
    """The photo as it is seen; nothing until it is read."""
    path = file_of(context.scene.make_4d.photo)
    name = f"{path}|{_known[path].stamp}"
    icon = _icons[0].get(name) or _ask_for_icon(name, path, found.orientation)
    if icon is not None:
        layout.template_icon(icon_value=icon.icon_id, scale=icon_scale(context))


def _ask_for_icon(name: str, path: str, orientation: int) -> bpy.types.ImagePreview | None:
    """The photo's icon, which Blender reads in the background; a turned one comes a little later,
    since its pixels have to be turned here."""
    if len(_icons[0]) >= MOST_KEPT:
        _icons[0].clear()
    if orientation == UPRIGHT:
        return _icons[0].load(name, path, "IMAGE")
    turn = partial(_turn, name, path, orientation)
    if not any(waiting == name for waiting in _turning):
        _turning.append(name)
        bpy.app.timers.register(turn, first_interval=0.0)
    return None


_turning: list[str] = []
"""Names of the icons that wait for their timer."""


def _turn(name: str, path: str, orientation: int) -> None:
    """Read a photo that lies on its side, and stand it up."""
    if not _icons or name not in _turning:
        return  # the add-on went
    _turning.remove(name)
    lying = _icons[0].load(f"{name}|lying", path, "IMAGE")
    width, height = lying.image_size
    pixels = np.empty(width * height * 4, np.float32)
    lying.image_pixels_float.foreach_get(pixels)
    seen = turned(pixels.reshape(height, width, 4)[::-1], orientation)
    fill(_icons[0].new(name), seen)
    del _icons[0][f"{name}|lying"]
    redraw_sidebars()


def _stamp(path: str) -> tuple[int, int]:
    try:
        state = Path(path).stat()
    except OSError:
        return (0, 0)
    return (state.st_mtime_ns, state.st_size)


def _read(path: str) -> PhotoFacts | str:
    try:
        return photo_facts(Path(path))
    except PhotoError as error:
        return error.message


def register() -> None:
    """Make room for the thumbnails."""
    _icons.append(previews.new())


def unregister() -> None:
    """Forget them."""
    _turning.clear()
    _known.clear()
    previews.remove(_icons.pop())
