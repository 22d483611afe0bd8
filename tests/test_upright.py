"""Depth of what stands upright."""

import numpy as np
from make_4d.ml.scene.maps import CHANNELS, Map
from make_4d.ml.scene.upright import stand_up

SURE = 6.0
"""Logit of a mask where it is certain."""


def street():
    """Return maps of sky, level ground, and a wall on it that is seen leaning back."""
    maps = np.full((CHANNELS, 96, 128), -SURE, np.float32)
    rows = np.arange(96, dtype=np.float32)[:, None]
    ground = np.log((np.maximum(rows - 40.0, 2.0)) / 60.0)
    maps[Map.LOG_DISPARITY] = np.broadcast_to(ground, (96, 128))
    maps[Map.SKY, :40] = SURE
    maps[Map.FLAT, 40:] = SURE
    wall = np.s_[15:70, 30:90]
    maps[(Map.SKY, *wall)] = maps[(Map.FLAT, *wall)] = -SURE
    foot = np.log(30.0 / 60.0)
    maps[(Map.LOG_DISPARITY, *wall)] = foot - 0.02 * (70.0 - rows[15:70])
    return maps, wall


def test_a_wall_that_leans_back_stands_on_its_foot():
    maps, wall = street()
    stood = stand_up(maps)[wall]
    leaned = maps[(Map.LOG_DISPARITY, *wall)]
    assert np.ptp(stood, axis=0).max() < 0.4 * np.ptp(leaned, axis=0).max()
    foot = np.log(0.5)
    assert abs(stood.mean() - foot) < 0.6 * abs(leaned.mean() - foot)


def test_ground_stays_where_nothing_stands():
    maps, _ = street()
    maps[Map.FLAT] = SURE
    np.testing.assert_allclose(stand_up(maps), maps[Map.LOG_DISPARITY], atol=1e-3)


def test_what_stands_before_something_else_keeps_its_step():
    maps, wall = street()
    behind = np.s_[15:40, 30:90]
    maps[(Map.LOG_DISPARITY, *wall)] = -0.7
    maps[(Map.LOG_DISPARITY, *behind)] = -3.0
    stood = stand_up(maps)
    assert stood[42, 40:80].min() - stood[37, 40:80].max() > 2.0


def test_the_sky_and_pictures_of_sky_alone_stay_as_they_are():
    maps, _ = street()
    in_sky = maps[Map.SKY] > 0.0
    np.testing.assert_array_equal(stand_up(maps)[in_sky], maps[Map.LOG_DISPARITY][in_sky])
    maps[Map.SKY] = SURE
    np.testing.assert_array_equal(stand_up(maps), maps[Map.LOG_DISPARITY])
