"""The camera's path in the viewport, in the colors of how safe it is.

Drawn once the path was checked: green, amber near the limits, red beyond them, gray where the
camera doesn't go. Dashed and gray once the path has changed since.
"""

from __future__ import annotations

from typing import Any

import bpy
import gpu
import numpy as np
from gpu_extras.batch import batch_for_shader

from ..geometry.camera_rig import Rig, transform_points
from ..geometry.core.camera_path import PathError
from ..geometry.core.travel import Values, bezier_samples, traveled_fractions
from ..geometry.path_check import Limits, PathMeasurement, is_stale, stored_measurement
from ..geometry.rig_paths import controls
from ..geometry.scene_parts import SceneError, parts_of
from ..geometry.scene_rig import existing_rig
from ..operators.camera import limits_of
from .session import session

GREEN, AMBER, RED = (0.2, 0.8, 0.3, 1.0), (1.0, 0.65, 0.1, 1.0), (0.95, 0.2, 0.2, 1.0)
GRAY = (0.55, 0.55, 0.55, 1.0)
NEAR = 0.6
"""Fraction of a limit from which the color is amber."""
WIDTH = 4.0
DASH = 4

type Lines = tuple[list[Any], list[Any]]
"""Ends of line pieces, two a piece, and a color for each end."""


def draw_path() -> None:
    """Draw the path of the scene that the viewport shows, unless it looks through the camera."""
    context = bpy.context
    space, view = context.space_data, context.region_data
    if not space.overlay.show_overlays or view.view_perspective == "CAMERA":
        return
    lines = cached_lines(context.scene)
    if lines is None:
        return
    shader = gpu.shader.from_builtin("POLYLINE_SMOOTH_COLOR")
    shader.uniform_float("viewportSize", gpu.state.viewport_get()[2:])
    shader.uniform_float("lineWidth", WIDTH * context.preferences.system.ui_scale)
    batch = batch_for_shader(shader, "LINES", {"pos": lines[0], "color": lines[1]})
    gpu.state.blend_set("ALPHA")
    batch.draw(shader)
    gpu.state.blend_set("NONE")


def cached_lines(scene: bpy.types.Scene) -> Lines | None:
    """The colored lines of a scene, computed again only after something has changed."""
    size = (scene.render.resolution_x, scene.render.resolution_y)
    frames = (scene.frame_start, scene.frame_end, scene.frame_current)  # the curve may be animated
    key = ("path", scene.session_uid, frames, size, limits_of(scene))
    return session().scene_facts.get(key, lambda: colored_lines(scene))


def colored_lines(scene: bpy.types.Scene) -> Lines | None:
    """Compute the lines of a scene's path; None if there is nothing to draw."""
    try:
        parts = parts_of(scene)
        rig = existing_rig(parts)
        measured = stored_measurement(rig.curve)
        if measured is None:
            return None
        points, fractions = path_points(rig)
    except (SceneError, PathError):
        return None
    pieces = np.arange(len(points) - 1)
    if is_stale(scene, parts, rig):
        pieces = pieces[pieces // DASH % 2 == 0]
        colors = np.tile(GRAY, (len(pieces), 1))
    else:
        middles = 0.5 * (fractions[pieces] + fractions[pieces + 1])
        colors = path_colors(measured, limits_of(scene), middles)
    ends = np.stack([points[pieces], points[pieces + 1]], axis=1).reshape(-1, 3)
    return ends.tolist(), np.repeat(colors, 2, axis=0).tolist()


def path_points(rig: Rig) -> tuple[Values, Values]:
    """Points (m, 3) along the curve in scene space, and the fractions (m,) of it traveled there."""
    c = controls(rig.curve)
    samples = bezier_samples(c.points, c.left, c.right)
    points = np.concatenate([samples[0, :1], samples[:, 1:].reshape(-1, 3)])
    matrix = np.array(rig.curve.matrix_world, float)
    return transform_points(points, matrix), traveled_fractions(samples)


def path_colors(measured: PathMeasurement, limits: Limits, fractions: Values) -> Values:
    """Colors (m, 4) at fractions (m,) of the curve, by the worst pass of the camera."""
    worst = np.maximum(
        measured.empty / max(limits.empty, 1e-9), measured.inpainted / max(limits.inpainted, 1e-9)
    )
    order = np.argsort(measured.offsets, kind="stable")
    at = np.interp(fractions, measured.offsets[order], worst[order])
    choices = np.array([GREEN, AMBER, RED])
    colors = choices[(at > NEAR).astype(int) + (at > 1)]
    colors[fractions > measured.offsets.max() + 1e-6] = GRAY
    return colors


def register() -> None:
    """Draw in every 3D viewport."""
    handle = bpy.types.SpaceView3D.draw_handler_add(draw_path, (), "WINDOW", "POST_VIEW")
    session().draw_handlers.append(handle)


def unregister() -> None:
    """Stop drawing."""
    while session().draw_handlers:
        bpy.types.SpaceView3D.draw_handler_remove(session().draw_handlers.pop(), "WINDOW")
