"""Drawing the sidebars again, which show the progress of what runs."""

from __future__ import annotations

import bpy


def redraw_sidebars() -> None:
    """Draw the sidebars of the 3D viewports again, not the scenes beside them: that is slow."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "VIEW_3D":
                for region in area.regions:
                    if region.type == "UI":
                        region.tag_redraw()
