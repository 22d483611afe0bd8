"""What the bundled network sees in photographs: the sample photo and, if present, trial photos."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from make_4d.ml.scene.network import SceneNetwork
from make_4d.ml.scene.reading import SceneReading, read_scene
from scenes import CHINA, load
from scipy.stats import spearmanr

CHINA_POINTS = {
    "sky over the tower": (15, 205),
    "sky beside the tower": (120, 60),
    "sky above the lake": (185, 450),
    "sky at the right": (60, 600),
    "roof": (90, 220),
    "eaves": (125, 105),
    "lake": (270, 450),
    "far lake": (235, 370),
    "tree": (230, 600),
}
"""Row and column in pixels of the file."""
PHOTOS = ("coast", "dunes", "iron-bridge", "mirror-lake", "painted-lake", "pier", "snow-mountain")
DRY = ("dunes", "iron-bridge", "snow-mountain")


@pytest.fixture(scope="module")
def network():
    return SceneNetwork()


@pytest.fixture(scope="module")
def china(network) -> SceneReading:
    return read_scene(load(CHINA), network)


def at(values: np.ndarray, row: int, column: int) -> float:
    """The median of a map around a point of the file."""
    scale = values.shape[1] / 640
    r, c = int(row * scale), int(column * scale)
    return float(np.median(values[r - 3 : r + 4, c - 3 : c + 4]))


def overlap(mask: np.ndarray, truth: np.ndarray) -> float:
    return float((mask & truth).sum() / (mask | truth).sum())


@pytest.mark.parametrize("name", CHINA_POINTS)
def test_sky_of_the_sample_photo(china, name):
    assert (at(china.sky, *CHINA_POINTS[name]) > 0.5) == name.startswith("sky")


def test_depth_of_the_sample_photo(china):
    shore, lake = at(china.disparity, 215, 450), at(china.disparity, 270, 450)
    tower = [at(china.disparity, row, 200) for row in (150, 210, 260, 310)]
    trees = [at(china.disparity, 415, column) for column in (150, 430, 590)]
    assert 0 < shore < lake < min(trees)
    assert shore < min(tower)
    assert np.median(tower) < min(trees)


def test_camera_of_the_sample_photo(china):
    height, width = china.sky.shape
    assert 0.4 < china.horizon / height < 0.8
    assert abs(china.roll) < np.radians(4.0)
    assert 0.5 < china.focal / width < 2.5
    assert china.confidence >= 0.5


def test_a_turned_photo_has_a_turned_horizon(network):
    """By 6 degrees in both directions."""
    image = load(CHINA)
    height, width = image.shape[:2]
    roll = []
    for degrees in (-6.0, 6.0):
        turn = cv2.getRotationMatrix2D((width / 2, height / 2), -degrees, 1.2)
        turned = cv2.warpAffine(image, turn, (width, height), borderMode=cv2.BORDER_REFLECT)
        roll.append(read_scene(turned, network).roll)
    assert np.degrees(roll[1] - roll[0]) == pytest.approx(12.0, abs=5.0)


def test_readings_are_the_same_every_time(network):
    image = load(CHINA, 256)
    first, second = read_scene(image, network), read_scene(image.copy(), SceneNetwork())
    np.testing.assert_array_equal(first.disparity, second.disparity)
    np.testing.assert_array_equal(first.sky, second.sky)
    assert first.horizon == second.horizon


def test_sky_of_the_trial_photos(network, shared: Path):
    scores = {}
    for name in PHOTOS:
        truth = load(shared / "photos" / f"{name}-sky.png") * 255 >= 128
        mask = read_scene(load(shared / "photos" / f"{name}.jpg"), network).sky
        scores[name] = overlap(mask >= 0.5, truth)
    assert np.mean(list(scores.values())) >= 0.9, scores


def test_water_of_the_trial_photos(network, shared):
    scores = {}
    for name in ("waterfall", "coast"):
        reading = read_scene(load(shared / "photos" / f"{name}.jpg"), network)
        truth = load(shared / "photos" / f"{name}-motion-mask.png") > 0.5
        scores[name] = overlap(reading.water + reading.falls > 0.5, truth)
    assert np.mean(list(scores.values())) >= 0.25, scores


@pytest.mark.parametrize("name", ["pier", "mirror-lake"])
def test_lakes_are_found(network, shared, name):
    reading = read_scene(load(shared / "photos" / f"{name}.jpg"), network)
    assert 0.04 < (reading.water + reading.falls > 0.5).mean() < 0.6


def test_dry_photos_have_hardly_any_water(network, shared):
    """Smooth dunes still look like water to the present weights."""
    wet = []
    for name in DRY:
        reading = read_scene(load(shared / "photos" / f"{name}.jpg"), network)
        wet.append((reading.water + reading.falls > 0.5).mean())
    assert np.mean(wet) < 0.08, wet


def test_street_photos_agree_with_sparse_depth(network, shared):
    folder = shared / "views" / "street"
    observed = np.load(folder / "cameras.npz")["sparse_obs"]
    scores = []
    for frame in range(0, 12, 3):
        disparity = read_scene(load(folder / f"{frame + 1:02d}.jpg"), network).disparity
        points = observed[observed[:, 0] == frame]
        rows = np.clip(points[:, 2].astype(int), 0, disparity.shape[0] - 1)
        columns = np.clip(points[:, 1].astype(int), 0, disparity.shape[1] - 1)
        scores.append(spearmanr(disparity[rows, columns], 1 / points[:, 3])[0])
    assert np.mean(scores) >= 0.6, scores
