"""Eulerian flow of motion regions: direction, speed, edges, and exactly zero elsewhere."""

from __future__ import annotations

import numpy as np
import pytest
from make_4d.geometry.core.camera import Intrinsics, pixel_centers
from make_4d.geometry.core.flow import integrate
from make_4d.ml.classical.eulerian_flow import eulerian_flow
from make_4d.ml.classical.regions import MotionRegions

HEIGHT, WIDTH, HORIZON = 240, 360, 100


def masks(cloud=None, water=None, fall=None):
    zeros = np.zeros((HEIGHT, WIDTH), np.float32)
    return MotionRegions(
        *(zeros if m is None else m.astype(np.float32) for m in (cloud, water, fall))
    )


def rows_between(top, bottom):
    mask = np.zeros((HEIGHT, WIDTH), np.float32)
    mask[top:bottom] = 1
    return mask


def flow_of(regions, loop=60, image=None, horizon=HORIZON):
    photo = np.full((HEIGHT, WIDTH, 3), 0.5, np.float32) if image is None else image
    return eulerian_flow(photo, regions, camera_of(photo), horizon, loop)


def camera_of(photo):
    return Intrinsics.from_field_of_view(photo.shape[1], photo.shape[0], np.radians(55.0))


def speed(result):
    return np.linalg.norm(result.flow, axis=-1)


def test_nothing_moves_without_regions():
    result = flow_of(masks())
    assert not result.flow.any() and not result.moving.any()
    assert result.flow.shape == (HEIGHT, WIDTH, 2) and result.flow.dtype == np.float32


def test_flow_outside_the_regions_is_zero():
    cloud = rows_between(0, 90)
    cloud[30:, 200:240] = 0
    water = rows_between(120, 200)
    result = flow_of(masks(cloud, water))
    still = (cloud + water) == 0
    assert not result.flow[still].any() and not result.moving[still].any()
    assert (result.moving > 0).sum() == (speed(result) > 0).sum()


def test_clouds_drift_slower_toward_the_horizon():
    flow = flow_of(masks(cloud=rows_between(0, 95))).flow
    top, low = flow[5:60], flow[60:85]
    assert (flow[5:85, :, 0] > 0).all()
    assert np.ptp(flow[40, :, 0]) < 1e-6
    assert top[..., 0].mean() > 1.5 * low[..., 0].mean()
    assert (np.diff(flow[5:60, 100, 0]) < 0).all()


def test_near_water_is_faster():
    flow = flow_of(masks(water=rows_between(110, HEIGHT)))
    assert speed(flow)[200:].mean() > 1.5 * speed(flow)[120:150].mean()


def test_falls_flow_down_and_water_runs_off_below():
    fall, water = np.zeros((2, HEIGHT, WIDTH), np.float32)
    fall[60:140, 160:200] = 1
    water[140:200, 60:300] = 1
    flow = flow_of(masks(water=water, fall=fall)).flow
    middle = flow[80:120, 172:188]
    assert (middle[..., 1] > 2 * np.abs(middle[..., 0])).all()
    assert flow[160:180, 260:280, 0].mean() > 0.05
    assert flow[160:180, 80:100, 0].mean() < flow[160:180, 260:280, 0].mean() - 0.05


@pytest.mark.parametrize("slope", [0.4, -0.4])
def test_falls_follow_their_streaks(rng, slope):
    """Streaks x = slope * y: the flow runs down along them."""
    row, column = np.mgrid[0:HEIGHT, 0:WIDTH]
    phase = (column - slope * row) / np.hypot(1, slope)
    image = np.repeat((0.5 + 0.4 * np.sin(phase / 2.5))[..., None], 3, -1).astype(np.float32)
    fall = np.zeros((HEIGHT, WIDTH), np.float32)
    fall[40:200, 100:260] = 1
    middle = flow_of(masks(fall=fall), image=image).flow[90:150, 150:210].mean(axis=(0, 1))
    assert middle[0] / middle[1] == pytest.approx(slope, abs=0.1)


def test_moving_points_stay_in_their_region():
    """Over a whole loop, in both directions, points stay on the lake or leave the image."""
    water = rows_between(110, 200)
    water[130:170, 150:190] = 0
    flow = flow_of(masks(water=water)).flow
    pixels = pixel_centers(HEIGHT, WIDTH)[speed(flow_of(masks(water=water))) > 0]
    for field in (flow, -flow):
        ends = pixels + integrate(field, pixels, [60])[0]
        x = np.clip(ends[:, 0].astype(int), 0, WIDTH - 1)
        y = np.clip(ends[:, 1].astype(int), 0, HEIGHT - 1)
        assert (water[y, x] == 1).all()


