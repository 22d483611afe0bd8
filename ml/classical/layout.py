"""The coarse geometry of a scene: horizon, ground plane, and the walls of a corridor."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from ...geometry.core.camera import FloatArray
from ...geometry.core.ldi import Mask
from .appearance import appearance_maps
from .mirror import mirrored_region
from .vanishing import VanishingPoint, vanishing_point

FAR = 0.025
"""Disparity of the farthest ground; that of the sky is 0."""

MIN_HORIZON, MAX_HORIZON = 0.15, 0.75
"""Range of the horizon's row, as a fraction of the height."""
HORIZON_WITHOUT_SKY = -0.15
"""Row of the horizon, as a fraction of the height, if no sky is visible: above the image."""
MIN_SKY_WIDTH = 0.02
"""Minimum width of the sky in a row that counts, as a fraction of the image width."""
MIN_SIDE = 16
"""Shorter side, in pixels, below which no reflection is searched."""
CLOSED_GAP = 0.05
"""Gaps in a reflection that are closed, as a fraction of the width."""
CORRIDOR_STRENGTH, AGREED_STRENGTH = 0.4, 0.15
"""Minimum strength of the vanishing point of a corridor, without and with support from the sky's
shape."""
OPEN_WIDTH, OPEN_HEIGHT = 0.2, 0.02
"""The scene is open, not a corridor, if the sky comes within OPEN_HEIGHT (fraction of the height)
of its lowest row over more than OPEN_WIDTH (fraction of the width): above a street it is a narrow
wedge."""
MIN_WALL = 0.12
"""Minimum fraction of the area above the horizon, on one side, that a wall covers."""
MIN_RISE = 1.2
"""Minimum coverage of the outer third of a wall's side relative to the coverage of the whole
side."""
CEILING_DISPARITY = 0.6
"""Disparity of a ceiling at the top of the image, above that of the farthest ground."""
FOOT_SLOPES = np.linspace(0.25, 1.3, 36)
"""Slopes that are tried for the line where a wall meets the ground."""
TYPICAL_SLOPE = 0.5
"""The most likely of these slopes."""


@dataclass(frozen=True)
class Layout:
    """Coarse geometry of a scene.

    Attributes:
        horizon: Row in pixels.
        template: (H, W) disparity 0..1 of ground and walls.
        mirrored: (H, W) 0..1, water that reflects what is above it.
        corridor: Whether there are walls.
    """

    horizon: float
    template: FloatArray
    mirrored: FloatArray
    corridor: bool


def scene_layout(image: FloatArray, sky: FloatArray, horizon: float | None) -> Layout:
    """Estimate the layout of an image.

    Args:
        image: (H, W, 3) sRGB, 0..1.
        sky: (H, W) soft sky mask, 0..1.
        horizon: Row of the horizon in pixels, or None to estimate it.
    """
    height, width = sky.shape
    solid = sky < 0.5
    lowest = lowest_sky_row(sky)
    point = vanishing_point(image, solid, lowest - 0.02 * height)
    agrees_with_sky = _meets_sky(sky, lowest, point) and _walls_rise_outward(solid, point)
    required = AGREED_STRENGTH if agrees_with_sky else CORRIDOR_STRENGTH
    is_corridor = point.strength >= required and not _is_open(sky, lowest)
    mirrored, axis = _reflection(image, sky, lowest)
    if horizon is None:
        horizon = point.y if is_corridor else lowest if axis is None else axis
        highest = MIN_HORIZON if is_corridor or lowest > 0 else HORIZON_WITHOUT_SKY
        horizon = float(np.clip(horizon, highest * height, MAX_HORIZON * height))
    ground = ground_disparity(height, width, horizon)
    if not is_corridor:
        return Layout(horizon, ground, mirrored, False)
    ground_only = Layout(horizon, ground, mirrored, False)
    return _with_walls(image, ground_only, solid, point.x)


