"""Exemplar-based completion of a picture: the hole is filled with texture of what is known.

Coarse to fine, patches in the hole find their nearest neighbours among the source patches and
vote for new colours (Wexler et al. 2007, Barnes et al. 2009), with colour shifts and a
gradient-domain finish (Darabi et al. 2012) and a penalty on overused patches (Kaspar et al. 2015).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from . import patchmatch, poisson, voting

Floats = NDArray[np.float32]
Indices = NDArray[np.intp]
Bools = NDArray[np.bool_]
Report = Callable[[float], None]

RADIUS = 3
COMPONENTS = 21
COARSEST = 40
STEP = 0.62
# Levels with more pixels than this are only rendered from the field of the level below.
SEARCHED_PIXELS = 700_000
_EXACT_PAIRS = 12_000_000
_MEAN_WEIGHT = 0.8
_MAX_SHIFT = 0.06
_OVERUSE = 1.0
_FALLOFF = 1.2
_ROW_WEIGHT = 0.12


@dataclass
class _Level:
    """The problem at one scale: picture, masks, guide, and the source's cost."""

    image: Floats
    hole: Bools
    source: Bools
    guide: Floats
    cost: Floats


def complete(
    image: Floats,
    hole: Bools,
    *,
    source: Bools | None = None,
    guide: Floats | None = None,
    cost: Floats | None = None,
    seed: int = 0,
    report: Report | None = None,
) -> Floats:
    """Fill `hole` of a picture with texture that continues what is around it.

    image: (H, W, 3) float32 0..1; what it holds inside the hole is ignored. hole: (H, W) bool.
    source: (H, W) bool, where patches may be taken from (outside the hole; default all of it).
    guide: (H, W, C), known everywhere: patches go where the guide is alike; a difference of 1
    weighs as much as that of black and white. cost: (H, W) >= 0, in squared colour: discourages
    taking patches from there. seed: of all randomness. report: called with 0..1; may raise.

    Returns (H, W, 3): outside the hole bit for bit as before, inside within the source's range of
    colours. Without any usable source the fill is smooth. Raises ValueError for shapes that don't
    agree.
    """
    image = np.asarray(image, np.float32)
    _check(image, hole, source, guide)
    hole = np.asarray(hole, bool)
    if not hole.any():
        return image.copy()
    source = ~hole if source is None else np.asarray(source, bool) & ~hole
    full = _full_level(image, hole, source, guide, cost)
    sizes = _sizes(*hole.shape)
    rng = np.random.default_rng(seed)
    filled = _coarse_to_fine(full, sizes, rng, report or (lambda _: None))
    filled = np.where(hole[..., None], filled, image)
    return filled.astype(np.float32)


def _check(image: Floats, hole: Bools, source: Bools | None, guide: Floats | None) -> None:
    if image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(f"the picture must be (H, W, 3), not {image.shape}")
    for name, mask in (("hole", hole), ("source", source), ("guide", guide)):
        if mask is not None and np.shape(mask)[:2] != image.shape[:2]:
            raise ValueError(f"{name} has another size than the picture")


def _full_level(
    image: Floats, hole: Bools, source: Bools, guide: Floats | None, cost: Floats | None
) -> _Level:
    height, width = hole.shape
    # A weak prior for the same height in the picture: scenes are layered by rows.
    rows = np.repeat(np.linspace(0.0, height / max(height, width), height), width)
    channels = [(_ROW_WEIGHT * rows).astype(np.float32).reshape(height, width, 1)]
    if guide is not None:
        channels.append(np.asarray(guide, np.float32).reshape(height, width, -1))
    start = poisson.smooth_fill(image, source if source.any() else ~hole)
    start = np.where(hole[..., None], start, image)
    price = np.zeros((height, width), np.float32) if cost is None else np.float32(cost)
    return _Level(start, hole, source, np.concatenate(channels, 2), price)


