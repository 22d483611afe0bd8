"""Images for tests of sky and depth: synthetic ones, and files at working size."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import sklearn

CHINA = Path(sklearn.__file__).parent / "datasets" / "images" / "china.jpg"


def load(path: Path, size: int = 512) -> np.ndarray:
    """Load an image file at working size, (H, W, 3) or (H, W), float32 0..1."""
    image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    scale = size / max(image.shape[:2])
    width, height = (2 * round(scale * n / 2) for n in image.shape[1::-1])
    image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(image[..., ::-1] if image.ndim == 3 else image) / np.float32(255)


def landscape(rng: np.random.Generator, height: int = 180, width: int = 240) -> tuple:
    """A blue sky, paler toward the horizon, over rough ground, with a dark tower in front.

    Returns the image, the mask of the sky and that of the tower.
    """
    rows = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    sky_color = (1 - rows) * np.float32([0.35, 0.55, 0.9]) + rows * np.float32([0.9, 0.95, 1.0])
    image = np.broadcast_to(sky_color, (height, width, 3)).copy()
    horizon = int(0.55 * height)
    ground = np.float32([0.3, 0.42, 0.2]) + rng.normal(0, 0.06, (height, width, 1))
    image[horizon:] = ground[horizon:]
    tower = np.zeros((height, width), bool)
    tower[int(0.2 * height) : int(0.75 * height), int(0.4 * width) : int(0.55 * width)] = True
    brick = np.float32([0.45, 0.2, 0.15]) + rng.normal(0, 0.06, (height, width, 1))
    image[tower] = brick[tower]
    sky = np.zeros((height, width), bool)
    sky[:horizon] = True
    return np.clip(image, 0, 1).astype(np.float32), sky & ~tower, tower