def with_room_walls(image: FloatArray, layout: Layout, solid: Mask) -> Layout:
    """Add the walls and the ceiling of a room to a layout, where solid areas rise.

    Args:
        image: (H, W, 3) sRGB, 0..1.
        layout: The layout, whose horizon is kept.
        solid: (H, W) mask of everything but the sky.
    """
    height, width = solid.shape
    overhead = solid[: max(1, int(layout.horizon)), width // 3 : -(width // 3) or None]
    if layout.horizon > 1 and overhead.mean() >= MIN_WALL:
        rows = np.arange(height, dtype=np.float32)[:, None] + 0.5
        ceiling = FAR + CEILING_DISPARITY * np.clip(1.0 - rows / layout.horizon, 0.0, 1.0)
        layout = replace(layout, template=np.maximum(layout.template, ceiling).astype(np.float32))
    return _with_walls(image, layout, solid, width / 2)


def _reflection(image: FloatArray, sky: FloatArray, row: float) -> tuple[FloatArray, float | None]:
    """Return reflections (H, W), 0..1, below a row and the row of their axis, or zeros and None."""
    height, width = sky.shape
    if min(height, width) < MIN_SIDE or (sky < 0.5).all():
        return np.zeros((height, width), np.float32), None
    region = mirrored_region(appearance_maps(image, sky, row)).astype(np.float32)
    if not region.any():
        return np.zeros((height, width), np.float32), None
    first = int(np.flatnonzero(region.any(1))[0])
    # Stones and ripples leave gaps. Below twice the axis' row the reflected part is out of view.
    radius = max(1, round(CLOSED_GAP * region.shape[1]))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    region = cv2.morphologyEx(region, cv2.MORPH_CLOSE, kernel)
    region[2 * first :] = np.maximum(region[2 * first :], region[: 2 * first].max(0))
    axis = float(first * height / region.shape[0])
    return cv2.resize(region, (width, height), interpolation=cv2.INTER_LINEAR), axis


def _with_walls(image: FloatArray, layout: Layout, solid: Mask, x: float) -> Layout:
    """Return the layout with walls that run toward the horizon at column `x`."""
    walls = _walls(image, solid, VanishingPoint(x, layout.horizon, 1.0))
    template = np.maximum(layout.template, np.clip(walls, 0.0, 1.0)).astype(np.float32)
    return Layout(layout.horizon, template, layout.mirrored, bool(walls.max() > 0))


def lowest_sky_row(sky: FloatArray) -> float:
    """Return the row below the lowest one in which sky covers at least MIN_SKY_WIDTH of the width.

    The sky reaches down to the horizon where nothing stands in front of it.
    """
    rows = np.flatnonzero((sky >= 0.5).mean(1) >= MIN_SKY_WIDTH)
    return float(rows.max() + 1) if len(rows) else HORIZON_WITHOUT_SKY * sky.shape[0]


def _is_open(sky: FloatArray, lowest: float) -> bool:
    """Whether the sky meets the horizon over so wide a span that no walls stand on both sides."""
    height, width = sky.shape
    span = sky[max(0, int(lowest - OPEN_HEIGHT * height)) : max(1, int(lowest))] >= 0.5
    return bool(span.any(0).sum() > OPEN_WIDTH * width)


def _meets_sky(sky: FloatArray, lowest: float, point: VanishingPoint) -> bool:
    """Whether the sky reaches lowest just above the vanishing point, as it does above a street."""
    height, width = sky.shape
    columns = np.flatnonzero((sky[max(0, int(lowest) - 2) : int(lowest)] >= 0.5).any(0))
    if not len(columns):
        return False
    offset = abs(float(np.median(columns)) + 0.5 - point.x) / width
    return offset < 0.1 and abs(point.y - lowest) < 0.08 * height


def _walls_rise_outward(solid: Mask, point: VanishingPoint) -> bool:
    """Whether the solid areas on both sides of a point rise with the distance from it."""
    above = solid[: max(1, int(point.y))]
    middle = int(np.clip(point.x, 0, solid.shape[1]))
    for side in (above[:, :middle][:, ::-1], above[:, middle:]):
        outer = side[:, 2 * side.shape[1] // 3 :]
        if not outer.size or outer.mean() < MIN_RISE * side.mean() or outer.mean() < MIN_WALL:
            return False
    return True


def ground_disparity(height: int, width: int, horizon: float) -> FloatArray:
    """Return the disparity (H, W) of a ground plane.

    It is 1 at the bottom of the image and FAR at and above the row `horizon` (in pixels).
    """
    rows = np.arange(height, dtype=np.float32) + 0.5 - horizon
    rise = np.clip(rows / max(height - horizon, 1.0), 0.0, 1.0)
    return np.repeat((FAR + (1.0 - FAR) * rise)[:, None], width, axis=1).astype(np.float32)


def _walls(image: FloatArray, solid: Mask, point: VanishingPoint) -> FloatArray:
    """Return the disparity (H, W) of walls left and right of a corridor, 0 where a side has none.

    A wall that runs toward the vanishing point meets the ground on a line through that point. At
    each column its disparity is the ground's on that line, and linear, as for all planes through
    the point.
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
    """Return the horizontal and the vertical gradient (H, W, 3) of the CIELAB color, clipped."""
    lab = cv2.cvtColor(image.astype(np.float32), cv2.COLOR_RGB2Lab)
    lab = cv2.GaussianBlur(lab, (0, 0), 1.5)
    dx, dy = (np.clip(cv2.Sobel(lab, cv2.CV_32F, i, 1 - i) / 8, -6, 6) for i in (1, 0))
    return dx, dy


def _foot_slope(edges: tuple[FloatArray, FloatArray], point: VanishingPoint, side: int) -> float:
    """Return the slope of a wall's foot on the ground: the strongest edge through the point."""
    height, width = edges[0].shape[:2]
    half_width = max(point.x if side < 0 else width - point.x, 1.0)
    scores = []
    for slope in FOOT_SLOPES:
        distance = np.linspace(0.2, 1.0, 120) * min(half_width, (height - point.y) / slope)
        x = np.clip((point.x + side * distance).astype(int), 0, width - 1)
        y = np.clip((point.y + slope * distance).astype(int), 0, height - 1)
        edge_across = (edges[1][y, x] - side * slope * edges[0][y, x]) / np.hypot(1, slope)
        # The mean over the line: an edge along it has one sign everywhere and doesn't cancel out.
        score = np.linalg.norm(edge_across.mean(0))
        scores.append(score * np.exp(-0.5 * (np.log(slope / TYPICAL_SLOPE) / 0.5) ** 2))
    return float(FOOT_SLOPES[int(np.argmax(scores))])
