"""The camera follows its curve from the photo's pose to the last waypoint, with all looks."""

from dataclasses import replace

import numpy as np
import pytest
from make_4d.geometry.core import travel
from make_4d.geometry.core.camera import Intrinsics, blender_from_camera, project
from make_4d.geometry.core.scene_data import ScenePlan
from messages import raises_message

PHOTO_POSE = np.array([[1, 0, 0, 0], [0, 0, -1, 0], [0, 1, 0, 0], [0, 0, 0, 1]], float)


def plan_of(positions, look, frames=31, camera=None):
    look = np.asarray(look, np.float32)
    look /= np.linalg.norm(look, axis=1, keepdims=True)
    camera = camera or Intrinsics.from_field_of_view(64, 48, 0.9)
    return ScenePlan(camera, np.asarray(positions, np.float32), look, frames, 24)


STRAIGHT = plan_of([[0, 0, 0], [0.5, -0.2, 2]], [[0, 0, 1], [0.3, 0.1, 1]])
BENT = plan_of(
    [[0, 0, 0], [0.1, 0, 1.5], [0.8, -0.3, 2], [1.5, 0.1, 2.2]],
    [[0, 0, 1], [0.1, 0, 1], [0.4, 0.1, 1], [0.5, -0.1, 1]],
)
OUT = plan_of([[0, 0, 0], [0, 0.1, -0.6], [0, 0.2, -1.2]], [[0, 0, 1], [-0.1, 0, 1], [-0.2, 0, 1]])


def rig_of(bpy, plan):
    from make_4d.geometry.camera_rig import make_rig

    rig = make_rig("photo", plan)
    for made in (rig.curve, rig.camera, rig.target):
        bpy.context.collection.objects.link(made)
    return rig


def pose(bpy, rig, frame, subframe=0.0):
    bpy.context.scene.frame_set(frame, subframe=subframe)
    camera = rig.camera.evaluated_get(bpy.context.evaluated_depsgraph_get())
    return np.array(camera.matrix_world, float)


@pytest.mark.parametrize("plan", [STRAIGHT, BENT, OUT], ids=["straight", "bent", "out"])
def test_first_and_last_pose(empty_blend, plan):
    rig = rig_of(empty_blend, plan)
    np.testing.assert_allclose(pose(empty_blend, rig, 1), PHOTO_POSE, atol=1e-6)
    last = pose(empty_blend, rig, plan.frames)
    np.testing.assert_allclose(last[:3, 3], blender_from_camera(plan.positions[-1]), atol=1e-4)
    np.testing.assert_allclose(-last[:3, 2], blender_from_camera(plan.look[-1]), atol=1e-4)
    np.testing.assert_allclose(pose(empty_blend, rig, plan.frames + 20), last, atol=1e-6)
    np.testing.assert_allclose(pose(empty_blend, rig, -5), PHOTO_POSE, atol=1e-6)


@pytest.mark.parametrize("plan", [STRAIGHT, BENT, OUT], ids=["straight", "bent", "out"])
def test_camera_looks_as_planned_at_the_waypoints(empty_blend, plan):
    rig = rig_of(empty_blend, plan)
    moments = np.arange(1, plan.frames, 0.05)
    poses = np.array([pose(empty_blend, rig, int(m), m % 1) for m in moments])
    for position, look in zip(plan.positions, plan.look, strict=True):
        away = np.linalg.norm(poses[:, :3, 3] - blender_from_camera(position), axis=1)
        nearest = int(away.argmin())
        assert away[nearest] < 0.02
        np.testing.assert_allclose(-poses[nearest, :3, 2], blender_from_camera(look), atol=0.01)


def test_straight_path_eases_and_turns_with_the_traveled_fraction(empty_blend):
    rig = rig_of(empty_blend, STRAIGHT)
    end, look = blender_from_camera(STRAIGHT.positions[-1]), blender_from_camera(STRAIGHT.look[-1])
    assert len(rig.curve.data.splines[0].bezier_points) == 3
    for frame in range(1, STRAIGHT.frames + 1):
        u = (frame - 1) / (STRAIGHT.frames - 1)
        fraction = 3 * u**2 - 2 * u**3
        got = pose(empty_blend, rig, frame)
        np.testing.assert_allclose(got[:3, 3], fraction * end, atol=2e-4)
        turned = (1 - fraction) * np.array([0, 1, 0]) + fraction * look
        np.testing.assert_allclose(-got[:3, 2], turned / np.linalg.norm(turned), atol=1e-3)
        assert abs(got[2, 0]) < 1e-6  # the image's horizontal stays level


def test_the_path_is_smooth(empty_blend):
    """The speed doesn't jump: second differences of the positions stay small."""
    rig = rig_of(empty_blend, BENT)
    positions = np.array([pose(empty_blend, rig, f)[:3, 3] for f in range(1, BENT.frames + 1)])
    steps = np.linalg.norm(np.diff(positions, axis=0), axis=1)
    assert steps[0] < 0.25 * steps.max() and steps[-1] < 0.25 * steps.max()
    assert np.abs(np.diff(steps)).max() < 0.2 * steps.max()


