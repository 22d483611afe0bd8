"""Motion guides: nearby flow follows them, around obstacles, and far from them it is automatic."""

from __future__ import annotations

import heapq

import numpy as np
import pytest
from make_4d.geometry.core.camera import Intrinsics
from make_4d.ml.classical.eulerian_flow import eulerian_flow
from make_4d.ml.classical.flow_hints import HINT_SIGMA, Hints, resample, spread_hints
from make_4d.ml.classical.regions import MotionRegions

SHAPE = (72, 96)


def reference(hints: Hints, automatic, region) -> np.ndarray:
    """Plain Dijkstra from every hint over 8 neighbors, then normalized weights."""
    height, width = region.shape
    weights = []
    for x, y in hints.pixels:
        distance = np.full(region.shape, np.inf)
        distance[int(y), int(x)] = 0
        queue = [(0.0, int(y), int(x))]
        while queue:
            d, r, c = heapq.heappop(queue)
            if d > distance[r, c]:
                continue
            for down in (-1, 0, 1):
                for right in (-1, 0, 1):
                    nr, nc = r + down, c + right
                    if 0 <= nr < height and 0 <= nc < width and region[nr, nc]:
                        extended = d + np.hypot(down, right)
                        if extended < distance[nr, nc] - 1e-12:
                            distance[nr, nc] = extended
                            heapq.heappush(queue, (extended, nr, nc))
        weights.append(np.exp(-np.square(distance / (HINT_SIGMA * max(region.shape)))))
    weight = np.array(weights)
    hint_weight = weight.sum(0) / (weight.sum(0) + np.exp(-(2.5**2)))
    hint_mean = np.einsum("nc,nhw->hwc", hints.values, weight)
    hint_mean = hint_mean / np.maximum(weight.sum(0), 1e-30)[..., None]
    applied = (hint_weight * region)[..., None]
    return automatic * (1 - applied) + hint_mean * applied


def random_field(rng, region):
    return rng.normal(size=(*region.shape, 2)).astype(np.float32)


def test_spread_matches_a_plain_loop(rng):
    region = np.ones(SHAPE, bool)
    region[10:60, 40:46] = False
    hints = Hints(
        np.array([[20.5, 30.5], [70.5, 50.5]], np.float32),
        np.array([[1.0, 0.5], [-0.5, 2.0]], np.float32),
    )
    automatic = random_field(rng, region)
    result = spread_hints(hints, automatic, region)
    np.testing.assert_allclose(result, reference(hints, automatic, region), atol=2e-4)


def test_hint_wins_nearby_and_automatic_flow_far_away():
    region = np.ones((200, 400), bool)
    automatic = np.zeros((200, 400, 2), np.float32)
    automatic[..., 0] = 1.0
    hint = Hints(np.array([[60.5, 100.5]], np.float32), np.array([[0.0, 3.0]], np.float32))
    result = spread_hints(hint, automatic, region)
    np.testing.assert_allclose(result[100, 60], [0, 3], atol=0.02)
    np.testing.assert_allclose(result[100, 330], [1, 0], atol=0.02)


def test_hint_does_not_act_across_a_bank():
    region = np.ones(SHAPE, bool)
    region[:, 46:50] = False
    automatic = np.ones((*SHAPE, 2), np.float32)
    hint = Hints(np.array([[40.5, 36.5]], np.float32), np.array([[5.0, 5.0]], np.float32))
    result = spread_hints(hint, automatic, region)
    assert result[36, 44, 0] > 4.5
    np.testing.assert_array_equal(result[:, 52:], automatic[:, 52:])


@pytest.mark.parametrize("pixels", [[[-50.0, 10.0]], [[500.0, 500.0]], [[20.0, 70.0]]])
def test_hints_outside_the_region_are_ignored(pixels, rng):
    region = np.zeros(SHAPE, bool)
    region[10:30] = True
    automatic = random_field(rng, region)
    hints = Hints(np.array(pixels, np.float32), np.ones((1, 2), np.float32))
    np.testing.assert_array_equal(spread_hints(hints, automatic, region), automatic)


