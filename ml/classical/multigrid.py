"""The screened Poisson equation in a hole, solved by conjugate gradients and multigrid.

Each step of the conjugate gradients is preconditioned by a V-cycle over grids of half the size and
less (Briggs, Henson and McCormick, *A Multigrid Tutorial*, 2000), so that ten of them settle what
is near and what is far apart alike.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from ...geometry.core.camera import FloatArray
from ...geometry.core.ldi import Mask

_SMALLEST = 8
"""Shorter side of the coarsest grid, in pixels, at most."""
_COARSEST_SWEEPS = 20
"""Relaxations on the coarsest grid."""
_DAMPING = 0.8
"""Share of a relaxation's change that is made."""
_ITERATIONS = 20
"""Most steps of the conjugate gradients."""
_TOLERANCE = 1e-8
"""Squared residual, relative to the right-hand side, that is small enough."""


@dataclass(frozen=True, eq=False)
class Grid:
    """The screened Laplacian of a hole, as the weights of a graph of pixels.

    Attributes:
        hole: (H, W), 1 at the unknowns, 0 elsewhere.
        right, below: (H, W-1) and (H-1, W), weights of the edges between two unknowns.
        border: (H, W), of the edges to known pixels.
        screening: (H, W), of the unknowns themselves.
    """

    hole: FloatArray
    right: FloatArray
    below: FloatArray
    border: FloatArray
    screening: FloatArray

    @classmethod
    def of_hole(cls, hole: Mask, screening: FloatArray) -> Grid:
        """Return the grid of an image with a hole (H, W) and a screening (H, W)."""
        inside = hole.astype(np.float32)
        border = np.zeros_like(inside)
        border[:, :-1] += 1.0 - inside[:, 1:]
        border[:, 1:] += 1.0 - inside[:, :-1]
        border[:-1] += 1.0 - inside[1:]
        border[1:] += 1.0 - inside[:-1]
        return cls(
            inside,
            inside[:, :-1] * inside[:, 1:],
            inside[:-1] * inside[1:],
            border * inside,
            screening.astype(np.float32) * inside,
        )

    def pyramid(self) -> list[Grid]:
        """Return the grid and those of half its size and less, finest first."""
        grids = [self]
        while min(grids[-1].hole.shape) > _SMALLEST:
            grids.append(grids[-1].halved())
        return grids

    def halved(self) -> Grid:
        """Return the grid of squares of 2 x 2 pixels.

        Two edges of a length become one of twice the length: of the weight of one of them.
        """
        odd = [(0, side % 2) for side in self.hole.shape]
        rows, columns = ((side + 1) // 2 for side in self.hole.shape)
        right, below = np.pad(self.right, odd)[:, 1::2], np.pad(self.below, odd)[1::2]
        return Grid(
            (_sums(self.hole) > 0.0).astype(np.float32),
            0.5 * (right[::2] + right[1::2])[:, : columns - 1],
            0.5 * (below[:, ::2] + below[:, 1::2])[: rows - 1],
            0.5 * _sums(self.border),
            _sums(self.screening),
        )

    @cached_property
    def diagonal(self) -> FloatArray:
        """The sum of all weights at a pixel (H, W), 1 at known ones."""
        total = self.border + self.screening
        total[:, :-1] += self.right
        total[:, 1:] += self.right
        total[:-1] += self.below
        total[1:] += self.below
        return np.where(self.hole > 0.0, total, 1.0).astype(np.float32)

    @cached_property
    def relaxation(self) -> FloatArray:
        """By what to multiply a residual (H, W) for a damped Jacobi step, 0 at known pixels."""
        return _DAMPING * self.hole / self.diagonal

    def apply(self, x: FloatArray) -> FloatArray:
        """Return the product with x (H, W), which is 0 at known pixels."""
        product = self.diagonal * x
        product[:, :-1] -= self.right * x[:, 1:]
        product[:, 1:] -= self.right * x[:, :-1]
        product[:-1] -= self.below * x[1:]
        product[1:] -= self.below * x[:-1]
        return product


def solve(
    grids: list[Grid], wanted: FloatArray, poll: Callable[[], None] = lambda: None
) -> FloatArray:
    """Return x (H, W) for which the finest grid gives `wanted` (H, W), which is 0 at known pixels.

    Args:
        grids: As `Grid.pyramid` returns them.
        wanted: The right-hand side.
        poll: Called in every step; may raise to cancel.
    """
    grid, solution, residual = grids[0], np.zeros_like(wanted), wanted.copy()
    enough = _TOLERANCE * float(np.vdot(wanted, wanted))
    direction, previous = np.zeros_like(wanted), 1.0
    for _ in range(_ITERATIONS):
        poll()
        if float(np.vdot(residual, residual)) <= enough:
            break
        improved = _v_cycle(grids, residual)
        slope = float(np.vdot(residual, improved))
        direction *= slope / previous
        direction += improved
        product = grid.apply(direction)
        step = slope / float(np.vdot(direction, product))
        solution += step * direction
        residual -= step * product
        previous = slope
    return solution


def _v_cycle(grids: list[Grid], residual: FloatArray) -> FloatArray:
    """Return about what to add to a solution that has a residual (H, W)."""
    grid = grids[0]
    change = grid.relaxation * residual
    if len(grids) == 1:
        for _ in range(_COARSEST_SWEEPS):
            change += grid.relaxation * (residual - grid.apply(change))
        return change
    left = residual - grid.apply(change)
    coarse = _v_cycle(grids[1:], _sums(left))
    rows, columns = residual.shape
    size = (2 * coarse.shape[1], 2 * coarse.shape[0])
    double = cv2.resize(coarse, size, interpolation=cv2.INTER_NEAREST)
    change += double[:rows, :columns] * grid.hole
    change += grid.relaxation * (residual - grid.apply(change))
    return change


def _sums(values: FloatArray) -> FloatArray:
    """Return the sums of squares of 2 x 2 pixels."""
    rows, columns = values.shape
    even = np.pad(values, ((0, rows % 2), (0, columns % 2)))
    return np.asarray(even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2])
