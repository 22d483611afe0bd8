"""What `./make4d bench scene` counts in labelled pictures, and the figures made of the counts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from _scene_labels import (
    BUILDING,
    GRASS,
    OBJECT,
    ROAD,
    SKY,
    TREE,
    UNKNOWN,
    WATER,
    Classes,
    Labelled,
    Marks,
)
from _scene_reading import Reading
from make_4d.geometry.core.camera import FloatArray
from make_4d.geometry.landscapes.truth import Mask

HALF = 0.5
"""From this value on, a pixel belongs to a soft mask."""
HORIZON_OK = 0.05
"""Largest error of a horizon that counts as right, as a fraction of the picture's height."""
STEP = 1.25
"""A depth step: depth changes by this factor or more within EDGE_RADIUS of a pixel in its row."""
EDGE_RADIUS = 0.01
"""Fraction of the longer side."""
STANDING, EVEN = (TREE, BUILDING, OBJECT), (ROAD, GRASS, WATER, BUILDING)
"""Regions that stand in front of what is beside them, and those without depth steps inside."""
FARTHEST = 100.0
"""Largest depth, relative to the nearest, whose steps count: as far as a scene of the add-on."""
NEAREST = 99
"""Percentile of the disparity that counts as the nearest."""

Figures = dict[str, float]


@dataclass(frozen=True)
class Agreement:
    """Counts of the known pixels of a picture for one mask.

    Attributes:
        both: Found and marked.
        either: Found or marked.
        found, marked, known: Each by itself.
    """

    both: int
    either: int
    found: int
    marked: int
    known: int

    @property
    def iou(self) -> float:
        """Intersection over union, 1 if nothing is found nor marked."""
        return self.both / self.either if self.either else 1.0


@dataclass(frozen=True)
class Share:
    """How many of some pixels meet a condition."""

    hits: int = 0
    total: int = 0


@dataclass(frozen=True)
class Row:
    """The measures of a picture; None or no pixels where its labels don't tell.

    Attributes:
        seconds: Time that reading the picture took.
        sky, water, moves: Agreement of masks.
        flat: Pixels that are rightly flat or upright.
        horizon: Error of the horizon as a fraction of the height.
        edges: Pixels on side edges of what stands in front, with a depth step.
        even: Pixels inside of ground, water and buildings, with a depth step that shouldn't be.
    """

    seconds: float
    sky: Agreement | None
    water: Agreement | None
    moves: Agreement | None
    flat: Share
    horizon: float | None
    edges: Share
    even: Share


def measure(picture: Labelled, reading: Reading, seconds: float) -> Row:
    """Compare a reading with the labels of its picture; seconds: the time that it took."""
    labels, wet = picture.labels, reading.water + reading.falls
    flat, horizon, edges = Share(), None, (Share(), Share())
    if labels.flat is not None and reading.flat is not None:
        right = (reading.flat >= HALF) == labels.flat.inside
        flat = share(right, labels.flat.known)
    if labels.horizon is not None:
        horizon = abs(reading.horizon - labels.horizon) / picture.image.shape[0]
    if labels.regions is not None:
        edges = depth_edges(reading.disparity, labels.regions)
    return Row(
        seconds,
        agreement(reading.sky, labels.sky),
        agreement(wet, labels.water),
        agreement(np.maximum(reading.sky, wet), labels.moves),
        flat,
        horizon,
        *edges,
    )


def agreement(mask: FloatArray, marks: Marks | None) -> Agreement | None:
    """Compare a soft mask (H, W) with what is marked, where that is known."""
    if marks is None:
        return None
    found, marked = mask[marks.known] >= HALF, marks.inside[marks.known]
    parts = (found & marked, found | marked, found, marked, np.ones_like(found))
    return Agreement(*(int(part.sum()) for part in parts))


def share(hits: Mask, among: Mask) -> Share:
    """Count the hits (H, W) among some pixels (H, W)."""
    return Share(int((hits & among).sum()), int(among.sum()))


