"""Motion regions of a synthetic lake with a tower, of trial photos, and of degenerate images."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from make_4d.ml.classical.appearance import appearance_maps
from make_4d.ml.classical.depth import estimate_disparity
from make_4d.ml.classical.mirror import mirrored_region
from make_4d.ml.classical.regions import MotionRegions, motion_regions

HORIZON = 90


def with_noise(rng, image, amount=0.01):
    return np.clip(image + rng.normal(0, amount, image.shape), 0, 1).astype(np.float32)


def lake_with_tower(rng, ground=(0.55, 0.68, 0.8)):
    """Return a lake with a white tower under a blue sky.

    The lake (or other `ground`) begins at row 90; there is sand at the bottom. Returns the image
    (200, 300, 3), its sky (200, 300), and the mask of the tower.
    """
    image = np.zeros((200, 300, 3), np.float32)
    ramp = np.linspace(0, 1, HORIZON)[:, None, None]
    image[:HORIZON] = (1 - ramp) * (0.35, 0.55, 0.85) + ramp * (0.7, 0.8, 0.92)
    image[HORIZON:] = ground
    image[175:] = (0.7, 0.55, 0.35)
    tower = np.zeros((200, 300), bool)
    tower[40:185, 120:160] = True
    windows = np.zeros_like(tower)
    for row in range(50, 175, 25):
        windows[row : row + 12, 128:152:9] = True
    image[tower] = (0.9, 0.88, 0.86)
    image[windows & tower] = (0.25, 0.3, 0.4)
    sky = np.zeros((200, 300), np.float32)
    sky[:HORIZON] = 1
    sky[tower] = 0
    return with_noise(rng, image), sky, tower


def regions_of(image, sky, horizon=HORIZON):
    return motion_regions(image, sky, 1 - sky, horizon)


def total_mask(regions: MotionRegions):
    return regions.cloud + regions.water + regions.fall


def test_lake_and_sky_move_but_the_tower_does_not(rng):
    image, sky, tower = lake_with_tower(rng)
    regions = regions_of(image, sky)
    lake = np.zeros_like(tower)
    lake[100:168] = True
    outside_tower = ~cv2.dilate(tower.astype(np.uint8), np.ones((9, 9), np.uint8)).astype(bool)
    assert (regions.water[lake & outside_tower] > 0.5).mean() > 0.95
    inner = cv2.erode(tower.astype(np.uint8), np.ones((7, 7), np.uint8)).astype(bool)
    assert (total_mask(regions)[inner] < 0.5).all()
    assert (regions.water[180:] < 0.5).all()
    assert (regions.cloud[:80] + tower[:80] > 0.99).all()
    assert not regions.fall.any()


def test_sand_grass_and_asphalt_are_still(rng):
    for ground in ((0.75, 0.6, 0.4), (0.3, 0.45, 0.2), (0.42, 0.41, 0.4)):
        image, sky, _ = lake_with_tower(rng, ground)
        regions = regions_of(image, sky)
        assert not (regions.water > 0.5).any(), ground


def test_no_water_without_a_sky(rng):
    image, sky, _ = lake_with_tower(rng)
    regions = regions_of(image, np.zeros_like(sky))
    assert not (regions.water > 0.5).any()


def test_masks_are_soft_and_sum_to_at_most_one(rng):
    image, sky, _ = lake_with_tower(rng)
    regions = regions_of(image, 0.9 * sky)
    for mask in (regions.cloud, regions.water, regions.fall):
        assert mask.shape == sky.shape and mask.dtype == np.float32
        assert mask.min() >= 0 and mask.max() <= 1
    assert total_mask(regions).max() <= 1 + 1e-5


def test_white_water_among_dark_rocks_is_a_fall(rng):
    """A ragged white ribbon on dark ground that widens into a pool."""
    image = np.full((200, 300, 3), 0.08, np.float32)
    rows = np.arange(200)
    left = 130 - 0.3 * rows + 5 * np.sin(rows / 5) - 60 * (rows > 140)
    right = 165 + 0.3 * rows + 5 * np.sin(rows / 4 + 1) + 60 * (rows > 140)
    columns = np.arange(300)
    ribbon = (columns > left[:, None]) & (columns < right[:, None]) & (rows[:, None] > 40)
    shade = cv2.GaussianBlur(rng.normal(0, 1, (200, 300)), (0, 0), 1.5)
    image[ribbon] = 0.88
    image[ribbon] += 0.25 * shade[ribbon][:, None]
    image = cv2.GaussianBlur(with_noise(rng, image, 0.02), (0, 0), 1.2)
    zeros = np.zeros((200, 300), np.float32)
    regions = motion_regions(image, zeros, zeros + 0.5, 60.0)
    moving = regions.fall + regions.water > 0.5
    assert (moving & ribbon).sum() > 0.9 * ribbon.sum()
    assert (moving & ~ribbon).sum() < 0.1 * ribbon.sum()
    assert (regions.fall[60:120] > 0.5).sum() > 0.9 * ribbon[60:120].sum()
    assert (regions.water[170:] > 0.5).sum() > 0.8 * ribbon[170:].sum()


def test_white_wall_among_dark_roofs_is_still(rng):
    image = np.full((200, 300, 3), 0.08, np.float32)
    for column in range(20, 280, 50):
        image[50:180, column : column + 38] = 0.92
        for row in range(60, 170, 30):
            image[row : row + 18, column + 6 : column + 14] = 0.2
    zeros = np.zeros((200, 300), np.float32)
    regions = motion_regions(with_noise(rng, image), zeros, zeros + 0.5, 60.0)
    assert not total_mask(regions).any()


def test_reflection_is_found_but_texture_is_not_one(rng):
    """An image that is its own mirror image about a row is a reflection; unrelated texture
    isn't."""
    texture = cv2.GaussianBlur(rng.normal(0, 1, (200, 300, 3)), (0, 0), 3)
    image = np.clip(0.5 + 1.2 * texture, 0, 1).astype(np.float32)
    mirrored = image.copy()
    mirrored[100:] = 0.9 * image[:100][::-1]
    sky = np.zeros((200, 300), np.float32)
    reflection = mirrored_region(appearance_maps(mirrored, sky, 92.0))
    assert reflection[102:190].mean() > 0.7
    assert not reflection[:95].any()
    assert not mirrored_region(appearance_maps(image, sky, 92.0)).any()


