"""Blender's windows: redrawing the sidebars, and finding one where an operator may run."""

from __future__ import annotations

import bpy


def redraw_sidebars() -> None:
    """Redraw the sidebars of the 3D viewports, without the scenes beside them, which are slow."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "VIEW_3D":
                for region in area.regions:
                    if region.type == "UI":
                        region.tag_redraw()


def redraw_preferences() -> None:
    """Redraw the preferences."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "PREFERENCES":
                area.tag_redraw()


def idle_window() -> bpy.types.Window | None:
    """Return a window in which none of Blender's own operators is running, None without one.

    Modal operators of other add-ons, which may run forever, don't count.
    """
    windows = bpy.context.window_manager.windows
    if bpy.app.is_job_running("RENDER"):
        return None
    for window in windows:
        active = window.view_layer.objects.active
        if active is not None and active.mode.startswith("EDIT"):
            return None
        for operator in window.modal_operators:
            if bpy.types.Operator.bl_rna_get_subclass_py(operator.bl_idname) is None:
                return None
    return windows[0] if windows else None


def viewport_context(window: bpy.types.Window) -> dict[str, object]:
    """Return a window's 3D viewport as a context override, empty where it shows none."""
    for area in window.screen.areas:
        if area.type == "VIEW_3D":
            region = next(region for region in area.regions if region.type == "WINDOW")
            return {"area": area, "region": region}
    return {}


def look_through_camera(window: bpy.types.Window | None) -> None:
    """Show a window's scene through its camera, drawn by the engine that renders it."""
    for area in window.screen.areas if window is not None else ():
        if area.type == "VIEW_3D":
            area.spaces.active.region_3d.view_perspective = "CAMERA"
            area.spaces.active.shading.type = "RENDERED"
