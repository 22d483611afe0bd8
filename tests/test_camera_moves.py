"""Camera moves in a synthetic scene: a card in front of a wall, with a margin around the photo."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from make_4d.geometry.core import camera_moves
from make_4d.geometry.core.camera import Intrinsics, look_rotation, pixel_centers, unproject
from make_4d.geometry.core.camera_moves import (
    CAMERA_MOVES,
    SceneFacts,
    is_safe,
    plan_move,
    scene_facts,
)
from make_4d.geometry.core.camera_path import (
    DOWN,
    FORWARD,
    CameraPath,
    PathError,
    sampled_path,
    zoomed,
)
from make_4d.geometry.core.path_limits import border_stays_outside
from make_4d.geometry.core.path_safety import check_path
from messages import raises_message

CAMERA = Intrinsics.from_field_of_view(96, 64, 0.9)
MARGIN = 24
OUTPAINTED = CAMERA.padded(MARGIN, MARGIN, MARGIN, MARGIN)
CARD, WALL = 4.0, 10.0
LOOPS = ("HANDHELD", "CIRCLE")


def card_before_a_wall():
    shape = (OUTPAINTED.height, OUTPAINTED.width)
    wall = unproject(pixel_centers(*shape), np.full(shape, WALL, np.float32), OUTPAINTED).reshape(
        -1, 3
    )
    card = unproject(pixel_centers(*shape), np.full(shape, CARD, np.float32), OUTPAINTED)
    card = card[MARGIN + 12 : -MARGIN - 12, MARGIN + 20 : -MARGIN - 20].reshape(-1, 3)
    points = np.concatenate([wall, card])
    return points, points[:, 2] / np.float32(CAMERA.focal)


@pytest.fixture(scope="module")
def scene() -> SceneFacts:
    return scene_facts(*card_before_a_wall(), CAMERA, (MARGIN,) * 4)


def shown(path: CameraPath, scene: SceneFacts) -> bool:
    """Whether any of 60 poses shows a point of the border, by a plain loop."""
    poses = sampled_path(path, 60)
    inner = zip(poses.positions[1:-1], poses.looks[1:-1], poses.focal[1:-1], strict=True)
    return not all(
        border_stays_outside(scene.border, zoomed(CAMERA, float(f)), p, d) for p, d, f in inner
    )


def test_scene_facts(scene):
    assert scene.subject == pytest.approx(CARD)
    assert len(scene.border) == 2 * (OUTPAINTED.width + OUTPAINTED.height) - 4
    np.testing.assert_allclose(scene.border[:, 2], WALL)
    assert scene.disparity.shape == (64, 96)
    np.testing.assert_allclose(np.unique(scene.disparity.round(6)), [1 / WALL, 1 / CARD], rtol=1e-5)
    assert scene.obstacles.distance(np.zeros((1, 3)))[0] == pytest.approx(CARD, abs=0.1)


def test_scene_without_visible_points_is_refused():
    with raises_message(PathError, camera_moves.NOTHING_VISIBLE):
        scene_facts(np.zeros((0, 3), np.float32), np.zeros(0, np.float32), CAMERA, (0, 0, 0, 0))


@pytest.mark.parametrize("key", CAMERA_MOVES)
def test_every_move_starts_at_the_photo_and_shows_no_border(key, scene):
    path = plan_move(key, scene)
    np.testing.assert_allclose(path.positions[0], 0, atol=1e-6)
    np.testing.assert_allclose(path.looks[0], FORWARD, atol=1e-6)
    assert 3 <= path.count <= 12 and path.closed == (key in LOOPS)
    assert not shown(path, scene)
    assert scene.obstacles.distance(sampled_path(path, 100).positions).min() > 0.15
    assert np.linalg.norm(path.positions, axis=1).max() > 0.01
    assert CAMERA_MOVES[key].label and not CAMERA_MOVES[key].description.endswith(".")


@pytest.mark.parametrize("key", ["OUT", "ORBIT", "SIDE"])
def test_larger_amount_shows_the_border(key, scene):
    assert not is_safe(plan_move(key, scene, 1.2), scene)
    half = np.abs(plan_move(key, scene, 0.5).positions).max()
    assert half == pytest.approx(0.5 * np.abs(plan_move(key, scene).positions).max(), rel=0.05)


def test_flying_out_stays_inside_the_outpainted_photo(scene):
    points, radius = card_before_a_wall()
    far = replace(scene, subject=8.0)
    end = plan_move("OUT", far)
    # The border's outermost pixels, 71.5 px from the center, may come as close as 48 + 2 px.
    assert WALL - end.positions[-1, 2] == pytest.approx(WALL * 71.5 / 50, rel=1e-3)
    views = [sampled_path(path, 5) for path in (end, plan_move("OUT", far, 1.5))]
    within, beyond = (
        check_path(points, radius, np.ones_like(radius), CAMERA, poses) for poses in views
    )
    assert within.uncovered.max() == 0.0
    assert beyond.uncovered[-1] > 0.02


@pytest.mark.parametrize("key", ["ORBIT", "CRANE", "CIRCLE"])
def test_subject_stays_centered(key, scene):
    poses = sampled_path(plan_move(key, scene), 30)
    for position, look in zip(poses.positions, poses.looks, strict=True):
        x, y, z = look_rotation(look, DOWN) @ (scene.focus - position)
        assert np.hypot(x, y) < 0.02 * z
    if key == "ORBIT":
        away = np.linalg.norm(poses.positions - scene.focus, axis=1)
        np.testing.assert_allclose(away, CARD, rtol=0.01)


def test_a_dolly_zoom_keeps_the_subject_s_size(scene):
    poses = sampled_path(plan_move("DOLLY_ZOOM", scene), 20)
    size = poses.focal / (CARD - poses.positions[:, 2])
    np.testing.assert_allclose(size, 1 / CARD, rtol=1e-3)
    assert abs(np.log(poses.focal[-1])) > 0.1


def test_directions_of_the_moves(scene):
    ends = {key: plan_move(key, scene).positions[-1] for key in CAMERA_MOVES if key not in LOOPS}
    assert ends["IN"][2] > 1 and ends["OUT"][2] < -0.3
    assert ends["CRANE"][1] < -0.2 and ends["SIDE"][0] > 0.2 and ends["ORBIT"][0] > 0.2
    assert np.linalg.norm(ends["CRUISE"]) == pytest.approx(0.6, rel=1e-3)
    mirrored = plan_move("SIDE", scene, mirrored=True)
    np.testing.assert_allclose(mirrored.positions[-1], ends["SIDE"] * [-1, 1, 1], atol=1e-6)


def test_flying_in_stops_before_an_obstacle(scene):
    near = replace(scene, subject=9.9)
    assert np.linalg.norm(plan_move("IN", near).positions[-1]) < CARD - 0.1


def test_handheld_is_seeded_and_small(scene):
    one, same, other = (plan_move("HANDHELD", scene, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.positions, same.positions)
    assert np.abs(one.positions - other.positions).max() > 0.005
    assert np.abs(one.positions).max() < 0.2
    assert np.degrees(np.arccos(one.looks[:, 2])).max() < 5


def test_unknown_moves_and_negative_amounts_are_refused(scene):
    with pytest.raises(KeyError):
        plan_move("LOOPING", scene)
    with raises_message(PathError, camera_moves.NEGATIVE_AMOUNT):
        plan_move("IN", scene, -1.0)
