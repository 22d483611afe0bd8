"""Exemplar-based completion of a picture: the hole is filled with texture of what is known.

Coarse to fine, patches in the hole take after patches of the source and vote for new colors
(Wexler et al. 2007, Barnes et al. 2009); a gradient-domain finish removes what is left of the
seam (Darabi et al. 2012), and overused patches are made dearer (Kaspar et al. 2015). The start is
grown at the coarsest scale (Efros and Leung 1999) and large pieces are kept together, so that
texture is copied rather than averaged.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from . import poisson
from .solver import RADIUS, Level, Solver

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]
Report = Callable[[float], None]

COARSEST = 56
STEP = 0.62
# Larger levels are only rendered from the field of the level below, to bound time and memory.
SEARCHED_PIXELS = 700_000
_ROW_WEIGHT = 0.12
# Scenes are layered by rows: so many times farther does a look carry sideways.
_SIDEWAYS = 8.0
_SMOOTH = 0.008
_LOOKS_WEIGHT = 0.7
_CONTRAST_WEIGHT = 6.0


@dataclass(frozen=True)
class Expectations:
    """What is expected inside the hole, where a caller knows more than the picture around it.

    guide: (H, W, C) known everywhere, patches go where it is alike; cost: (H, W) >= 0 in squared
    color, discourages taking patches from there; looks: (H, W, 4) as `looks_of`, read inside the
    hole; hold: (H, W) 0..1, how far the fill's coarse colors are held to the looks' colors.
    """

    guide: Floats | None = None
    cost: Floats | None = None
    looks: Floats | None = None
    hold: Floats | None = None


def complete(
    image: Floats,
    hole: Bools,
    *,
    source: Bools | None = None,
    guide: Floats | None = None,
    seed: int = 0,
    report: Report | None = None,
) -> Floats:
    """Fill `hole` of a picture with texture that continues what is around it.

    image: (H, W, 3) float32 0..1; what it holds inside the hole is ignored. hole: (H, W) bool; it
    should reach a pixel or two past what is removed, lest its blurred edge be continued.
    source: (H, W) bool, where patches may be taken from (outside the hole; default all of it).
    guide: (H, W) or (H, W, C), known everywhere: patches go where the guide is alike; a difference
    of 1 weighs as much as that of black and white. seed: of all randomness. report: called with
    0..1; may raise.

    Returns (H, W, 3): outside the hole bit for bit as before, inside within the source's range of
    colors. Without any usable source the fill is smooth. Raises ValueError for shapes that don't
    agree.
    """
    return complete_expecting(
        image, hole, Expectations(guide=guide), source=source, seed=seed, report=report
    )


def complete_expecting(
    image: Floats,
    hole: Bools,
    expected: Expectations,
    *,
    source: Bools | None = None,
    seed: int = 0,
    report: Report | None = None,
) -> Floats:
    """`complete`, with more to go by; see Expectations."""
    image = np.asarray(image, np.float32)
    hole = np.asarray(hole, bool)
    _check(image, hole, source, expected)
    if not hole.any():
        return image.copy()
    source = ~hole if source is None else np.asarray(source, bool) & ~hole
    seen = source if source.any() else ~hole
    level = _full_level(image, hole, source, seen, expected)
    rng = np.random.default_rng(seed)
    filled = _coarse_to_fine(level, _sizes(*hole.shape), rng, report or (lambda _: None))
    if seen.any():
        filled = np.clip(filled, image[seen].min(0), image[seen].max(0))
    return np.where(hole[..., None], filled, image).astype(np.float32)


def _check(image: Floats, hole: Bools, source: Bools | None, expected: Expectations) -> None:
    if image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(f"the picture must be (H, W, 3), not {image.shape}")
    maps = {"hole": hole, "source": source, **vars(expected)}
    for name, mask in maps.items():
        if mask is not None and np.shape(mask)[:2] != image.shape[:2]:
            raise ValueError(f"{name} has another size than the picture")


def _full_level(
    image: Floats, hole: Bools, source: Bools, seen: Bools, expected: Expectations
) -> Level:
    height, width = hole.shape
    empty = np.zeros((height, width), np.float32)
    start = np.where(hole[..., None], poisson.smooth_fill(image, seen), image)
    looks = looks_of(start)
    wish = _continue_looks(looks, seen) if expected.looks is None else expected.looks
    looks = np.where(hole[..., None], wish, looks).astype(np.float32)
    # A weak prior for the same height in the picture: scenes are layered by rows.
    rows = np.linspace(0.0, _ROW_WEIGHT * height / max(height, width), height, dtype=np.float32)
    weights = np.array([1.0, 1.0, 1.0, _CONTRAST_WEIGHT], np.float32) * np.float32(_LOOKS_WEIGHT)
    channels = [np.broadcast_to(rows[:, None, None], (height, width, 1)), looks * weights]
    if expected.guide is not None:
        channels.append(np.asarray(expected.guide, np.float32).reshape(height, width, -1))
    return Level(
        image=start,
        hole=hole,
        source=source,
        guide=np.concatenate(channels, 2),
        cost=empty if expected.cost is None else np.asarray(expected.cost, np.float32),
        color=looks[..., :3],
        hold=_smoothness(looks[..., 3], expected.hold),
    )


def _continue_looks(looks: Floats, seen: Bools) -> Floats:
    """Looks (H, W, C) continued smoothly from where they are seen, rather sideways than up."""
    height, width = seen.shape
    narrow = (max(1, round(width / _SIDEWAYS)), height)
    share = seen.astype(np.float32)
    mass = cv2.resize(share, narrow, interpolation=cv2.INTER_AREA)[..., None]
    mean = cv2.resize(looks * share[..., None], narrow, interpolation=cv2.INTER_AREA)
    mean = mean.reshape(height, narrow[0], -1) / np.maximum(mass, 1e-6)
    filled = poisson.smooth_fill(mean.astype(np.float32), mass[..., 0] > 0.0)
    return cv2.resize(filled, (width, height), interpolation=cv2.INTER_LINEAR)


def looks_of(image: Floats) -> Floats:
    """Color and contrast (H, W, 4) of a picture (H, W, 3) at a coarse scale."""
    sigma = max(1.0, max(image.shape[:2]) / 90.0)
    color = cv2.GaussianBlur(image, (0, 0), sigma)
    gray = image.mean(2)
    fine = gray - cv2.GaussianBlur(gray, (0, 0), sigma / 2)
    contrast = np.sqrt(cv2.GaussianBlur(fine * fine, (0, 0), sigma))
    return np.dstack([color, contrast]).astype(np.float32)


def _smoothness(contrast: Floats, hold: Floats | None) -> Floats:
    """How far to hold coarse colors: as asked, and where hardly any texture is expected."""
    smooth = np.exp(-((contrast / _SMOOTH) ** 2)).astype(np.float32)
    return smooth if hold is None else np.maximum(smooth, np.asarray(hold, np.float32))


def _sizes(height: int, width: int) -> list[tuple[int, int]]:
    """Sizes (rows, columns) of the levels, coarsest first."""
    sizes = [(height, width)]
    while max(sizes[-1]) * STEP >= COARSEST and min(sizes[-1]) * STEP >= 4 * RADIUS + 2:
        factor = STEP ** len(sizes)
        sizes.append((max(1, round(height * factor)), max(1, round(width * factor))))
    return sizes[::-1]


def _shrink(full: Level, size: tuple[int, int]) -> Level:
    if size == full.hole.shape:
        return full

    def small(array: Floats) -> Floats:
        layers = np.atleast_3d(array)
        parts = [
            cv2.resize(layers[..., i], size[::-1], interpolation=cv2.INTER_AREA)
            for i in range(layers.shape[2])
        ]
        return np.stack(parts, array.ndim - 1) if array.ndim == 3 else parts[0]

    observed = (~full.hole).astype(np.float32)
    share = small(observed)
    hole = share < 0.5
    clean = small(full.image * observed[..., None]) / np.maximum(share, 1e-6)[..., None]
    return Level(
        image=np.where(hole[..., None], small(full.image), clean),
        hole=hole,
        source=(small(full.source.astype(np.float32)) > 0.99) & ~hole,
        guide=small(full.guide),
        cost=small(full.cost),
        color=small(full.color),
        hold=small(full.hold),
    )


def _coarse_to_fine(
    full: Level, sizes: list[tuple[int, int]], rng: np.random.Generator, report: Report
) -> Floats:
    """The filled picture; the smooth start where no level has a source."""
    progress = _Progress(sizes, report)
    coarse: Solver | None = None
    filled = full.image
    for index, size in enumerate(sizes):
        searching = size[0] * size[1] <= SEARCHED_PIXELS or coarse is None
        solver = Solver.prepare(_shrink(full, size), rng, progress.pulse, searching)
        if solver is None:
            continue
        if coarse is None:
            solver.start()
        else:
            solver.adopt(coarse)
        rounds = _rounds(index, size, len(sizes))
        for step in range(rounds):
            solver.improve()
            progress.reach(index, (step + 1) / (rounds + 1))
        coarse = solver
        if index == len(sizes) - 1:
            filled = solver.finish()
    report(1.0)
    return filled


class _Progress:
    """Shares of the whole work, taken as the pixels of the levels."""

    def __init__(self, sizes: list[tuple[int, int]], report: Report) -> None:
        work = np.array([rows * columns for rows, columns in sizes], float) + 20_000
        self._ends = np.concatenate([[0.0], np.cumsum(work) / work.sum()])
        self._report = report
        self._done = 0.0

    def reach(self, level: int, share: float) -> None:
        """Report that this share of a level is done."""
        self._done = float(self._ends[level] * (1.0 - share) + self._ends[level + 1] * share)
        self._report(self._done)

    def pulse(self) -> None:
        """Report the same again: still alive, and a chance to cancel."""
        self._report(self._done)


def _rounds(index: int, size: tuple[int, int], levels: int) -> int:
    pixels = size[0] * size[1]
    if pixels > SEARCHED_PIXELS:
        return 0
    if index == 0:
        return 4
    if index == levels - 1:
        return 2
    return 5 if pixels < 60_000 else 3