@pytest.mark.parametrize(
    "plan",
    [
        plan_of([[0, 0, 0]], [[0, 0, 1]]),
        plan_of([[0, 0, 0]] * 3, [[0, 0, 1]] * 3),
        replace(BENT, frames=1),
        plan_of([[0, 0, 0], [0, 0, 0], [0, 0, 1]], [[0, 0, 1], [0.1, 0, 1], [0.2, 0, 1]]),
    ],
    ids=["one", "no-way", "one-frame", "rests-first"],
)
def test_first_frame_is_the_photo_for_any_path(empty_blend, plan):
    rig = rig_of(empty_blend, plan)
    np.testing.assert_allclose(pose(empty_blend, rig, 1), PHOTO_POSE, atol=1e-6)
    assert np.isfinite(pose(empty_blend, rig, plan.frames)).all()


def test_invalid_waypoints_are_refused(empty_blend):
    from make_4d.geometry.rig_paths import WRONG_SHAPES

    with raises_message(ValueError, WRONG_SHAPES):
        rig_of(empty_blend, replace(BENT, look=BENT.look[:2]))
    with raises_message(ValueError, WRONG_SHAPES):
        rig_of(empty_blend, replace(BENT, positions=BENT.positions[:0], look=BENT.look[:0]))


@pytest.mark.parametrize("size", [(64, 48), (48, 64), (50, 50)])
def test_lens_shows_the_photo(empty_blend, rng, size):
    """Points are rendered at the pixels to which the intrinsics project them."""
    from bpy_extras.object_utils import world_to_camera_view
    from mathutils import Vector

    width, height = size
    camera = replace(Intrinsics.from_field_of_view(width, height, 0.9), cx=0.47 * width, cy=20.0)
    rig = rig_of(empty_blend, replace(BENT, camera=camera))
    scene = empty_blend.context.scene
    scene.render.resolution_x, scene.render.resolution_y = width, height
    pose(empty_blend, rig, 1)
    points = rng.uniform([-1, -1, 2], [1, 1, 9], (20, 3)).astype(np.float32)
    for point, pixel in zip(points, project(points, camera), strict=True):
        seen = world_to_camera_view(scene, rig.camera, Vector(blender_from_camera(point)))
        got = (seen.x * width, (1 - seen.y) * height)
        np.testing.assert_allclose(got, pixel, atol=1e-3)


def test_first_waypoints_are_stored_on_the_curve(empty_blend):
    rig = rig_of(empty_blend, BENT)
    positions = np.reshape(rig.curve["make_4d_positions"], (-1, 3))
    np.testing.assert_array_equal(positions, BENT.positions)
    np.testing.assert_array_equal(np.reshape(rig.curve["make_4d_look"], (-1, 3)), BENT.look)


def test_target_can_be_moved_by_the_artist(empty_blend):
    rig = rig_of(empty_blend, BENT)
    rig.target.animation_data_clear()
    rig.target.location = (10.0, 0.0, 0.0)
    last = pose(empty_blend, rig, BENT.frames)
    toward = np.array([10.0, 0, 0]) - last[:3, 3]
    np.testing.assert_allclose(-last[:3, 2], toward / np.linalg.norm(toward), atol=1e-5)


@pytest.mark.parametrize(
    ("ease", "fraction_at"),
    [
        ("LINEAR", lambda u: u),
        ("EASE", lambda u: 3 * u**2 - 2 * u**3),
        ("EASE_IN", lambda u: u**2),
        ("EASE_OUT", lambda u: 2 * u - u**2),
    ],
)
def test_eases_and_their_inverses(ease, fraction_at):
    time = np.linspace(0, 1, 101)
    fraction = fraction_at(time)
    np.testing.assert_allclose(travel.ease_time(fraction, ease), time, atol=1e-7)
    speed = travel.ease_speed(time, ease)
    np.testing.assert_allclose(np.gradient(fraction, time)[1:-1], speed[1:-1], atol=1e-3)


@pytest.mark.parametrize("fraction", [0.0, 0.1, 0.45, 0.8, 1.0])
def test_parameter_at_a_fraction_of_the_length(rng, fraction):
    points, left, right = rng.uniform(-1, 1, (3, 4, 3))
    piece, t = travel.parameter_at(points, left, right, fraction)
    positions = []
    for i in range(3):
        for u in np.arange(0, 1, 0.001):
            weights = [(1 - u) ** 3, 3 * u * (1 - u) ** 2, 3 * u**2 * (1 - u), u**3]
            ends = (points[i], right[i], left[i + 1], points[i + 1])
            positions.append(sum(w * e for w, e in zip(weights, ends, strict=True)))
    steps = np.linalg.norm(np.diff(positions, axis=0), axis=1)
    gone = np.concatenate([[0], np.cumsum(steps)])
    at = round(1000 * (piece + t))
    assert abs(gone[min(at, 2999)] / gone[-1] - fraction) < 2e-3


def test_point_fractions_of_a_straight_line():
    points = np.array([[0, 0, 0], [0, 1, 0], [0, 4, 0]], float)
    thirds = np.array([[0, 1 / 3, 0], [0, 1, 0], [0, 1, 0]])
    fractions = travel.point_fractions(points, points - thirds[[0, 0, 1]], points + thirds)
    np.testing.assert_allclose(fractions, [0, 0.25, 1], atol=1e-3)
