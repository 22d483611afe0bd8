"""Low views match a plain loop over points and pixels."""

from __future__ import annotations

import time

import numpy as np
import pytest
from make_4d.geometry.core.camera import Intrinsics, look_rotation, pixel_centers, unproject
from make_4d.geometry.core.camera_path import DOWN, FORWARD
from make_4d.geometry.core.low_view import LowView, low_camera, render_low

CAMERA = Intrinsics.from_field_of_view(24, 16, 0.9)


def reference(points, radius, camera, position, look):
    """Draw each point's square pixel by pixel, then close single gaps."""
    depth = np.full((camera.height, camera.width), np.inf)
    index = np.full(depth.shape, -1)
    rotation = look_rotation(look, DOWN)
    for i, point in enumerate(points):
        x, y, z = rotation @ (point - position)
        if z <= 1e-3:
            continue
        u, v = camera.focal * x / z + camera.cx, camera.focal * y / z + camera.cy
        half = max(radius[i] * camera.focal / z, 0.5)
        for row in range(camera.height):
            for column in range(camera.width):
                inside = -half <= column + 0.5 - u < half and -half <= row + 0.5 - v < half
                if inside and z < depth[row, column]:
                    depth[row, column], index[row, column] = z, i
    return closed(depth, index)


def closed(depth, index):
    result = depth.copy(), index.copy()
    for row in range(depth.shape[0]):
        for column in range(depth.shape[1]):
            beside = [(row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)]
            beside = [
                (r, c) for r, c in beside if 0 <= r < depth.shape[0] and 0 <= c < depth.shape[1]
            ]
            if index[row, column] < 0 and all(index[p] >= 0 for p in beside):
                nearest = min(beside, key=lambda p: depth[p])
                result[0][row, column], result[1][row, column] = depth[nearest], index[nearest]
    return result


def plane(depth, camera, hole=None):
    """Return the points of a plane, one per pixel, without those of a hole (slices)."""
    kept = np.ones((camera.height, camera.width), bool)
    if hole is not None:
        kept[hole] = False
    points = unproject(pixel_centers(*kept.shape), np.full(kept.shape, depth, np.float32), camera)
    return points[kept], np.full(kept.sum(), depth / camera.focal, np.float32)


@pytest.mark.parametrize("pose", [(0, 0, 0, 0), (0.3, -0.2, 0.8, 0.3), (0, 0, 2.5, -0.5)])
def test_matches_a_plain_loop(pose, rng):
    count = 400
    points = rng.uniform([-2, -2, -1], [2, 2, 6], (count, 3)).astype(np.float32)
    radius = rng.uniform(0.0, 0.2, count).astype(np.float32)
    position, look = np.array(pose[:3], float), np.array([np.sin(pose[3]), 0.1, np.cos(pose[3])])
    view = render_low(points, radius, CAMERA, position, look)
    depth, index = reference(points, radius, CAMERA, position, look)
    assert (view.index == index).mean() > 0.99  # a pixel's center may lie on a square's edge
    same = view.index == index
    np.testing.assert_allclose(view.depth[same], depth[same], rtol=1e-5)
    assert 0.05 < view.uncovered < 0.95


def test_view_from_the_photo_has_no_gaps():
    points, radius = plane(3.0, Intrinsics.from_field_of_view(96, 64, 0.9))
    for position in ([0, 0, 0], [0, 0, 0.5], [0, 0, 1.5]):
        view = render_low(points, radius, CAMERA, np.array(position), FORWARD)
        assert view.uncovered == 0.0
        np.testing.assert_allclose(view.depth, 3.0 - position[2], rtol=1e-5)


def test_stepping_back_uncovers_the_rim():
    points, radius = plane(3.0, CAMERA)
    view = render_low(points, radius, CAMERA, np.array([0, 0, -1.5]), FORWARD)
    assert view.uncovered == pytest.approx(1 - (3 / 4.5) ** 2, abs=0.1)
    assert (view.index[0] < 0).all() and (view.depth[0] == np.inf).all()


def test_single_gaps_are_closed_and_larger_holes_are_not():
    tiny = np.zeros_like(plane(3.0, CAMERA)[1])
    for hole, left in (
        (np.s_[5:6, 7:8], 0),
        (np.s_[0:1, 0:1], 0),
        (np.s_[5:7, 7:9], 4),
        (np.s_[5:6, 7:9], 2),
        (np.s_[3:9, 7:8], 6),
    ):
        points, _ = plane(3.0, CAMERA, hole)
        view = render_low(points, tiny[: len(points)], CAMERA, np.zeros(3), FORWARD)
        assert (view.index < 0).sum() == left


def test_disc_hides_points_behind_it():
    far, radius = plane(5.0, CAMERA)
    points = np.concatenate([far, [[0.0, 0.0, 1.0]]]).astype(np.float32)
    view = render_low(
        points, np.append(radius, 0.2).astype(np.float32), CAMERA, np.zeros(3), FORWARD
    )
    assert (view.index == len(far)).sum() == pytest.approx((0.4 * CAMERA.focal) ** 2, rel=0.25)


def test_empty_cloud_is_uncovered():
    empty = np.zeros((0, 3), np.float32)
    view = render_low(empty, empty[:, 0], CAMERA, np.zeros(3), FORWARD)
    assert isinstance(view, LowView) and view.uncovered == 1.0


def test_low_camera_keeps_the_view_and_never_grows():
    small = low_camera(Intrinsics.from_field_of_view(960, 640, 0.9), 96)
    assert (small.width, small.height) == (96, 64)
    assert small.focal / small.width == pytest.approx(CAMERA.focal / CAMERA.width)
    assert low_camera(CAMERA, 96) == CAMERA


def test_a_million_points_are_drawn_quickly(rng):
    camera = Intrinsics.from_field_of_view(768, 512, 0.96)
    pixels = rng.uniform([-150, -100], [918, 612], (1_000_000, 2)).astype(np.float32)
    depth = (1 / rng.uniform(0.01, 1.0, len(pixels))).astype(np.float32)
    points, radius = unproject(pixels, depth, camera), depth / np.float32(camera.focal)
    times = []
    for _ in range(4):
        start = time.perf_counter()
        render_low(points, radius, low_camera(camera), np.array([0, 0, 0.5]), FORWARD)
        times.append(time.perf_counter() - start)
    print(f"low view of a million points: {min(times) * 1e3:.0f} ms")
    assert min(times) < 3.0  # about 0.05 on an idle core
