"""The node group that moves the points matches plain Python."""

import math

import numpy as np
import pytest
from make_4d.geometry.core.camera import blender_from_camera
from make_4d.geometry.core.scene_data import KEY_TIMES

LOOP = 16


@pytest.fixture
def moving(empty_blend, make_scene_data, rng):
    """A cloud with the modifier, whose displacements aren't linear in time."""
    from dataclasses import replace

    from make_4d.geometry.clouds import make_cloud
    from make_4d.geometry.nodes.animate import add_animation

    points = make_scene_data(width=16, height=12, margin=2).moving
    shape = points.forward.shape
    forward, backward = (rng.normal(0, 1, shape).astype(np.float32) for _ in range(2))
    points = replace(points, forward=forward, backward=backward)
    cloud = make_cloud("moving", points)
    empty_blend.context.collection.objects.link(cloud)
    return Moving(empty_blend, points, cloud, add_animation(cloud, LOOP))


class Moving:
    """A cloud, the arrays from which it was made, and its modifier."""

    def __init__(self, bpy, points, cloud, modifier):
        self.bpy, self.points, self.cloud, self.modifier = bpy, points, cloud, modifier

    def set(self, name, value):
        from make_4d.geometry.nodes.tree import set_input

        set_input(self.cloud, self.modifier, name, value)

    def attributes(self, frame, subframe=0.0):
        """Return the values of all attributes after the modifier, by name."""
        self.bpy.context.scene.frame_set(frame, subframe=subframe)
        depsgraph = self.bpy.context.evaluated_depsgraph_get()
        geometry = self.cloud.evaluated_get(depsgraph).evaluated_geometry()
        fields = {"FLOAT": "value", "BOOLEAN": "value", "INT": "value"}
        fields |= {"FLOAT_VECTOR": "vector", "FLOAT_COLOR": "color"}
        values = {}
        for a in geometry.pointcloud.attributes:
            width = {"FLOAT_VECTOR": 3, "FLOAT_COLOR": 4}.get(a.data_type, 1)
            dtype = {"BOOLEAN": bool, "INT": np.int32}.get(a.data_type, np.float32)
            flat = np.empty(len(a.data) * width, dtype)
            a.data.foreach_get(fields[a.data_type], flat)
            values[a.name] = flat.reshape(-1, width) if width > 1 else flat
        return values


def displacement(keys, t, loop):
    """Interpolate keys (K + 1, P, 3), evenly spaced over the loop, at t."""
    position = t / loop * KEY_TIMES
    k = min(math.floor(position), KEY_TIMES - 1)
    phase = position - k
    return (1 - phase) * keys[k] + phase * keys[k + 1]


def reference(points, frame, loop, speed=1.0, strength=1.0):
    """Return positions of forward and backward copies in Blender's axes, and the phase."""
    t = ((frame - 1) * speed) % loop
    zero = np.zeros((1, points.count, 3))
    forward = np.concatenate([zero, points.forward])
    backward = np.concatenate([points.backward, zero])
    positions = [
        blender_from_camera(points.position + strength * displacement(keys, t, loop))
        for keys in (forward, backward)
    ]
    return *positions, t / loop


def check(moving, frame, loop=LOOP, subframe=0.0, **inputs):
    got = moving.attributes(frame, subframe)
    forward, backward, phase = reference(moving.points, frame + subframe, loop, **inputs)
    tolerance = dict(rtol=1e-5, atol=2e-3 if abs(frame) > 1000 else 2e-4)
    np.testing.assert_allclose(got["position"][~got["backward"]], forward, **tolerance)
    if phase == 0:
        backward = backward[:0]
    np.testing.assert_allclose(got["position"][got["backward"]], backward, **tolerance)
    np.testing.assert_allclose(got["weight"][~got["backward"]], 1 - phase, atol=2e-5)
    np.testing.assert_allclose(got["weight"][got["backward"]], phase, atol=2e-5)


