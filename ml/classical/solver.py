"""Patch search and voting at one scale of a completion."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from ...geometry.core.camera import FloatArray
from ...geometry.core.ldi import Mask
from . import growth, patchmatch, poisson, voting
from .blur import wide_blur
from .patchmatch import Indices

RADIUS = 3
_PATCH_COMPONENTS = 21
# Up to this many pairs are compared exhaustively, which is faster than PatchMatch, and exact.
_EXACT_PAIRS = 12_000_000
_MAX_GROWN_PIXELS = 20_000
_OVERUSE_COST = 0.003
_MAX_OVERUSE = 6.0
_DISTANCE_FALLOFF = 1.2
_VOTE_SHARPNESS = 30.0
_SCREENING = 0.0015
_SMOOTH_SCREENING = 0.0004
_MAX_COLOR_DIFFERENCE = 0.35
_MAX_SEAM = 0.6
_SMALL_SEAM = 0.06


@dataclass(frozen=True)
class Level:
    """The problem at one scale; all arrays are (H, W, ...).

    Attributes:
        image: (H, W, 3) with a smooth fill in the hole.
        hole: (H, W) mask of the pixels to fill.
        source: (H, W) mask of the pixels to copy from.
        descriptors: (H, W, C) channels that are compared in addition to color.
        cost: (H, W) cost of copying from each pixel, in squared color.
        target_color: (H, W, 3) expected coarse color.
        color_weight: (H, W) 0..1, how closely coarse colors follow `target_color`.
    """

    image: FloatArray
    hole: Mask
    source: Mask
    descriptors: FloatArray
    cost: FloatArray
    target_color: FloatArray
    color_weight: FloatArray


class Solver:
    """Alternates patch search and voting at one scale; `image` holds the current fill."""

    def __init__(
        self,
        level: Level,
        radius: int,
        valid: Mask,
        targets: Indices,
        rng: np.random.Generator,
        poll: Callable[[], None],
        search_patches: bool,
    ) -> None:
        self.level = level
        self.radius = radius
        self.rng = rng
        self.poll = poll
        self.search_patches = search_patches
        self.image = level.image.copy()
        self.pixels = np.flatnonzero(level.hole)
        source_descriptors = (
            self._source_table(np.flatnonzero(valid))
            if search_patches
            else np.zeros((0, 0), np.float32)
        )
        self.search = patchmatch.Search(
            level.hole.shape, targets, valid.ravel(), source_descriptors
        )
        self._has_source = np.zeros(valid.size, bool)
        self._has_source[targets] = True
        self._has_source &= level.hole.ravel()
        distance = cv2.distanceTransform(level.hole.astype(np.uint8), cv2.DIST_L2, 3).ravel()
        self.confidence = (_DISTANCE_FALLOFF ** -np.minimum(distance[targets], 60.0)).astype(
            np.float32
        )

    @classmethod
    def prepare(
        cls,
        level: Level,
        rng: np.random.Generator,
        poll: Callable[[], None],
        search_patches: bool = True,
    ) -> Solver | None:
        """Create a solver with the largest patches that the source allows, or return None.

        Args:
            level: The problem.
            rng: Source of all randomness.
            poll: Called often; may raise to cancel.
            search_patches: False if a field is only rendered, not improved.
        """
        for radius in range(RADIUS, 0, -1):
            inner = patchmatch.interior(level.hole.shape, radius)
            window = np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
            valid = inner & (cv2.erode(level.source.astype(np.uint8), window) > 0)
            targets = inner & (cv2.dilate(level.hole.astype(np.uint8), window) > 0)
            if valid.sum() >= 4 and targets.any():
                return cls(level, radius, valid, np.flatnonzero(targets), rng, poll, search_patches)
        return None

    def initialize(self) -> None:
        """Initialize without a field from a coarser level, by growing the image into the hole.

        If this scale is large because the source is too thin for coarser ones, use the nearest
        source pixels instead.
        """
        if len(self.pixels) > _MAX_GROWN_PIXELS:
            self.search.snap_to_valid()
            self._update_costs()
            self._vote()
            return
        self.image, self.search.field = growth.grow(
            self.image,
            self.level.hole,
            np.flatnonzero(self.search.valid),
            self.radius,
            self.descriptors,
            self.level.cost.ravel(),
            self.rng,
        )
        self.search.snap_to_valid()

    def initialize_from(self, coarse: Solver) -> None:
        """Initialize with the field of a coarser level and render the hole from it."""
        self.search.field = patchmatch.enlarge(
            coarse.search.field, coarse.level.hole.shape, self.level.hole.shape, coarse.radius
        )
        self.search.snap_to_valid()
        if self.search_patches:
            self._update_costs()
        else:
            self.search.cost = np.zeros(len(self.search.targets), np.float32)
        self._vote()

    def iterate(self) -> None:
        """Run one iteration: search, then vote."""
        self._update_costs()
        pairs = len(self.search.targets) * int(self.search.valid.sum())
        if pairs <= _EXACT_PAIRS:
            self.search.search_exact()
        else:
            self.search.propagate((4, 1))
            self.poll()
            self.search.random_search(max(self.level.hole.shape) // 4, self.rng)
            self.search.propagate((1,))
        self.poll()
        self._vote()

    def finish(self) -> FloatArray:
        """Return the filled image with coarse colors matched and the seam removed."""
        before_matching = self.image.reshape(-1, 3).copy()
        self._match_coarse_colors()
        screening = (
            _SCREENING * (1.0 - self.level.color_weight)
            + _SMOOTH_SCREENING * self.level.color_weight
        )
        self.image = poisson.blend(
            self.image,
            self.level.hole,
            self._gradient_corrections(before_matching),
            screening,
            poll=self.poll,
        )
        return self.image

    def _source_table(self, centers: Indices) -> FloatArray:
        """Return the descriptors of the source patches in a table (H*W, K) over all pixels."""
        side = 2 * self.radius + 1
        size = self.level.hole.size
        self.descriptors = cv2.blur(self.level.descriptors, (side, side)).reshape(size, -1)
        self.basis = patchmatch.fit_basis(
            self.image, centers, self.radius, _PATCH_COMPONENTS, self.rng
        )
        source_descriptors = self._describe(centers)
        descriptors = np.zeros((size, source_descriptors.shape[1]), np.float32)
        descriptors[centers] = source_descriptors
        return descriptors

    def _describe(self, centers: Indices) -> FloatArray:
        """Return descriptors (n, K): projected patch colors, and means of the additional
        channels."""
        patch_descriptors = patchmatch.describe(self.image, centers, self.basis)
        return np.hstack([patch_descriptors, self.descriptors[centers]])

    def _update_costs(self) -> None:
        """Update the targets' descriptors and the penalty of overused sources."""
        search = self.search
        use_count = patchmatch.usage(
            search.field[search.targets], self.level.hole.shape, self.radius
        )
        average_use = max(1.0, len(search.targets) / int(search.valid.sum()))
        overuse = np.clip(use_count / average_use - 1.0, 0.0, _MAX_OVERUSE)
        penalty = self.level.cost.ravel() + np.float32(_OVERUSE_COST) * overuse
        search.penalty = penalty.astype(np.float32, copy=False)
        search.set_targets(self._describe(search.targets))

    def _vote(self) -> None:
        """Render the hole from the current field."""
        search = self.search
        spread = float(np.percentile(search.cost, 75)) + 1e-6
        weight = np.zeros(search.valid.size, np.float32)
        weight[search.targets] = self.confidence * np.exp(
            -np.minimum(search.cost / (2 * spread), 12)
        )
        flat = self.image.reshape(-1, 3)
        patch_field = voting.PatchField(
            self.level.hole.shape[1], self.radius, flat, search.field, weight
        )
        # Source and hole don't overlap, so votes never read what they write.
        flat[self.pixels] = voting.vote(patch_field, self.pixels, _VOTE_SHARPNESS, self.poll)

    def _match_coarse_colors(self) -> None:
        """Replace coarse colors in the hole by the expected ones, according to `color_weight`."""
        color_weight = self.level.color_weight * self.level.hole
        if not color_weight.any():
            return
        sigma = max(self.level.hole.shape) / 40.0
        difference = self.level.target_color - self.image
        # A color far from the expected one belongs to another object, such as a tree in the sky.
        relative_difference = np.linalg.norm(difference, axis=2) / _MAX_COLOR_DIFFERENCE
        color_weight = (color_weight * np.exp(-(np.minimum(relative_difference, 5.0) ** 2))).astype(
            np.float32
        )
        total_weight = wide_blur(color_weight, sigma)[..., None]
        coarse = wide_blur(difference * color_weight[..., None], sigma) / np.maximum(
            total_weight, 1e-4
        )
        self.image += (coarse * color_weight[..., None]).astype(np.float32)

    def _gradient_corrections(self, before_matching: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return how far the color steps (right, down) at and in the hole differ from the source's.

        They are 0 elsewhere.

        At the edge of the hole the whole difference counts, up to a limit. Inside, small
        differences are seams between patches in flat areas, while large ones are intended, such as
        where trees meet the sky. The differences inside are taken from `before_matching` (H*W, 3),
        the fill before its coarse colors were matched.
        """
        height, width = self.level.hole.shape
        flat = self.image.reshape(-1, 3)
        grid = np.arange(height * width).reshape(height, width)
        hole = self.level.hole.ravel()
        corrections = []
        for first, second in ((grid[:, :-1], grid[:, 1:]), (grid[:-1], grid[1:])):
            near = np.flatnonzero(hole[first.ravel()] | hole[second.ravel()])
            a, b = first.ravel()[near], second.ravel()[near]
            ends = np.stack([self._has_source[a], self._has_source[b]])[..., None].astype(
                np.float32
            )
            steps = ends[0] * self._source_step(a, b) - ends[1] * self._source_step(b, a)
            source_steps = steps / np.maximum(ends.sum(0), 1.0)
            sourced = ends.any(0)
            inner = np.where(sourced, source_steps - (before_matching[b] - before_matching[a]), 0.0)
            inner /= 1.0 + (np.linalg.norm(inner, axis=1, keepdims=True) / _SMALL_SEAM) ** 4
            outer = np.where(sourced, source_steps - (flat[b] - flat[a]), 0.0)
            outer = np.clip(outer, -_MAX_SEAM, _MAX_SEAM)
            at_edge = (hole[a] != hole[b])[:, None]
            correction = np.zeros((first.size, 3), np.float32)
            correction[near] = np.where(at_edge, outer, inner)
            corrections.append(correction.reshape(*first.shape, 3))
        return corrections[0], corrections[1]

    def _source_step(self, a: Indices, b: Indices) -> FloatArray:
        """Return the color steps from pixels `a` to neighbors `b`, taken at the sources of `a`."""
        flat = self.image.reshape(-1, 3)
        source = self.search.field[a]
        return flat[np.clip(source + (b - a), 0, len(flat) - 1)] - flat[source]
