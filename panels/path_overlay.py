"""The camera's path in the viewport, in the colors of how safe it is.

Drawn once the path was checked: green, amber near the limits, red beyond them, gray where the
camera doesn't come. Dashed and gray where the path has changed since.
"""

from __future__ import annotations

from typing import Any

import bpy
import gpu
import numpy as np
from gpu_extras.batch import batch_for_shader

from ..geometry.camera_rig import Rig, transform_points
from ..geometry.core.travel import Values, bezier_samples, traveled_fractions
from ..geometry.path_check import Limits, PathMeasurement, is_stale, stored_measurement
from ..geometry.rig_paths import PathError, controls
from ..geometry.scene_parts import SceneError, parts_of
from ..geometry.scene_rig import existing_rig
from ..operators.camera import limits_of

GREEN, AMBER, RED = (0.2, 0.8, 0.3, 1.0), (1.0, 0.65, 0.1, 1.0), (0.95, 0.2, 0.2, 1.0)
GRAY = (0.55, 0.55, 0.55, 1.0)
NEAR = 0.6
"""Share of a limit from which the color is amber."""
WIDTH = 4.0
DASH = 4

_handles: list[Any] = []


def draw_path() -> None:
    """Draw the path of the scene that the viewport shows, unless it looks through the camera."""
    context = bpy.context
    space, view = context.space_data, context.region_data
    if not space.overlay.show_overlays or view.view_perspective == "CAMERA":
        return
    lines = colored_lines(context.scene)
    if lines is None:
        return
    shader = gpu.shader.from_builtin("POLYLINE_SMOOTH_COLOR")
    shader.uniform_float("viewportSize", gpu.state.viewport_get()[2:])
    shader.uniform_float("lineWidth", WIDTH * context.preferences.system.ui_scale)
    batch = batch_for_shader(shader, "LINES", {"pos": lines[0], "color": lines[1]})
    gpu.state.blend_set("ALPHA")
    batch.draw(shader)
    gpu.state.blend_set("NONE")


def colored_lines(scene: bpy.types.Scene) -> tuple[list[Any], list[Any]] | None:
    """Ends of line pieces in the scene, two a piece, and a color for each; None for no drawing."""
    try:
        parts = parts_of(scene)
        rig = existing_rig(parts)
        measured = stored_measurement(rig.curve)
        if measured is None:
            return None
        places, shares = path_places(rig)
    except (SceneError, PathError):
        return None
    pieces = np.arange(len(places) - 1)
    if is_stale(scene, parts, rig):
        pieces = pieces[pieces // DASH % 2 == 0]
        colors = np.tile(GRAY, (len(pieces), 1))
    else:
        middles = 0.5 * (shares[pieces] + shares[pieces + 1])
        colors = path_colors(measured, limits_of(scene), middles)
    ends = np.stack([places[pieces], places[pieces + 1]], axis=1).reshape(-1, 3)
    return ends.tolist(), np.repeat(colors, 2, axis=0).tolist()


def path_places(rig: Rig) -> tuple[Values, Values]:
    """Places (m, 3) along the curve, in the scene, and the shares (m,) of it traveled there."""
    c = controls(rig.curve)
    samples = bezier_samples(c.points, c.left, c.right)
    places = np.concatenate([samples[0, :1], samples[:, 1:].reshape(-1, 3)])
    return transform_points(places, np.array(rig.curve.matrix_world, float)), traveled_fractions(
        samples
    )


def path_colors(measured: PathMeasurement, limits: Limits, shares: Values) -> Values:
    """Colors (m, 4) at shares (m,) of the curve, by the worst pass of the camera."""
    worst = np.maximum(
        measured.empty / max(limits.empty, 1e-9), measured.inpainted / max(limits.inpainted, 1e-9)
    )
    order = np.argsort(measured.shares, kind="stable")
    at = np.interp(shares, measured.shares[order], worst[order])
    choices = np.array([GREEN, AMBER, RED])
    colors = choices[(at > NEAR).astype(int) + (at > 1)]
    colors[shares > measured.shares.max() + 1e-6] = GRAY
    return colors


def register() -> None:
    """Draw in every 3D viewport."""
    handle = bpy.types.SpaceView3D.draw_handler_add(draw_path, (), "WINDOW", "POST_VIEW")
    _handles.append(handle)


def unregister() -> None:
    """Draw no more."""
    while _handles:
        bpy.types.SpaceView3D.draw_handler_remove(_handles.pop(), "WINDOW")
