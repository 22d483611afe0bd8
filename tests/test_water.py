"""Water among lookalikes: snow, wet sand, haze, a shaded road, a stone in the water.

Also the pipeline's regions against hand-drawn masks.
"""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from _quality_runs import quiet_context
from _scene_labels import load_labelled
from _scene_measures import agreement as measured
from make_4d.ml.classical.appearance import appearance_maps
from make_4d.ml.classical.mirror import mirrored_region
from make_4d.ml.classical.regions import motion_regions
from make_4d.ml.classical.water import _redness, _sky_samples
from make_4d.ml.common.job_settings import JobSettings
from make_4d.ml.models.backends import SceneDepth, find_regions
from make_4d.ml.photo.load import load_photo
from make_4d.ml.stages import depth, outpaint

HORIZON = 90
SHAPE = (200, 300)
BLUE_SKY = ((62, 0, -28), (74, -2, -14))
GRASS = (52, -14, 32)


def synthetic_image(rng, sky, grounds, streaks=0.0):
    """Return an image (200, 300, 3) of sky above ground, and its sky mask (200, 300).

    Args:
        rng: Source of noise.
        sky: CIELAB color at the top and at the horizon.
        grounds: From the horizon down, each (height in rows, CIELAB at its top, CIELAB at its
            bottom).
        streaks: Strength of horizontal streaks on the ground.
    """
    lab = np.zeros((*SHAPE, 3), np.float32)
    row = 0
    for height, top, bottom in [(HORIZON, *sky), *grounds]:
        blend = np.linspace(0, 1, height)[:, None, None]
        lab[row : row + height] = (1 - blend) * np.float32(top) + blend * np.float32(bottom)
        row += height
    streak_noise = cv2.GaussianBlur(rng.normal(0, 1, SHAPE), (0, 0), sigmaX=12, sigmaY=0.8)
    lab[HORIZON:, :, 0] += streaks * (streak_noise / streak_noise.std())[HORIZON:]
    lab += rng.normal(0, 0.4, lab.shape)
    image = cv2.cvtColor(lab.astype(np.float32), cv2.COLOR_Lab2RGB)
    mask = np.zeros(SHAPE, np.float32)
    mask[:HORIZON] = 1
    return np.clip(image, 0, 1), mask


def find_water(rng, sky, grounds, streaks=0.0):
    image, mask = synthetic_image(rng, sky, grounds, streaks)
    return motion_regions(image, mask, 1 - mask, HORIZON).water > 0.5


def test_snow_is_still_and_a_lake_of_its_tint_is_water(rng):
    sky = ((78, 1, -10), (80, 1, -9))
    shore = (10, (30, 0, 0), (30, 0, 0))
    assert not find_water(rng, sky, [shore, (100, (82, 1, -11), (82, 1, -11))]).any()
    lake = find_water(rng, sky, [shore, (100, (66, -1, -11), (58, -1, -11))])
    assert lake[110:].mean() > 0.9


def test_wet_sand_beside_the_sea_is_still(rng):
    """Both are equally blue and streaked, but the sand is redder than the sky."""
    shore = (8, (35, 2, 8), (35, 2, 8))
    sea, sand = (48, (50, -4, -16), (50, -4, -16)), (54, (55, 5, -14), (55, 5, -14))
    water = find_water(rng, BLUE_SKY, [shore, sea, sand], streaks=1.5)
    assert water[102:140].mean() > 0.9
    assert water[180:].mean() < 0.05 and water[154:].mean() < 0.5


def test_dark_river_is_water_but_a_shaded_road_is_not(rng):
    meadow = (25, GRASS, GRASS)
    river = find_water(rng, BLUE_SKY, [meadow, (85, (37, -6, -10), (34, -6, -10))])
    assert river[120:].mean() > 0.9
    road = find_water(rng, BLUE_SKY, [meadow, (85, (37, 0, -10), (34, 0, -10))])
    assert not road.any()


