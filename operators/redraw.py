"""Drawing the sidebars again, which show the progress of what runs."""

from __future__ import annotations

import bpy


def redraw_sidebars(context: bpy.types.Context) -> None:
    """Draw the 3D viewports again, in whose sidebars the panels are."""
    for window in context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "VIEW_3D":
                area.tag_redraw()
