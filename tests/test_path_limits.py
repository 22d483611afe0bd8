"""Limits of camera paths, and skirts behind steps of depth."""

import numpy as np
import pytest
from make_4d.geometry.core import path_limits
from make_4d.geometry.core.camera import (
    Intrinsics,
    look_rotation,
    pixel_centers,
    project,
    unproject,
)
from make_4d.geometry.core.camera_path import DOWN, FORWARD, scaled_path, slerp
from make_4d.geometry.core.skirt import MIN_STEP, find_skirts

CAMERA = Intrinsics.from_field_of_view(64, 48, 0.9)
OUTPAINTED = CAMERA.padded(16, 16, 16, 16)


def border_at(depth):
    points = unproject(pixel_centers(80, 96), np.full((80, 96), depth, np.float32), OUTPAINTED)
    return np.concatenate([points[0], points[-1], points[:, 0], points[:, -1]])


def safe(border, position, look):
    return path_limits.safe_fraction(border, CAMERA, path_limits.straight_path(position, look))


def look_at_angle(angle):
    return np.array([np.sin(angle), 0.0, np.cos(angle)])


def test_unproject_and_project_are_inverse(rng):
    pixels = rng.uniform(0, 60, (50, 2)).astype(np.float32)
    depth = rng.uniform(1, 100, 50).astype(np.float32)
    np.testing.assert_allclose(
        project(unproject(pixels, depth, OUTPAINTED), OUTPAINTED), pixels, atol=1e-4
    )


def test_slerp_keeps_length_and_speed():
    end = look_at_angle(0.8)
    for fraction in (0.0, 0.25, 0.5, 1.0):
        np.testing.assert_allclose(
            slerp(FORWARD, end, fraction), look_at_angle(0.8 * fraction), atol=1e-12
        )
    np.testing.assert_array_equal(slerp(FORWARD, FORWARD, 0.5), FORWARD)


def test_look_rotation_does_not_roll(rng):
    look = np.array([0.3, -0.2, 0.93])
    rotation = look_rotation(look, DOWN)
    np.testing.assert_allclose(rotation @ (look / np.linalg.norm(look)), [0, 0, 1], atol=1e-12)
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
    assert rotation[0, 1] == 0.0
    np.testing.assert_allclose(look_rotation(FORWARD, DOWN), np.eye(3), atol=1e-12)


def test_flying_in_is_safe_and_turning_far_is_not():
    border = border_at(10.0)
    ahead = np.array([0.0, 0.0, 0.6])
    assert safe(border, ahead, FORWARD) == 1.0
    # The margin of 16 px corresponds to a turn of at most this angle at the image's side.
    half = np.arctan(32 / CAMERA.focal)
    limit = np.arctan(48 / CAMERA.focal) - half
    fraction = safe(border, np.zeros(3), look_at_angle(0.6))
    assert 0.5 * limit < 0.6 * fraction < 1.05 * limit
    look = slerp(FORWARD, look_at_angle(0.6), fraction)
    assert path_limits.border_stays_outside(border, CAMERA, np.zeros(3), look)


def test_flying_out_stops_before_the_border_shows():
    border = border_at(1.0)
    fraction = safe(border, np.array([0, 0, -2.0]), FORWARD)
    # The outermost pixel center, 47.5 px from the center, may come as close as 32 + 2 px.
    assert 2.0 * fraction == pytest.approx(47.5 / 34 - 1, abs=2e-3)


def test_turn_of_the_look_is_limited():
    small = look_at_angle(0.05)
    np.testing.assert_array_equal(path_limits.limited_turn(small, CAMERA), small)
    limited = path_limits.limited_turn(look_at_angle(0.7), CAMERA)
    half_of_the_way = 0.5 * np.arctan(24 / CAMERA.focal)
    np.testing.assert_allclose(limited, look_at_angle(half_of_the_way), atol=1e-12)


def test_backward_is_the_mirror_of_forward():
    position, look = path_limits.backward_from(np.array([0.1, -0.2, 0.5]), look_at_angle(0.2))
    np.testing.assert_allclose(position, [-0.1, 0.2, -0.5])
    np.testing.assert_allclose(look, look_at_angle(-0.2), atol=1e-12)


