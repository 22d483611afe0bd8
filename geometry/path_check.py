"""How far the camera can go: measured, kept on the curve, and said in a sentence.

The measurement is of the frames as they will be rendered, hand edits included. It is stored on the
curve with a fingerprint of what it was made from, so that it is known to be old after an edit.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import bpy
import numpy as np
from bpy.app.translations import pgettext_rpt as rpt_

from .camera_poses import camera_poses, sample_frames
from .camera_rig import Rig
from .core.camera import FloatArray
from .core.camera_path import CameraPath
from .core.path_safety import check_path
from .core.travel import Values
from .keyframes import curves_of
from .read_clouds import photo_frame, read_clouds
from .rig_keys import offset_path
from .scene_parts import SceneParts

SAFETY, MADE_FROM = "make_4d_safety", "make_4d_safety_of"
"""Custom properties of the curve: rows of the measurement, and the fingerprint."""
SAMPLES = 21


@dataclass(frozen=True)
class Limits:
    """Largest shares 0..1 of the picture that may be empty and invented."""

    empty: float
    inpainted: float


@dataclass(frozen=True, eq=False)
class PathMeasurement:
    """At frames (n,): share (n,) of the curve where the camera is, shares (n,) 0..1 of the picture
    that are empty and invented."""

    frames: Values
    shares: Values
    empty: Values
    inpainted: Values

    def excess(self, limits: Limits) -> Values:
        """By how much (n,) the worse of the two is beyond its limit; 0 or less where it is safe."""
        return np.maximum(self.empty - limits.empty, self.inpainted - limits.inpainted)

    def safe_until(self, limits: Limits) -> tuple[float, float]:
        """Last safe frame and the share of the curve there, both interpolated.

        The frame is below the first one where not even that is safe.
        """
        excess = self.excess(limits)
        beyond = np.flatnonzero(excess > 0)
        if not len(beyond):
            return float(self.frames[-1]), float(self.shares.max())
        i = int(beyond[0])
        if i == 0:
            return float(self.frames[0]) - 1.0, 0.0
        part = -excess[i - 1] / (excess[i] - excess[i - 1])
        frame, share = (v[i - 1] + part * (v[i] - v[i - 1]) for v in (self.frames, self.shares))
        return float(frame), float(share)


def measure_path(scene: bpy.types.Scene, parts: SceneParts, rig: Rig) -> PathMeasurement:
    """Check the animated camera's views over the scene's frames, and keep the result on the curve.

    Not seen are moving points elsewhere than in the photo, and the artist's own objects.
    """
    frames = sample_frames(scene, SAMPLES)
    poses = camera_poses(scene, rig.camera, frames, photo_frame(parts.still))
    clouds = read_clouds(parts)
    upright = _upright(poses.looks, poses.downs)
    path = CameraPath(poses.positions @ upright.T, poses.looks @ upright.T, poses.focal)
    points = clouds.position @ upright.T
    safety = check_path(points, clouds.radius, clouds.observed, poses.camera, path)
    offsets = curves_of(rig.camera, offset_path(rig.follow))
    shares = [offsets[0].evaluate(f) if offsets else rig.follow.offset_factor for f in frames]
    rows = np.stack([frames, shares, safety.uncovered, safety.inpainted], axis=1)
    rig.curve[SAFETY] = rows.ravel().tolist()
    rig.curve[MADE_FROM] = fingerprint(scene, parts, rig)
    return PathMeasurement(*rows.T)


def stored_measurement(curve: bpy.types.Object) -> PathMeasurement | None:
    """The measurement kept on a curve; None where there is none."""
    if SAFETY not in curve:
        return None
    return PathMeasurement(*np.reshape(np.array(curve[SAFETY], float), (-1, 4)).T)


def is_stale(scene: bpy.types.Scene, parts: SceneParts, rig: Rig) -> bool:
    """Whether the path has changed since the measurement that is kept on its curve."""
    return bool(rig.curve.get(MADE_FROM) != fingerprint(scene, parts, rig))


def fingerprint(scene: bpy.types.Scene, parts: SceneParts, rig: Rig) -> str:
    """A text that changes with the curve, its keys, the target, the lens, the frames, the points.

    Not with the current frame.
    """
    numbers = np.array([round(float(n), 5) for n in _numbers(scene, parts, rig)])
    return hashlib.blake2b(numbers.tobytes(), digest_size=12).hexdigest()


def summary(measured: PathMeasurement, limits: Limits) -> str:
    """How far one can go, for the artist."""
    frame, _ = measured.safe_until(limits)
    last = int(measured.frames[-1])
    beyond = np.flatnonzero(measured.excess(limits) > 0)
    empty, inpainted = (
        v[beyond[0] if len(beyond) else 0 :].max() for v in (measured.empty, measured.inpainted)
    )
    if not len(beyond):
        most = _shares(float(empty), float(inpainted))
        return rpt_("Safe to the last frame, {last}: at most {most}.").format(last=last, most=most)
    worst = _shares(
        float(empty) if empty > limits.empty else None,
        float(inpainted) if inpainted > limits.inpainted else None,
    )
    if frame < measured.frames[0]:
        return rpt_("Not even the first frame is safe: up to {most}.").format(most=worst)
    text = rpt_("Safe to frame {frame} of {last}: after that up to {most}.")
    return text.format(frame=int(frame), last=last, most=worst)


def _shares(empty: float | None, inpainted: float | None) -> str:
    """Shares of the picture in words; None: not to be told."""
    if empty is None:
        assert inpainted is not None
        return rpt_("{share} of the picture is invented").format(share=_percent(inpainted))
    text = rpt_("{share} of the picture is empty").format(share=_percent(empty))
    if inpainted is None:
        return text
    return text + rpt_(" and {share} invented").format(share=_percent(inpainted))


def _percent(share: float) -> str:
    return (
        f"{share:.1%}".replace("%", " %") if 0 < share < 0.1 else f"{share:.0%}".replace("%", " %")
    )


def _upright(looks: FloatArray, downs: FloatArray) -> FloatArray:
    """Rotation (3, 3) about the photo's axis that stands cameras upright that are rolled.

    The check takes its poses upright; those of a leveled horizon all are, in turned axes.
    """
    rights = np.cross(downs, looks)
    # An upright camera's right lies across `down`, which is to be perpendicular to all rights.
    _, _, axes = np.linalg.svd(np.concatenate([rights, np.eye(3)[2:] * 1e-3]))
    down = axes[-1] * np.sign(axes[-1] @ downs.mean(axis=0))
    angle = np.arctan2(-down[0], down[1])
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]], np.float32)


def _numbers(scene: bpy.types.Scene, parts: SceneParts, rig: Rig) -> Iterator[float]:
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
