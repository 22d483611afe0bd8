"""The benchmark's loops: points move as in Blender's nodes, and measures have known values."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest

pytest.importorskip("moderngl", reason="moderngl is not installed")

import _quality_loop as loop
from _quality_shot import Shot
from make_4d.geometry.core.camera import blender_from_camera
from make_4d.geometry.landscapes.truth import TruthFrame, TruthScene
from synthetic import make_scene_data
from test_animate_nodes import LOOP, Moving, moving  # noqa: F401 - a fixture
from test_quality_views import CAMERA, FIRST

SHAPE = (20, 30)


def test_points_match_blenders_nodes(moving: Moving) -> None:  # noqa: F811
    for t in range(LOOP):
        got = moving.attributes(t + 1)
        made = loop.moved_cloud(moving.points, t / LOOP)
        here = made.weight > 0  # the nodes delete copies without weight
        np.testing.assert_array_equal(made.backward[here], got["backward"])
        positions = blender_from_camera(made.position[here])
        np.testing.assert_allclose(positions, got["position"], rtol=1e-5, atol=2e-4)
        np.testing.assert_allclose(made.weight[here], got["weight"], atol=2e-5)
        np.testing.assert_array_equal(made.radius[here], got["radius"])


def test_at_the_end_only_backward_copies_count_and_are_back_at_the_start() -> None:
    points = make_scene_data(loop_frames=LOOP).moving
    made = loop.moved_cloud(points, 1.0)
    np.testing.assert_array_equal(made.weight, made.backward.astype(np.float32))
    np.testing.assert_array_equal(made.position[made.backward], points.position)
    assert made.moving and not np.allclose(made.position[~made.backward], points.position)


@pytest.mark.parametrize(
    ("t", "clear"), [(4, (1, 0)), (7, (0.625, 0)), (8, (0, 0)), (9, (0, 0.625)), (12, (0, 1))]
)
def test_copies_fade_as_in_blenders_nodes(t: int, clear: tuple[float, float]) -> None:
    points = make_scene_data(loop_frames=16).moving
    lifetime = points.lifetime.copy()
    lifetime[:, 0] = 0.5  # it leaves at half of the loop, when the other copy enters
    got = loop.moved_cloud(replace(points, lifetime=lifetime), t / 16).color[:, 3]
    expected = np.ones((2, points.count))
    expected[:, 0] = clear
    np.testing.assert_allclose(got, expected.ravel(), atol=1e-5)


def test_both_ends_are_examined_and_inner_frames_with_their_neighbors() -> None:
    frames = loop.examined_frames(60)
    assert frames == [0, 1, *(t + s for t in range(10, 60, 10) for s in (-1, 0, 1)), 59, 60]
    assert loop.examined_frames(2) == [0, 1, 2]


def shots_of(scene_data: Any) -> dict[int, Shot]:
    frames = loop.examined_frames(scene_data.plan.loop_frames)
    return {t: loop.shot_at(scene_data, t, scene_data.plan.camera) for t in frames}


def truth(image: Any, depth: float = 5.0) -> TruthFrame:
    still = np.zeros(image.shape[:2], bool)
    return TruthFrame(image, np.full(still.shape, depth, np.float32), np.eye(4), still)


def test_a_steady_drift_has_no_seam_and_shifted_copies_have_one() -> None:
    scene_data = make_scene_data(loop_frames=LOOP)
    shots = shots_of(scene_data)
    first = truth(shots[0].image)
    row = loop.measure(first, first.moving, shots)
    assert row.jump < 1e-3 and 0 < row.seam <= row.step and row.photo == 0 and row.uncovered == 0
    assert loop.difference(shots[0].image, shots[8].image) > 2  # it does move in between
    shifted = replace(scene_data.moving, backward=scene_data.moving.backward + np.float32(1.5))
    bad = loop.measure(first, first.moving, shots_of(replace(scene_data, moving=shifted)))
    assert bad.seam > 1.2 * bad.step and bad.photo == 0


def test_a_scene_without_motion_is_still() -> None:
    shots = shots_of(make_scene_data(motion=False, loop_frames=LOOP))
    first = truth(shots[0].image)
    row = loop.measure(first, first.moving, shots)
    assert row.jump == row.seam == row.step == row.flicker == row.photo == 0


def gray(value: float, alpha: float = 1.0) -> Shot:
    image = np.full((*SHAPE, 3), value, np.float32)
    return Shot(image, np.full(SHAPE, alpha, np.float32))


def test_measures_of_uniform_images() -> None:
    values = {0: 0.5, 1: 0.51, 2: 0.54, 3: 0.55, 4: 0.55, 7: 0.6, 8: 0.58}
    shots = {t: gray(value) for t, value in values.items()}
    shots[3].alpha[:5] = 0.4
    photo = truth(gray(0.48).image)
    photo.moving[:, :10] = True
    photo.depth[:4] = np.inf
    moves = np.zeros(SHAPE, bool)
    moves[10:, 5:15] = True
    row = loop.measure(photo, moves, shots)
    np.testing.assert_allclose(row.photo, 2, atol=1e-4)
    np.testing.assert_allclose(row.jump, 8, atol=1e-4)
    np.testing.assert_allclose(row.seam, 2, atol=1e-4)  # frames 7 and 8
    np.testing.assert_allclose(row.step, 3, atol=1e-4)  # frames 1 and 2, not the seam's
    np.testing.assert_allclose(row.flicker, 5 / 3, atol=1e-4)  # 2, 2 and 1 at frames 1, 2 and 3
    assert row.uncovered == 25.0
    assert row.found == 25.0 and row.wrong == 100 * 50 / 320
    assert math.isnan(loop.measure(truth(photo.image), moves, shots).found)


def test_moving_pixels_are_cropped_to_the_photo() -> None:
    travel = np.zeros((2, 9, 12, 2), np.float32)
    travel[0, 3, 4] = 0.02, 0.0  # half a pixel in 25 frames
    travel[0, 3, 5] = 0.005, 0.0
    travel[1] = 1.0  # a layer behind
    inputs = {"flow": travel, "margins": np.array([1, 2, 3, 4])}
    moves = loop.moved_pixels(inputs, 25)
    assert moves.shape == (5, 6)
    np.testing.assert_array_equal(np.argwhere(moves), [[2, 0]])


@pytest.mark.slow
def test_the_sky_above_a_wall_moves_and_the_wall_does_not(rng: np.random.Generator) -> None:
    sky = np.isinf(FIRST.depth)
    rows = np.linspace(0, 1, len(sky))[:, None, None]
    blue = (0.35, 0.55, 0.85) + rows * (1.6, 1.2, 0.4)
    noise = cv2.GaussianBlur(rng.standard_normal((*sky.shape, 1)), (0, 0), 1.0)[..., None]
    stone = (0.36, 0.3, 0.24) + 0.25 * noise
    image = np.clip(np.where(sky[..., None], blue, stone), 0, 1).astype(np.float32)
    scene = TruthScene("board", CAMERA, (replace(FIRST, moving=sky, image=image),))
    row = loop.loop_row(scene)
    assert row.found > 80 and row.wrong < 1
    assert row.photo < 1 and row.jump < 0.01 and 0 < row.seam < 2 * row.step
    assert row.uncovered < 0.5
