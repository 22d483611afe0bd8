"""Exemplar-based completion: a hole in an image is filled with texture from its surroundings.

From coarse to fine, patches in the hole are matched with patches of the source, which vote for new
colors (Wexler et al. 2007, Barnes et al. 2009). A gradient-domain step removes remaining seams
(Darabi et al. 2012), and overused patches become more expensive (Kaspar et al. 2015). The coarsest
scale is initialized by growing (Efros and Leung 1999), and coherent patches are kept together, so
that texture is copied rather than averaged.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from ...geometry.core.camera import FloatArray
from ...geometry.core.ldi import Mask
from . import poisson
from .blur import wide_blur
from .solver import RADIUS, Level, Solver

Report = Callable[[float], None]
"""Called with progress 0..1; may raise to cancel."""

COARSEST_SIDE = 56
"""Longer side, in pixels, of the coarsest scale."""
SCALE_STEP = 0.62
"""Ratio of one scale's size to that of the next finer one."""
# Larger scales are only rendered from the field of the scale below, to bound time and memory.
MAX_SEARCHED_PIXELS = 300_000
_ROW_WEIGHT = 0.12
# Scenes are layered by rows: statistics extend this many times farther sideways than vertically.
_HORIZONTAL_REACH = 8.0
_SMOOTH_CONTRAST = 0.008
_STATISTICS_WEIGHT = 0.7
_CONTRAST_WEIGHT = 6.0


@dataclass(frozen=True)
class Guidance:
    """What is expected inside the hole, if the caller knows more than the surroundings show.

    Attributes:
        descriptors: (H, W, C) channels defined everywhere; patches are taken from where they are
            similar.
        cost: (H, W) >= 0, in squared color; discourages copying from there.
        color_statistics: (H, W, 4) as returned by `measure_color_statistics`, read inside the hole.
        color_weight: (H, W) 0..1, how closely the fill's coarse colors follow the expected ones.
    """

    descriptors: FloatArray | None = None
    cost: FloatArray | None = None
    color_statistics: FloatArray | None = None
    color_weight: FloatArray | None = None


def complete(
    image: FloatArray,
    hole: Mask,
    *,
    source: Mask | None = None,
    descriptors: FloatArray | None = None,
    seed: int = 0,
    report: Report | None = None,
) -> FloatArray:
    """Fill a hole in an image with texture that continues its surroundings.

    Args:
        image: (H, W, 3) float32, 0..1; ignored inside the hole.
        hole: (H, W) mask. It should extend a pixel or two beyond a removed object, whose blurred
            edge would be continued otherwise.
        source: (H, W) mask of the pixels to copy from; by default everything outside the hole.
        descriptors: (H, W) or (H, W, C) channels defined everywhere; patches are taken from where
            they are similar. A difference of 1 counts as much as that of black and white.
        seed: Seed of all randomness.
        report: Called with progress 0..1; may raise to cancel.

    Returns (H, W, 3): bit for bit the image outside the hole, and within the range of the source's
    colors inside. Without any usable source the fill is smooth. Raises ValueError for mismatched
    shapes.
    """
    return complete_with_guidance(
        image,
        hole,
        Guidance(descriptors=descriptors),
        source=source,
        seed=seed,
        report=report,
    )


def complete_with_guidance(
    image: FloatArray,
    hole: Mask,
    guidance: Guidance,
    *,
    source: Mask | None = None,
    seed: int = 0,
    report: Report | None = None,
) -> FloatArray:
    """Fill a hole like `complete`, using additional guidance.

    Args:
        image: (H, W, 3) float32, 0..1; ignored inside the hole.
        hole: (H, W) mask of the pixels to fill.
        guidance: What is expected inside the hole, where it is known.
        source: (H, W) mask of the pixels to copy from; by default everything outside the hole.
        seed: Seed of all randomness.
        report: Called with progress 0..1; may raise to cancel.

    Returns (H, W, 3). Raises ValueError for mismatched shapes.
    """
    image = np.asarray(image, np.float32)
    hole = np.asarray(hole, bool)
    _check(image, hole, source, guidance)
    if not hole.any():
        return image.copy()
    source = ~hole if source is None else np.asarray(source, bool) & ~hole
    observed = source if source.any() else ~hole
    level = _finest_level(image, hole, source, observed, guidance)
    rng = np.random.default_rng(seed)
    filled = _coarse_to_fine(level, _sizes(*hole.shape), rng, report or (lambda _: None))
    if observed.any():
        filled = np.clip(filled, image[observed].min(0), image[observed].max(0))
    return np.where(hole[..., None], filled, image).astype(np.float32)


