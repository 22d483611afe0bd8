"""Points between neighbors that move apart when the camera moves."""

import numpy as np
import pytest
from make_4d.geometry.core.bridges import MOST, SPACING, TRAVEL, find_bridges

FOCAL = 500.0


def layer(disparity):
    """Return depth, members and pixels that go on behind, of a row-like layer (H, W)."""
    depth = (1.0 / np.asarray(disparity, np.float32)).astype(np.float32)
    return depth, np.ones(depth.shape, bool), np.zeros(depth.shape, bool)


def gaps(bridges, depth, camera_shift):
    """Return the largest gap, in pixels, between horizontal neighbors of a moved camera's image."""
    height, width = depth.shape
    columns = np.tile(np.arange(width, dtype=float), height)
    at = np.concatenate([columns, columns[bridges.near]])
    disparity = np.concatenate([1.0 / depth.ravel(), bridges.disparity])
    return np.diff(np.sort(at + FOCAL * camera_shift * disparity)).max()


@pytest.mark.parametrize("slope", [0.005, 0.02, 0.05])
def test_a_surface_that_recedes_stays_closed(slope):
    depth, member, continued = layer([0.9 - slope * np.arange(12)])
    bridges = find_bridges(depth, member, continued, FOCAL)
    widest = FOCAL * TRAVEL * slope + 1.0
    assert gaps(find_bridges(depth, ~member, continued, FOCAL), depth, -TRAVEL) > 0.9 * (widest - 2)
    assert gaps(bridges, depth, TRAVEL) < SPACING + 1.0


def test_points_on_a_surface_lie_between_both_neighbors_in_every_way():
    depth, member, continued = layer([[0.5, 0.521]])
    bridges = find_bridges(depth, member, continued, FOCAL)
    assert len(bridges.near) == int(FOCAL * TRAVEL * 0.021 / SPACING)
    assert set(bridges.near) == {1} and set(bridges.far) == {0}
    np.testing.assert_allclose(bridges.disparity, 0.5 + 0.021 * bridges.color_share, rtol=1e-5)
    assert ((bridges.color_share > 0) & (bridges.color_share < 1)).all()


def test_at_a_step_the_far_side_goes_on_as_its_mirror_image():
    depth, member, continued = layer([[0.7, *[0.2] * 10, 0.8]])
    bridges = find_bridges(depth, member, continued, FOCAL)
    chosen = bridges.near == 11
    assert chosen.sum() == MOST and not bridges.color_share.any()
    source = bridges.source[chosen]
    assert list(source[:4]) == [10, 8, 7, 6]
    assert set(source) <= set(range(1, 11))  # not what stands beyond it


def test_a_step_with_something_behind_needs_no_bridge_but_a_surface_does():
    depth, member, continued = layer([[0.2, 0.8, 0.78]])
    continued[:] = True
    bridges = find_bridges(depth, member, continued, FOCAL)
    assert set(zip(bridges.near, bridges.far, strict=True)) == {(1, 2)}


def test_only_pixels_of_the_layer_are_connected():
    depth, member, continued = layer([[0.5, 0.55], [0.5, 0.5]])
    member[0, 1] = False
    assert len(find_bridges(depth, member, continued, FOCAL).near) == 0


def test_between_layers_only_a_surface_that_they_cut_is_connected():
    depth, member, continued = layer([[0.5, 0.54, 0.58, 0.9]])
    continued[:] = True
    numbers = np.array([[1, 1, 0, 2]])
    bridges = find_bridges(depth, member, continued, FOCAL, numbers)
    assert set(zip(bridges.near, bridges.far, strict=True)) == {(2, 1)}
