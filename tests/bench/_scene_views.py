"""Disparity compared with real views: sparse points of several photographs, or a stereo pair."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import _quality_measures as measures
import numpy as np
from _quality_views import (
    CAMERAS,
    FIT_POINTS,
    STEREO_TRUTH,
    RealView,
    fit_robustly,
    load_stereo,
    load_views,
)
from _scene_labels import chosen
from _scene_measures import Figures, mean
from make_4d.geometry.core.camera import FloatArray
from numpy.typing import NDArray

FITTED_POINTS = 2000
"""About so many of the known points are enough for a robust fit."""


@dataclass(frozen=True)
class ViewRow:
    """How well the disparity of a view agrees with the truth.

    Attributes:
        seconds: Time that reading the view took.
        spearman: Rank correlation of depth at the known points.
        delta1: Fraction of them within a factor of 1.25 after a least-squares fit of scale and
            shift in disparity.
        robust: The same after a fit that a few wrong points, or very near ones, don't govern.
    """

    seconds: float
    spearman: float
    delta1: float
    robust: float


@dataclass(frozen=True, eq=False)
class View:
    """A photograph with depth known at some points.

    Attributes:
        name: Its number among the views.
        image: (H, W, 3) float32, sRGB 0..1.
        points: (n, 3): x and y in pixels, and depth.
    """

    name: str
    image: FloatArray
    points: NDArray[np.float64]


def view_folders(folder: Path) -> dict[str, list[View]]:
    """Return the views with known depth of every subfolder that has some; raises ViewsError.

    These are the folders with cameras.npz (all views) and stereo pairs (the left view).
    """
    found: dict[str, list[View]] = {}
    for path in sorted(path for path in folder.iterdir() if path.is_dir()):
        if (path / CAMERAS).exists():
            views = load_views(path).views
            found[path.name] = [View(str(k), v.image, v.points) for k, v in enumerate(views)]
        elif (path / STEREO_TRUTH).exists():
            left = load_stereo(path).views[0]
            found[path.name] = [View("left", left.image, dense_points(left))]
    return found


def dense_points(view: RealView) -> NDArray[np.float64]:
    """Return the pixels of a view whose depth was measured as points (n, 3)."""
    assert view.depth is not None and view.observed is not None
    row, column = np.nonzero(view.observed)
    return np.column_stack([column + 0.5, row + 0.5, view.depth[row, column]])


def judged(views: Sequence[View], limit: int | None) -> list[View]:
    """Return the views with at least FIT_POINTS points, at most `limit`, evenly spaced."""
    return chosen([view for view in views if len(inside(view)) >= FIT_POINTS], limit=limit)


def inside(view: View) -> NDArray[np.float64]:
    """Return the points (n, 3) inside of a view's image."""
    height, width = view.image.shape[:2]
    x, y = view.points[:, 0], view.points[:, 1]
    return view.points[(x >= 0) & (x < width) & (y >= 0) & (y < height)]


def measure_view(view: View, disparity: FloatArray, seconds: float) -> ViewRow:
    """Compare a view's disparity (H, W), 1 / depth in any unit, with its points."""
    points = inside(view)
    column, row = np.floor(points[:, :2]).astype(int).T
    own, truth = disparity[row, column].astype(np.float64), points[:, 2]
    with np.errstate(divide="ignore"):
        depth = 1.0 / own
    return ViewRow(
        seconds,
        measures.spearman(depth, truth),
        measures.delta1(depth, truth),
        robust_delta1(own, 1.0 / truth),
    )


def robust_delta1(own: NDArray[np.float64], target: NDArray[np.float64]) -> float:
    """Return the fraction of points within a factor of 1.25 after a robust fit of disparity.

    Args:
        own: (n,), estimated; 0 is sky, which isn't fitted and counts as wrong.
        target: (n,), true.
    """
    solid = own > 0
    if np.count_nonzero(solid) < FIT_POINTS:
        return 0.0
    every = slice(None, None, max(np.count_nonzero(solid) // FITTED_POINTS, 1))
    scale, offset = fit_robustly(own[solid][every], target[solid][every])
    ratio = np.where(solid, scale * (own + offset), 0.0) / target
    return mean((ratio < measures.DELTA) & (ratio > 1.0 / measures.DELTA))


def view_figures(folders: Mapping[str, Sequence[ViewRow]]) -> Figures:
    """Return the mean measures of the views of every folder by name."""
    result: Figures = {}
    for name, rows in folders.items():
        result[f"spearman_{name}"] = mean([row.spearman for row in rows])
        result[f"delta1_{name}"] = mean([row.delta1 for row in rows])
        result[f"delta1_robust_{name}"] = mean([row.robust for row in rows])
        result[f"views_{name}"] = len(rows)
    return result