def _sizes(height: int, width: int) -> list[tuple[int, int]]:
    """Sizes (rows, columns) of the levels, coarsest first."""
    sizes = [(height, width)]
    while max(sizes[-1]) * STEP >= COARSEST and min(sizes[-1]) * STEP >= 4 * RADIUS + 2:
        factor = STEP ** len(sizes)
        sizes.append((max(1, round(height * factor)), max(1, round(width * factor))))
    return sizes[::-1]


def _shrink(full: _Level, size: tuple[int, int]) -> _Level:
    if size == full.hole.shape:
        return full
    target = size[::-1]

    def small(array: Floats) -> Floats:
        resized = cv2.resize(array, target, interpolation=cv2.INTER_AREA)
        return resized.reshape(*size, -1)

    known = (~full.hole).astype(np.float32)
    share = small(known)[..., 0]
    hole = share < 0.5
    clean = small(full.image * known[..., None]) / np.maximum(share, 1e-6)[..., None]
    image = np.where(hole[..., None], small(full.image), clean)
    source = (small(full.source.astype(np.float32))[..., 0] > 0.99) & ~hole
    return _Level(image, hole, source, small(full.guide), small(full.cost)[..., 0])


def _coarse_to_fine(
    full: _Level, sizes: list[tuple[int, int]], rng: np.random.Generator, report: Report
) -> Floats:
    work = np.array([rows * columns for rows, columns in sizes], float) + 20_000
    ends = np.cumsum(work) / work.sum()
    field: Indices | None = None
    previous = sizes[0]
    current: Floats | None = None
    for index, size in enumerate(sizes):
        begin = 0.0 if index == 0 else ends[index - 1]
        level = _shrink(full, size)
        solver = _Solver.prepare(level, rng)
        if solver is None:
            continue
        if field is not None:
            solver.adopt(field, previous)
        elif current is None:
            solver.start()
        last = index == len(sizes) - 1
        rounds = _rounds(index, size, last)
        for step in range(rounds):
            solver.improve(first=field is None and step == 0)
            report(float(begin + (ends[index] - begin) * (step + 1) / (rounds + 1)))
        field, previous = solver.search.field, size
        if last:
            current = solver.finish()
    report(1.0)
    return full.image if current is None else current


def _rounds(index: int, size: tuple[int, int], last: bool) -> int:
    pixels = size[0] * size[1]
    if pixels > SEARCHED_PIXELS:
        return 0
    if index == 0:
        return 12
    return 2 if last else 5 if pixels < 60_000 else 3


