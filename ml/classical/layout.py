"""The scene's coarse shape: horizon, ground plane, and the walls of a corridor."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from ...geometry.core.camera import FloatArray
from .appearance import appearance
from .mirror import mirrored_region
from .vanishing import VanishingPoint, vanishing_point

FAR = 0.025
"""Disparity of the farthest ground; the sky's is 0."""
Mask = NDArray[np.bool_]

HIGHEST, LOWEST = 0.15, 0.75
WITHOUT_SKY = -0.15
"""The horizon's place, as a share of the height, where no sky is seen: above the picture."""
MIN_WIDTH = 0.02
SMALLEST_SIDE = 16
GAPS = 0.05
"""Gaps in a reflection that are closed, as a share of the width."""
CORRIDOR_STRENGTH, AGREED_STRENGTH = 0.4, 0.15
OPEN_WIDTH, OPEN_HEIGHT = 0.2, 0.02
"""Share of the width over which sky comes down to within this share of the height of its lowest
row: in a street it is a narrow wedge."""
MIN_WALL = 0.12
"""Share of the area above the horizon, on one side, that a wall takes at least."""
RISE = 1.2
"""A wall takes more of its side's outer third than of the side, by this factor."""
CEILING = 0.6
"""Disparity of a ceiling where the picture ends above."""
FOOT_SLOPES = np.linspace(0.25, 1.3, 36)
USUAL_SLOPE = 0.5


@dataclass(frozen=True)
class Layout:
    """horizon: row in pixels; template (H, W): disparity of ground and walls, 0..1; mirrored (H, W)
    0..1: water that shows what is above; corridor: whether there are walls."""

    horizon: float
    template: FloatArray
    mirrored: FloatArray
    corridor: bool


def scene_layout(image: FloatArray, sky: FloatArray, horizon: float | None) -> Layout:
    """Lay out the scene of an image (H, W, 3), sRGB 0..1, with a soft sky mask (H, W).

    horizon: its row in pixels where it is known.
    """
    height, width = sky.shape
    solid = sky < 0.5
    lowest = lowest_sky_row(sky)
    point = vanishing_point(image, solid, lowest - 0.02 * height)
    agreed = _at_sky_end(sky, lowest, point) and _rises_outward(solid, point)
    needed = AGREED_STRENGTH if agreed else CORRIDOR_STRENGTH
    strong = point.strength >= needed and not _is_open(sky, lowest)
    mirrored, shore = _reflection(image, sky, lowest)
    if horizon is None:
        horizon = point.y if strong else lowest if shore is None else shore
        highest = HIGHEST if strong or lowest > 0 else WITHOUT_SKY
        horizon = float(np.clip(horizon, highest * height, LOWEST * height))
    ground = ground_disparity(height, width, horizon)
    if not strong:
        return Layout(horizon, ground, mirrored, False)
    plain = Layout(horizon, ground, mirrored, False)
    return _with_walls(image, plain, solid, point.x)


