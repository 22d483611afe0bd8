"""Wide blurs are those of a plain Gaussian."""

import cv2
import numpy as np
import pytest
from make_4d.ml.classical.blur import wide_blur


@pytest.mark.parametrize("sigma", [1.0, 5.0, 17.0, 60.0])
@pytest.mark.parametrize("channels", [None, 3])
def test_blur_is_that_of_a_plain_gaussian(rng, sigma, channels):
    shape = (301, 418) if channels is None else (301, 418, channels)
    values = rng.random(shape, np.float32)
    values[90:160, 200:] += 1.0
    size = 8 * int(sigma) + 1
    plain = cv2.GaussianBlur(values, (size, size), sigma, borderType=cv2.BORDER_REFLECT)
    assert np.abs(wide_blur(values, sigma) - plain).max() < 0.02


@pytest.mark.parametrize("axis", [0, 1])
def test_blur_along_one_axis_leaves_the_other_alone(axis):
    values = np.zeros((240, 200), np.float32)
    values[120, 100] = 1.0
    blurred = wide_blur(values, 20.0, (axis,))
    line = np.moveaxis(blurred, axis, 0)[:, (100, 120)[axis]]
    assert np.count_nonzero(blurred.max(axis=axis)) == 1
    at = np.arange(len(line)) - line.argmax()
    assert np.sqrt((line * at**2).sum() / line.sum()) == pytest.approx(20.0, rel=0.05)


def test_an_even_image_stays_even():
    values = np.full((30, 500, 2), 0.3, np.float32)
    np.testing.assert_allclose(wide_blur(values, 200.0), values, rtol=1e-5)
