"""The maps of an outpainted photo, with those of the photo itself in its middle."""

import numpy as np
import pytest
from make_4d.ml.scene.maps import CHANNELS, Map
from make_4d.ml.scene.merged import FADE, merged_maps

DEPTH = int(Map.LOG_DISPARITY)


def solid_maps(rng, height, width):
    """Return random maps without sky."""
    maps = rng.normal(size=(CHANNELS, height, width)).astype(np.float32)
    maps[Map.SKY] = -6.0
    return maps


def test_the_photo_is_as_it_sees_itself(rng):
    whole, photo = solid_maps(rng, 96, 128), solid_maps(rng, 100, 140)
    merged = merged_maps(whole, photo, (300, 420), (50, 70, 50, 70))
    assert merged.shape == (CHANNELS, 150, 210)
    inside = merged[:, 25:125, 35:175]
    middle = slice(30, 70), slice(40, 100)
    np.testing.assert_allclose(np.delete(inside, DEPTH, 0)[:, *middle],
                               np.delete(photo, DEPTH, 0)[:, *middle], atol=1e-5)  # fmt: skip
    difference = (inside - photo)[DEPTH][middle]
    assert np.ptp(difference) < 1e-4  # disparities are known up to a factor


def test_nothing_jumps_at_the_border(rng):
    height = 100
    slope = np.linspace(0, 2, 210, dtype=np.float32)
    whole = np.zeros((CHANNELS, 150, 210), np.float32)
    whole[DEPTH], whole[Map.SKY] = slope, -6.0
    photo = whole[:, 25:125, 35:175].copy()
    photo[DEPTH] += 3.0 + 0.5 * np.sin(np.arange(height) / 9)[:, None]
    photo[Map.WATER] = 4.0
    merged = merged_maps(whole, photo, (300, 420), (50, 70, 50, 70))
    np.testing.assert_allclose(merged[:, :25], whole[:, :25], atol=1e-5)
    for name, largest in ((DEPTH, 0.08), (Map.WATER, 1.5 * 4.0 / FADE)):
        for axis in (0, 1):
            assert np.abs(np.diff(merged[name], axis=axis)).max() < largest


@pytest.mark.parametrize("margins", [(40, 0, 0, 0), (0, 30, 0, 0), (0, 0, 20, 0), (0, 0, 0, 1)])
def test_a_side_without_margin_has_no_seam(rng, margins):
    top, right, bottom, left = margins
    whole, photo = solid_maps(rng, 64, 64), solid_maps(rng, 100, 100)
    size = (200 + top + bottom, 200 + left + right)
    merged = merged_maps(whole, photo, size, margins)
    rows, columns = merged.shape[1:]
    y, x = round(top / 2), round(left / 2)
    inside = merged[Map.FLAT, y : y + 100, x : x + 100]
    assert (rows, columns) == (y + 100 + round(bottom / 2), x + 100 + round(right / 2))
    free = [inside[0] if not top else None, inside[-1] if not bottom else None,
            inside[:, 0] if not left else None, inside[:, -1] if not right else None]  # fmt: skip
    own = [photo[Map.FLAT, 0], photo[Map.FLAT, -1], photo[Map.FLAT, :, 0], photo[Map.FLAT, :, -1]]
    for side, expected in zip(free, own, strict=True):
        if side is not None:
            np.testing.assert_allclose(side[10:-10], expected[10:-10], atol=1e-5)


def test_a_photo_of_sky_alone_needs_no_offset(rng):
    whole, photo = solid_maps(rng, 64, 64), solid_maps(rng, 64, 64)
    whole[Map.SKY] = photo[Map.SKY] = 6.0
    assert np.isfinite(merged_maps(whole, photo, (160, 160), (16, 16, 16, 16))).all()
