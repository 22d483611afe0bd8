"""The guided filter, and upsampling with it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from make_4d.ml.scene.guided import guided_filter, guided_upsample


def test_guided_filter_matches_plain_windows(rng: np.random.Generator) -> None:
    guide = rng.random((7, 8, 3), dtype=np.float32)
    values = rng.random((7, 8), dtype=np.float32)
    radius, eps = 1, 0.01
    padded_guide = np.pad(guide, ((1, 1), (1, 1), (0, 0)), "symmetric")
    padded_values = np.pad(values, 1, "symmetric")
    slope, offset = np.empty((7, 8, 3)), np.empty((7, 8))
    for i in range(7):
        for j in range(8):
            window = padded_guide[i : i + 3, j : j + 3].reshape(-1, 3).astype(float)
            value = padded_values[i : i + 3, j : j + 3].ravel().astype(float)
            cross = window.T @ value / 9 - window.mean(0) * value.mean()
            slope[i, j] = np.linalg.solve(np.cov(window.T, bias=True) + eps * np.eye(3), cross)
            offset[i, j] = value.mean() - slope[i, j] @ window.mean(0)
    slope = np.pad(slope, ((1, 1), (1, 1), (0, 0)), "symmetric")
    offset = np.pad(offset, 1, "symmetric")
    for i in range(7):
        for j in range(8):
            mean = slope[i : i + 3, j : j + 3].reshape(-1, 3).mean(0)
            expected = mean @ guide[i, j] + offset[i : i + 3, j : j + 3].mean()
            assert guided_filter(guide, values, radius, eps)[i, j] == pytest.approx(
                expected, abs=2e-3
            )


def test_upsampled_maps_have_the_edges_of_the_image(rng: np.random.Generator) -> None:
    """Bars finer than the maps' pixels appear in the map that follows their color."""
    bars = (np.arange(240) // 5 % 2)[None].repeat(160, 0).astype(np.float32)
    bars[:, 120:] = 0.0
    image = (0.2 + 0.6 * bars[..., None] + rng.normal(0, 0.01, (160, 240, 1))).astype(np.float32)
    image = image.repeat(3, -1)
    small = cv2.resize(bars, (60, 40), interpolation=cv2.INTER_AREA)
    values = np.stack([small, np.full_like(small, 0.5)])
    result = guided_upsample(values, image, 2, 1e-4)
    assert result.shape == (2, 160, 240)
    assert np.abs(result[0] - bars)[10:-10, 10:-10].mean() < 0.1
    np.testing.assert_allclose(result[1], 0.5, atol=1e-3)


@pytest.mark.parametrize("shape", [(1, 1), (2, 9), (40, 3)])
def test_images_may_be_smaller_than_the_maps(shape: tuple[int, int]) -> None:
    image = np.full((*shape, 3), 0.5, np.float32)
    result = guided_upsample(np.full((1, 16, 24), 0.7, np.float32), image, 2, 1e-3)
    np.testing.assert_allclose(result, np.full((1, *shape), 0.7), atol=1e-5)