def enclosed(image: FloatArray, layout: Layout, solid: Mask) -> Layout:
    """The same layout with walls left and right of the picture's middle, and a ceiling over it,
    where things rise there."""
    height, width = solid.shape
    over = solid[: max(1, int(layout.horizon)), width // 3 : -(width // 3) or None]
    if layout.horizon > 1 and over.mean() >= MIN_WALL:
        rows = np.arange(height, dtype=np.float32)[:, None] + 0.5
        ceiling = FAR + CEILING * np.clip(1.0 - rows / layout.horizon, 0.0, 1.0)
        layout = replace(layout, template=np.maximum(layout.template, ceiling).astype(np.float32))
    return _with_walls(image, layout, solid, width / 2)


def _reflection(image: FloatArray, sky: FloatArray, row: float) -> tuple[FloatArray, float | None]:
    """What mirrors things below a row (H, W) 0..1, and the shore's row; zeros and None without."""
    height, width = sky.shape
    if min(height, width) < SMALLEST_SIDE or (sky < 0.5).all():
        return np.zeros((height, width), np.float32), None
    region = mirrored_region(appearance(image, sky, row)).astype(np.float32)
    if not region.any():
        return np.zeros((height, width), np.float32), None
    first = int(np.flatnonzero(region.any(1))[0])
    # Stones and ripples leave gaps; twice the shore's depth down, what is mirrored is out of sight.
    reach = max(1, round(GAPS * region.shape[1]))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    region = cv2.morphologyEx(region, cv2.MORPH_CLOSE, kernel)
    region[2 * first :] = np.maximum(region[2 * first :], region[: 2 * first].max(0))
    shore = float(first * height / region.shape[0])
    return cv2.resize(region, (width, height), interpolation=cv2.INTER_LINEAR), shore


def _with_walls(image: FloatArray, layout: Layout, solid: Mask, x: float) -> Layout:
    walls = _walls(image, solid, VanishingPoint(x, layout.horizon, 1.0))
    template = np.maximum(layout.template, np.clip(walls, 0.0, 1.0)).astype(np.float32)
    return Layout(layout.horizon, template, layout.mirrored, bool(walls.max() > 0))


def lowest_sky_row(sky: FloatArray) -> float:
    """Row below the lowest one that has sky over at least a fiftieth of the width.

    The sky reaches down to the horizon where nothing stands before it.
    """
    rows = np.flatnonzero((sky >= 0.5).mean(1) >= MIN_WIDTH)
    return float(rows.max() + 1) if len(rows) else WITHOUT_SKY * sky.shape[0]


def _is_open(sky: FloatArray, lowest: float) -> bool:
    """Whether the sky meets the horizon over a wide span: no walls stand left and right of it."""
    height, width = sky.shape
    span = sky[max(0, int(lowest - OPEN_HEIGHT * height)) : max(1, int(lowest))] >= 0.5
    return bool(span.any(0).sum() > OPEN_WIDTH * width)


def _at_sky_end(sky: FloatArray, lowest: float, point: VanishingPoint) -> bool:
    """Whether the sky reaches lowest just above the vanishing point, as it does over a street."""
    height, width = sky.shape
    columns = np.flatnonzero((sky[max(0, int(lowest) - 2) : int(lowest)] >= 0.5).any(0))
    if not len(columns):
        return False
    away = abs(float(np.median(columns)) + 0.5 - point.x) / width
    return away < 0.1 and abs(point.y - lowest) < 0.08 * height


def _rises_outward(solid: Mask, point: VanishingPoint) -> bool:
    """Whether what stands on both sides of a point rises with the distance from it."""
    above = solid[: max(1, int(point.y))]
    middle = int(np.clip(point.x, 0, solid.shape[1]))
    for side in (above[:, :middle][:, ::-1], above[:, middle:]):
        outer = side[:, 2 * side.shape[1] // 3 :]
        if not outer.size or outer.mean() < RISE * side.mean() or outer.mean() < MIN_WALL:
            return False
    return True


def ground_disparity(height: int, width: int, horizon: float) -> FloatArray:
    """Disparity (H, W) of a ground plane that vanishes at the row `horizon`, 1 at the bottom."""
    rows = np.arange(height, dtype=np.float32) + 0.5 - horizon
    rise = np.clip(rows / max(height - horizon, 1.0), 0.0, 1.0)
    return np.repeat((FAR + (1.0 - FAR) * rise)[:, None], width, axis=1).astype(np.float32)


def _walls(image: FloatArray, solid: Mask, point: VanishingPoint) -> FloatArray:
    """Disparity (H, W) of walls left and right of a corridor, 0 where a side has none.

    A wall that runs toward the vanishing point meets the ground on a line through it; at a column
    its disparity is the ground's on that line (all planes through the point: disparity is linear).
    """
    height, width = solid.shape
    columns = np.arange(width, dtype=np.float32) + 0.5 - point.x
    above = solid[: max(1, int(point.y))]
    per_pixel = (1.0 - FAR) / max(height - point.y, 1.0)
    disparity = np.zeros(width, np.float32)
    edges = _lightness_edges(image)
    for side in (-1, 1):
        part = columns * side > 0
        if not part.any() or above[:, part].mean() < MIN_WALL:
            continue
        slope = _foot_slope(edges, point, side)
        disparity[part] = FAR + slope * np.abs(columns[part]) * per_pixel
    return np.repeat(disparity[None], height, axis=0)


def _lightness_edges(image: FloatArray) -> tuple[FloatArray, FloatArray]:
    lab = cv2.cvtColor(image.astype(np.float32), cv2.COLOR_RGB2Lab)
    lab = cv2.GaussianBlur(lab, (0, 0), 1.5)
    dx, dy = (np.clip(cv2.Sobel(lab, cv2.CV_32F, i, 1 - i) / 8, -6, 6) for i in (1, 0))
    return dx, dy


def _foot_slope(edges: tuple[FloatArray, FloatArray], point: VanishingPoint, side: int) -> float:
    """Slope of the line on which a wall meets the ground: the strongest edge through the point."""
    height, width = edges[0].shape[:2]
    reach = max(point.x if side < 0 else width - point.x, 1.0)
    scores = []
    for slope in FOOT_SLOPES:
        along = np.linspace(0.2, 1.0, 120) * min(reach, (height - point.y) / slope)
        x = np.clip((point.x + side * along).astype(int), 0, width - 1)
        y = np.clip((point.y + slope * along).astype(int), 0, height - 1)
        across = (edges[1][y, x] - side * slope * edges[0][y, x]) / np.hypot(1, slope)
        # The mean over the line: an edge that runs along it has one sign and does not cancel.
        score = np.linalg.norm(across.mean(0))
        scores.append(score * np.exp(-0.5 * (np.log(slope / USUAL_SLOPE) / 0.5) ** 2))
    return float(FOOT_SLOPES[int(np.argmax(scores))])
