"""Motion vectors of points: where they were in the image one frame ago, and where they will be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..geometry.core.camera import FloatArray
from ..geometry.core.splat import MIN_DEPTH
from .extract import Cloud
from .view import View


@dataclass(frozen=True)
class Moment:
    """The clouds and the camera's view at one frame."""

    clouds: Sequence[Cloud]
    view: View


def screen_motion(before: Moment, now: Moment, after: Moment) -> FloatArray:
    """Motion vectors (P, 4) in pixels of all points of `now`, y up, as Blender's Vector pass.

    A vector is (x_before - x, y_before - y, x - x_after, y - y_after): the previous position
    relative to the present one, and the present position relative to the next one. A point that a
    neighboring frame lacks counts as resting, so that only the camera moves it. So does a point
    whose loop restarts between two frames, because its old and new positions are not one motion.
    """
    parts = [_cloud_motion(cloud, before, now, after) for cloud in now.clouds]
    return np.concatenate(parts) if parts else np.zeros((0, 4), np.float32)


def _cloud_motion(cloud: Cloud, before: Moment, now: Moment, after: Moment) -> FloatArray:
    """Motion vectors (P, 4) of one cloud's points."""
    here = _on_screen(cloud, cloud.position, now.view)
    steps = []
    for moment in (before, after):
        there = _same_cloud(cloud, moment)
        if there is None:
            placed, position = cloud, cloud.position
        else:
            placed, position = there, _positions_there(cloud, there)
        steps.append(_on_screen(placed, position, moment.view) - here)
    motion = np.concatenate([steps[0], -steps[1]], axis=1)
    return np.where(np.isfinite(motion), motion, 0.0).astype(np.float32)


def _same_cloud(cloud: Cloud, moment: Moment) -> Cloud | None:
    return next((other for other in moment.clouds if other.key == cloud.key), None)


def _positions_there(cloud: Cloud, there: Cloud) -> FloatArray:
    """Positions (P, 3) of the points in another frame; as they are now if it lacks them."""
    position = cloud.position.copy()
    for copy in (False, True):
        mine, theirs = cloud.backward == copy, there.backward == copy
        if mine.sum() == theirs.sum() and not _restarts(cloud, there):
            position[mine] = there.position[theirs]
    return position


def _restarts(cloud: Cloud, there: Cloud) -> bool:
    """Whether the loop restarts between the two frames: its phase jumps by half or more."""
    if not (cloud.moving and there.moving):
        return False
    phases = [float(c.weight[c.backward].max(initial=0.0)) for c in (cloud, there)]
    return abs(phases[0] - phases[1]) > 0.5


def _on_screen(cloud: Cloud, position: FloatArray, view: View) -> FloatArray:
    """Pixels (P, 2), x right and y up, of positions (P, 3) in object space."""
    matrix = view.world_to_camera @ cloud.matrix
    x, y, z = matrix[:3, :3] @ position.T.astype(np.float64) + matrix[:3, 3:]
    distance = np.ones_like(z) if view.orthographic else np.where(z > MIN_DEPTH, z, np.nan)
    u = view.focal[0] * x / distance + view.center[0]
    v = view.focal[1] * y / distance + view.center[1]
    return np.stack([u, -v], axis=1)