def test_hint_next_to_the_region_belongs_to_it():
    region = np.zeros(SHAPE, bool)
    region[10:30] = True
    hint = Hints(np.array([[40.0, 31.5]], np.float32), np.array([[2.0, 0.0]], np.float32))
    assert spread_hints(hint, np.zeros((*SHAPE, 2), np.float32), region)[28, 40, 0] > 1.8


def test_guides_are_resampled_at_equal_distances():
    guide = np.array([[0, 0, 1], [0, 0, 9], [10, 0, 1], [10, 30, 3]], np.float32)
    points = resample(guide, 4)
    np.testing.assert_allclose(
        points, [[0, 0, 1], [10, 0, 1], [10, 10, 5 / 3], [10, 20, 7 / 3], [10, 30, 3]]
    )


@pytest.mark.parametrize("rows", [[], [[1, 2, 1]], [[1, 2, 1]] * 3, [[np.nan, 0, 1], [1, 1, 1]]])
def test_degenerate_guides_are_dropped(rows):
    assert len(resample(np.array(rows, np.float32).reshape(-1, 3))) == 0


def flow_with(guides, water=None, cloud=None):
    still = np.zeros((240, 360), np.float32)
    regions = MotionRegions(*(still if m is None else m for m in (cloud, water)), still)
    camera = Intrinsics.from_field_of_view(360, 240, np.radians(55.0))
    image = np.full((240, 360, 3), 0.5, np.float32)
    lines = [np.array(guide, np.float32) for guide in guides]
    return eulerian_flow(image, regions, camera, 100.0, 60, lines).flow


@pytest.fixture
def water():
    mask = np.zeros((240, 360), np.float32)
    mask[110:] = 1
    return mask


def test_water_follows_its_guide_in_both_directions(water):
    guide = [(300, 200, 1), (180, 190, 1), (60, 200, 1)]
    flow = flow_with([guide], water)
    assert flow[200, 180, 0] < -0.05 and abs(flow[200, 180, 1]) < 0.3 * abs(flow[200, 180, 0])
    back = flow_with([guide[::-1]], water)
    np.testing.assert_allclose(back[200, 180], -flow[200, 180], atol=0.01)


def test_speed_scales_the_flow_and_zero_stops_it(water):
    slow, fast, still = (
        np.linalg.norm(flow_with([[(60, 190, s), (300, 190, s)]], water)[190, 180])
        for s in (1.0, 2.0, 0.0)
    )
    assert fast == pytest.approx(2 * slow, rel=0.05) and still < 0.03 * slow


def test_near_water_is_faster_along_the_view(water):
    flow = flow_with([[(180, 120, 1), (180, 235, 1)]], water)
    assert (flow[125:225, 180, 1] > 0).all()
    assert flow[215, 180, 1] > 3 * flow[140, 180, 1]


def test_wind_follows_a_guide_in_the_sky():
    sky = np.zeros((240, 360), np.float32)
    sky[:90] = 1
    assert (flow_with([], cloud=sky)[10:60, 100:260, 0] > 0).all()
    assert (flow_with([[(300, 40, 1), (60, 40, 1)]], cloud=sky)[30:50, 100:260, 0] < 0).all()


def test_one_guide_sets_the_wind_of_the_whole_sky():
    sky = np.zeros((240, 360), np.float32)
    sky[:90] = 1
    flow = flow_with([[(60, 30, 1), (20, 30, 1)]], cloud=sky)
    assert (flow[20:50, 20:340, 0] < 0).all()


def test_sky_guide_does_not_affect_water(water):
    sky = np.zeros((240, 360), np.float32)
    sky[:90] = 1
    guided = flow_with([[(300, 40, 1), (60, 40, 1)]], water, sky)
    np.testing.assert_array_equal(guided[110:], flow_with([], water, sky)[110:])


def test_guide_does_not_lead_out_of_the_region(water):
    flow = flow_with([[(180, 230, 1), (180, 60, 1)]], water)
    assert not flow[:110].any()
    assert np.abs(flow[110:113, :, 1]).max() < 0.03
