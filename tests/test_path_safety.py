"""Camera paths match Blender's curves; how much of a frame is uncovered or inpainted."""

from __future__ import annotations

import numpy as np
import pytest
from make_4d.geometry.core.camera import Intrinsics, pixel_centers, unproject
from make_4d.geometry.core.camera_path import (
    FORWARD,
    CameraPath,
    auto_handles,
    sampled_path,
    scaled_path,
    zoomed,
)
from make_4d.geometry.core.path_limits import straight_path
from make_4d.geometry.core.path_safety import check_path

CAMERA = Intrinsics.from_field_of_view(96, 64, 0.9)
BEND = np.array([[0.0, 0, 0], [0.5, -0.3, 1.0], [0.2, 0.1, 2.5], [1.5, 0.4, 3.0]])


def at_angle(angle):
    return np.array([np.sin(angle), 0.0, np.cos(angle)])


def bend(closed=False):
    return CameraPath.through(BEND, [at_angle(a) for a in (0.0, 0.2, -0.3, 0.4)], closed)


def layers():
    """An observed card in front of an inpainted plane that fills the photo's frame."""
    front, back = (
        unproject(pixel_centers(64, 96), np.full((64, 96), d, np.float32), CAMERA) for d in (2, 6)
    )
    card = front[:, 32:64].reshape(-1, 3)
    points = np.concatenate([card, back.reshape(-1, 3)])
    radius = points[:, 2] / np.float32(CAMERA.focal)
    return points, radius, np.repeat([1.0, 0.0], [len(card), back.size // 3]).astype(np.float32)


@pytest.mark.parametrize("closed", [False, True])
def test_handles_match_blender(closed):
    bpy = pytest.importorskip("bpy")
    curve = bpy.data.curves.new("handles", "CURVE")
    curve.dimensions = "3D"
    spline = curve.splines.new("BEZIER")
    spline.bezier_points.add(len(BEND) - 1)
    spline.use_cyclic_u = closed
    for point, position in zip(spline.bezier_points, BEND, strict=True):
        point.co = position
        point.handle_left_type = point.handle_right_type = "AUTO"
    curve.update_tag()
    bpy.context.view_layer.update()
    spline.bezier_points[0].co = BEND[0]
    left, right = auto_handles(BEND, closed)
    np.testing.assert_allclose([p.handle_left for p in spline.bezier_points], left, atol=1e-5)
    np.testing.assert_allclose([p.handle_right for p in spline.bezier_points], right, atol=1e-5)
    bpy.data.curves.remove(curve)


def test_samples_are_evenly_spaced_and_pass_the_waypoints():
    path = bend()
    poses = sampled_path(path, 801)
    steps = np.linalg.norm(np.diff(poses.positions, axis=0), axis=1)
    assert steps.max() < 1.02 * np.median(steps) and steps.min() > 0.97 * np.median(steps)
    np.testing.assert_allclose(poses.positions[[0, -1]], BEND[[0, -1]], atol=1e-6)
    for position, look in zip(path.positions, path.looks, strict=True):
        distance = np.linalg.norm(poses.positions - position, axis=1)
        assert distance.min() < 0.005
        np.testing.assert_allclose(poses.looks[distance.argmin()], look, atol=0.01)
    np.testing.assert_allclose(np.linalg.norm(poses.looks, axis=1), 1, atol=1e-6)


def test_a_closed_path_ends_where_it_starts():
    poses = sampled_path(bend(closed=True), 50)
    np.testing.assert_allclose(poses.positions[0], poses.positions[-1], atol=1e-6)
    np.testing.assert_allclose(poses.looks[0], poses.looks[-1], atol=1e-6)
    assert np.linalg.norm(poses.positions - BEND[-1], axis=1).min() < 0.1


def test_a_camera_that_only_turns_is_sampled_evenly():
    path = CameraPath.through(np.zeros((3, 3)), [at_angle(a) for a in (0.0, 0.1, 0.4)])
    angles = np.arctan2(*sampled_path(path, 5).looks[:, [0, 2]].T)
    np.testing.assert_allclose(angles, [0.0, 0.05, 0.1, 0.25, 0.4], atol=1e-6)
    assert sampled_path(CameraPath.through(np.ones((1, 3)), FORWARD[None]), 3).count == 3


def test_scaling_is_about_the_photo_s_pose():
    path = straight_path(np.array([0.0, 0.0, -2.0]), at_angle(0.4))
    path = CameraPath(path.positions, path.looks, np.array([1.0, 1.5, 2.0], np.float32))
    half = scaled_path(path, 0.5)
    np.testing.assert_allclose(half.positions[-1], [0, 0, -1])
    np.testing.assert_allclose(half.looks[-1], at_angle(0.2), atol=1e-6)
    np.testing.assert_allclose(half.focal, [1.0, 1.25, 1.5])
    assert zoomed(CAMERA, 1.5).focal == 1.5 * CAMERA.focal


def test_inpainted_and_uncovered_areas_are_measured():
    points, radius, observed = layers()
    aside = sampled_path(straight_path(np.array([2.0, 0.0, 0.0]), FORWARD, 2), 5)
    report = check_path(points, radius, observed, CAMERA, aside)
    # The plane is everywhere behind the card, which covers a third of the frame.
    assert report.inpainted[0] == pytest.approx(2 / 3, abs=0.02) and report.uncovered[0] == 0.0
    shift = 0.5 * CAMERA.focal * aside.positions[:, 0] / 6 / 48
    np.testing.assert_allclose(report.uncovered, shift, atol=0.02)
    zoom = CameraPath(aside.positions, aside.looks, np.full(5, 2.0, np.float32))
    assert check_path(points, radius, observed, CAMERA, zoom).uncovered[1] == 0.0