def depth_edges(disparity: FloatArray, regions: Classes) -> tuple[Share, Share]:
    """Return how many pixels have a depth step where there is one, and where there is none.

    Both look along rows, since level ground has the same depth everywhere in a row. There is a step
    at the side edges of a tree, building or object, next to anything but the sky (how well the sky
    is cut out is measured by itself). There is none within ground, water and buildings, away from
    their side edges.

    Args:
        disparity: (H, W), 1 / depth, 0 in the sky.
        regions: (H, W), of the labels.
    """
    far = max(float(np.percentile(disparity, NEAREST)), 1e-9) / FARTHEST
    radius = max(round(EDGE_RADIUS * max(regions.shape)), 1)
    kernel = np.ones((1, 2 * radius + 1), np.uint8)
    logarithm = np.log(np.maximum(disparity, far)).astype(np.float32)
    steps = cv2.dilate(logarithm, kernel) - cv2.erode(logarithm, kernel) >= math.log(STEP)
    left, right = regions[:, :-1], regions[:, 1:]
    border = left != right
    pairs = np.stack([left, right])
    stands = np.isin(pairs, STANDING).any(0) & ~np.isin(pairs, (SKY, UNKNOWN)).any(0)
    edge = np.pad(border & stands, ((0, 0), (0, 1)))
    beside = np.pad(border, ((0, 0), (0, 1))) | np.pad(border, ((0, 0), (1, 0)))
    wide = np.ones((1, 4 * radius + 1), np.uint8)
    inner = np.isin(regions, EVEN) & (cv2.dilate(beside.astype(np.uint8), wide) == 0)
    return share(steps, edge), share(steps, inner)


def figures(folders: Mapping[str, Sequence[Row]]) -> Figures:
    """Return the figures of the rows of all labelled folders by name; NaN without any pixel."""
    result: Figures = {}
    for name, rows in folders.items():
        for part in ("sky", "water"):
            found = _agreements(rows, part)
            if found:
                result[f"{part}_iou_{name}"] = pooled(found)
                result[f"{part}_iou_{name}_mean"] = mean_iou(found)
        result[f"pictures_{name}"] = len(rows)
    every = [row for rows in folders.values() for row in rows]
    moves = _agreements(every, "moves")
    errors = [row.horizon for row in every if row.horizon is not None]
    return result | {
        "false_sky": false_share(_agreements(every, "sky")),
        "false_water": false_share(_agreements(every, "water")),
        "moves_iou": mean_iou(moves),
        "moves_iou_pooled": pooled(moves),
        "flat_upright": _ratio([row.flat for row in every]),
        "horizon_ok": mean([error <= HORIZON_OK for error in errors]),
        "horizon_error": float(np.median(errors)) if errors else math.nan,
        "edge_recall": _ratio([row.edges for row in every]),
        "edge_false": _ratio([row.even for row in every]),
        "pictures_without_sky": _count_without(every, "sky"),
        "pictures_without_water": _count_without(every, "water"),
    }


def pooled(agreements: Sequence[Agreement]) -> float:
    """Return the intersection over union of the pixels of all pictures."""
    either = sum(one.either for one in agreements)
    return sum(one.both for one in agreements) / either if either else math.nan


def mean_iou(agreements: Sequence[Agreement]) -> float:
    """Return the mean intersection over union of the pictures in which something is marked."""
    return mean([one.iou for one in agreements if one.marked])


def false_share(agreements: Sequence[Agreement]) -> float:
    """Return the mean share of pixels that are found in the pictures in which nothing is marked."""
    return mean([one.found / one.known for one in agreements if not one.marked and one.known])


def mean(values: Sequence[float]) -> float:
    """Return the mean, NaN of nothing."""
    return float(np.mean(values)) if len(values) else math.nan


def _agreements(rows: Sequence[Row], part: str) -> list[Agreement]:
    found = (getattr(row, part) for row in rows)
    return [one for one in found if one is not None]


def _count_without(rows: Sequence[Row], part: str) -> int:
    return sum(not one.marked for one in _agreements(rows, part))


def _ratio(shares: Sequence[Share]) -> float:
    total = sum(one.total for one in shares)
    return sum(one.hits for one in shares) / total if total else math.nan
