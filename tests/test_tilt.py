"""The tilt of a photo's horizon, on made pictures and on photos turned by known angles."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from make_4d.ml.classical.sky import sky_region
from make_4d.ml.classical.tilt import horizon_tilt
from sklearn.datasets import load_sample_image

HEIGHT, WIDTH = 320, 480
EXACT = np.radians(0.3)
PHOTO = np.radians(1.0)
ANGLES = (-8.0, -3.0, 0.0, 2.0, 6.0)


def turned(picture: np.ndarray, degrees: float) -> np.ndarray:
    """The picture turned clockwise about its middle, cut to what is whole for all ANGLES."""
    height, width = picture.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), -degrees, 1.0)
    whole = cv2.warpAffine(
        picture, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT
    )
    y, x = round(0.11 * height), round(0.11 * width)
    return np.ascontiguousarray(np.clip(whole[y : height - y, x : width - x], 0.0, 1.0))


def sea(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Sky over a sea with glints, and a slanted shore."""
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
    """Walls that a camera looking up sees converge, and beams that run away from it."""
    image = np.full((HEIGHT, WIDTH, 3), 0.7, np.float32)
    for x in range(30, WIDTH, 55):
        top = round(WIDTH / 2 + (x - WIDTH / 2) * 0.8)
        cv2.line(image, (top, 20), (x, 300), (0.2, 0.2, 0.2), 6, cv2.LINE_AA)
    for slope in (-0.2, -0.12, 0.08, 0.22):
        cv2.line(image, (0, 160), (150, 160 + round(150 * slope)), (0.5, 0.4, 0.4), 3, cv2.LINE_AA)
    return image, np.zeros((HEIGHT, WIDTH), np.float32)


@pytest.mark.parametrize("degrees", ANGLES)
def test_a_sea_horizon_tells_the_tilt(degrees, rng):
    image, sky = sea(rng)
    found = horizon_tilt(turned(image, degrees), turned(sky, degrees))
    assert found == pytest.approx(np.radians(degrees), abs=EXACT)


@pytest.mark.parametrize("degrees", ANGLES)
def test_converging_walls_tell_the_tilt(degrees):
    image, sky = colonnade()
    found = horizon_tilt(turned(image, degrees), turned(sky, degrees))
    assert found == pytest.approx(np.radians(degrees), abs=2 * EXACT)


def test_a_picture_without_lines_tells_nothing(rng):
    noise = cv2.GaussianBlur(rng.random((HEIGHT, WIDTH, 3)).astype(np.float32), (0, 0), 4.0)
    nothing = np.zeros((HEIGHT, WIDTH), np.float32)
    assert horizon_tilt(noise, nothing) == 0.0
    assert horizon_tilt(np.full_like(noise, 0.5), nothing) == 0.0


def test_two_slopes_contradict_each_other():
    image = np.full((HEIGHT, WIDTH, 3), 0.9, np.float32)
    cv2.line(image, (20, 100), (460, 130), (0.1, 0.1, 0.1), 4, cv2.LINE_AA)
    cv2.line(image, (20, 250), (460, 220), (0.1, 0.1, 0.1), 4, cv2.LINE_AA)
    assert horizon_tilt(image, np.zeros((HEIGHT, WIDTH), np.float32)) == 0.0


def test_a_frame_around_the_picture_is_no_horizon():
    image = np.full((HEIGHT, WIDTH, 3), 0.5, np.float32)
    image[:2] = image[-2:] = 0.0
    image[:, :2] = image[:, -2:] = 0.0
    assert horizon_tilt(image, np.zeros((HEIGHT, WIDTH), np.float32)) == 0.0


def test_photos_turned_by_known_angles(shared):
    for path in sorted((shared / "photos").glob("*.jpg")):
        picture = cv2.imread(str(path))[..., ::-1].astype(np.float32) / 255
        small = cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        mask = cv2.imread(str(path.with_name(f"{path.stem}-sky.png")), cv2.IMREAD_GRAYSCALE)
        sky = cv2.resize(mask, small.shape[1::-1]).astype(np.float32) / 255
        answers = check_photo(small, sky, path.name)
        if path.stem in ("pier", "iron-bridge"):
            assert np.count_nonzero(answers) >= 4


def test_a_free_photo_turned_by_known_angles():
    picture = load_sample_image("china.jpg").astype(np.float32) / 255
    check_photo(picture, sky_region(picture), "china.jpg")


def check_photo(picture: np.ndarray, sky: np.ndarray, name: str) -> list[float]:
    """The answers for a photo that is level; where there is one, it must be right."""
    answers = [horizon_tilt(turned(picture, a), turned(sky, a)) for a in ANGLES]
    for angle, answer in zip(ANGLES, answers, strict=True):
        assert answer == 0.0 or answer == pytest.approx(np.radians(angle), abs=PHOTO), name
    return answers
