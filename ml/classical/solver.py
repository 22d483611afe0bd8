"""Patch search and voting at one scale of a completion."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from . import growth, patchmatch, poisson, voting

Floats = NDArray[np.float32]
Indices = NDArray[np.intp]
Bools = NDArray[np.bool_]

RADIUS = 3
_COMPONENTS = 21
# Up to so many pairs of patches are compared all with all: faster than PatchMatch, and exact.
_EXACT_PAIRS = 12_000_000
_GROWN_PIXELS = 20_000
_OVERUSE = 0.003
_OVERUSE_CAP = 6.0
_FALLOFF = 1.2
_SHARPNESS = 30.0
_SCREEN = 0.004
_SMOOTH_SCREEN = 0.0004
_SOMETHING_ELSE = 0.35
_LARGEST_SEAM = 0.15
_SMALL_SEAM = 0.06


@dataclass(frozen=True)
class Level:
    """The problem at one scale; all (H, W, ...).

    image: with a smooth fill in the hole; hole, source: masks; guide: channels to compare besides
    color; cost: of taking from there; color: expected, and hold: how firmly, 0..1.
    """

    image: Floats
    hole: Bools
    source: Bools
    guide: Floats
    cost: Floats
    color: Floats
    hold: Floats


class Solver:
    """Search and vote at one scale; `image` holds the fill so far."""

    def __init__(
        self,
        level: Level,
        radius: int,
        valid: Bools,
        targets: Indices,
        rng: np.random.Generator,
        pulse: Callable[[], None],
        searching: bool,
    ) -> None:
        self.level = level
        self.radius = radius
        self.rng = rng
        self.pulse = pulse
        self.searching = searching
        self.image = level.image.copy()
        self.pixels = np.flatnonzero(level.hole)
        offered = self._offer(np.flatnonzero(valid)) if searching else np.zeros((0, 0), np.float32)
        self.search = patchmatch.Search(level.hole.shape, targets, valid.ravel(), offered)
        self._sourced = np.zeros(valid.size, bool)
        self._sourced[targets] = True
        self._sourced &= level.hole.ravel()
        away = cv2.distanceTransform(level.hole.astype(np.uint8), cv2.DIST_L2, 3).ravel()
        self.trust = (_FALLOFF ** -np.minimum(away[targets], 60.0)).astype(np.float32)

    @classmethod
    def prepare(
        cls,
        level: Level,
        rng: np.random.Generator,
        pulse: Callable[[], None],
        searching: bool = True,
    ) -> Solver | None:
        """The solver with the largest patches that the source allows; None where there is none.

        pulse: called often, may raise; searching: False where a field is only to be rendered.
        """
        for radius in range(RADIUS, 0, -1):
            inside = patchmatch.interior(level.hole.shape, radius)
            square = np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
            valid = inside & (cv2.erode(level.source.astype(np.uint8), square) > 0)
            targets = inside & (cv2.dilate(level.hole.astype(np.uint8), square) > 0)
            if valid.sum() >= 4 and targets.any():
                return cls(level, radius, valid, np.flatnonzero(targets), rng, pulse, searching)
        return None

    def start(self) -> None:
        """Begin without a field from a coarser level: grow the picture into the hole.

        Where even this scale is large (the source is too thin for coarser ones), with the
        nearest source pixels instead.
        """
        if len(self.pixels) > _GROWN_PIXELS:
            self.search.snap()
            self._price()
            self._vote()
            return
        self.image, self.search.field = growth.grow(
            self.image,
            self.level.hole,
            np.flatnonzero(self.search.valid),
            self.radius,
            self.guide,
            self.level.cost.ravel(),
            self.rng,
        )
        self.search.snap()

    def adopt(self, coarse: Solver) -> None:
        """Begin with the field of a coarser level, and render the hole from it."""
        self.search.field = patchmatch.enlarge(
            coarse.search.field, coarse.level.hole.shape, self.level.hole.shape, coarse.radius
        )
        self.search.snap()
        if self.searching:
            self._price()
        else:
            self.search.cost = np.zeros(len(self.search.targets), np.float32)
        self._vote()

    def improve(self) -> None:
        """One round: search, then vote."""
        self._price()
        pairs = len(self.search.targets) * int(self.search.valid.sum())
        if pairs <= _EXACT_PAIRS:
            self.search.exact()
        else:
            self.search.propagate((4, 1))
            self.pulse()
            self.search.scatter(max(self.level.hole.shape) // 4, self.rng)
            self.search.propagate((1,))
        self.pulse()
        self._vote()

    def finish(self) -> Floats:
        """The filled picture: coarse colors held where wished, and the seam taken out."""
        unheld = self.image.reshape(-1, 3).copy()
        self._hold_colors()
        screen = _SCREEN * (1.0 - self.level.hold) + _SMOOTH_SCREEN * self.level.hold
        self.image = poisson.blend(
            self.image, self.level.hole, self._seams(unheld), screen, pulse=self.pulse
        )
        return self.image

    def _offer(self, centers: Indices) -> Floats:
        """Descriptors of the source patches, in a table (H*W, K) over all pixels."""
        side = 2 * self.radius + 1
        size = self.level.hole.size
        self.guide = cv2.blur(self.level.guide, (side, side)).reshape(size, -1)
        self.basis = patchmatch.fit_basis(self.image, centers, self.radius, _COMPONENTS, self.rng)
        offered = self._describe(centers)
        table = np.zeros((size, offered.shape[1]), np.float32)
        table[centers] = offered
        return table

    def _describe(self, centers: Indices) -> Floats:
        seen = patchmatch.describe(self.image, centers, self.basis)
        return np.hstack([seen, self.guide[centers]])

    def _price(self) -> None:
        """Describe the targets anew, and make overused sources dearer."""
        search = self.search
        used = patchmatch.usage(search.field[search.targets], self.level.hole.shape, self.radius)
        usual = max(1.0, len(search.targets) / int(search.valid.sum()))
        overuse = np.clip(used / usual - 1.0, 0.0, _OVERUSE_CAP)
        search.penalty = self.level.cost.ravel() + np.float32(_OVERUSE) * overuse
        search.want(self._describe(search.targets))

    def _vote(self) -> None:
        search = self.search
        spread = float(np.percentile(search.cost, 75)) + 1e-6
        weight = np.zeros(search.valid.size, np.float32)
        weight[search.targets] = self.trust * np.exp(-np.minimum(search.cost / (2 * spread), 12))
        flat = self.image.reshape(-1, 3)
        ballot = voting.Ballot(self.level.hole.shape[1], self.radius, flat, search.field, weight)
        # Source and hole don't overlap, so that votes never read what they write.
        flat[self.pixels] = voting.vote(ballot, self.pixels, _SHARPNESS, self.pulse)

    def _hold_colors(self) -> None:
        """Replace coarse colors by the expected ones, as far as `hold` says, in the hole."""
        hold = self.level.hold * self.level.hole
        if not hold.any():
            return
        sigma = max(self.level.hole.shape) / 40.0
        apart = self.level.color - self.image
        # What is far from the expected color is something else (a tree before the sky).
        far = np.linalg.norm(apart, axis=2) / _SOMETHING_ELSE
        hold = (hold * np.exp(-(np.minimum(far, 5.0) ** 2))).astype(np.float32)
        mass = cv2.GaussianBlur(hold, (0, 0), sigma)[..., None]
        coarse = cv2.GaussianBlur(apart * hold[..., None], (0, 0), sigma) / np.maximum(mass, 1e-4)
        self.image += (coarse * hold[..., None]).astype(np.float32)

    def _seams(self, unheld: Floats) -> tuple[Floats, Floats]:
        """How far the steps (right, down) at and in the hole are from those of the source.

        At the hole's edge all of the miss counts, up to a limit. Inside, small ones are seams
        between pieces in flat regions, large ones are meant: where sky and trees meet. Inside
        they are taken from `unheld` (H*W, 3), the fill before colors were held.
        """
        height, width = self.level.hole.shape
        flat = self.image.reshape(-1, 3)
        grid = np.arange(height * width).reshape(height, width)
        hole = self.level.hole.ravel()
        seams = []
        for first, second in ((grid[:, :-1], grid[:, 1:]), (grid[:-1], grid[1:])):
            a, b = first.ravel(), second.ravel()
            ends = np.stack([self._sourced[a], self._sourced[b]])[..., None].astype(np.float32)
            steps = ends[0] * self._step(a, b) - ends[1] * self._step(b, a)
            wish = steps / np.maximum(ends.sum(0), 1.0)
            sourced = ends.any(0)
            inner = np.where(sourced, wish - (unheld[b] - unheld[a]), 0.0)
            inner /= 1.0 + (np.linalg.norm(inner, axis=1, keepdims=True) / _SMALL_SEAM) ** 4
            outer = np.where(sourced, wish - (flat[b] - flat[a]), 0.0)
            outer = np.clip(outer, -_LARGEST_SEAM, _LARGEST_SEAM)
            edge = (hole[a] != hole[b])[:, None]
            miss = np.where(edge, outer, inner)
            seams.append(miss.reshape(*first.shape, 3).astype(np.float32))
        return seams[0], seams[1]

    def _step(self, a: Indices, b: Indices) -> Floats:
        """Color steps from pixels a to their neighbors b, as at the sources of a."""
        flat = self.image.reshape(-1, 3)
        source = self.search.field[a]
        return flat[np.clip(source + (b - a), 0, len(flat) - 1)] - flat[source]