def _check(image: FloatArray, hole: Mask, source: Mask | None, guidance: Guidance) -> None:
    """Raise ValueError for mismatched shapes."""
    if image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(f"the image must be (H, W, 3), not {image.shape}")
    maps = {"hole": hole, "source": source, **vars(guidance)}
    for name, mask in maps.items():
        if mask is not None and np.shape(mask)[:2] != image.shape[:2]:
            raise ValueError(f"{name} and image differ in size")


def _finest_level(
    image: FloatArray, hole: Mask, source: Mask, observed: Mask, guidance: Guidance
) -> Level:
    """Return the problem at full size."""
    height, width = hole.shape
    zeros = np.zeros((height, width), np.float32)
    smooth_start = np.where(hole[..., None], poisson.smooth_fill(image, observed), image)
    color_statistics = measure_color_statistics(smooth_start)
    expected = (
        continue_sideways(color_statistics, observed)
        if guidance.color_statistics is None
        else guidance.color_statistics
    )
    color_statistics = np.where(hole[..., None], expected, color_statistics).astype(np.float32)
    # A weak prior for the same height in the image: scenes are layered by rows.
    rows = np.linspace(0.0, _ROW_WEIGHT * height / max(height, width), height, dtype=np.float32)
    weights = np.array([1.0, 1.0, 1.0, _CONTRAST_WEIGHT], np.float32) * np.float32(
        _STATISTICS_WEIGHT
    )
    channels = [
        np.broadcast_to(rows[:, None, None], (height, width, 1)),
        color_statistics * weights,
    ]
    if guidance.descriptors is not None:
        channels.append(np.asarray(guidance.descriptors, np.float32).reshape(height, width, -1))
    return Level(
        image=smooth_start,
        hole=hole,
        source=source,
        descriptors=np.concatenate(channels, 2),
        cost=zeros if guidance.cost is None else np.asarray(guidance.cost, np.float32),
        target_color=color_statistics[..., :3],
        color_weight=_coarse_color_weight(color_statistics[..., 3], guidance.color_weight),
    )


def continue_sideways(values: FloatArray, observed: Mask) -> FloatArray:
    """Continue values (H, W, C) smoothly from observed pixels (H, W), mostly sideways."""
    height, width = observed.shape
    narrow_size = (max(1, round(width / _HORIZONTAL_REACH)), height)
    observed_fraction = observed.astype(np.float32)
    total_weight = cv2.resize(observed_fraction, narrow_size, interpolation=cv2.INTER_AREA)[
        ..., None
    ]
    average = cv2.resize(
        values * observed_fraction[..., None], narrow_size, interpolation=cv2.INTER_AREA
    )
    average = average.reshape(height, narrow_size[0], -1) / np.maximum(total_weight, 1e-6)
    filled = poisson.smooth_fill(average.astype(np.float32), total_weight[..., 0] > 0.0)
    full = cv2.resize(filled, (width, height), interpolation=cv2.INTER_LINEAR)
    return full.reshape(height, width, -1)


def measure_color_statistics(image: FloatArray) -> FloatArray:
    """Return color and contrast (H, W, 4) of an image (H, W, 3) at a coarse scale."""
    sigma = max(1.0, max(image.shape[:2]) / 90.0)
    coarse_color = wide_blur(image, sigma)
    gray = image.mean(2)
    detail = gray - wide_blur(gray, sigma / 2)
    contrast = np.sqrt(wide_blur(detail * detail, sigma))
    return np.dstack([coarse_color, contrast]).astype(np.float32)


def smoothness(contrast: FloatArray) -> FloatArray:
    """Return how smooth areas are, 0..1, by their contrast (`measure_color_statistics`)."""
    return np.exp(-((contrast / _SMOOTH_CONTRAST) ** 2)).astype(np.float32)


