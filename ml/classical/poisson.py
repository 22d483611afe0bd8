"""Smooth fills and gradient-domain blending inside a hole.

`smooth_fill` continues colors without texture (a start for completion, and its fallback);
`blend` solves the screened Poisson equation of Bhat et al. 2010 inside a hole.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]

GRAY = 0.5
_SMOOTHING = 24


def smooth_fill(image: Floats, observed: Bools) -> Floats:
    """Continue `image` (H, W, C) from where it is `known` (H, W) smoothly over all the rest.

    Pull-push (Gortler et al. 1996), relaxed towards the membrane at every scale. Known pixels
    come back unchanged; where nothing is known the result is a constant gray.
    """
    if not observed.any():
        return np.full_like(image, GRAY)
    weight = observed.astype(np.float32)
    return _pull_push(np.where(observed[..., None], image, 0.0).astype(np.float32), weight)


def _pull_push(image: Floats, weight: Floats) -> Floats:
    height, width = weight.shape
    if weight.min() > 0.0:
        return image
    small = ((width + 1) // 2, (height + 1) // 2)
    mass = cv2.resize(weight, small, interpolation=cv2.INTER_AREA)
    mean = cv2.resize(image * weight[..., None], small, interpolation=cv2.INTER_AREA)
    mean = mean.reshape(small[1], small[0], -1) / np.maximum(mass, 1e-12)[..., None]
    coarse = _pull_push(mean, (mass > 0.0).astype(np.float32))
    fine = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
    observed = (weight > 0.0)[..., None]
    fine = np.where(observed, image, fine.reshape(image.shape))
    for _ in range(_SMOOTHING):
        relaxed = cv2.blur(fine, (3, 3), borderType=cv2.BORDER_REPLICATE).reshape(image.shape)
        fine = np.where(observed, image, relaxed)
    return fine


def blend(
    image: Floats,
    hole: Bools,
    misses: tuple[Floats, Floats],
    screen: Floats,
    steps: int = 120,
    pulse: Callable[[], None] = lambda: None,
) -> Floats:
    """Inside `hole` the picture nearest to `image` with the steps between pixels as wished.

    image: (H, W, C); misses: what is to be added to the steps to the right (H, W-1, C) and down
    (H-1, W, C); screen: (H, W), weight of the colors against the steps. Minimises |grad I - G|^2 +
    screen |I - image|^2 over the hole with the pixels outside as they are, by at most `steps`
    conjugate gradients; corrections fade over about screen**-0.5 pixels. pulse:
    called at every step, may raise.
    """
    inside = hole[..., None].astype(np.float32)
    across = (hole[:, :-1] | hole[:, 1:])[..., None].astype(np.float32)
    down = (hole[:-1] | hole[1:])[..., None].astype(np.float32)

    pull = screen[..., None]

    def operate(x: Floats) -> Floats:
        pulse()
        right, below = across * np.diff(x, axis=1), down * np.diff(x, axis=0)
        return (pull * x + _gather(right, below)) * inside

    residual = _gather(across * misses[0], down * misses[1]) * inside
    return image + _conjugate_gradients(operate, residual, steps)


def _gather(right: Floats, below: Floats) -> Floats:
    """The adjoint of taking steps to the right and down."""
    total = np.zeros((right.shape[0], below.shape[1], right.shape[2]), np.float32)
    total[:, 1:] += right
    total[:, :-1] -= right
    total[1:] += below
    total[:-1] -= below
    return total


def _conjugate_gradients(
    operate: Callable[[Floats], Floats], residual: Floats, steps: int
) -> Floats:
    solution = np.zeros_like(residual)
    direction = residual.copy()
    energy = float(np.vdot(residual, residual))
    goal = energy * 1e-8
    for _ in range(steps):
        if energy <= goal or energy == 0.0:
            break
        moved = operate(direction)
        length = energy / float(np.vdot(direction, moved))
        solution += length * direction
        residual = residual - length * moved
        before, energy = energy, float(np.vdot(residual, residual))
        direction = residual + (energy / before) * direction
    return solution
