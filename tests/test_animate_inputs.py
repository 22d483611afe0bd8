"""Other inputs of the modifier: reverse, phase, turbulence, fade; other clouds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from make_4d.geometry.core.camera import blender_from_camera
from test_animate_nodes import LOOP, Moving, check, moving  # noqa: F401


def cloud_with(bpy, points) -> Moving:
    from make_4d.geometry.clouds import make_cloud
    from make_4d.geometry.nodes.animate import add_animation

    cloud = make_cloud("moving", points)
    bpy.context.collection.objects.link(cloud)
    return Moving(bpy, points, cloud, add_animation(cloud, LOOP))


def test_reverse_plays_the_loop_backward(moving):  # noqa: F811
    forward = moving.attributes(1 + LOOP - 5)
    moving.set("Reverse", True)
    backward = moving.attributes(1 + 5)
    for name in ("position", "weight"):
        np.testing.assert_allclose(backward[name], forward[name], atol=1e-4)


@pytest.mark.parametrize("phase", [0.25, -0.5])
def test_phase_shifts_the_start_of_the_loop(moving, phase):  # noqa: F811
    there = moving.attributes(1 + round(phase * LOOP) % LOOP + 2)
    moving.set("Phase", phase)
    here = moving.attributes(3)
    for name in ("position", "weight"):
        np.testing.assert_allclose(here[name], there[name], atol=1e-4)


def test_turbulence_is_proportional_to_the_displacement(moving):  # noqa: F811
    calm = moving.attributes(5)
    rest = moving.attributes(1)["position"]
    moving.set("Turbulence", 0.5)
    np.testing.assert_array_equal(moving.attributes(1)["position"], rest)
    wild = moving.attributes(5)
    off = np.linalg.norm(wild["position"] - calm["position"], axis=1)
    base = np.tile(blender_from_camera(moving.points.position), (2, 1))
    way = np.linalg.norm(calm["position"] - base, axis=1)
    assert (off <= 0.5 * 0.6 * 2 * np.sqrt(3) * way + 1e-4).all()
    assert 0.2 < (off / way).mean() < 1.0


def test_turbulence_has_the_requested_eddy_size(empty_blend, make_scene_data):
    """Neighbors much closer than the eddy size move alike."""
    points = make_scene_data(width=48, height=32, margin=2).moving
    near = {}
    for size in (0.001, 1000.0):
        both = cloud_with(empty_blend, points)
        calm = both.attributes(5)["position"]
        both.set("Turbulence", 0.5)
        both.set("Eddy Size", size)
        off = (both.attributes(5)["position"] - calm)[: points.count]
        near[size] = np.linalg.norm(np.diff(off, axis=0), axis=1).mean() / np.abs(off).mean()
    assert near[1000.0] < 0.2 * near[0.001]


def test_points_fade_before_leaving_and_after_entering(empty_blend, make_scene_data):
    points = make_scene_data(width=16, height=12, margin=2).moving
    lifetime = np.stack([np.full(points.count, 2.0), np.full(points.count, -1.0)]).astype(
        np.float32
    )
    lifetime[:, 0] = 0.5, 0.5
    made = cloud_with(empty_blend, replace(points, lifetime=lifetime))
    for t, forward, backward in ((4, 1, 0), (7, 0.625, 0), (8, 0, 0), (9, 0, 0.625), (12, 0, 1)):
        got = made.attributes(1 + t)
        alpha = got["Color"][:, 3]
        first = np.flatnonzero(~got["backward"])[0], np.flatnonzero(got["backward"])[0]
        np.testing.assert_allclose(alpha[list(first)], [forward, backward], atol=1e-5)
        others = np.ones(len(alpha), bool)
        others[list(first)] = False
        assert (alpha[others] == 1).all()
    assert not {"fwd_end", "bwd_start"} & set(got)


def test_group_needs_only_displacements(empty_blend):
    """A point cloud from elsewhere, with only the documented attributes."""
    from make_4d.geometry.nodes.animate import add_animation

    bpy = empty_blend
    cloud = bpy.data.pointclouds.new("own")
    cloud.resize(4)
    for k in range(8):
        for name in (f"fwd_{k + 1}", f"bwd_{k}"):
            values = np.full((4, 3), (k + 1) / 8 if "fwd" in name else k / 8 - 1, np.float32)
            cloud.attributes.new(name, "FLOAT_VECTOR", "POINT").data.foreach_set(
                "vector", values.ravel()
            )
    obj = bpy.data.objects.new("own", cloud)
    bpy.context.collection.objects.link(obj)
    got = Moving(bpy, None, obj, add_animation(obj, 8)).attributes(1 + 2)
    np.testing.assert_allclose(got["position"][~got["backward"]], 0.25, atol=1e-6)
    np.testing.assert_allclose(got["position"][got["backward"]], -0.75, atol=1e-6)
    np.testing.assert_allclose(sorted(set(got["weight"])), [0.25, 0.75], atol=1e-6)


def test_time_correction_adds_loops(moving):  # noqa: F811
    there = moving.attributes(1 + 6)
    moving.set("Time Correction", 4 / LOOP)
    here = moving.attributes(1 + 2)
    np.testing.assert_allclose(here["position"], there["position"], atol=1e-4)
    moving.set("Time Correction", 0.0)
    check(moving, 9)
