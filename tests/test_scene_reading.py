"""What is read from the network's maps: masks and disparity at full size, camera, confidence."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from made_maps import maps_of, network_of, network_with
from make_4d.ml.scene.camera_fit import fit_camera
from make_4d.ml.scene.maps import Map
from make_4d.ml.scene.reading import SceneReading, read_layout, read_scene
from make_4d.ml.scene.relief import FAR
from scenes import landscape

MASKS = ("sky", "water", "falls", "flat")


def check(reading: SceneReading, shape: tuple[int, int]) -> None:
    disparity = reading.disparity
    assert disparity.shape == shape and disparity.dtype == np.float32
    assert np.isfinite(disparity).all() and disparity.max() <= 1.0
    np.testing.assert_array_equal(disparity == 0, reading.sky > 0.5)
    assert disparity[disparity > 0].min(initial=1.0) >= np.float32(FAR)
    for name in MASKS:
        mask = getattr(reading, name)
        assert mask.shape == shape and mask.dtype == np.float32
        assert mask.min() >= 0.0 and mask.max() <= 1.0
    assert (reading.sky + reading.water + reading.falls).max() <= 1.0 + 1e-5
    assert np.isfinite([reading.horizon, reading.roll, reading.focal]).all()
    assert reading.focal > 0 and 0.0 <= reading.confidence <= 1.0


@pytest.fixture
def tower(rng):
    """A tower on a plain: the image, disparity, sky, and the tower's mask, (360, 480)."""
    image, sky, tower = landscape(rng, 360, 480)
    rows = np.arange(360, dtype=np.float32)[:, None] - 160
    ground = np.clip(rows / 200, 0.02, 1.0).repeat(480, 1)
    return image, np.where(tower, 0.55, ground), sky.astype(np.float32), tower


def test_masks_and_camera_are_those_of_the_maps(tower):
    image, disparity, sky, _ = tower
    lake = np.zeros_like(sky)
    lake[300:] = 1
    falls = lake.copy()
    falls[:, :240] = 0
    reading = read_scene(image, network_of(disparity, sky, WATER=lake, FALLS=falls, FLAT=1 - sky))
    check(reading, sky.shape)
    assert ((reading.sky > 0.5) == (sky > 0.5)).mean() > 0.995
    assert reading.water[306:, :230].min() > 0.6 and reading.falls[306:, 250:].min() > 0.6
    assert reading.water[306:, 250:].max() < 0.1 and reading.falls[:290].max() < 0.1
    assert abs(reading.horizon - 180) < 4 and abs(reading.focal - 480) < 40
    assert abs(reading.roll) < 0.01 and reading.confidence > 0.5


