"""Traces of silhouettes leave the sky, and the fringe over the cleaned sky is still the photo."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from make_4d.geometry.core import halos
from make_4d.geometry.core.color import linear_to_srgb, srgb_to_linear
from make_4d.geometry.core.matting import Matte, matte_edges

HEIGHT, WIDTH, SIZE = 120, 160, 512
LAND = (0.15, 0.2, 0.1)


def gradient_sky() -> np.ndarray:
    """A sky that gets brighter toward the horizon and to the right, sRGB."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH] / (HEIGHT, WIDTH)[0]
    return np.stack([0.45 + 0.3 * y, 0.55 + 0.25 * y, 0.8 + 0.05 * x], axis=2).astype(np.float32)


def ridge() -> np.ndarray:
    """Where the land is: below a wavy skyline."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    return y > 70 + 12 * np.sin(x / 14)


def photo_of(sky: np.ndarray, land: np.ndarray, sharpening: float) -> np.ndarray:
    """Land before a sky, blurred and sharpened as cameras do."""
    image = np.where(land[..., None], np.float32(LAND), sky)
    image = cv2.GaussianBlur(image, (0, 0), 1.2)
    soft = cv2.GaussianBlur(image, (0, 0), 3.0)
    return np.clip(image + sharpening * (image - soft), 0, 1).astype(np.float32)


def peeled(image: np.ndarray, land: np.ndarray) -> tuple[Matte, Matte]:
    """The matte of a photo before and after the traces are taken out of its sky."""
    matte = matte_edges(image, np.where(land, 0.5, 0.0).astype(np.float32), 1)
    behind = ~land.ravel()[matte.far]
    return matte, halos.peel_sky(matte, image, behind, SIZE)


def composite(matte: Matte) -> np.ndarray:
    """The fringe over the background, in linear light."""
    opacity = matte.opacity[..., None]
    far, near = srgb_to_linear(matte.far_color), srgb_to_linear(matte.near_color)
    return (1 - opacity) * far + opacity * near


def outline(matte: Matte, sky: np.ndarray, land: np.ndarray) -> float:
    """Mean difference of the background from the true sky within 8 pixels of the land."""
    away = cv2.distanceTransform((~land).astype(np.uint8), cv2.DIST_L2, 5)
    beside = (away > 0) & (away < 8)
    return float(np.abs(matte.far_color - sky)[beside].mean())


@pytest.mark.parametrize("sharpening", [0.0, 0.4])
def test_no_outline_stays_in_a_smooth_sky(sharpening: float) -> None:
    sky, land = gradient_sky(), ridge()
    before, after = peeled(photo_of(sky, land, sharpening), land)
    assert outline(before, sky, land) > 0.008
    assert outline(after, sky, land) < 0.5 * outline(before, sky, land)


@pytest.mark.parametrize("sharpening", [0.0, 0.4])
def test_fringe_over_the_cleaned_sky_is_the_photo(sharpening: float) -> None:
    land = ridge()
    image = photo_of(gradient_sky(), land, sharpening)
    before, after = peeled(image, land)
    truth = srgb_to_linear(image)
    known = np.abs(composite(before) - truth).max()
    assert np.abs(composite(after) - truth).max() <= known + 2e-3
    solid = before.opacity > 0.9
    assert np.array_equal(after.opacity[solid] > 0.9, before.opacity[solid] > 0.9)


def test_twigs_that_no_depth_shows_leave_the_sky_with_the_land() -> None:
    sky, land = gradient_sky(), ridge()
    image = photo_of(sky, land, 0.0)
    twig = np.zeros_like(land)
    twig[64:70, 40:42] = True  # above the ridge, within reach of it
    image[twig] = LAND
    _, after = peeled(image, land)
    assert np.abs(after.far_color - sky)[twig].mean() < 0.04
    assert after.opacity[twig].mean() > 0.8
    assert land.ravel()[after.near[twig]].all()


def test_texture_of_the_sky_stays_in_it(rng: np.random.Generator) -> None:
    land = ridge()
    noise = cv2.GaussianBlur(rng.standard_normal((HEIGHT, WIDTH)).astype(np.float32), (0, 0), 2.5)
    sky = gradient_sky() + (0.04 * noise / noise.std())[..., None]
    image = np.where(land[..., None], np.float32(LAND), sky).astype(np.float32)
    before, after = peeled(image, land)
    open_sky = ~land & (before.opacity == 0)
    kept = np.abs(after.far_color - sky)[open_sky].mean()
    assert kept < 0.3 * 0.04


def test_means_along_a_silhouette_keep_distances_apart(rng: np.random.Generator) -> None:
    away = np.broadcast_to(np.arange(12, dtype=np.float32)[:, None], (12, 40)).copy()
    band = away <= 5
    noise = rng.normal(0, 0.2, (12, 40, 2)).astype(np.float32)
    values = away[..., None] + noise
    mean = halos.mean_along(values, away, band, 8.0)
    for row in range(6):
        assert np.abs(mean[row] - row).max() < 0.3 < np.abs(values[row] - row).max()
    assert not mean[6:].any()


def test_means_along_a_silhouette_against_plain_sums(rng: np.random.Generator) -> None:
    away = np.broadcast_to(np.arange(90, dtype=np.float32)[:, None] / 15, (90, 120)).copy()
    band = (away <= 5) & (rng.random((90, 120)) < 0.9)
    x, y = np.meshgrid(np.arange(120), np.arange(90))
    values = np.stack([np.sin(x / 30.0), 0.02 * y + away], axis=2).astype(np.float32)
    sigma = 2.0 * halos.FINENESS
    mean = halos.mean_along(values, away, band, sigma)
    for row, column in ((20, 60), (44, 50), (70, 70)):
        if not band[row, column]:
            continue
        shell = band & (np.ceil(away) == np.ceil(away[row, column]))
        counts = np.exp(-((y - row) ** 2 + (x - column) ** 2) / (2 * sigma**2)) * shell
        plain = (counts[..., None] * values).sum(axis=(0, 1)) / counts.sum()
        assert mean[row, column] == pytest.approx(plain, abs=0.03)


def test_without_sky_or_without_clean_sky_nothing_changes() -> None:
    land = np.ones((HEIGHT, WIDTH), bool)
    land[:20] = False
    image = photo_of(gradient_sky(), land, 0.5)
    matte = matte_edges(image, np.where(land, 0.5, 0.1).astype(np.float32), 1)
    assert halos.peel_sky(matte, image, np.zeros_like(land), SIZE) is matte
    slit = np.zeros_like(land)
    slit[:, ::8] = True
    assert halos.peel_sky(matte, image, slit, SIZE) is matte


def test_planes_against_a_plain_fit(rng: np.random.Generator) -> None:
    colors = rng.random((12, 15, 3)).astype(np.float32)
    weight = (rng.random((12, 15)) < 0.7).astype(np.float32)
    sigma = 3.0
    fitted, share = halos.fit_planes(colors, weight, sigma)
    y, x = np.mgrid[0:12, 0:15]
    for row, column in ((6, 7), (2, 3), (9, 12)):
        kernel = np.exp(-((y - row) ** 2 + (x - column) ** 2) / (2 * sigma**2))
        counts = (kernel * weight).ravel()
        assert share[row, column] == pytest.approx(counts.sum() / (2 * np.pi * sigma**2), rel=0.02)
        positions = np.stack([(x.ravel() - column) / sigma, (y.ravel() - row) / sigma], axis=1)
        middle = counts @ positions / counts.sum()
        away = positions - middle
        moments = (counts * away.T) @ away / counts.sum() + halos.LEVEL * np.eye(2)
        for channel in range(3):
            values = colors[..., channel].ravel()
            mean = counts @ values / counts.sum()
            slope = np.linalg.solve(moments, (counts * away.T) @ (values - mean) / counts.sum())
            plain = np.clip(mean - slope @ middle, values.min(), values.max())
            assert fitted[row, column, channel] == pytest.approx(plain, abs=0.01)


def test_least_opacity_keeps_colors_in_range(rng: np.random.Generator) -> None:
    colors, behind = rng.random((2, 200, 3)).astype(np.float32)
    opacity = halos.least_opacity(colors, behind, np.zeros(200, np.float32))
    fringe = behind + (colors - behind) / opacity[:, None]
    assert fringe.min() > -0.01 and fringe.max() < 1.01
    smaller = behind + (colors - behind) / (0.9 * opacity[:, None])
    assert ((smaller < 0) | (smaller > 1)).any(axis=1).mean() > 0.9
    assert np.allclose(linear_to_srgb(np.clip(fringe, 0, 1)).max(), 1, atol=0.05)


def test_a_dusk_that_changes_toward_the_horizon_stays_in_the_sky() -> None:
    """Taken for a trace, it would move with the shore, and the sky would be too bright there."""
    y = np.mgrid[0:HEIGHT, 0:WIDTH][0]
    land = y > 80
    dusk = np.exp(-((80 - np.minimum(y, 80)) / 7.0))[..., None]
    sky = (np.float32([0.9, 0.65, 0.65]) - dusk * np.float32([0.45, 0.4, 0.15])).astype(np.float32)
    _, after = peeled(photo_of(sky, land, 0.0), land)
    beside = (y > 70) & (y < 77)
    assert np.abs(after.far_color - sky)[beside].max() < 0.02
    assert after.opacity[beside].max() < 0.02


def test_no_line_stays_in_a_sky_of_clouds(rng: np.random.Generator) -> None:
    """It would be fainter than they are, but have the shape of the silhouette."""
    clouds = cv2.GaussianBlur(rng.random((HEIGHT, WIDTH), np.float32), (0, 0), 3.0)
    sky = gradient_sky() + 0.8 * (clouds - clouds.mean())[..., None]
    land = ridge()
    image = photo_of(sky, land, 0.4)
    _, after = peeled(image, land)
    away = cv2.distanceTransform((~land).astype(np.uint8), cv2.DIST_L2, 5)
    beside, farther = ((away > low) & (away <= high) for low, high in ((0, 2), (4, 8)))

    def fineness(where: np.ndarray) -> float:
        image = np.where(land[..., None], sky, after.far_color)
        return float(np.abs(cv2.Laplacian(image, cv2.CV_32F))[where].mean())

    assert fineness(beside) < 3.0 * fineness(farther)
    np.testing.assert_allclose(composite(after), srgb_to_linear(image), atol=0.02)
