"""Euler integration, scene flow and symmetric weights match plain loops and closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
from make_4d.geometry.core import flow
from make_4d.geometry.core.camera import Intrinsics, pixel_centers, project, unproject
from messages import raises_message


def plain_sample(values, x, y):
    """Sample (H, W, C) bilinearly at one position, corner by corner."""
    height, width, channels = values.shape
    x, y = min(max(x - 0.5, 0), width - 1), min(max(y - 0.5, 0), height - 1)
    total = np.zeros(channels)
    for row in (math.floor(y), math.floor(y) + 1):
        for column in (math.floor(x), math.floor(x) + 1):
            weight = (1 - abs(x - column)) * (1 - abs(y - row))
            if weight > 0:
                total += weight * values[row, column]
    return total


def plain_integrate(field, pixel, key):
    """Return D_0->key of one pixel, frame by frame."""
    height, width = field.shape[:2]
    d = np.zeros(2)
    frame = 0
    while frame < key:
        x, y = pixel + d
        if 0 <= x <= width and 0 <= y <= height:
            d = d + min(key - frame, 1) * plain_sample(field, x, y)
        frame += 1
    return d


@pytest.mark.parametrize("shape", [(9, 13), (1, 6), (7, 1), (1, 1), (2, 2)])
def test_sampling_matches_a_plain_loop(rng, shape):
    values = rng.normal(size=(*shape, 3)).astype(np.float32)
    positions = rng.uniform(-2, 15, (60, 2)).astype(np.float32)
    expected = [plain_sample(values, *p) for p in positions]
    np.testing.assert_allclose(flow.sample_bilinear(values, positions), expected, atol=2e-6)


def test_sampling_at_centers_gives_the_pixels(rng):
    values = rng.normal(size=(6, 8, 2)).astype(np.float32)
    sampled = flow.sample_bilinear(values, pixel_centers(6, 8).reshape(-1, 2))
    np.testing.assert_array_equal(sampled, values.reshape(-1, 2))


def test_integration_matches_a_plain_loop(rng):
    field = rng.normal(0, 0.4, (12, 17, 2)).astype(np.float32)
    pixels = pixel_centers(12, 17).reshape(-1, 2)
    keys = [0, 7.5, 3, 20, 2.25]
    moved = flow.integrate(field, pixels, keys)
    assert moved.shape == (5, 204, 2) and moved.dtype == np.float32
    for k, key in enumerate(keys):
        expected = [plain_integrate(field, p, key) for p in pixels[::7]]
        np.testing.assert_allclose(moved[k, ::7], expected, atol=1e-4)


def test_batch_size_does_not_matter(rng, monkeypatch):
    field = rng.normal(0, 0.4, (12, 17, 2)).astype(np.float32)
    pixels = pixel_centers(12, 17).reshape(-1, 2)
    whole = flow.integrate(field, pixels, [4, 9])
    monkeypatch.setattr(flow, "BATCH", 50)
    np.testing.assert_array_equal(flow.integrate(field, pixels, [4, 9]), whole)


def test_constant_flow_gives_time_times_flow():
    field = np.broadcast_to(np.float32([0.25, -0.125]), (40, 40, 2))
    pixels = np.float32([[20.5, 20.5], [10, 30]])
    moved = flow.integrate(field, pixels, [0, 7.5, 16])
    expected = np.float32([0, 7.5, 16])[:, None, None] * np.float32([0.25, -0.125])
    np.testing.assert_allclose(moved, np.broadcast_to(expected, moved.shape), atol=1e-6)


@pytest.mark.parametrize("sign", [1, -1])
def test_vortex_follows_eulers_spiral(sign):
    """Each Euler step in a rotation about c multiplies p - c by (1 + i w), closed form in n."""
    center, omega = 32.0, 0.02 * sign
    offset = pixel_centers(64, 64) - center
    field = np.stack([-omega * offset[..., 1], omega * offset[..., 0]], -1).astype(np.float32)
    pixels = np.float32([[40, 32], [32, 22.5], [28.25, 36]])
    moved = flow.integrate(field, pixels, [30])[0]
    start = (pixels[:, 0] - center) + 1j * (pixels[:, 1] - center)
    end = start * (1 + 1j * omega) ** 30 - start
    np.testing.assert_allclose(moved, np.stack([end.real, end.imag], -1), atol=1e-4)


def test_points_stay_where_they_left_the_image():
    field = np.broadcast_to(np.float32([3, 0]), (10, 20, 2))
    pixels = np.float32([[18.5, 5.5], [0.5, 5.5]])
    moved = flow.integrate(field, pixels, [1, 5, 50])
    np.testing.assert_allclose(moved[:, 0], [[3, 0], [3, 0], [3, 0]])
    ends = pixels + moved[2]
    assert not flow.inside_image(ends, 10, 20).any()
    assert flow.inside_image(pixels + moved[1], 10, 20).tolist() == [False, True]


def test_zero_flow_and_empty_inputs():
    field = np.zeros((5, 5, 2), np.float32)
    assert not flow.integrate(field, pixel_centers(5, 5).reshape(-1, 2), [8, 60]).any()
    assert flow.integrate(field, np.zeros((0, 2), np.float32), [1, 2]).shape == (2, 0, 2)
    assert flow.integrate(field, np.zeros((3, 2), np.float32), []).shape == (0, 3, 2)


def test_negative_time_is_refused():
    with raises_message(ValueError, flow.NEGATIVE_TIME):
        flow.integrate(np.zeros((5, 5, 2), np.float32), np.zeros((1, 2), np.float32), [-1])


def test_scene_flow_keeps_points_on_a_plane():
    """Points of a ground plane y = 1.5 stay on it."""
    camera = Intrinsics(60.0, 32.0, 24.0, 64, 48)
    pixels = pixel_centers(48, 64)[30:].reshape(-1, 2)
    rows = np.maximum(pixel_centers(48, 64)[..., 1] - camera.cy, 0.25)
    depth = (1.5 * camera.focal / rows).astype(np.float32)
    field = np.broadcast_to(np.float32([0.1, 0.0]), (48, 64, 2))
    drift = flow.integrate(field, pixels, [10, 40])
    moved = flow.scene_flow(pixels, drift, depth, camera)
    origin = unproject(pixels, depth[30:].ravel(), camera)
    np.testing.assert_allclose((origin + moved)[..., 1], 1.5, atol=1e-4)
    np.testing.assert_allclose(project(origin + moved, camera), pixels + drift, atol=1e-3)


def test_scene_flow_matches_a_plain_loop(rng):
    camera = Intrinsics(20.0, 8.0, 5.0, 16, 10)
    depth = rng.uniform(1, 9, (10, 16)).astype(np.float32)
    pixels = pixel_centers(10, 16).reshape(-1, 2)[::5]
    drift = rng.normal(0, 2, (3, len(pixels), 2)).astype(np.float32)
    moved = flow.scene_flow(pixels, drift, depth, camera)
    for k in range(3):
        for p in range(len(pixels)):
            ends = []
            for x, y in (pixels[p], pixels[p] + drift[k, p]):
                z = plain_sample(depth[..., None], x, y)[0]
                ends.append(np.array([(x - 8) / 20 * z, (y - 5) / 20 * z, z]))
            np.testing.assert_allclose(moved[k, p], ends[1] - ends[0], atol=1e-4)


def test_symmetric_weights_match_the_formula(rng):
    df, db, af, ab = rng.uniform(0.05, 1, (4, 6, 7)).astype(np.float32)
    w_f, w_b = flow.symmetric_weights(15, 60, df, db, af, ab)
    forward, backward = 0.75 * np.exp(4 * df) * af, 0.25 * np.exp(4 * db) * ab
    np.testing.assert_allclose(w_f, forward / (forward + backward), atol=1e-5)
    np.testing.assert_allclose(w_f + w_b, 1, atol=1e-6)


def test_loop_begins_and_ends_with_the_photo(rng):
    df, db, af, ab = rng.uniform(0.05, 1, (4, 6, 7)).astype(np.float32)
    assert (flow.symmetric_weights(0, 60, df, db, af, ab)[0] == 1).all()
    assert (flow.symmetric_weights(60, 60, df, db, af, ab)[1] == 1).all()


def test_holes_use_the_other_image_and_empty_pixels_use_the_phase():
    one, none = np.ones(1, np.float32), np.zeros(1, np.float32)
    assert flow.symmetric_weights(30, 60, one, one, none, one)[1] == 1
    assert flow.symmetric_weights(15, 60, none, none, none, none)[1] == 0.25
