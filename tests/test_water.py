"""Water among what looks like it: snow, wet sand, haze, a road in the shade, a stone in a mirror;
the pipeline's regions against masks drawn by hand; the table of regions."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import regions as bench
from make_4d.ml.classical.appearance import appearance
from make_4d.ml.classical.mirror import mirrored_region
from make_4d.ml.classical.regions import motion_regions
from make_4d.ml.classical.water import _redness, _sky_samples
from make_4d.ml.photo.load import load_photo

HORIZON = 90
SHAPE = (200, 300)
BLUE_SKY = ((62, 0, -28), (74, -2, -14))
GRASS = (52, -14, 32)


def painted(rng, sky, grounds, streaks=0.0):
    """A picture (200, 300, 3) of a sky and of ground, with the sky (200, 300).

    sky: CIELAB at its top and at the horizon; grounds: from the horizon down, the height in rows
    and the CIELAB at the top and the bottom of each; streaks: strength of level ones there.
    """
    lab = np.zeros((*SHAPE, 3), np.float32)
    row = 0
    for height, top, bottom in [(HORIZON, *sky), *grounds]:
        share = np.linspace(0, 1, height)[:, None, None]
        lab[row : row + height] = (1 - share) * np.float32(top) + share * np.float32(bottom)
        row += height
    level = cv2.GaussianBlur(rng.normal(0, 1, SHAPE), (0, 0), sigmaX=12, sigmaY=0.8)
    lab[HORIZON:, :, 0] += streaks * (level / level.std())[HORIZON:]
    lab += rng.normal(0, 0.4, lab.shape)
    image = cv2.cvtColor(lab.astype(np.float32), cv2.COLOR_Lab2RGB)
    mask = np.zeros(SHAPE, np.float32)
    mask[:HORIZON] = 1
    return np.clip(image, 0, 1), mask


def found(rng, sky, grounds, streaks=0.0):
    image, mask = painted(rng, sky, grounds, streaks)
    return motion_regions(image, mask, 1 - mask, HORIZON).water > 0.5


def test_snow_stands_and_a_lake_of_its_tint_moves(rng):
    sky = ((78, 1, -10), (80, 1, -9))
    shore = (10, (30, 0, 0), (30, 0, 0))
    assert not found(rng, sky, [shore, (100, (82, 1, -11), (82, 1, -11))]).any()
    lake = found(rng, sky, [shore, (100, (66, -1, -11), (58, -1, -11))])
    assert lake[110:].mean() > 0.9


def test_wet_sand_stands_beside_the_sea(rng):
    """Both are as blue and as streaked; the sand is redder than the sky."""
    shore = (8, (35, 2, 8), (35, 2, 8))
    sea, sand = (48, (50, -4, -16), (50, -4, -16)), (54, (55, 5, -14), (55, 5, -14))
    moves = found(rng, BLUE_SKY, [shore, sea, sand], streaks=1.5)
    assert moves[102:140].mean() > 0.9
    assert moves[180:].mean() < 0.05 and moves[154:].mean() < 0.5


def test_a_dark_river_moves_and_a_road_in_the_shade_stands(rng):
    meadow = (25, GRASS, GRASS)
    river = found(rng, BLUE_SKY, [meadow, (85, (37, -6, -10), (34, -6, -10))])
    assert river[120:].mean() > 0.9
    road = found(rng, BLUE_SKY, [meadow, (85, (37, 0, -10), (34, 0, -10))])
    assert not road.any()


def test_a_yellow_sea_moves_under_a_yellow_sky_and_haze_over_land_stands(rng):
    sky = ((70, 8, 0), (76, 9, 17))
    sea, grass = (60, (73, 8, 16), (52, 5, 4)), (50, (25, 2, 25), (25, 2, 25))
    assert found(rng, sky, [sea, grass], streaks=0.8)[95:145].mean() > 0.8
    hazy = (50, (62, 7, 17), (62, 7, 17))
    assert not found(rng, sky, [(60, (73, 8, 16), (70, 8, 16)), hazy], streaks=0.8).any()


def test_redness_is_beside_the_skys_samples_of_the_same_blue(rng):
    """The whole picture at once is as each pixel by a plain sort of the samples."""
    image, mask = painted(rng, BLUE_SKY, [(110, GRASS, (55, 5, -14))])
    look = appearance(image, mask, HORIZON)
    samples = _sky_samples(look, look.sky > 0.9)
    plain = np.zeros(SHAPE, np.float32)
    for row, column in [(40, 50), (120, 200), (180, 30)]:
        part = np.s_[row - 3 : row + 4, column - 3 : column + 4]
        for _, a, b in look.lab[part].reshape(-1, 3):
            nearest = np.argsort(np.abs(samples[:, 2] - b), kind="stable")[:15]
            plain[row, column] += (a - np.percentile(samples[nearest, 1], 80)) / 49
        assert _redness(look, samples)[row, column] == pytest.approx(plain[row, column], abs=0.2)


def test_a_stone_in_a_mirror_is_no_reflection(rng):
    """It has far more contrast than the sky that it would mirror, whatever their correlation."""
    texture = cv2.GaussianBlur(rng.normal(0, 1, (*SHAPE, 3)), (0, 0), 3)
    image = np.clip(0.5 + 1.2 * texture, 0, 1).astype(np.float32)
    image[100:] = 0.9 * image[:100][::-1]
    look = appearance(image, np.zeros(SHAPE, np.float32), 92.0)
    assert mirrored_region(look)[150:170, 130:170].mean() > 0.7
    image[20:60, 110:190] = 0.5 + 0.08 * (image[20:60, 110:190] - 0.5)
    look = appearance(image, np.zeros(SHAPE, np.float32), 92.0)
    assert mirrored_region(look)[152:168, 130:170].mean() < 0.1


def test_overlap_of_masks():
    mask, other = np.zeros((4, 4), bool), np.zeros((4, 4), bool)
    assert bench.overlap(mask, other) == 1.0
    mask[:2], other[1:3] = True, True
    assert bench.overlap(mask, other) == pytest.approx(4 / 12)


def test_the_table_of_photographs_without_and_with_a_mask(rng, tmp_path, capsys):
    shore = (10, (30, 0, 0), (30, 0, 0))
    image, _ = painted(rng, BLUE_SKY, [shore, (100, (60, -4, -16), (50, -4, -16))])
    picture = np.rint(255 * image[..., ::-1]).astype(np.uint8)
    drawn = np.zeros(SHAPE, np.uint8)
    drawn[100:] = 255
    for name in ("lake", "other"):
        cv2.imwrite(str(tmp_path / f"{name}.jpg"), picture)
    cv2.imwrite(str(tmp_path / "lake-motion-mask.png"), drawn)
    sheet = tmp_path / "sheet.png"
    options = ["--photos", str(tmp_path), "--scenes", "--picture", str(sheet)]
    assert bench.main(options) == 0
    lines = {line.split()[0]: line.split()[1:] for line in capsys.readouterr().out.splitlines()[2:]}
    assert float(lines["lake"][0]) > 0.8
    assert lines["other"][0] == "-" and lines["other"][2] == lines["lake"][2]
    assert cv2.imread(str(sheet)).shape[1] == 2 * (bench.SIZE + 4)


@pytest.mark.parametrize("name", ["waterfall", "coast"])
def test_the_wide_photos_regions_agree_with_masks_drawn_by_hand(shared, name):
    """As the pipeline runs: outpainting, depth, regions."""
    assert bench.photo_row(shared / "photos" / f"{name}.jpg", []).iou >= 0.6


def test_planks_between_two_waters_stand(shared):
    """At this size the planks look like the water on both sides, and no edge keeps them apart."""
    image = load_photo(shared / "photos" / "pier.jpg", 384).image
    found = bench.regions_of(image, 0.0)
    assert found.water.shape == image.shape[:2]
    wet = (found.water + found.fall)[165:230, 165:220] > 0.5
    assert not wet.any()