def test_yellow_sea_is_water_but_haze_over_land_is_not(rng):
    sky = ((70, 8, 0), (76, 9, 17))
    sea, grass = (60, (73, 8, 16), (52, 5, 4)), (50, (25, 2, 25), (25, 2, 25))
    assert find_water(rng, sky, [sea, grass], streaks=0.8)[95:145].mean() > 0.8
    hazy = (50, (62, 7, 17), (62, 7, 17))
    assert not find_water(rng, sky, [(60, (73, 8, 16), (70, 8, 16)), hazy], streaks=0.8).any()


def test_redness_is_relative_to_sky_of_the_same_blue(rng):
    """The result for the whole image matches a plain sort of the samples for each pixel."""
    image, mask = synthetic_image(rng, BLUE_SKY, [(110, GRASS, (55, 5, -14))])
    maps = appearance_maps(image, mask, HORIZON)
    samples = _sky_samples(maps, maps.sky > 0.9)
    expected = np.zeros(SHAPE, np.float32)
    for row, column in [(40, 50), (120, 200), (180, 30)]:
        window = np.s_[row - 3 : row + 4, column - 3 : column + 4]
        for _, a, b in maps.lab[window].reshape(-1, 3):
            nearest = np.argsort(np.abs(samples[:, 2] - b), kind="stable")[:15]
            expected[row, column] += (a - np.percentile(samples[nearest, 1], 80)) / 49
        assert _redness(maps, samples)[row, column] == pytest.approx(expected[row, column], abs=0.2)


def test_stone_in_the_water_is_not_a_reflection(rng):
    """It has far more contrast than the sky that it would mirror, despite their correlation."""
    texture = cv2.GaussianBlur(rng.normal(0, 1, (*SHAPE, 3)), (0, 0), 3)
    image = np.clip(0.5 + 1.2 * texture, 0, 1).astype(np.float32)
    image[100:] = 0.9 * image[:100][::-1]
    maps = appearance_maps(image, np.zeros(SHAPE, np.float32), 92.0)
    assert mirrored_region(maps)[150:170, 130:170].mean() > 0.7
    image[20:60, 110:190] = 0.5 + 0.08 * (image[20:60, 110:190] - 0.5)
    maps = appearance_maps(image, np.zeros(SHAPE, np.float32), 92.0)
    assert mirrored_region(maps)[152:168, 130:170].mean() < 0.1


def wet_part(image):
    """Return the water and falls (H, W) of a photo by outpainting, depth and regions."""
    settings, context = JobSettings("photo.png", size=max(image.shape[:2])), quiet_context()
    inputs = {"image": image, "focal_35mm": np.zeros(1, np.float32)}
    inputs |= outpaint.run(inputs, settings, context)
    inputs |= depth.run(inputs, settings, context)
    seen = SceneDepth(inputs["disparity"], inputs["sky"], float(inputs["horizon"][0]))
    found = find_regions(inputs["outpainted"], seen, settings, context)
    top, _, _, left = (int(m) for m in inputs["margins"])
    wet = (found.water + found.fall)[top : top + image.shape[0], left : left + image.shape[1]]
    assert wet.shape == image.shape[:2]
    return wet > 0.5


@pytest.mark.slow
@pytest.mark.parametrize("name", ["waterfall", "coast"])
def test_outpainted_photo_regions_agree_with_hand_drawn_masks(shared, name):
    photo = load_labelled(shared / "photos" / f"{name}.jpg")
    agreement = measured(wet_part(photo.image).astype(np.float32), photo.labels.water)
    assert agreement.iou >= 0.6


@pytest.mark.slow
def test_planks_between_water_are_still(shared):
    """At this size the planks resemble the water on both sides, and no edge separates them."""
    image = load_photo(shared / "photos" / "pier.jpg", 384).image
    assert not wet_part(image)[165:230, 165:220].any()
