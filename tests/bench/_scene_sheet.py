"""Contact sheets of `./make4d bench scene`: what is marked in a picture, and what is seen in it."""

from __future__ import annotations

import cv2
import numpy as np
from _scene_labels import Labelled, Labels
from _scene_reading import Reading
from _scene_views import View, inside
from make_4d.geometry.core.camera import FloatArray

CELL = (180, 240)
"""Height and width of an image of the sheet in pixels."""
PALETTE = np.array(
    [
        (0.55, 0.8, 0.95),  # sky
        (0.0, 0.4, 0.0),  # tree
        (0.35, 0.35, 0.35),  # road
        (0.5, 0.7, 0.25),  # grass
        (0.0, 0.3, 0.8),  # water
        (0.8, 0.25, 0.25),  # building
        (0.6, 0.4, 0.6),  # mountain
        (1.0, 0.8, 0.0),  # object in front
        (0.0, 0.0, 0.0),  # unknown
    ],
    np.float32,
)
SKY_TINT, WATER_TINT, FALLS_TINT, MOVES_TINT = (1, 0.9, 0), (0, 0.3, 1), (1, 0, 0.6), (1, 0.4, 0)
FLAT_TINT, UPRIGHT_TINT = (0.0, 0.8, 0.1), (0.9, 0.1, 0.1)
OPACITY = 0.6
HORIZON_COLOR, TRUE_COLOR = (1.0, 1.0, 0.0), (0.0, 1.0, 1.0)
"""Of the line of the horizon: the one that is found, and the true one."""


def picture_line(picture: Labelled, reading: Reading) -> list[FloatArray]:
    """Return the row of a labelled picture: photo, label, sky, water, flat/upright, disparity."""
    label = label_image(picture.image, picture.labels)
    return line(picture.image, label, reading, picture.labels.horizon)


def view_line(view: View, reading: Reading) -> list[FloatArray]:
    """Return the row of a view, with its points' disparity as the label."""
    points = inside(view)
    marked = 0.4 * view.image
    shades = shaded(1.0 / points[:, 2].astype(np.float32))
    for (x, y), color in zip(points[:, :2], shades, strict=True):
        cv2.circle(marked, (int(x), int(y)), 3, [float(v) for v in color], -1)
    return line(view.image, marked, reading, None)


def line(
    image: FloatArray, label: FloatArray, reading: Reading, horizon: float | None
) -> list[FloatArray]:
    """Return a row of the sheet, images of the size CELL; horizon: the true one in pixels."""
    flat = image
    if reading.flat is not None:
        flat = tinted(image, reading.flat, FLAT_TINT)
        flat = tinted(flat, (1 - reading.flat) * (1 - reading.sky), UPRIGHT_TINT)
    flat = with_row(with_row(flat, horizon, TRUE_COLOR), reading.horizon, HORIZON_COLOR)
    wet = tinted(tinted(image, reading.water, WATER_TINT), reading.falls, FALLS_TINT)
    sky = tinted(image, reading.sky, SKY_TINT)
    return [cell(one) for one in (image, label, sky, wet, flat, shaded(reading.disparity))]


def label_image(image: FloatArray, labels: Labels) -> FloatArray:
    """Return the labels of a picture (H, W, 3) as colors, or over the picture."""
    if labels.regions is not None:
        return PALETTE[np.minimum(labels.regions, len(PALETTE) - 1)]
    for marks, tint in (
        (labels.sky, SKY_TINT),
        (labels.water, WATER_TINT),
        (labels.moves, MOVES_TINT),
    ):
        if marks is not None:
            image = tinted(image, marks.inside.astype(np.float32), tint)
    return image


def tinted(image: FloatArray, mask: FloatArray, tint: tuple[float, ...]) -> FloatArray:
    """Return an image (H, W, 3) with a soft mask (H, W) in a color."""
    opacity = OPACITY * mask[..., None]
    return (image * (1 - opacity) + opacity * np.array(tint, np.float32)).astype(np.float32)


def shaded(disparity: FloatArray) -> FloatArray:
    """Return disparity (...) in colors (..., 3), by its logarithm from the farthest to 1."""
    positive = disparity[disparity > 0]
    if not positive.size:
        return np.zeros((*disparity.shape, 3), np.float32)
    low, high = np.log(np.percentile(positive, (1, 99)))
    level = (np.log(np.maximum(disparity, 1e-12)) - low) / max(float(high - low), 1e-6)
    gray = np.rint(255 * np.clip(level, 0, 1)).astype(np.uint8)
    colors = cv2.applyColorMap(gray.reshape(-1, 1), cv2.COLORMAP_INFERNO)[..., ::-1]
    return (colors / 255.0).astype(np.float32).reshape(*disparity.shape, 3)


def with_row(image: FloatArray, row: float | None, color: tuple[float, ...]) -> FloatArray:
    """Return an image with a horizontal line at a row, if there is one inside."""
    if row is None or not 0 <= row < len(image):
        return image
    lined = image.copy()
    start = min(int(row), len(image) - 2)
    lined[start : start + 2] = color
    return lined


def cell(image: FloatArray) -> FloatArray:
    """Return an image scaled into the middle of a white one of the size CELL."""
    scale = min(CELL[0] / image.shape[0], CELL[1] / image.shape[1])
    width, height = round(image.shape[1] * scale), round(image.shape[0] * scale)
    small = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    result = np.ones((*CELL, 3), np.float32)
    top, left = (CELL[0] - height) // 2, (CELL[1] - width) // 2
    result[top : top + height, left : left + width] = small
    return result