class _Solver:
    """Search and vote at one scale."""

    def __init__(
        self, level: _Level, radius: int, valid: Bools, targets: Indices, rng: np.random.Generator
    ) -> None:
        self.level = level
        self.radius = radius
        self.rng = rng
        self.image = level.image.copy()
        self.pixels = np.flatnonzero(level.hole)
        self.basis = patchmatch.fit_basis(
            self.image, np.flatnonzero(valid), radius, COMPONENTS, _MEAN_WEIGHT, rng
        )
        side = 2 * radius + 1
        guide = cv2.blur(level.guide, (side, side)).reshape(valid.size, -1)
        centres = np.flatnonzero(valid)
        offered = np.zeros((valid.size, self.basis.filters.shape[1] + guide.shape[1]), np.float32)
        offered[centres] = np.hstack(
            [patchmatch.describe(self.image, centres, self.basis), guide[centres]]
        )
        self.search = patchmatch.Search(level.hole.shape, targets, valid.ravel(), offered)
        self.guide = guide[targets]
        self.base_cost = level.cost.ravel()
        away = cv2.distanceTransform(level.hole.astype(np.uint8), cv2.DIST_L2, 3).ravel()
        self.trust = (_FALLOFF ** -np.minimum(away[targets], 100.0)).astype(np.float32)

    @classmethod
    def prepare(cls, level: _Level, rng: np.random.Generator) -> _Solver | None:
        """The solver with the largest patches that the source allows; None where there is none."""
        for radius in range(RADIUS, 0, -1):
            inside = patchmatch.interior(level.hole.shape, radius)
            square = np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
            valid = inside & (cv2.erode(level.source.astype(np.uint8), square) > 0)
            targets = inside & (cv2.dilate(level.hole.astype(np.uint8), square) > 0)
            if valid.sum() >= 4 and targets.any():
                return cls(level, radius, valid, np.flatnonzero(targets), rng)
        return None

    def start(self) -> None:
        """Begin without a field from a coarser level."""
        valid = np.flatnonzero(self.search.valid)
        self.search.field[self.search.targets] = self.rng.choice(valid, len(self.search.targets))

    def adopt(self, field: Indices, size: tuple[int, int]) -> None:
        """Begin with the field of a coarser level, and render the hole from it."""
        self.search.field = _enlarge(field, size, self.level.hole.shape, self.search.valid)
        self._price()
        self._vote(0.0)

    def improve(self, first: bool) -> None:
        """One round: search, then vote."""
        self._price()
        pairs = len(self.search.targets) * int(self.search.valid.sum())
        if pairs <= _EXACT_PAIRS:
            self.search.exact()
        else:
            self.search.propagate((4, 1) if not first else (8, 4, 2, 1))
            self.search.scatter(max(self.level.hole.shape) // 4, self.rng)
            self.search.propagate((1,))
        self._vote(0.0)

    def finish(self) -> Floats:
        """The filled picture, with sharp votes."""
        self._price()
        self._vote(12.0)
        return self.image

    def _price(self) -> None:
        wanted = patchmatch.describe(self.image, self.search.targets, self.basis)
        wanted = np.hstack([wanted, self.guide])
        targets, field = self.search.targets, self.search.field
        used = patchmatch.usage(field[targets], self.level.hole.shape, self.radius)
        usual = max(1.0, len(targets) / int(self.search.valid.sum()))
        self.search.penalty = self.base_cost.copy()
        self.search.want(wanted)
        scale = float(np.median(self.search.cost)) + 1e-5
        self.search.penalty += _OVERUSE * scale * np.clip(used / usual - 1.0, 0.0, 4.0)
        self.search.want(wanted)

    def _vote(self, sharpness: float) -> None:
        search = self.search
        size = search.valid.size
        spread = float(np.percentile(search.cost, 75)) + 1e-6
        weight = np.zeros(size, np.float32)
        weight[search.targets] = self.trust * np.exp(-np.minimum(search.cost / (2 * spread), 20))
        shift = np.zeros((size, 3), np.float32)
        means = search.wanted[:, :3] - search.offered[search.field[search.targets], :3]
        shift[search.targets] = np.clip(means / _MEAN_WEIGHT, -_MAX_SHIFT, _MAX_SHIFT)
        flat = self.image.reshape(-1, 3)
        ballot = voting.Ballot(
            self.level.hole.shape[1], self.radius, flat, search.field, weight, shift
        )
        flat[self.pixels] = voting.vote(ballot, self.pixels, sharpness)


def _enlarge(field: Indices, size: tuple[int, int], new: tuple[int, int], valid: Bools) -> Indices:
    """A field of a picture of `size` carried over to the size `new`, snapped to valid sources."""
    rows, columns = np.indices(new)
    ratio = np.array(new) / np.array(size)
    row = np.minimum((rows / ratio[0]).astype(int), size[0] - 1)
    column = np.minimum((columns / ratio[1]).astype(int), size[1] - 1)
    source = field[row * size[1] + column]
    moved_row = rows + np.rint((source // size[1] - row) * ratio[0]).astype(int)
    moved_column = columns + np.rint((source % size[1] - column) * ratio[1]).astype(int)
    moved_row = np.clip(moved_row, 0, new[0] - 1)
    moved_column = np.clip(moved_column, 0, new[1] - 1)
    nearest = ndimage.distance_transform_edt(
        ~valid.reshape(new), return_distances=False, return_indices=True
    )
    return (
        (nearest[0][moved_row, moved_column] * new[1] + nearest[1][moved_row, moved_column])
        .ravel()
        .astype(np.intp)
    )
