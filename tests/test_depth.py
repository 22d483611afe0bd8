"""Built-in disparity estimation, on synthetic scenes and on trial images where available."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from make_4d.ml.classical.depth import DepthEstimate, estimate_disparity
from make_4d.ml.classical.guided import global_smooth, guided_filter
from make_4d.ml.classical.layout import ground_disparity, scene_layout
from make_4d.ml.classical.superpixels import borders, superpixels
from make_4d.ml.classical.vanishing import vanishing_point
from scenes import CHINA, landscape, load
from scipy.stats import spearmanr


def street(rng: np.random.Generator, height: int = 192, width: int = 256) -> tuple:
    """A straight street between two rows of houses under a blue sky.

    Returns the image, the true disparity 0..1 and the vanishing point (x, y).
    """
    x0, y0 = 0.55 * width, 0.5 * height
    x, y = np.meshgrid(np.arange(width) + 0.5 - x0, np.arange(height) + 0.5 - y0)
    ground, wall = np.maximum(y, 0) / (height - y0), np.abs(x) * 0.6 / (height - y0)
    roof = np.abs(x) * 0.9
    disparity = np.where(y > -roof, np.maximum(ground, wall), 0.0)
    near = np.maximum(disparity, 1e-3)
    along, across = np.log(near) * 8, np.where(ground > wall, x, y) / near
    pattern = ((along % 1 < 0.5) ^ (across % 40 < 20)) * 0.12
    color = np.where((ground > wall)[..., None], [0.55, 0.53, 0.5], [0.6, 0.35, 0.2])
    image = color + pattern[..., None] + rng.normal(0, 0.02, (height, width, 1))
    image = np.where((disparity > 0)[..., None], image, [0.4, 0.6, 0.95])
    return np.clip(image, 0, 1).astype(np.float32), np.minimum(disparity, 1), (x0, y0)


def check_estimate(estimate: DepthEstimate, shape: tuple[int, int]) -> None:
    disparity = estimate.disparity
    assert disparity.shape == shape and disparity.dtype == np.float32
    assert np.isfinite(disparity).all() and disparity.min() >= 0 and disparity.max() <= 1
    assert (disparity[estimate.sky >= 0.5] == 0).all()
    assert (disparity[estimate.sky < 0.5] > 0).all()
    assert np.isfinite(estimate.horizon)


def test_landscape_has_the_right_depth_order(rng: np.random.Generator) -> None:
    image, sky, tower = landscape(rng)
    estimate = estimate_disparity(image)
    check_estimate(estimate, sky.shape)
    disparity = estimate.disparity
    rows = np.nonzero(tower)[0]
    far, near = disparity[103, :80].mean(), disparity[-5].mean()
    top = np.median(disparity[40:80][tower[40:80]])
    foot = np.median(disparity[rows.max() - 5][tower[rows.max() - 5]])
    assert 0 < far < top < near
    assert top > 0.6 * foot


def test_depth_edges_lie_on_silhouettes(rng: np.random.Generator) -> None:
    image, sky, _ = landscape(rng)
    disparity = estimate_disparity(image).disparity
    inside = cv2.erode((~sky).astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=1) > 0
    outside = cv2.erode(sky.astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=1) > 0
    assert (disparity[inside] > 0).all()
    assert (disparity[outside] == 0).all()


def test_tower_is_flat(rng: np.random.Generator) -> None:
    image, _, tower = landscape(rng)
    disparity = estimate_disparity(image).disparity
    upper = disparity[45:90][tower[45:90]]
    assert upper.max() - upper.min() < 0.1


def test_ground_is_a_smooth_plane(rng: np.random.Generator) -> None:
    image, _, _ = landscape(rng)
    estimate = estimate_disparity(image)
    truth = ground_disparity(*image.shape[:2], estimate.horizon)
    open_ground = np.s_[120:, :80]
    error = np.abs(estimate.disparity - truth)[open_ground]
    assert error.mean() < 0.05
    assert np.abs(np.diff(estimate.disparity[open_ground], axis=1)).mean() < 0.01


def test_street_recedes_to_its_vanishing_point(rng: np.random.Generator) -> None:
    image, truth, (x0, y0) = street(rng)
    point = vanishing_point(image, truth > 0, 0.3 * image.shape[0])
    assert np.hypot(point.x - x0, point.y - y0) < 8 and point.strength > 0.4
    estimate = estimate_disparity(image)
    check_estimate(estimate, truth.shape)
    assert abs(estimate.horizon - y0) < 8
    solid = (truth > 0) & (estimate.disparity > 0)
    assert spearmanr(estimate.disparity[solid], truth[solid])[0] > 0.9


def test_given_sky_and_horizon_are_used(rng: np.random.Generator) -> None:
    image, sky, _ = landscape(rng)
    soft = sky.astype(np.float32)
    soft[:20] = 0
    for horizon in (-40.0, 70.0, 300.0):
        estimate = estimate_disparity(image, soft, horizon)
        check_estimate(estimate, sky.shape)
        assert estimate.horizon == horizon
        np.testing.assert_array_equal(estimate.sky, soft)


def test_image_without_sky_gets_nearer_toward_the_bottom(rng: np.random.Generator) -> None:
    leaves = cv2.GaussianBlur(rng.random((160, 200, 3), dtype=np.float32), (0, 0), 1.5)
    estimate = estimate_disparity(np.clip((leaves - 0.4) * [1.5, 2.4, 0.9], 0, 1).astype("f4"))
    check_estimate(estimate, (160, 200))
    assert (np.diff(estimate.disparity.mean(1)) > 0).all()


def test_image_of_only_sky_is_far() -> None:
    image = np.full((60, 80, 3), [0.5, 0.7, 1.0], np.float32)
    estimate = estimate_disparity(image, sky=np.ones((60, 80), np.float32))
    assert not estimate.disparity.any()


@pytest.mark.parametrize("shape", [(1, 1), (2, 2), (3, 2), (8, 200), (200, 8), (1, 64)])
@pytest.mark.parametrize("value", [0.0, 0.5, 1.0, None])
def test_small_and_constant_images(
    shape: tuple[int, int], value: float | None, rng: np.random.Generator
) -> None:
    noise = rng.random((*shape, 3), dtype=np.float32)
    image = noise if value is None else np.full((*shape, 3), value, np.float32)
    no_sky = np.zeros(shape, np.float32)
    for sky, horizon in ((None, None), (no_sky, -30.0), (no_sky, shape[0] + 50.0), (None, 0.0)):
        check_estimate(estimate_disparity(image, sky, horizon), shape)


def test_result_is_deterministic(rng: np.random.Generator) -> None:
    for image in (landscape(rng)[0], street(rng)[0]):
        first = estimate_disparity(image).disparity
        cv2.setRNGSeed(99)
        np.testing.assert_array_equal(first, estimate_disparity(image.copy()).disparity)


def test_china_photo() -> None:
    image = load(CHINA)
    disparity = estimate_disparity(image).disparity
    scale = image.shape[1] / 640

    def at(row: int, column: int) -> float:
        r, c = int(row * scale), int(column * scale)
        return float(np.median(disparity[r - 3 : r + 4, c - 3 : c + 4]))

    sky = [at(60, 60), at(150, 500)]
    shore, lake = at(215, 450), at(270, 450)
    tower = [at(90, 220), at(150, 200), at(210, 200), at(260, 200), at(310, 200)]
    trees = [at(415, 150), at(415, 430), at(415, 590)]
    assert max(sky) == 0
    assert 0 < shore < lake < min(trees)
    assert shore < min(tower)
    assert max(tower) < min(trees)
    assert max(tower) - min(tower) < 0.25
    # The silhouette: a depth edge at the eaves, where the roof ends and the sky begins.
    row = disparity[int(128 * scale)]
    left, right = np.flatnonzero(row[int(60 * scale) : int(360 * scale)])[[0, -1]] + int(60 * scale)
    assert abs(left / scale - 95) < 4 and abs(right / scale - 318) < 4


def test_street_photos_agree_with_sparse_depth(shared: Path) -> None:
    folder = shared / "views" / "street"
    observed = np.load(folder / "cameras.npz")["sparse_obs"]
    scores = []
    for frame in range(12):
        disparity = estimate_disparity(load(folder / f"{frame + 1:02d}.jpg")).disparity
        points = observed[observed[:, 0] == frame]
        rows = np.clip(points[:, 2].astype(int), 0, disparity.shape[0] - 1)
        columns = np.clip(points[:, 1].astype(int), 0, disparity.shape[1] - 1)
        scores.append(spearmanr(disparity[rows, columns], 1 / points[:, 3])[0])
    assert np.mean(scores) >= 0.68, scores
    assert min(scores) >= 0.45, scores


def test_borders_match_a_plain_count(rng: np.random.Generator) -> None:
    labels = rng.integers(-1, 4, (9, 11)).astype(np.int32)
    length: dict[tuple[int, int], int] = {}
    above: dict[tuple[int, int], int] = {}
    for row in range(9):
        for column in range(11):
            for down, right in ((1, 0), (0, 1)):
                if row + down > 8 or column + right > 10:
                    continue
                a, b = int(labels[row, column]), int(labels[row + down, column + right])
                if a == b or a < 0 or b < 0:
                    continue
                pair = (min(a, b), max(a, b))
                length[pair] = length.get(pair, 0) + 1
                above[pair] = above.get(pair, 0) + down * (1 if a < b else -1)
    result = borders(labels)
    pairs = list(zip(result.first.tolist(), result.second.tolist(), strict=True))
    assert sorted(pairs) == sorted(length)
    np.testing.assert_array_equal(result.length, [length[p] for p in pairs])
    np.testing.assert_allclose(result.above, [above[p] / length[p] for p in pairs], atol=1e-6)


def test_superpixels_follow_edges_and_mask(rng: np.random.Generator) -> None:
    image, sky, tower = landscape(rng)
    labels = superpixels(image, ~sky)
    assert (labels[sky] == -1).all() and (labels[~sky] >= 0).all()
    assert len(np.unique(labels[~sky])) == labels.max() + 1
    mixed = sum(
        min(fraction, 1 - fraction) * size
        for fraction, size in (
            (tower[labels == n].mean(), (labels == n).sum()) for n in range(labels.max() + 1)
        )
    )
    assert mixed < 0.02 * (~sky).sum()


def test_guided_filter_matches_plain_windows(rng: np.random.Generator) -> None:
    guide = rng.random((7, 8, 3), dtype=np.float32)
    values = rng.random((7, 8), dtype=np.float32)
    radius, eps = 1, 0.01
    padded_guide = np.pad(guide, ((1, 1), (1, 1), (0, 0)), "symmetric")
    padded_values = np.pad(values, 1, "symmetric")
    slope, offset = np.empty((7, 8, 3)), np.empty((7, 8))
    for i in range(7):
        for j in range(8):
            window = padded_guide[i : i + 3, j : j + 3].reshape(-1, 3).astype(float)
            value = padded_values[i : i + 3, j : j + 3].ravel().astype(float)
            cross = window.T @ value / 9 - window.mean(0) * value.mean()
            slope[i, j] = np.linalg.solve(np.cov(window.T, bias=True) + eps * np.eye(3), cross)
            offset[i, j] = value.mean() - slope[i, j] @ window.mean(0)
    slope = np.pad(slope, ((1, 1), (1, 1), (0, 0)), "symmetric")
    offset = np.pad(offset, 1, "symmetric")
    for i in range(7):
        for j in range(8):
            mean = slope[i : i + 3, j : j + 3].reshape(-1, 3).mean(0)
            expected = mean @ guide[i, j] + offset[i : i + 3, j : j + 3].mean()
            assert guided_filter(guide, values, radius, eps)[i, j] == pytest.approx(
                expected, abs=2e-3
            )


def test_global_smooth_solves_rows_and_stops_at_cuts() -> None:
    values = np.array([[0, 1, 0, 1, 5, 5]], np.float32)
    right = np.array([[1, 1, 1, 0, 1]], np.float32)
    down = np.zeros((0, 6), np.float32)
    smoothed = global_smooth(values, right, down, 4.0, iterations=1)
    links = np.diag([1, 2, 2, 1, 1, 1]) - np.diag(right[0], 1) - np.diag(right[0], -1)
    expected = np.linalg.solve(np.eye(6) + 1.5 / 3 * 4.0 * links, values[0])
    np.testing.assert_allclose(smoothed[0], expected, atol=1e-5)
    np.testing.assert_allclose(smoothed[0, 4:], 5, atol=1e-5)


def test_open_view_is_not_a_corridor(rng: np.random.Generator) -> None:
    image, _, _ = landscape(rng)
    for x in range(20, 240, 24):
        cv2.line(image, (120, 99), (x, 179), (0.2, 0.2, 0.2), 1)
    sky = (np.arange(180) < 99).astype(np.float32)[:, None].repeat(240, 1)
    layout = scene_layout(image, sky, None)
    assert not layout.corridor
    assert abs(layout.horizon - 99) < 5
    np.testing.assert_array_equal(layout.template, layout.template[:, :1].repeat(240, 1))
