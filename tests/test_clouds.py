"""PointCloud objects: the worker's arrays in Blender's axes and scene-linear color."""

from dataclasses import replace

import numpy as np
import pytest
from make_4d.geometry.core.color import linear_to_srgb, srgb_to_linear
from messages import raises_message


def read(cloud, name, field, width=1, dtype=np.float32):
    data = cloud.attributes[name].data
    values = np.empty(len(data) * width, dtype)
    data.foreach_get(field, values)
    return values.reshape(-1, width) if width > 1 else values


def to_linear(value):
    """Convert one value by IEC 61966-2-1."""
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def test_srgb_matches_the_standard():
    values = np.linspace(0, 1, 257).astype(np.float32)
    expected = [to_linear(float(v)) for v in values]
    np.testing.assert_allclose(srgb_to_linear(values), expected, rtol=1e-6)


def test_8_bit_values_survive_conversion_to_linear_and_back():
    codes = np.arange(256)
    there = srgb_to_linear(codes / 255)
    np.testing.assert_array_equal(np.rint(linear_to_srgb(there) * 255), codes)


def test_cloud_holds_the_arrays(empty_blend, make_scene_data):
    from make_4d.geometry.clouds import make_cloud

    points = make_scene_data().still
    points = replace(points, opacity=np.linspace(0, 1, points.count, dtype=np.float32))
    cloud = make_cloud("still", points).data
    assert len(cloud.points) == points.count
    x, y, z = points.position.T
    position = read(cloud, "position", "vector", 3)
    np.testing.assert_array_equal(position, np.stack([x, z, -y], axis=1))
    np.testing.assert_array_equal(read(cloud, "radius", "value"), points.radius)
    np.testing.assert_array_equal(read(cloud, "observed", "value"), points.observed)
    np.testing.assert_array_equal(read(cloud, "disparity", "value"), points.disparity)
    np.testing.assert_array_equal(read(cloud, "layer", "value", dtype=np.int32), points.layer)
    color = read(cloud, "Color", "color", 4)
    expected = [[to_linear(float(c)) for c in row] for row in points.color[:50]]
    np.testing.assert_allclose(color[:50, :3], expected, rtol=1e-5)
    np.testing.assert_array_equal(color[:, 3], points.opacity)
    assert not any(a.name.startswith(("fwd", "bwd")) for a in cloud.attributes)


def test_displacements_are_stored_by_key_time(empty_blend, make_scene_data):
    from make_4d.geometry.clouds import make_cloud

    points = make_scene_data().moving
    cloud = make_cloud("moving", points).data
    stored = {a.name for a in cloud.attributes if a.name.startswith(("fwd", "bwd"))}
    keys = {f"fwd_{k}" for k in range(1, 9)} | {f"bwd_{k}" for k in range(8)}
    assert stored == keys, "no point leaves the outpainted photo"
    lifetime = np.stack([np.linspace(0.5, 2, points.count), np.linspace(-1, 0.5, points.count)])
    leaving = make_cloud("leaving", replace(points, lifetime=lifetime.astype(np.float32))).data
    np.testing.assert_array_equal(read(leaving, "fwd_end", "value"), np.float32(lifetime[0]))
    np.testing.assert_array_equal(read(leaving, "bwd_start", "value"), np.float32(lifetime[1]))
    for name, values in (("fwd_3", points.forward[2]), ("bwd_0", points.backward[0])):
        x, y, z = values.T
        stored = read(cloud, name, "vector", 3)
        np.testing.assert_array_equal(stored, np.stack([x, z, -y], axis=1))


def test_cloud_without_points(empty_blend, make_scene_data):
    from make_4d.geometry.clouds import make_cloud

    assert len(make_cloud("none", make_scene_data(motion=False).moving).data.points) == 0


def test_memory_layout_of_arrays_does_not_matter(empty_blend, make_scene_data):
    from make_4d.geometry.clouds import make_cloud

    points = make_scene_data().still
    odd = replace(
        points,
        position=np.asfortranarray(points.position.astype(np.float64)),
        radius=points.radius[::-1][::-1],
        layer=points.layer.astype(np.int64),
    )
    one, other = make_cloud("one", points).data, make_cloud("other", odd).data
    for name, field, width in (("position", "vector", 3), ("radius", "value", 1)):
        np.testing.assert_array_equal(
            read(one, name, field, width), read(other, name, field, width)
        )
    layers = [read(c, "layer", "value", dtype=np.int32) for c in (one, other)]
    np.testing.assert_array_equal(*layers)


@pytest.mark.parametrize(
    "name",
    [
        "color",
        "opacity",
        "radius",
        "observed",
        "layer",
        "pixel",
        "disparity",
        "forward",
        "lifetime",
    ],
)
def test_arrays_of_different_lengths_are_refused(empty_blend, make_scene_data, name):
    from make_4d.geometry.clouds import WRONG_SHAPE, make_cloud

    points = make_scene_data().moving
    values = getattr(points, name)
    short = values[:, :-1] if name in ("forward", "lifetime") else values[:-1]
    with raises_message(ValueError, WRONG_SHAPE, count=len(points.position)):
        make_cloud("bad", replace(points, **{name: short}))
    assert not empty_blend.data.pointclouds
