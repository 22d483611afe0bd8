"""Built-in sky detection, on synthetic scenes and on the trial photos where available."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from make_4d.ml.classical.sky import sky_region
from scenes import CHINA, landscape, load

CHINA_POINTS = {
    "sky over the tower": (15, 205),
    "sky beside the tower": (120, 60),
    "sky above the lake": (185, 450),
    "sky at the right": (60, 600),
    "roof": (90, 220),
    "tip of the tower": (40, 205),
    "eaves": (125, 105),
    "lake": (270, 450),
    "far lake": (235, 370),
    "tree": (230, 600),
}
"""Row and column in pixels of the file."""


def overlap(mask: np.ndarray, truth: np.ndarray) -> float:
    predicted = mask >= 0.5
    return float((predicted & truth).sum() / (predicted | truth).sum())


def test_landscape_sky_ends_at_ground_and_tower(rng: np.random.Generator) -> None:
    image, truth, _ = landscape(rng)
    mask = sky_region(image)
    assert mask.dtype == np.float32 and mask.shape == truth.shape
    assert overlap(mask, truth) > 0.99


def test_holes_between_bars_are_sky_but_bars_are_not(rng: np.random.Generator) -> None:
    image, truth, tower = landscape(rng)
    rows, columns = np.nonzero(tower & (np.arange(180) < 90)[:, None])
    hole = (rows % 12 < 7) & (columns % 14 < 8)
    behind = landscape(rng)[0][:, :1]
    image[rows[hole], columns[hole]] = behind[rows[hole], 0]
    truth = truth.copy()
    truth[rows[hole], columns[hole]] = True
    tower_box = np.zeros_like(truth)
    tower_box[rows, columns] = True
    mask = sky_region(image) >= 0.5
    assert (mask & truth & tower_box).sum() > 0.8 * (truth & tower_box).sum()
    assert (mask & ~truth & tower_box).sum() < 0.1 * (~truth & tower_box).sum()


def test_clouds_are_sky(rng: np.random.Generator) -> None:
    image, truth, _ = landscape(rng)
    cloud = np.zeros(truth.shape, np.uint8)
    cv2.ellipse(cloud, (50, 40), (30, 12), 0, 0, 360, 1, -1)
    image[cloud > 0] = 0.97
    assert sky_region(image)[cloud > 0].mean() > 0.95


def test_reflection_is_not_sky(rng: np.random.Generator) -> None:
    image, truth, _ = landscape(rng)
    shore = 99
    hill = (np.arange(180)[:, None] > 75) & truth
    image[hill] = 0.25 + rng.normal(0, 0.05, (int(hill.sum()), 1)).astype(np.float32)
    image[shore:] = 0.9 * image[2 * shore - 180 : shore][::-1]
    mask = sky_region(np.clip(image, 0, 1))
    assert mask[:60, :80].min() > 0.5
    assert not (mask[shore:] >= 0.5).any()


def test_rough_dark_image_has_no_sky(rng: np.random.Generator) -> None:
    leaves = cv2.GaussianBlur(rng.random((160, 200, 3), dtype=np.float32), (0, 0), 1.5)
    image = np.clip((leaves - 0.4) * 3 * np.float32([0.5, 0.8, 0.3]), 0, 1).astype(np.float32)
    assert (sky_region(image) >= 0.5).mean() < 0.005


def test_image_of_only_sky(rng: np.random.Generator) -> None:
    rows = np.linspace(0.6, 0.9, 120, dtype=np.float32)[:, None, None]
    image = np.broadcast_to(rows * np.float32([0.7, 0.85, 1.0]), (120, 160, 3)).copy()
    assert (sky_region(image) >= 0.5).mean() > 0.98


@pytest.mark.parametrize("shape", [(1, 1), (2, 2), (3, 2), (8, 200), (200, 8), (1, 64)])
@pytest.mark.parametrize("value", [0.0, 0.5, 1.0, None])
def test_small_and_constant_images(
    shape: tuple[int, int], value: float | None, rng: np.random.Generator
) -> None:
    noise = rng.random((*shape, 3), dtype=np.float32)
    image = noise if value is None else np.full((*shape, 3), value, np.float32)
    mask = sky_region(image)
    assert mask.shape == shape and mask.dtype == np.float32
    assert np.isfinite(mask).all() and mask.min() >= 0 and mask.max() <= 1


def test_result_is_independent_of_global_random_state(rng: np.random.Generator) -> None:
    image = landscape(rng)[0]
    first = sky_region(image)
    cv2.setRNGSeed(99)
    np.testing.assert_array_equal(first, sky_region(image.copy()))


def test_china_sky_ends_at_tower_and_lake() -> None:
    image = load(CHINA)
    mask = sky_region(image) >= 0.5
    scale = image.shape[1] / 640
    points = {name: tuple(int(v * scale) for v in rc) for name, rc in CHINA_POINTS.items()}
    for name, point in points.items():
        assert mask[point] == name.startswith("sky"), name


@pytest.mark.slow
def test_trial_photos_agree_with_their_masks(shared: Path) -> None:
    scores = {}
    for path in sorted((shared / "photos").glob("*.jpg")):
        truth = load(path.with_name(f"{path.stem}-sky.png")) * 255 >= 128
        mask = sky_region(load(path))
        if truth.any():
            scores[path.stem] = overlap(mask, truth)
        else:
            assert (mask >= 0.5).mean() < 0.005, path.stem
    assert np.mean(list(scores.values())) >= 0.94, scores
    assert min(scores.values()) >= 0.78, scores


def test_snow_rim_below_a_dark_sky_is_not_sky() -> None:
    image = np.full((120, 160, 3), (0.25, 0.38, 0.5), np.float32)
    image[:60] -= np.linspace(0.1, 0.0, 60, dtype=np.float32)[:, None, None]
    image[60:63] = 0.9
    image[63:] = (0.2, 0.18, 0.18)
    image[63:] += np.random.default_rng(0).normal(0, 0.05, (57, 160, 1)).astype(np.float32)
    mask = sky_region(image.clip(0, 1))
    assert (mask[:58] > 0.9).all() and (mask[61:63] < 0.5).mean() > 0.9
