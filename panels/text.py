"""Text and images in panels, fitted to the region: Blender's labels don't wrap, and its icons don't
grow with the region."""

from __future__ import annotations

from collections.abc import Callable

import blf
import bpy
from bpy.app.translations import pgettext_iface

from ..geometry.translation import translate

FONT = 0
"""The font of the interface."""
EDGES = 5.0
"""Width of the tabs, the edges of a panel and a box, and an icon, in units of a button's height."""
UNIT_PX = 20
MIN_LETTERS = 8
"""Words are not broken into shorter pieces; a narrower region cuts them off."""
MAX_ICON = 8.0


def draw_wrapped(
    layout: bpy.types.UILayout, context: bpy.types.Context, text: str, icon: str = "NONE"
) -> None:
    """Draw a text in as many lines as the width of the region requires."""
    column = layout.column(align=True)
    fits = _fits(context)
    for number, line in enumerate(lines_of(translate(text, pgettext_iface), fits)):
        column.label(text=line, icon=icon if number == 0 else "BLANK1", translate=False)


def lines_of(text: str, fits: Callable[[str], bool]) -> list[str]:
    """Break a text into lines that fit, and words too long for a line (paths, languages without
    spaces) into pieces."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if fits(longer):
            lines[-1] = longer
            continue
        lines += _pieces(word, fits)
    return [line for line in lines if line]


def _pieces(word: str, fits: Callable[[str], bool]) -> list[str]:
    pieces = [""]
    for letter in word:
        if len(pieces[-1]) >= MIN_LETTERS and not fits(pieces[-1] + letter):
            pieces.append("")
        pieces[-1] += letter
    return pieces


def icon_scale(context: bpy.types.Context) -> float:
    """How large an image may be drawn in the region, in units of a button's height."""
    return max(2.0, min(MAX_ICON, _units(context) - EDGES))


def _units(context: bpy.types.Context) -> float:
    """The region's width in units of a button's height."""
    return context.region.width / (UNIT_PX * context.preferences.system.ui_scale)


def _fits(context: bpy.types.Context) -> Callable[[str], bool]:
    """Whether a text is narrower than a line of the region, in the interface's font."""
    scale = context.preferences.system.ui_scale
    room = (_units(context) - EDGES) * UNIT_PX * scale
    blf.size(FONT, context.preferences.ui_styles[0].widget.points * scale)
    return lambda text: blf.dimensions(FONT, text)[0] <= room
