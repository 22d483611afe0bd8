"""Check how far the camera can go: measure it, store it on the curve, and summarize it.

The measurement covers the frames as they will be rendered, including edits by hand. It is stored on
the curve with a fingerprint of everything it depends on, so that it is recognized as out of date
after an edit.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import bpy
import numpy as np

from .camera_poses import camera_poses, sample_frames
from .camera_rig import Rig
from .core.camera import FloatArray
from .core.camera_path import CameraPath
from .core.messages import Message
from .core.path_safety import check_path
from .core.travel import Values
from .keyframes import curves_of
from .read_clouds import photo_frame, read_clouds
from .rig_keys import offset_path
from .scene_parts import SceneParts

SAFETY, MADE_FROM = "make_4d_safety", "make_4d_safety_of"
"""Custom properties of the curve: rows of the measurement, and the fingerprint."""
SAMPLES = 21
"""Frames that are measured."""
SAFE = "Safe to the last frame, {last}: at most {most}."
SAFE_UNTIL = "Safe to frame {frame} of {last}: after that up to {most}."
UNSAFE = "Not even the first frame is safe: up to {most}."
EMPTY = "{fraction} of the image is empty"
INPAINTED = "{fraction} of the image is inpainted"
BOTH = "{empty} of the image is empty and {inpainted} inpainted"


@dataclass(frozen=True)
class Limits:
    """Largest fractions of a frame, 0..1, that may be empty and inpainted."""

    empty: float
    inpainted: float


@dataclass(frozen=True, eq=False)
class PathMeasurement:
    """What the camera sees at n frames.

    Attributes:
        frames: Frame numbers (n,).
        offsets: Traveled fraction (n,) of the curve, 0..1.
        empty, inpainted: Fractions (n,) of the frame, 0..1.
    """

    frames: Values
    offsets: Values
    empty: Values
    inpainted: Values

    def excess(self, limits: Limits) -> Values:
        """Return how far (n,) the worse of the two exceeds its limit; 0 or less at safe frames."""
        return np.maximum(self.empty - limits.empty, self.inpainted - limits.inpainted)

    def safe_until(self, limits: Limits) -> tuple[float, float]:
        """Return the last safe frame and the traveled fraction there, both interpolated.

        If not even the first frame is safe, the returned frame is the one before it.
        """
        excess = self.excess(limits)
        beyond = np.flatnonzero(excess > 0)
        if not len(beyond):
            return float(self.frames[-1]), float(self.offsets.max())
        i = int(beyond[0])
        if i == 0:
            return float(self.frames[0]) - 1.0, 0.0
        part = -excess[i - 1] / (excess[i] - excess[i - 1])
        frame, offset = (v[i - 1] + part * (v[i] - v[i - 1]) for v in (self.frames, self.offsets))
        return float(frame), float(offset)


def measure_path(scene: bpy.types.Scene, parts: SceneParts, rig: Rig) -> PathMeasurement:
    """Measure what the animated camera sees over the scene's frames, and store it on the curve.

    Moving points are taken where they are in the photo; the artist's own objects are ignored.
    """
    frames = sample_frames(scene, SAMPLES)
    poses = camera_poses(scene, rig.camera, frames, photo_frame(parts.still))
    clouds = read_clouds(parts)
    upright = _upright(poses.looks, poses.downs)
    path = CameraPath(poses.positions @ upright.T, poses.looks @ upright.T, poses.focal)
    points = clouds.position @ upright.T
    safety = check_path(points, clouds.radius, clouds.observed, poses.camera, path)
    offsets = curves_of(rig.camera, offset_path(rig.follow))
    fractions = [offsets[0].evaluate(f) if offsets else rig.follow.offset_factor for f in frames]
    rows = np.stack([frames, fractions, safety.uncovered, safety.inpainted], axis=1)
    rig.curve[SAFETY] = rows.ravel().tolist()
    rig.curve[MADE_FROM] = fingerprint(scene, parts, rig)
    return PathMeasurement(*rows.T)


def stored_measurement(curve: bpy.types.Object) -> PathMeasurement | None:
    """Return the measurement stored on a curve, or None."""
    if SAFETY not in curve:
        return None
    return PathMeasurement(*np.reshape(np.array(curve[SAFETY], float), (-1, 4)).T)


def is_stale(scene: bpy.types.Scene, parts: SceneParts, rig: Rig) -> bool:
    """Whether the path has changed since the measurement stored on its curve."""
    return bool(rig.curve.get(MADE_FROM) != fingerprint(scene, parts, rig))


def fingerprint(scene: bpy.types.Scene, parts: SceneParts, rig: Rig) -> str:
    """Return a hash of everything the measurement depends on, but not of the current frame."""
    numbers = np.array([round(float(n), 5) for n in _numbers(scene, parts, rig)])
    return hashlib.blake2b(numbers.tobytes(), digest_size=12).hexdigest()


def summary(measurement: PathMeasurement, limits: Limits) -> Message:
    """Say how far the camera can go."""
    frame, _ = measurement.safe_until(limits)
    last = int(measurement.frames[-1])
    beyond = np.flatnonzero(measurement.excess(limits) > 0)
    empty, inpainted = (
        float(v[beyond[0] if len(beyond) else 0 :].max())
        for v in (measurement.empty, measurement.inpainted)
    )
    if not len(beyond):
        return Message(SAFE, last=last, most=_fractions(empty, inpainted))
    worst = _fractions(
        empty if empty > limits.empty else None,
        inpainted if inpainted > limits.inpainted else None,
    )
    if frame < measurement.frames[0]:
        return Message(UNSAFE, most=worst)
    return Message(SAFE_UNTIL, frame=int(frame), last=last, most=worst)


def _fractions(empty: float | None, inpainted: float | None) -> Message:
    """Describe fractions of a frame; None: leave this one out, but not both."""
    if empty is None:
        assert inpainted is not None
        return Message(INPAINTED, fraction=_percent(inpainted))
    if inpainted is None:
        return Message(EMPTY, fraction=_percent(empty))
    return Message(BOTH, empty=_percent(empty), inpainted=_percent(inpainted))


def _percent(fraction: float) -> str:
    text = f"{fraction:.1%}" if 0 < fraction < 0.1 else f"{fraction:.0%}"
    return text.replace("%", " %")


def _upright(looks: FloatArray, downs: FloatArray) -> FloatArray:
    """Return a rotation (3, 3) about the photo's axis after which rolled cameras are upright.

    The check assumes upright poses. If the horizon was leveled, all poses are upright in axes that
    are rotated by the same angle.

    Args:
        looks, downs: Unit directions (n, 3) of the poses.
    """
    rights = np.cross(downs, looks)
    # An upright camera's right axis is perpendicular to `down`: find what is so to all of them.
    _, _, axes = np.linalg.svd(np.concatenate([rights, np.eye(3)[2:] * 1e-3]))
    down = axes[-1] * np.sign(axes[-1] @ downs.mean(axis=0))
    angle = np.arctan2(-down[0], down[1])
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]], np.float32)


def _numbers(scene: bpy.types.Scene, parts: SceneParts, rig: Rig) -> Iterator[float]:
    """Yield all numbers that the measurement depends on."""
    yield from (scene.frame_start, scene.frame_end)
    yield from (scene.render.resolution_x, scene.render.resolution_y)
    for spline in rig.curve.data.splines:
        yield float(spline.use_cyclic_u)
        for point in spline.bezier_points:
            yield from (*point.co, *point.handle_left, *point.handle_right)
        for point in spline.points:
            yield from point.co
    camera, target = rig.camera.data, rig.target
    tracks = (
        (rig.camera, offset_path(rig.follow), (rig.follow.offset_factor,)),
        (target, "location", target.location),
        (camera, "lens", (camera.lens,)),
    )
    for data, path, value in tracks:
        curves = curves_of(data, path)
        for curve in curves:
            for key in curve.keyframe_points:
                yield from (*key.co, *key.handle_left, *key.handle_right)
        yield from () if curves else value
    yield from (*target.rotation_euler, *target.delta_rotation_euler)
    yield from (camera.shift_x, camera.shift_y, camera.sensor_width)
    for cloud in filter(None, (parts.still, parts.moving)):
        yield float(len(cloud.data.points))
