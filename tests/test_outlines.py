"""Depth of what stands before the sky."""

import numpy as np
from make_4d.ml.scene.outlines import REACH, calm_outlines


def house(rim=0.0):
    """Return log disparities and the sky of a house with a thin mast, its outline seen too near."""
    sky = np.ones((80, 100), np.float32)
    sky[30:, 20:70] = 0.0
    sky[5:30, 44:47] = 0.0
    log_disparity = np.where(sky > 0.5, -6.0, -1.0).astype(np.float32)
    solid = sky < 0.5
    inner = np.zeros_like(solid)
    inner[33:, 23:67] = True
    log_disparity[solid & ~inner] += rim
    return log_disparity, sky


def test_outlines_are_as_far_away_as_what_they_belong_to():
    log_disparity, sky = house(rim=0.2)
    calm = calm_outlines(log_disparity, sky)
    solid = sky < 0.5
    walls = solid & (np.arange(80)[:, None] >= 30)
    assert np.abs(calm[walls] + 1.0).max() < 0.1
    np.testing.assert_array_equal(calm[~solid], log_disparity[~solid])


def test_both_sides_of_a_thin_thing_are_equally_far_away():
    log_disparity, sky = house()
    log_disparity[5:30, 44] += 0.3
    calm = calm_outlines(log_disparity, sky)
    assert np.ptp(calm[8:25, 44:47], axis=1).max() < 0.03


def test_what_is_far_from_the_sky_stays_as_it_is():
    log_disparity, sky = house()
    log_disparity[60:, 30:50] += 0.2
    calm = calm_outlines(log_disparity, sky)
    deep = np.s_[31 + int(REACH) + 4 :, 20 + int(REACH) + 4 : 70 - int(REACH) - 4]
    np.testing.assert_allclose(calm[deep], log_disparity[deep], atol=0.05)


def test_a_near_thing_before_a_far_one_keeps_its_step():
    sky = np.zeros((60, 100), np.float32)
    sky[:20] = 1.0
    log_disparity = np.full((60, 100), -5.0, np.float32)
    log_disparity[:, 50:] = -1.0
    calm = calm_outlines(log_disparity, sky)
    assert (calm[20:, :48] < -4.8).all() and (calm[20:, 52:] > -1.2).all()


def test_nothing_changes_without_sky_or_without_anything_else():
    log_disparity, _ = house(0.5)
    for sky in (np.zeros_like(log_disparity), np.ones_like(log_disparity)):
        np.testing.assert_array_equal(calm_outlines(log_disparity, sky), log_disparity)
