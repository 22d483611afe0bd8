"""Keyed speed: time is the integral of the rate, in ordinary keys that are kept up to date."""

from __future__ import annotations

import numpy as np
import pytest
from make_4d.geometry.custom_properties import mark
from test_animate_nodes import LOOP, moving  # noqa: F401


def inputs_of(made):
    from make_4d.geometry.nodes.tree import input_path

    return lambda name: input_path(made.modifier, name)


def key(made, name, values, interpolation="LINEAR"):
    """Key an input; values by frame."""
    made.set(name, next(iter(values.values())))
    for frame, value in values.items():
        made.set(name, value)
        assert made.cloud.keyframe_insert(inputs_of(made)(name), frame=frame)
    from make_4d.geometry.speed_curves import curve_at

    for point in curve_at(made.cloud, inputs_of(made)(name)).keyframe_points:
        point.interpolation = interpolation


def phase_at(made, frame) -> float:
    """Return the phase at a frame from the weights that the nodes store."""
    got = made.attributes(frame)
    return float(got["weight"][got["backward"]][0]) if got["backward"].any() else 0.0


def correct(made) -> bool:
    from make_4d.geometry.speed_curves import correct_time

    return correct_time(made.cloud, made.bpy.context.scene)


def close(a, b) -> bool:
    """Whether two phases are equal; 0 equals 1."""
    return abs((a - b + 0.5) % 1 - 0.5) < 2e-4


def integral(rate, frame) -> float:
    """Return the loops from frame 1 to `frame`, summed in many small steps."""
    at = np.linspace(1, frame, 20001)
    values = np.array([rate(t) for t in at])
    return float(((values[1:] + values[:-1]) / 2 * np.diff(at)).sum())


def test_slowing_down_does_not_run_backward(moving):  # noqa: F811
    key(moving, "Speed", {1: 1.0, 21: 1.0, 41: 0.0})
    assert correct(moving)

    def rate(t):
        return np.interp(t, [1, 21, 41], [1, 1, 0]) / LOOP

    for frame in (1, 5, 21, 25, 33, 41, 60, 400, -10):
        assert close(phase_at(moving, frame), integral(rate, frame) % 1), frame


def test_keyed_direction_and_loop_length_are_corrected(moving):  # noqa: F811
    key(moving, "Reverse", {1: False, 11: True}, "CONSTANT")
    key(moving, "Loop Length", {1: 16, 21: 32}, "CONSTANT")
    assert correct(moving)
    # Ten frames forward, ten back, then back at half the pace.
    for frame, loops in ((11, 10 / 16), (21, 0.0), (29, -8 / 32)):
        assert abs((phase_at(moving, frame) - loops + 0.5) % 1 - 0.5) < 0.04, frame


def test_correction_exists_only_with_keys(moving):  # noqa: F811
    from make_4d.geometry.speed_curves import curve_at

    assert not correct(moving)
    key(moving, "Speed", {1: 1.0, 21: 0.0})
    assert correct(moving) and not correct(moving), "what is right is not written again"
    assert curve_at(moving.cloud, inputs_of(moving)("Time Correction")) is not None
    for frame in (1, 21):
        moving.cloud.keyframe_delete(inputs_of(moving)("Speed"), frame=frame)
    moving.set("Speed", 1.0)
    assert correct(moving)
    assert curve_at(moving.cloud, inputs_of(moving)("Time Correction")) is None
    assert close(phase_at(moving, 5), 4 / LOOP)


def test_handler_updates_the_correction(addon, moving):  # noqa: F811
    from make_4d.geometry.speed_curves import curve_at

    mark(moving.cloud, "moving")
    key(moving, "Speed", {1: 1.0, 21: 0.0})
    moving.bpy.context.view_layer.update()
    assert curve_at(moving.cloud, inputs_of(moving)("Time Correction")) is not None
    assert close(phase_at(moving, 21), 10 / LOOP)


def test_other_edits_correct_nothing(addon, moving, monkeypatch):  # noqa: F811
    from make_4d.geometry import speed_handler

    bpy = moving.bpy
    mark(moving.cloud, "moving")
    key(moving, "Speed", {1: 1.0, 200: 0.0})
    bpy.context.view_layer.update()
    other = bpy.data.objects.new("other", None)
    bpy.context.collection.objects.link(other)
    bpy.context.view_layer.update()
    depsgraph = bpy.context.evaluated_depsgraph_get()
    other.location.x += 1
    corrected = []
    monkeypatch.setattr(speed_handler, "correct_time", lambda cloud, _: corrected.append(cloud))
    speed_handler.follow_speed(bpy.context.scene, depsgraph)
    assert not corrected


def test_files_of_an_older_group_are_left_alone(moving):  # noqa: F811
    group = moving.modifier.node_group
    group.interface.remove(group.interface.items_tree["Time Correction"])
    key(moving, "Speed", {1: 1.0, 21: 0.0})
    assert not correct(moving)


@pytest.mark.parametrize("frames", [(1, 3), (-5, 9)])
def test_correction_is_the_integral_minus_the_product(frames):
    from make_4d.geometry.speed_curves import correction

    at = np.arange(frames[0], frames[1] + 1, dtype=float)
    got = correction(at, lambda t: 0.01 * t * t)
    np.testing.assert_allclose(got, 0.01 * ((at**3 - 1) / 3 - (at - 1) * at * at), atol=1e-9)