@pytest.mark.parametrize("shape", [(1, 1), (2, 2), (2, 40), (50, 3), (16, 16), (17, 300)])
def test_tiny_images_are_handled(rng, shape):
    image = rng.random((*shape, 3)).astype(np.float32)
    regions = motion_regions(image, np.zeros(shape, np.float32), np.ones(shape, np.float32), 1.0)
    assert regions.water.shape == shape
    assert np.isfinite(total_mask(regions)).all()


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("sky", [0.0, 1.0])
@pytest.mark.parametrize("horizon", [-30.0, 30.0, 90.0])
def test_constant_images_are_handled(value, sky, horizon):
    image = np.full((60, 80, 3), value, np.float32)
    mask = np.full((60, 80), sky, np.float32)
    regions = motion_regions(image, mask, 1 - mask, horizon)
    assert (regions.cloud == sky).all()
    assert not regions.water.any() and not regions.fall.any()


def test_result_is_deterministic(rng):
    image, sky, _ = lake_with_tower(rng)
    first, second = regions_of(image, sky), regions_of(image.copy(), sky.copy())
    np.testing.assert_array_equal(total_mask(first), total_mask(second))


def photo_regions(path, size=512):
    """Return water and falls (H, W) of a trial photo at working size, and its clouds."""
    image = cv2.imread(str(path))[..., ::-1]
    scale = size / max(image.shape[:2])
    image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    image = image.astype(np.float32) / 255
    estimate = estimate_disparity(image)
    regions = motion_regions(image, estimate.sky, estimate.disparity, estimate.horizon)
    return regions.water + regions.fall > 0.5, regions.cloud


@pytest.mark.parametrize(("name", "min_iou"), [("waterfall", 0.6), ("coast", 0.6)])
def test_regions_agree_with_hand_drawn_masks(shared, name, min_iou):
    wet, _ = photo_regions(shared / "photos" / f"{name}.jpg")
    mask_image = cv2.imread(
        str(shared / "photos" / f"{name}-motion-mask.png"), cv2.IMREAD_GRAYSCALE
    )
    mask_image = cv2.resize(mask_image, wet.shape[::-1], interpolation=cv2.INTER_AREA) > 128
    assert (wet & mask_image).sum() / (wet | mask_image).sum() >= min_iou


@pytest.mark.parametrize("name", ["pier", "mirror-lake", "painted-lake"])
def test_lakes_are_found(shared, name):
    wet, cloud = photo_regions(shared / "photos" / f"{name}.jpg")
    assert 0.04 < wet.mean() < 0.5
    rows = np.arange(wet.shape[0])[:, None]
    foot_of_sky = rows[(cloud > 0.5).mean(axis=1) > 0.5].max()
    assert not wet[:foot_of_sky].any()


@pytest.mark.parametrize(
    "name",
    [
        "photos/dunes",
        "photos/iron-bridge",
        "photos/snow-mountain",
        *(f"views/street/{i:02d}" for i in (1, 3, 6, 9, 11)),
    ],
)
def test_dry_scenes_have_no_water(shared, name):
    wet, _ = photo_regions(shared / f"{name}.jpg")
    assert not wet.any()
