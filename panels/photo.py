"""The photo in the sidebar: the file, its thumbnail, its size, its lens.

Only the first bytes of the file are read here, and not again until it changes. Blender makes the
thumbnail in a job of its own. So drawing never waits.
"""

from __future__ import annotations

from collections.abc import Hashable
from functools import partial
from pathlib import Path
from typing import cast

import bpy
import numpy as np
from bpy.app.translations import pgettext_iface

from ..jobs.scene_settings import file_of
from ..jobs.windows import redraw_sidebars
from ..ml.common.photo_file import PhotoError, PhotoFacts, photo_facts, turned
from .preview import fill_icon
from .session import is_registered, session
from .text import draw_wrapped, icon_scale

MAX_PHOTOS = 16
"""Photos whose facts and icons are kept."""
UPRIGHT = 1
SIZE = "{width} x {height} pixels"
LENS = "Lens: {focal:.0f} mm"


def draw_photo(layout: bpy.types.UILayout, context: bpy.types.Context, brief: bool) -> None:
    """Draw the field of the file, then the photo's thumbnail, size and lens, or what is wrong.

    Args:
        layout: Where to draw.
        context: The panel's context.
        brief: Draw only the field.
    """
    settings = context.scene.make_4d
    layout.prop(settings, "photo", text="", placeholder="Choose a photo")
    facts = chosen(context.scene)
    if facts is None or brief:
        return
    if isinstance(facts, str):
        draw_wrapped(layout, context, facts, icon="ERROR")
        return
    draw_thumbnail(layout, context, facts)
    column = layout.column(align=True)
    column.label(text=size_text(facts))
    if facts.focal_35mm is None:
        column.prop(settings, "field_of_view")
    else:
        column.label(text=lens_text(facts.focal_35mm))


def chosen(scene: bpy.types.Scene) -> PhotoFacts | str | None:
    """The facts of the scene's photo, or the message that says what is wrong with it; None if
    there is no photo."""
    return facts_of(_path(scene)) if scene.make_4d.photo else None


def facts_of(path: str) -> PhotoFacts | str:
    """The facts of a photo's file, or the message that says what is wrong with it.

    The file is read again once its time or size has changed, which is noticed within seconds.
    """
    photos, stamp = session().photos, stamp_of(path)
    if path in photos and photos[path][0] == stamp:
        return cast(PhotoFacts | str, photos[path][1])
    if len(photos) >= MAX_PHOTOS:
        photos.clear()
    facts = read_facts(path)
    photos[path] = (stamp, facts)
    return facts


def read_facts(path: str) -> PhotoFacts | str:
    """Read the facts of a photo's file, or say what is wrong with it."""
    try:
        return photo_facts(Path(path))
    except PhotoError as error:
        return error.message


def size_text(facts: PhotoFacts) -> str:
    """The photo's size in words."""
    return pgettext_iface(SIZE).format(width=facts.width, height=facts.height)


def lens_text(focal: float) -> str:
    """The photo's lens in words: its focal length on 35 mm film, in mm."""
    return pgettext_iface(LENS).format(focal=focal)


def draw_thumbnail(
    layout: bpy.types.UILayout, context: bpy.types.Context, facts: PhotoFacts
) -> None:
    """Draw the photo upright; nothing until it is read."""
    path = _path(context.scene)
    name = f"{path}|{stamp_of(path)}"
    icon = session().photo_icons.get(name) or request_icon(name, path, facts.orientation)
    if icon is not None:
        layout.template_icon(icon_value=icon.icon_id, scale=icon_scale(context))


def request_icon(name: str, path: str, orientation: int) -> bpy.types.ImagePreview | None:
    """Make an icon of a photo, which Blender reads in the background.

    Returns None for a photo that isn't stored upright: its icon follows a little later, since its
    pixels have to be turned here.
    """
    panels = session()
    if len(panels.photo_icons) >= MAX_PHOTOS:
        panels.photo_icons.clear()
    if orientation == UPRIGHT:
        return panels.photo_icons.load(name, path, "IMAGE")
    if name not in panels.turning:
        panels.turning.add(name)
        turn = partial(turn_icon, name, path, orientation)
        bpy.app.timers.register(turn, first_interval=0.0)
    return None


def turn_icon(name: str, path: str, orientation: int) -> None:
    """Read a photo that isn't stored upright, and make an upright icon of it."""
    if not is_registered() or name not in session().turning:
        return
    panels = session()
    panels.turning.remove(name)
    stored = panels.photo_icons.load(f"{name}|stored", path, "IMAGE")
    width, height = stored.image_size
    pixels = np.empty(width * height * 4, np.float32)
    stored.image_pixels_float.foreach_get(pixels)
    upright = turned(pixels.reshape(height, width, 4)[::-1], orientation)
    fill_icon(panels.photo_icons.new(name), upright)
    del panels.photo_icons[f"{name}|stored"]
    redraw_sidebars()


def _path(scene: bpy.types.Scene) -> str:
    name = scene.make_4d.photo
    key = ("path", name, bpy.data.filepath)
    return session().file_facts.get(key, lambda: file_of(name))


def stamp_of(path: str) -> Hashable:
    """When a file was changed last, and its size; None if there is no such file.

    As of at most a few seconds ago.
    """
    return session().file_facts.get(("stamp", path), lambda: _stamp(path))


def _stamp(path: str) -> Hashable:
    try:
        state = Path(path).stat()
    except OSError:
        return None
    return (state.st_mtime_ns, state.st_size)
