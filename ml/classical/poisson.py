"""Smooth fills and gradient-domain blending inside a hole.

`smooth_fill` continues colors without texture, as an initialization and as a fallback. `blend`
solves the screened Poisson equation of Bhat et al. 2010 inside a hole.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from ...geometry.core.camera import FloatArray
from ...geometry.core.ldi import Mask
from .multigrid import Grid, solve
from .parallel import in_chunks

GRAY = 0.5
"""Fill where nothing is observed."""
_RELAXATIONS, _FEW_RELAXATIONS = 24, 6
"""Relaxation steps at each scale, and at scales that are larger than _LARGE: what is left there is
finer than anyone looks at."""
_LARGE = 400_000
"""Pixels."""


def smooth_fill(image: FloatArray, observed: Mask) -> FloatArray:
    """Continue an image smoothly from the observed pixels over all others.

    Pull-push (Gortler et al. 1996), relaxed toward the membrane solution at every scale. Observed
    pixels come back unchanged; without any, the result is a constant gray.

    Args:
        image: (H, W, C).
        observed: (H, W) mask of the pixels to continue from.
    """
    if not observed.any():
        return np.full_like(image, GRAY)
    weight = observed.astype(np.float32)
    return _pull_push(np.where(observed[..., None], image, 0.0).astype(np.float32), weight)


def _pull_push(image: FloatArray, weight: FloatArray) -> FloatArray:
    """Fill the pixels (H, W, C) of weight 0 from a coarser scale, then relax them."""
    height, width = weight.shape
    if weight.min() > 0.0:
        return image
    small = ((width + 1) // 2, (height + 1) // 2)
    total_weight = cv2.resize(weight, small, interpolation=cv2.INTER_AREA)
    mean = cv2.resize(image * weight[..., None], small, interpolation=cv2.INTER_AREA)
    mean = mean.reshape(small[1], small[0], -1) / np.maximum(total_weight, 1e-12)[..., None]
    coarse = _pull_push(mean, (total_weight > 0.0).astype(np.float32))
    fine = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
    observed = (weight > 0.0)[..., None]
    fine = np.where(observed, image, fine.reshape(image.shape))
    for _ in range(_RELAXATIONS if weight.size <= _LARGE else _FEW_RELAXATIONS):
        relaxed = cv2.blur(fine, (3, 3), borderType=cv2.BORDER_REPLICATE).reshape(image.shape)
        fine = np.where(observed, image, relaxed)
    return fine


def blend(
    image: FloatArray,
    hole: Mask,
    corrections: tuple[FloatArray, FloatArray],
    screening: FloatArray,
    poll: Callable[[], None] = lambda: None,
) -> FloatArray:
    """Correct an image's gradients inside a hole while staying close to its colors.

    Minimizes |grad I - G|^2 + screening |I - image|^2 over the hole, with the pixels outside fixed.
    Corrections fade over about screening**-0.5 pixels.

    Args:
        image: (H, W, C).
        hole: (H, W) mask of the pixels that may change.
        corrections: What to add to the differences to the right neighbor (H, W-1, C) and to the
            neighbor below (H-1, W, C).
        screening: (H, W) weight of the colors relative to the gradients.
        poll: Called now and then; may raise to cancel.
    """
    result = image.copy()
    if not hole.any():
        return result
    horizontal, vertical = hole[:, :-1] | hole[:, 1:], hole[:-1] | hole[1:]
    grids = Grid.of_hole(hole, screening).pyramid()

    def solve_channel(chunk: slice) -> None:
        right, below = (part[..., chunk.start] for part in corrections)
        wanted = _gradient_adjoint(right * horizontal, below * vertical) * hole
        result[..., chunk.start] += solve(grids, wanted)

    in_chunks(image.shape[2], 1, solve_channel, poll)
    return result


def _gradient_adjoint(right: FloatArray, below: FloatArray) -> FloatArray:
    """Apply the adjoint of the differences to the right (H, W-1) and downward (H-1, W)."""
    total = np.zeros((right.shape[0], below.shape[1]), np.float32)
    total[:, 1:] += right
    total[:, :-1] -= right
    total[1:] += below
    total[:-1] -= below
    return total
