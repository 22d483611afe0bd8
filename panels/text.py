"""Sentences in panels: Blender's labels don't break into lines by themselves."""

from __future__ import annotations

import textwrap

import bpy

CHARACTER_PX = 7.2
"""Width of a character at a scale of 1, on the safe side."""
EDGES_PX = 60
FEWEST = 20


def draw_wrapped(
    layout: bpy.types.UILayout, context: bpy.types.Context, text: str, icon: str = "NONE"
) -> None:
    """Draw a sentence in as many lines as the region's width asks for."""
    column = layout.column(align=True)
    for number, line in enumerate(lines_of(text, region_characters(context))):
        column.label(text=line, icon=icon if number == 0 else "BLANK1")


def lines_of(text: str, characters: int) -> list[str]:
    """The text in lines of at most so many characters; only longer words (paths) are broken."""
    most = max(characters, FEWEST)
    lines = textwrap.wrap(text, most, break_long_words=False, break_on_hyphens=False)
    return [line[i : i + most] for line in lines for i in range(0, len(line), most)]


def region_characters(context: bpy.types.Context) -> int:
    """About how many characters fit into a line of the region."""
    scale = context.preferences.system.ui_scale
    return int((context.region.width / scale - EDGES_PX) / CHARACTER_PX)