def test_frames_in_any_order_agree_with_the_reference(moving, rng):
    for frame in rng.permutation(np.arange(-20, 60))[:25]:
        check(moving, int(frame))


def test_between_frames(moving):
    for frame, subframe in ((1, 0.5), (7, 0.25), (16, 0.75)):
        check(moving, frame, subframe=subframe)


@pytest.mark.parametrize("loop", [1, 7, 240])
def test_loop_length(moving, loop):
    moving.set("Loop Length", loop)
    for frame in (1, 2, 5, 8, 100):
        check(moving, frame, loop)


@pytest.mark.parametrize(("speed", "strength"), [(0.5, 1.0), (3.0, 0.25), (-1.0, 2.0), (0.0, 1.0)])
def test_speed_and_strength(moving, speed, strength):
    moving.set("Speed", speed)
    moving.set("Strength", strength)
    for frame in (1, 4, 18, 33):
        check(moving, frame, speed=speed, strength=strength)


def test_first_frame_of_each_loop_is_the_photo(moving):
    for frame in (1, 1 + LOOP, 1 + 10 * LOOP, 1 - LOOP):
        got = moving.attributes(frame)
        position = blender_from_camera(moving.points.position)
        np.testing.assert_array_equal(got["position"], position)
        assert (got["weight"] == 1).all() and not got["backward"].any()


def test_copies_keep_their_attributes_except_displacements(moving):
    got = moving.attributes(5)
    kept = {"position", "radius", "Color", "observed", "layer", "pixel", "disparity"}
    kept |= {"weight", "backward"}
    assert set(got) == kept
    for copy in (got["backward"], ~got["backward"]):
        np.testing.assert_array_equal(got["radius"][copy], moving.points.radius)


def test_inputs_can_be_animated(moving):
    bpy, path = moving.bpy, 'modifiers["Make 4D Animate"].properties.inputs.{}.value'
    socket = next(
        s for s in moving.modifier.node_group.interface.items_tree if s.name == "Strength"
    )
    path = path.format(socket.identifier)
    for frame, value in ((1, 0.0), (9, 2.0)):
        moving.set("Strength", value)
        assert moving.cloud.keyframe_insert(path, frame=frame)
    bpy.context.scene.frame_set(1)
    check(moving, 9, strength=2.0)
    check(moving, 1, strength=0.0)


def test_unknown_input_is_an_error(moving):
    with pytest.raises(KeyError):
        moving.set("Color", 1)


def test_no_points(empty_blend, make_scene_data):
    from make_4d.geometry.clouds import make_cloud
    from make_4d.geometry.nodes.animate import add_animation

    points = make_scene_data(motion=False).moving
    cloud = make_cloud("none", points)
    empty_blend.context.collection.objects.link(cloud)
    add_animation(cloud, LOOP)
    depsgraph = empty_blend.context.evaluated_depsgraph_get()
    geometry = cloud.evaluated_get(depsgraph).evaluated_geometry()
    assert geometry.pointcloud is None or not len(geometry.pointcloud.points)


def test_group_is_shared_and_an_older_one_is_left_alone(empty_blend):
    from make_4d.geometry.custom_properties import VERSION
    from make_4d.geometry.nodes.animate import GROUP_VERSION, animate_group

    first = animate_group()
    assert animate_group() == first and first.is_modifier
    first[VERSION] = GROUP_VERSION - 1
    newer = animate_group()
    assert newer != first and newer[VERSION] == GROUP_VERSION
    inputs = [s for s in newer.interface.items_tree if s.in_out == "INPUT"]
    numbers = ["Loop Length", "Speed", "Strength", "Reverse", "Turbulence", "Eddy Size"]
    last = ["Phase", "Fade at Border", "Time Correction"]
    assert [s.name for s in inputs] == ["Geometry", *numbers, *last]
    assert [s.name for s in inputs if s.hide_in_modifier] == ["Time Correction"]
    assert all(s.description for s in inputs[1:])
    assert newer.asset_data is not None and newer.asset_data.description
    assert all(s.description for s in inputs[1:])
