"""Flow over a level plane: what a pinhole camera sees of points that move on it."""

from __future__ import annotations

import numpy as np
import pytest
from make_4d.geometry.core.camera import Intrinsics, pixel_centers
from make_4d.ml.classical.plane_flow import Plane

CAMERA = Intrinsics(300.0, 180.0, 110.0, 360, 240)
HORIZON = 90.0


def plane(below: bool) -> Plane:
    return Plane(CAMERA, HORIZON, below, 0.5)


def seen(x: float, z: float, height: float) -> np.ndarray:
    """Pixel of a place on a plane; the camera's axis is level, its horizon at HORIZON."""
    return np.array([CAMERA.focal * x / z + CAMERA.cx, CAMERA.focal * height / z + HORIZON])


@pytest.mark.parametrize("below", [True, False])
@pytest.mark.parametrize("velocity", [(1.0, 0.0), (0.0, 1.0), (0.6, -0.8)])
def test_flow_is_that_of_a_point_that_moves(below, velocity):
    """A small step on the plane, seen before and after, is the flow there."""
    field = np.broadcast_to(np.float32(velocity), (240, 360, 2))
    flow = plane(below).flow(field)
    height = 1.0 if below else -1.0
    # In units in which a level speed of 1 gives `fastest` pixels at the border.
    border = CAMERA.focal / plane(below).reach
    step = 0.5 / CAMERA.focal * border * 1e-3
    for row, column in ((200, 60), (120, 300)) if below else ((10, 60), (60, 300)):
        z = CAMERA.focal * height / (row + 0.5 - HORIZON)
        x = (column + 0.5 - CAMERA.cx) / CAMERA.focal * z
        moved = seen(x + velocity[0] * step, z + velocity[1] * step, height)
        way = (moved - seen(x, z, height)) / 1e-3
        np.testing.assert_allclose(flow[row, column], way, rtol=5e-3, atol=1e-4)


@pytest.mark.parametrize("below", [True, False])
def test_nothing_moves_at_the_horizon_and_beyond(below):
    flow = plane(below).flow(np.ones((240, 360, 2), np.float32))
    beyond = flow[:90] if below else flow[90:]
    assert not beyond.any()
    fastest = flow[-1] if below else flow[0]
    assert np.abs(fastest[..., 0]).max() < 1.0


def test_one_speed_is_faster_in_pixels_near_by():
    flow = plane(True).flow(np.broadcast_to(np.float32((1, 0)), (240, 360, 2)))
    np.testing.assert_allclose(flow[-1, :, 0], 0.5, rtol=0.01)
    np.testing.assert_allclose(flow[165, :, 0] / flow[-1, :, 0], 75.5 / 149.5, rtol=1e-3)


@pytest.mark.parametrize("below", [True, False])
def test_ground_is_where_pixels_look(below):
    rows = (200, 120) if below else (10, 60)
    pixels = pixel_centers(240, 360)[list(rows), [60, 300]]
    places = plane(below).ground(pixels)
    height = 1.0 if below else -1.0
    depth = CAMERA.focal * height / (pixels[:, 1] - HORIZON)
    ratio = places[:, 1] / depth
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-5)
    sideways = (pixels[:, 0] - CAMERA.cx) / CAMERA.focal * depth
    np.testing.assert_allclose(places[:, 0] / sideways, ratio, rtol=1e-5)


def test_a_horizon_outside_the_picture_is_harmless():
    for horizon in (-500.0, 0.0, 240.0, 900.0):
        for below in (True, False):
            flow = Plane(CAMERA, horizon, below, 0.5).flow(np.ones((240, 360, 2), np.float32))
            assert np.isfinite(flow).all() and np.abs(flow).max() < 2.0