def _coarse_color_weight(contrast: FloatArray, color_weight: FloatArray | None) -> FloatArray:
    """Return the given weight of coarse colors, or 1 where hardly any texture is expected."""
    is_smooth = smoothness(contrast)
    return (
        is_smooth
        if color_weight is None
        else np.maximum(is_smooth, np.asarray(color_weight, np.float32))
    )


def _sizes(height: int, width: int) -> list[tuple[int, int]]:
    """Return the sizes (rows, columns) of the scales, coarsest first."""
    sizes = [(height, width)]
    while (
        max(sizes[-1]) * SCALE_STEP >= COARSEST_SIDE
        and min(sizes[-1]) * SCALE_STEP >= 4 * RADIUS + 2
    ):
        factor = SCALE_STEP ** len(sizes)
        sizes.append((max(1, round(height * factor)), max(1, round(width * factor))))
    return sizes[::-1]


def _shrink(full: Level, size: tuple[int, int]) -> Level:
    """Return the problem at a smaller size (rows, columns)."""
    if size == full.hole.shape:
        return full

    def shrink(array: FloatArray) -> FloatArray:
        channels = np.atleast_3d(array)
        resized = [  # OpenCV takes four channels at a time
            np.atleast_3d(
                cv2.resize(channels[..., i : i + 4], size[::-1], interpolation=cv2.INTER_AREA)
            )
            for i in range(0, channels.shape[2], 4)
        ]
        return np.concatenate(resized, axis=2).reshape(*size, *array.shape[2:])

    observed = (~full.hole).astype(np.float32)
    observed_fraction = shrink(observed)
    hole = observed_fraction < 0.5
    observed_color = (
        shrink(full.image * observed[..., None]) / np.maximum(observed_fraction, 1e-6)[..., None]
    )
    return Level(
        image=np.where(hole[..., None], shrink(full.image), observed_color),
        hole=hole,
        source=(shrink(full.source.astype(np.float32)) > 0.99) & ~hole,
        descriptors=shrink(full.descriptors),
        cost=shrink(full.cost),
        target_color=shrink(full.target_color),
        color_weight=shrink(full.color_weight),
    )


def _coarse_to_fine(
    full: Level, sizes: list[tuple[int, int]], rng: np.random.Generator, report: Report
) -> FloatArray:
    """Return the filled image, or the smooth initialization if no scale has a source."""
    progress = _ProgressReporter(sizes, report)
    coarse: Solver | None = None
    filled = full.image
    for index, size in enumerate(sizes):
        search_patches = size[0] * size[1] <= MAX_SEARCHED_PIXELS or coarse is None
        solver = Solver.prepare(_shrink(full, size), rng, progress.poll, search_patches)
        if solver is None:
            continue
        if coarse is None:
            solver.initialize()
        else:
            solver.initialize_from(coarse)
        iterations = _iterations(index, size, len(sizes))
        for iteration in range(iterations):
            solver.iterate()
            progress.report_level(index, (iteration + 1) / (iterations + 1))
        coarse = solver
        if index == len(sizes) - 1:
            filled = solver.finish()
    report(1.0)
    return filled


class _ProgressReporter:
    """Progress over all scales, in proportion to their pixels."""

    def __init__(self, sizes: list[tuple[int, int]], report: Report) -> None:
        cost_estimate = np.array([rows * columns for rows, columns in sizes], float) + 20_000
        self._level_ends = np.concatenate([[0.0], np.cumsum(cost_estimate) / cost_estimate.sum()])
        self._report = report
        self._done = 0.0

    def report_level(self, level: int, fraction: float) -> None:
        """Report the finished fraction of a scale."""
        self._done = float(
            self._level_ends[level] * (1.0 - fraction) + self._level_ends[level + 1] * fraction
        )
        self._report(self._done)

    def poll(self) -> None:
        """Report the same progress again, so that a cancel is noticed."""
        self._report(self._done)


def _iterations(index: int, size: tuple[int, int], levels: int) -> int:
    """Return the number of iterations at a scale."""
    pixels = size[0] * size[1]
    if pixels > MAX_SEARCHED_PIXELS:
        return 0
    if index == 0:
        return 4
    if index == levels - 1:
        return 2
    return 5 if pixels < 60_000 else 3
