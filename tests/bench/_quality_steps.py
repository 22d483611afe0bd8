"""The paper's per-frame generation (table 2, after InfNat-zero): each image is made from the last.

The camera moves a little, the last image is drawn from the new pose, holes are inpainted, and the
result is the next input. Nothing that is out of view is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from _quality_shot import Shot
from make_4d.geometry.core import ldi
from make_4d.geometry.core.camera import FloatArray
from make_4d.geometry.landscapes.truth import Mask, Matrix
from make_4d.ml.classical.completion import complete
from make_4d.ml.stages.inpaint import height_guide

COVERED = 0.5
"""Accumulated alpha from which a pixel counts as covered."""
NEARER = 0.5
"""Inpainted pixels may be nearer than everything observed by this factor."""

Draw = Callable[[FloatArray, FloatArray, Matrix], tuple[Shot, FloatArray]]
"""From an image (H, W, 3), its depth (H, W) and a pose (4, 4) to the image and the depth (H, W) as
seen from that pose."""
Estimate = Callable[[FloatArray], FloatArray]
"""From an image (H, W, 3) to disparity (H, W)."""


@dataclass(frozen=True, eq=False)
class State:
    """An image (H, W, 3), its depth (H, W) in scene units and its pose (4, 4)."""

    image: FloatArray
    depth: FloatArray
    pose: Matrix


class StepByStep:
    """A camera path whose images are each generated from the one before.

    Args:
        start: The first image.
        path: Poses (4, 4) in scene units, starting with the identity.
        draw: Draws an image from another pose.
        estimate: Estimates depth.
        horizon: The row of the horizon in the first image.
    """

    def __init__(
        self,
        start: State,
        path: Sequence[Matrix],
        draw: Draw,
        estimate: Estimate,
        horizon: float,
    ) -> None:
        self._state, self._path = start, list(path)
        self._draw, self._estimate, self._horizon = draw, estimate, horizon
        self._at = 0

    def image(self, number: int) -> FloatArray:
        """Return the image at the path's pose `number`; numbers must not decrease between calls."""
        while self._at < number:
            self._at += 1
            self._state = self._next(self._path[self._at])
        return self._state.image

    def _next(self, pose: Matrix) -> State:
        """Return the image after one step of the camera."""
        state = self._state
        step = pose @ np.linalg.inv(state.pose)
        shot, depth = self._draw(state.image, state.depth, step)
        hole = shot.alpha < COVERED
        if not hole.any():
            return State(shot.image, depth, pose)
        guide = height_guide(*hole.shape, self._horizon)
        image = complete(shot.image, hole, descriptors=guide, seed=self._at)
        return State(image, self._completed(image, depth, hole), pose)

    def _completed(self, image: FloatArray, depth: FloatArray, hole: Mask) -> FloatArray:
        """Return the depth (H, W) with the hole's estimated and fitted to its surroundings."""
        if hole.all():
            return 1.0 / np.maximum(self._estimate(image), ldi.MIN_DISPARITY)
        near, far = float(depth[~hole].min()), float(depth[~hole].max())
        disparity = np.where(hole, 0.0, 1.0 / np.maximum(depth, 1e-6)).astype(np.float32)
        estimate = self._estimate(image)
        return ldi.align_layer_depth(estimate, disparity, ~hole, NEARER * near, far)