def test_depth_steps_lie_on_the_edges_of_the_image(tower):
    image, disparity, sky, mask = tower
    flat = ((sky < 0.5) & ~mask).astype(np.float32)
    reading = read_scene(image, network_of(disparity, sky, FLAT=flat))
    inside = cv2.erode(mask.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    near = cv2.dilate(mask.astype(np.uint8), np.ones((25, 25), np.uint8)) > 0
    outside = near & (cv2.dilate(mask.astype(np.uint8), np.ones((5, 5), np.uint8)) == 0)
    assert np.abs(reading.disparity - disparity)[inside].max() < 0.06
    assert np.abs(reading.disparity - disparity)[outside & (sky < 0.5)].max() < 0.06
    assert not reading.disparity[outside & (sky > 0.5)].any()


def test_slopes_stay_as_they_are(rng):
    """The texture of the ground doesn't print through."""
    image = rng.random((300, 400, 3), np.float32)
    ground = np.linspace(0.05, 1, 300, dtype=np.float32)[:, None].repeat(400, 1)
    reading = read_scene(
        image, network_of(ground, np.zeros_like(ground), FLAT=np.ones_like(ground))
    )
    assert np.abs(reading.disparity - ground)[:-8].max() < 0.02
    assert np.abs(np.diff(reading.disparity, axis=1)).max() < 0.01


def test_twigs_before_the_sky_are_fine_and_as_near_as_their_tree(rng):
    """They are thinner than a pixel of the network, which sees a mixture of twigs and sky."""
    sky = np.ones((600, 800), np.float32)
    sky[:, :250] = 0
    for row in range(20, 580, 30):
        sky[row : row + 3, 250:500] = 0
    image = np.where(sky[..., None] > 0, [0.75, 0.82, 0.95], [0.2, 0.17, 0.12])
    image = np.clip(image + rng.normal(0, 0.02, image.shape), 0, 1).astype(np.float32)
    disparity = np.full_like(sky, 0.9)
    reading = read_scene(image, network_of(disparity, sky))
    check(reading, sky.shape)
    band = np.s_[10:-10, 256:495]
    wrong = (reading.sky[band] > 0.5) != (sky[band] > 0.5)
    assert wrong.mean() < 0.02
    twigs = (reading.disparity > 0) & (sky == 0)
    assert reading.disparity[twigs].min() > 0.6


def test_dark_sky_holes_in_bright_walls_are_kept_apart(rng):
    """No color says what is sky where both sides have the same: the network's edge stays."""
    sky = np.zeros((240, 320), np.float32)
    sky[:100] = 1
    image = np.clip(0.6 + rng.normal(0, 0.01, (240, 320, 3)), 0, 1).astype(np.float32)
    reading = read_scene(image, network_of(np.full_like(sky, 0.5), sky))
    assert ((reading.sky > 0.5) == (sky > 0.5)).mean() > 0.98


def test_the_sky_alone_is_the_same(tower):
    image, disparity, sky, _ = tower
    network = network_of(disparity, 0.8 * sky)
    np.testing.assert_allclose(
        read_layout(image, network).sky, read_scene(image, network).sky, atol=1e-6
    )


def test_a_given_sky_replaces_the_network_s(tower):
    image, disparity, sky, _ = tower
    given = sky.copy()
    given[:40] = 0
    reading = read_scene(image, network_of(disparity, sky), given)
    check(reading, sky.shape)
    np.testing.assert_array_equal(reading.sky, given)


def test_the_camera_is_that_of_the_photo_in_the_margins(tower):
    """The network takes every image for a whole photo, taken with a usual lens."""
    image, disparity, sky, _ = tower
    whole, photo = maps_of(disparity, sky), maps_of(disparity, sky)
    photo[Map.LATITUDE] += 0.2
    network = network_with(lambda seen: whole if seen.shape == image.shape else photo)
    reading = read_scene(image, network, margins=(40, 60, 20, 60))
    inner = fit_camera(photo[Map.LATITUDE], 300, 360)
    assert reading.horizon == 40 + inner.horizon and reading.focal == inner.focal
    assert reading.horizon > read_scene(image, network).horizon + 20


def test_confidence_is_how_far_both_looks_agree(tower):
    image, disparity, sky, _ = tower
    confidence = [
        read_scene(image, network_with(lambda _: maps_of(disparity, sky), difference)).confidence
        for difference in (0.0, 0.1, 0.4, 2.0)
    ]
    assert confidence[0] == 1.0 and confidence[1] > 0.8 and confidence[3] < 0.05
    assert confidence == sorted(confidence, reverse=True)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_all_sky_and_none(value, rng):
    image = rng.random((60, 80, 3), np.float32)
    sky = np.full((60, 80), value, np.float32)
    reading = read_scene(image, network_of(np.full_like(sky, 0.3), sky))
    check(reading, (60, 80))
    assert (reading.sky > 0.5).mean() == value


@pytest.mark.parametrize("shape", [(1, 1), (2, 2), (3, 2), (8, 200), (200, 8), (1, 64)])
@pytest.mark.parametrize("value", [0.0, 0.5, 1.0, None])
def test_small_and_constant_images(shape, value, rng):
    noise = rng.random((*shape, 3), np.float32)
    image = noise if value is None else np.full((*shape, 3), value, np.float32)
    sky = np.zeros((120, 160), np.float32)
    sky[:60] = 1
    maps = maps_of(np.full_like(sky, 0.5), sky)
    check(read_scene(image, network_with(lambda _: maps)), shape)
