"""Long cruises in synthetic scenes: around a hill, over a ridge, and up to a wall."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from make_4d.geometry.core import long_cruise as long_cruise_module
from make_4d.geometry.core import path_limits
from make_4d.geometry.core.autocruise import CruiseSettings
from make_4d.geometry.core.camera import Intrinsics
from make_4d.geometry.core.camera_path import FORWARD, PathError, sampled_path
from make_4d.geometry.core.long_cruise import LongCruise, long_cruise
from make_4d.geometry.core.low_view import low_camera, render_low
from messages import raises_message

CAMERA = Intrinsics.from_field_of_view(480, 320, 0.96)
EYE = 0.5
"""Height of the camera above the ground."""
CRUISE = LongCruise(length=5.0, clearance=0.2)


def ground(rng, count=60_000):
    """Ground up to the horizon, denser near the camera."""
    depth = 1 / rng.uniform(1 / 40, 1.0, count)
    aside = rng.uniform(-1.2, 1.2, count) * depth
    return np.stack([aside, np.full(count, EYE), depth], axis=1)


def hill(rng, radius=1.0, away=3.5, height=1.4, count=40_000):
    """A dome on the ground straight ahead, with its back."""
    angle, up = rng.uniform(0, 2 * np.pi, count), rng.uniform(0, 1, count)
    ring = np.sqrt(1 - up**2)
    x, z = radius * ring * np.sin(angle), away + radius * ring * np.cos(angle)
    return np.stack([x, EYE - height * up, z], axis=1)


def wall(rng, away, width=30.0, height=30.0, count=200_000):
    x, y = rng.uniform(-width, width, count), rng.uniform(-height, EYE, count)
    return np.stack([x, y, np.full(count, away)], axis=1)


def cloud(*parts):
    points = np.concatenate(parts).astype(np.float32)
    return points, np.full(len(points), 0.01, np.float32)


def nearest(points, positions):
    """Return the smallest distance from any position to any point."""
    return min(float(np.linalg.norm(points - position, axis=1).min()) for position in positions)


def test_straight_path_hits_the_hill_and_long_cruise_avoids_it(rng):
    points, radius = cloud(ground(rng), hill(rng))
    view = render_low(points, radius, low_camera(CAMERA), np.zeros(3), FORWARD)
    position, look = path_limits.cruise_pose(np.clip(1 / view.depth, 0, 1), low_camera(CAMERA))
    straight = path_limits.straight_path(position * CRUISE.length / np.linalg.norm(position), look)
    assert nearest(points, sampled_path(straight, 200).positions) < 0.05
    path = long_cruise(points, radius, CAMERA, CRUISE)
    assert 3 <= path.count <= 7
    assert nearest(points, sampled_path(path, 200).positions) >= CRUISE.clearance
    assert path.positions[-1, 2] > 4.0, "beyond the hill"


@pytest.mark.parametrize("seed", range(3))
def test_look_follows_the_direction_of_travel(seed):
    rng = np.random.default_rng(seed)
    points, radius = cloud(ground(rng), hill(rng, away=3.0 + 0.5 * seed))
    poses = sampled_path(long_cruise(points, radius, CAMERA, CRUISE), 60)
    steps = np.diff(poses.positions, axis=0)
    steps /= np.linalg.norm(steps, axis=1, keepdims=True)
    off = np.degrees(np.arccos(np.clip((steps * poses.looks[1:]).sum(axis=1), -1, 1)))
    assert off.max() < 35 and off.mean() < 20
    turns = np.degrees(np.arccos(np.clip((steps[1:] * steps[:-1]).sum(axis=1), -1, 1)))
    assert turns.max() < 10, "no corner"


def test_starts_at_the_photo_s_pose(rng):
    points, radius = cloud(ground(rng))
    path = long_cruise(points, radius, CAMERA, CRUISE)
    np.testing.assert_array_equal(path.positions[0], 0)
    np.testing.assert_array_equal(path.looks[0], FORWARD)
    np.testing.assert_allclose(np.linalg.norm(path.looks, axis=1), 1, atol=1e-6)
    assert not path.closed and (path.focal == 1).all()


def test_open_land_is_crossed_for_the_requested_length(rng):
    points, radius = cloud(ground(rng))
    for length in (1.0, 4.0):
        path = long_cruise(points, radius, CAMERA, replace(CRUISE, length=length))
        steps = np.diff(sampled_path(path, 100).positions, axis=0)
        assert np.linalg.norm(steps, axis=1).sum() == pytest.approx(length, rel=0.05)


def test_stops_before_an_endless_wall(rng):
    points, radius = cloud(ground(rng), wall(rng, 2.5))
    path = long_cruise(points, radius, CAMERA, CRUISE)
    positions = sampled_path(path, 100).positions
    assert nearest(points, positions) >= CRUISE.clearance
    assert positions[:, 2].max() < 2.5


def test_rises_over_a_low_ridge(rng):
    points, radius = cloud(ground(rng), wall(rng, 3.0, height=0.2))
    path = long_cruise(points, radius, CAMERA, CRUISE)
    positions = sampled_path(path, 100).positions
    assert nearest(points, positions) >= CRUISE.clearance
    assert positions[-1, 2] > 3.5 and positions[:, 1].min() < -0.4


def test_border_of_the_photo_stays_outside_the_frame(rng):
    points, radius = cloud(ground(rng), hill(rng))
    edge = np.array([[x, 0.0, 10.0] for x in (-6.5, 6.5)], np.float32)
    path = long_cruise(points, radius, CAMERA, CRUISE, edge)
    for position, look in zip(path.positions, path.looks, strict=True):
        assert path_limits.border_stays_outside(edge, CAMERA, position, look)


def test_more_avoidance_keeps_a_larger_distance(rng):
    points, radius = cloud(ground(rng), hill(rng))
    near = [
        nearest(
            points[60_000:],
            sampled_path(
                long_cruise(points, radius, CAMERA, replace(CRUISE, avoidance=a)), 100
            ).positions,
        )
        for a in (0.3, 4.0)
    ]
    assert near[1] > near[0]


def test_empty_cloud_gives_the_whole_length():
    empty = np.zeros((0, 3), np.float32)
    path = long_cruise(empty, empty[:, 0], CAMERA, CRUISE)
    assert np.linalg.norm(path.positions[-1]) > 3


def test_impossible_settings_are_refused(rng):
    points, radius = cloud(ground(rng, 100))
    for settings, template in (
        (LongCruise(length=0.0), long_cruise_module.NOT_POSITIVE),
        (LongCruise(clearance=0.0), long_cruise_module.NOT_POSITIVE),
        (LongCruise(cruise=CruiseSettings(speed=0.0)), long_cruise_module.NOT_POSITIVE),
        (
            LongCruise(length=100.0, cruise=CruiseSettings(speed=0.01)),
            long_cruise_module.TOO_MANY_STEPS,
        ),
    ):
        with raises_message(PathError, template):
            long_cruise(points, radius, CAMERA, settings)
