"""Flow over a horizontal plane, compared with a pinhole camera's view of points moving on it."""

from __future__ import annotations

import numpy as np
import pytest
from make_4d.geometry.core.camera import Intrinsics, pixel_centers
from make_4d.ml.classical.plane_flow import Plane

CAMERA = Intrinsics(300.0, 180.0, 110.0, 360, 240)
HORIZON = 90.0


def plane(below: bool) -> Plane:
    return Plane(CAMERA, HORIZON, below, 0.5)


def project(x: float, z: float, height: float) -> np.ndarray:
    """Project a point on a plane to its pixel; the camera is level, its horizon at HORIZON."""
    return np.array([CAMERA.focal * x / z + CAMERA.cx, CAMERA.focal * height / z + HORIZON])


@pytest.mark.parametrize("below", [True, False])
@pytest.mark.parametrize("velocity", [(1.0, 0.0), (0.0, 1.0), (0.6, -0.8)])
def test_flow_matches_a_moving_point(below, velocity):
    """The flow is the difference of a point's pixel before and after a small step on the plane."""
    field = np.broadcast_to(np.float32(velocity), (240, 360, 2))
    flow = plane(below).flow(field)
    height = 1.0 if below else -1.0
    # In units in which a sideways speed of 1 is `max_speed` pixels per frame at the border.
    border = CAMERA.focal / plane(below).extent
    step = 0.5 / CAMERA.focal * border * 1e-3
    for row, column in ((200, 60), (120, 300)) if below else ((10, 60), (60, 300)):
        z = CAMERA.focal * height / (row + 0.5 - HORIZON)
        x = (column + 0.5 - CAMERA.cx) / CAMERA.focal * z
        moved = project(x + velocity[0] * step, z + velocity[1] * step, height)
        displacement = (moved - project(x, z, height)) / 1e-3
        np.testing.assert_allclose(flow[row, column], displacement, rtol=5e-3, atol=1e-4)


@pytest.mark.parametrize("below", [True, False])
def test_nothing_moves_at_or_beyond_the_horizon(below):
    flow = plane(below).flow(np.ones((240, 360, 2), np.float32))
    far_side = flow[:90] if below else flow[90:]
    assert not far_side.any()
    border_flow = flow[-1] if below else flow[0]
    assert np.abs(border_flow[..., 0]).max() < 1.0


def test_same_speed_is_more_pixels_nearby():
    flow = plane(True).flow(np.broadcast_to(np.float32((1, 0)), (240, 360, 2)))
    np.testing.assert_allclose(flow[-1, :, 0], 0.5, rtol=0.01)
    np.testing.assert_allclose(flow[165, :, 0] / flow[-1, :, 0], 75.5 / 149.5, rtol=1e-3)


@pytest.mark.parametrize("below", [True, False])
def test_pixels_map_to_points_on_the_plane(below):
    rows = (200, 120) if below else (10, 60)
    pixels = pixel_centers(240, 360)[list(rows), [60, 300]]
    points = plane(below).to_plane(pixels)
    height = 1.0 if below else -1.0
    depth = CAMERA.focal * height / (pixels[:, 1] - HORIZON)
    ratio = points[:, 1] / depth
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-5)
    sideways = (pixels[:, 0] - CAMERA.cx) / CAMERA.focal * depth
    np.testing.assert_allclose(points[:, 0] / sideways, ratio, rtol=1e-5)


def test_horizon_may_lie_outside_the_image():
    for horizon in (-500.0, 0.0, 240.0, 900.0):
        for below in (True, False):
            flow = Plane(CAMERA, horizon, below, 0.5).flow(np.ones((240, 360, 2), np.float32))
            assert np.isfinite(flow).all() and np.abs(flow).max() < 2.0