def test_flow_is_smooth_inside():
    flow = flow_of(masks(water=rows_between(110, 230))).flow[125:215]
    assert np.abs(np.diff(flow, axis=0)).max() < 0.03
    assert np.abs(np.diff(flow, axis=1)).max() < 0.03


def test_speeds_of_a_photo_of_512_pixels():
    """At the size of an outpainted photo of 512 px: gentle clouds and water, faster falls."""
    shape = (600, 768)
    cloud, water, fall = np.zeros((3, *shape), np.float32)
    cloud[:250], water[280:500], fall[500:, 300:420] = 1, 1, 1
    image = np.full((*shape, 3), 0.5, np.float32)
    regions = MotionRegions(cloud, water, fall)
    result = eulerian_flow(image, regions, camera_of(image), 260.0, 60)
    flow_speed = np.linalg.norm(result.flow, axis=-1)
    assert 0.15 <= flow_speed[:250].max() <= 0.4
    assert 0.2 <= flow_speed[280:420].max() <= 0.6
    assert 0.8 <= flow_speed[540:].max() <= 1.5


def test_speed_scales_with_size_and_long_loops_are_slower():
    regions = masks(cloud=rows_between(0, 95))
    reference = flow_of(regions, 60).flow
    np.testing.assert_allclose(flow_of(regions, 120).flow * 120, reference * 60, rtol=1e-5)
    np.testing.assert_array_equal(flow_of(regions, 30).flow, reference)
    large_regions = MotionRegions(
        *(np.kron(m, np.ones((2, 2), np.float32)) for m in vars(regions).values())
    )
    image = np.full((2 * HEIGHT, 2 * WIDTH, 3), 0.5, np.float32)
    large = eulerian_flow(image, large_regions, camera_of(image), 2 * HORIZON, 60).flow
    assert large[:100].mean() == pytest.approx(2 * reference[:50].mean(), rel=0.02)


@pytest.mark.parametrize("shape", [(1, 1), (2, 2), (1, 9), (20, 3), (16, 16), (17, 90)])
@pytest.mark.parametrize("horizon", [-5.0, 1.0, 50.0])
def test_tiny_images_are_handled(shape, horizon):
    ones = np.ones(shape, np.float32)
    image = np.zeros((*shape, 3), np.float32)
    for index in range(3):
        parts = [ones if i == index else 0 * ones for i in range(3)]
        result = eulerian_flow(image, MotionRegions(*parts), camera_of(image), horizon, 60)
        assert np.isfinite(result.flow).all()


def test_result_is_deterministic(rng):
    image = rng.random((HEIGHT, WIDTH, 3)).astype(np.float32)
    regions = masks(rows_between(0, 90), rows_between(120, 180), rows_between(190, 240))
    first, second = (flow_of(regions, image=image) for _ in range(2))
    np.testing.assert_array_equal(first.flow, second.flow)


def test_forward_and_backward_copies_leave_no_gaps():
    """In slanted falls in a ragged bed, nearly every pixel has a point of one copy or the other."""
    row, column = np.mgrid[0:HEIGHT, 0:WIDTH]
    left = 90 + 0.8 * row + 6 * np.sin(row / 6)
    fall = ((row > 30) & (row < 140) & (column > left) & (column < left + 50)).astype(np.float32)
    water = ((row >= 140) & (row < 220) & (column > 100) & (column < 320)).astype(np.float32)
    flow = flow_of(masks(water=water, fall=fall)).flow
    moving = np.abs(flow).sum(axis=-1) > 0
    covered = ~moving
    for field in (flow, -flow):
        ends = pixel_centers(HEIGHT, WIDTH)[moving]
        corner = np.floor(ends + integrate(field, ends, [30])[0] - 0.5).astype(int)
        for dx, dy in ((0, 0), (1, 0), (0, 1), (1, 1)):
            column = np.clip(corner[:, 0] + dx, 0, WIDTH - 1)
            covered[np.clip(corner[:, 1] + dy, 0, HEIGHT - 1), column] = True
    assert (~covered).sum() < 0.0015 * moving.sum()
