"""Horizon tilt of synthetic images and of photos rotated by known angles."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from make_4d.ml.classical.sky import sky_region
from make_4d.ml.classical.tilt import horizon_tilt
from sklearn.datasets import load_sample_image

HEIGHT, WIDTH = 320, 480
LINE_TOLERANCE = np.radians(0.3)
PHOTO_TOLERANCE = np.radians(1.0)
ANGLES = (-8.0, -3.0, 0.0, 2.0, 6.0)


def rotated(image: np.ndarray, degrees: float) -> np.ndarray:
    """Rotate an image clockwise about its center and crop it to what is complete for all ANGLES."""
    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), -degrees, 1.0)
    rotated_image = cv2.warpAffine(
        image, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT
    )
    y, x = round(0.11 * height), round(0.11 * width)
    return np.ascontiguousarray(np.clip(rotated_image[y : height - y, x : width - x], 0.0, 1.0))


def sea(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Sky above a sea with glints, and a slanted shore."""
    image = np.full((HEIGHT, WIDTH, 3), (0.6, 0.75, 0.9), np.float32)
    image[140:] = (0.1, 0.25, 0.4)
    for _ in range(60):
        x, y = rng.integers(0, WIDTH), rng.integers(150, HEIGHT)
        cv2.line(image, (int(x), int(y)), (int(x + 30), int(y)), (0.3, 0.45, 0.6), 1)
    cv2.line(image, (0, 300), (200, 270), (0.8, 0.7, 0.5), 4)
    sky = np.zeros((HEIGHT, WIDTH), np.float32)
    sky[:140] = 1.0
    return image, sky


def colonnade() -> tuple[np.ndarray, np.ndarray]:
    """Walls that converge for a camera that looks up, and beams that recede from it."""
    image = np.full((HEIGHT, WIDTH, 3), 0.7, np.float32)
    for x in range(30, WIDTH, 55):
        top = round(WIDTH / 2 + (x - WIDTH / 2) * 0.8)
        cv2.line(image, (top, 20), (x, 300), (0.2, 0.2, 0.2), 6, cv2.LINE_AA)
    for slope in (-0.2, -0.12, 0.08, 0.22):
        cv2.line(image, (0, 160), (150, 160 + round(150 * slope)), (0.5, 0.4, 0.4), 3, cv2.LINE_AA)
    return image, np.zeros((HEIGHT, WIDTH), np.float32)


@pytest.mark.parametrize("degrees", ANGLES)
def test_tilt_of_a_sea_horizon(degrees, rng):
    image, sky = sea(rng)
    tilt = horizon_tilt(rotated(image, degrees), rotated(sky, degrees))
    assert tilt == pytest.approx(np.radians(degrees), abs=LINE_TOLERANCE)


@pytest.mark.parametrize("degrees", ANGLES)
def test_tilt_of_converging_walls(degrees):
    image, sky = colonnade()
    tilt = horizon_tilt(rotated(image, degrees), rotated(sky, degrees))
    assert tilt == pytest.approx(np.radians(degrees), abs=2 * LINE_TOLERANCE)


def test_image_without_lines_has_no_tilt(rng):
    noise = cv2.GaussianBlur(rng.random((HEIGHT, WIDTH, 3)).astype(np.float32), (0, 0), 4.0)
    no_sky = np.zeros((HEIGHT, WIDTH), np.float32)
    assert horizon_tilt(noise, no_sky) == 0.0
    assert horizon_tilt(np.full_like(noise, 0.5), no_sky) == 0.0


def test_contradicting_slopes_have_no_tilt():
    image = np.full((HEIGHT, WIDTH, 3), 0.9, np.float32)
    cv2.line(image, (20, 100), (460, 130), (0.1, 0.1, 0.1), 4, cv2.LINE_AA)
    cv2.line(image, (20, 250), (460, 220), (0.1, 0.1, 0.1), 4, cv2.LINE_AA)
    assert horizon_tilt(image, np.zeros((HEIGHT, WIDTH), np.float32)) == 0.0


def test_frame_around_the_image_is_not_a_horizon():
    image = np.full((HEIGHT, WIDTH, 3), 0.5, np.float32)
    image[:2] = image[-2:] = 0.0
    image[:, :2] = image[:, -2:] = 0.0
    assert horizon_tilt(image, np.zeros((HEIGHT, WIDTH), np.float32)) == 0.0


def test_photos_rotated_by_known_angles(shared):
    for path in sorted((shared / "photos").glob("*.jpg")):
        image = cv2.imread(str(path))[..., ::-1].astype(np.float32) / 255
        small = cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        mask = cv2.imread(str(path.with_name(f"{path.stem}-sky.png")), cv2.IMREAD_GRAYSCALE)
        sky = cv2.resize(mask, small.shape[1::-1]).astype(np.float32) / 255
        tilts = check_photo(small, sky, path.name)
        if path.stem in ("pier", "iron-bridge"):
            assert np.count_nonzero(tilts) >= 4


def test_sample_photo_rotated_by_known_angles():
    image = load_sample_image("china.jpg").astype(np.float32) / 255
    check_photo(image, sky_region(image), "china.jpg")


def check_photo(image: np.ndarray, sky: np.ndarray, name: str) -> list[float]:
    """Return the tilts found in a level photo after rotation; each must be 0 or right."""
    tilts = [horizon_tilt(rotated(image, a), rotated(sky, a)) for a in ANGLES]
    for angle, tilt in zip(ANGLES, tilts, strict=True):
        assert tilt == 0.0 or tilt == pytest.approx(np.radians(angle), abs=PHOTO_TOLERANCE), name
    return tilts