def test_waypoints_start_at_the_photo():
    whole = path_limits.straight_path(np.array([0, 0, 0.6]), look_at_angle(0.2))
    flown = scaled_path(whole, 0.5)
    np.testing.assert_allclose(flown.positions[:, 2], [0, 0.15, 0.3], atol=1e-6)
    np.testing.assert_allclose(flown.looks[0], [0, 0, 1])
    np.testing.assert_allclose(flown.looks[2], look_at_angle(0.1), atol=1e-6)


def skirt_reference(depth, member, reach, step):
    """Find skirts by a loop: the nearest far side of a step is in reach and behind the pixel."""
    height, width = depth.shape
    edges = [
        (y, x)
        for y in range(height)
        for x in range(width)
        for v, u in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1))
        if 0 <= v < height and 0 <= u < width and member[y, x] and member[v, u]
        if 1 / depth[v, u] - 1 / depth[y, x] > step
    ]
    wanted = np.zeros_like(member)
    for y in range(height):
        for x in range(width):
            distance, v, u = min(((y - v) ** 2 + (x - u) ** 2, v, u) for v, u in edges)
            behind = 1 / depth[y, x] - 1 / depth[v, u] > step
            wanted[y, x] = member[y, x] and behind and distance <= reach**2
    return wanted


def test_skirt_lies_behind_the_nearer_side_of_a_step():
    depth = np.full((20, 30), 10.0, np.float32)
    depth[:, 15:] = 2.0
    member = np.ones_like(depth, bool)
    (skirt,) = find_skirts(depth, member, 4)
    np.testing.assert_array_equal(skirt.where, skirt_reference(depth, member, 4, MIN_STEP))
    assert skirt.where[:, 15:18].all() and not skirt.where[:, :15].any()
    assert (skirt.depth[skirt.where] == 10.0).all()
    columns = np.broadcast_to(np.arange(30), (20, 30))
    assert (skirt.source[1] == 2 * 14 - columns)[skirt.where].all()  # mirrored at the edge


def test_skirts_of_one_class_match_the_reference(rng):
    depth = 1 / np.kron(rng.uniform(0.34, 0.9, (4, 5)), np.ones((5, 5))).astype(np.float32)
    member = np.kron(rng.random((4, 5)) < 0.8, np.ones((5, 5))).astype(bool)
    (skirt,) = find_skirts(depth, member, 3)
    reference = skirt_reference(depth, member, 3, MIN_STEP)
    # Of two far sides at the same distance, either may be continued.
    assert (skirt.where != reference).mean() < 0.05
    assert (1 / depth - 1 / skirt.depth)[skirt.where].min() > MIN_STEP


def test_sky_continues_behind_a_near_object_past_a_nearer_edge():
    depth = np.full((10, 40), 100.0, np.float32)
    depth[:, 10:] = 4.0
    depth[:, 17:] = 2.0
    skirts = list(find_skirts(depth, np.ones_like(depth, bool), 8))
    behind = {float(s.depth[s.where].max()): s.where[5] for s in skirts}
    assert behind[100.0][10:18].all() and behind[4.0][17:23].all()
    assert not behind[4.0][24:].any()  # no farther than the surface is wide


def test_mixed_pixels_along_a_step_have_no_skirt():
    depth = np.full((20, 40), 2.0, np.float32)
    depth[:, :20] = 20.0
    depth[:, 20], depth[:, 21] = 9.0, 4.0
    skirts = list(find_skirts(depth, np.ones_like(depth, bool), 8))
    assert {float(d) for skirt in skirts for d in skirt.depth[skirt.where]} == {20.0}
    assert all((skirt.source[1][skirt.where] < 20).all() for skirt in skirts)


def test_no_skirt_without_a_step_or_beyond_the_layer():
    depth = np.linspace(5, 5.1, 600, dtype=np.float32).reshape(20, 30)
    assert not list(find_skirts(depth, np.ones_like(depth, bool), 4))
    depth[:, 15:] = 2.0
    member = depth < 3
    assert not list(find_skirts(depth, member, 4))
    assert not list(find_skirts(depth, np.zeros_like(member), 4))
