"""Small pieces of sky that don't look like the sky."""

import numpy as np
from make_4d.ml.scene.strays import without_strays


def arch():
    """Return the share of sky and the image of a blue sky over dark rock with two more pieces."""
    image = np.full((80, 120, 3), [0.2, 0.1, 0.1], np.float32)
    sky = np.full((80, 120), 0.02, np.float32)
    sky[:40] = 0.98
    image[:40] = [0.4, 0.7, 0.9]
    sky[60:64, 20:24] = 0.98
    image[60:64, 20:24] = [0.42, 0.7, 0.9]
    sky[60:66, 90:96] = 0.9
    return sky, image


def test_a_dark_piece_is_no_sky_and_one_with_its_colors_is():
    sky, image = arch()
    kept = without_strays(sky, image)
    assert kept[60:66, 90:96].max() == 0.0
    np.testing.assert_array_equal(kept[:, :80], sky[:, :80])


def test_a_large_piece_may_look_different():
    sky, image = arch()
    sky[50:75, :] = 0.9
    image[50:75, :] = [0.9, 0.5, 0.2]
    np.testing.assert_array_equal(without_strays(sky, image), sky)


def test_one_piece_stays_and_so_does_none():
    sky, image = arch()
    for only in (np.where(np.arange(80)[:, None] < 40, sky, 0.0), np.zeros_like(sky)):
        np.testing.assert_array_equal(without_strays(only.astype(np.float32), image), only)
