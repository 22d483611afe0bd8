"""Colors of a picture from a nearest-neighbor field: every patch votes.

The averaging step of Wexler et al. 2007, with a mean shift against blur.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Indices = NDArray[np.intp]

_CHUNK = 1 << 16


@dataclass(frozen=True)
class Ballot:
    """What is needed to vote, in flat arrays over the pixels of the picture.

    image: (H*W, 3) the source; field: (H*W,) the center that each center takes after; weight:
    (H*W,) of the patch centerd there, 0 where there is none.
    """

    width: int
    radius: int
    image: Floats
    field: Indices
    weight: Floats


def vote(
    ballot: Ballot,
    pixels: Indices,
    sharpness: float = 0.0,
    pulse: Callable[[], None] = lambda: None,
) -> Floats:
    """Colors (n, 3) of the flat `pixels` as the weighted mean of the patches that cover them.

    sharpness: > 0 makes a second round in which votes far from the first mean count less (a mean
    shift, with 1 / sharpness as its width in color), so that conflicting votes don't blur.
    pulse: called now and then, may raise.
    """
    out = np.empty((len(pixels), 3), np.float32)
    for start in range(0, len(pixels), _CHUNK):
        part = pixels[start : start + _CHUNK]
        mean = _mean(ballot, part, None, 0.0)
        if sharpness > 0.0:
            mean = _mean(ballot, part, mean, sharpness)
        out[start : start + _CHUNK] = mean
        pulse()
    return out


def _mean(ballot: Ballot, pixels: Indices, about: Floats | None, sharpness: float) -> Floats:
    total = np.zeros((len(pixels), 3), np.float32)
    mass = np.full(len(pixels), 1e-35, np.float32)
    last = len(ballot.field) - 1
    radius = ballot.radius
    for dy in range(-radius, radius + 1):
        for dx in range(-radius, radius + 1):
            move = dy * ballot.width + dx
            center = np.clip(pixels + move, 0, last)
            weight = ballot.weight[center]
            if radius:
                weight = weight * np.float32(np.exp(-(dx * dx + dy * dy) / (1.0 * radius * radius)))
            source = np.clip(ballot.field[center] - move, 0, last)
            color = ballot.image[source]
            if about is not None:
                apart = color - about
                apart = np.einsum("ij,ij->i", apart, apart) * np.float32(0.5 * sharpness**2)
                weight = weight * np.exp(-np.minimum(apart, 12.0))
            total += weight[:, None] * color
            mass += weight
    return total / mass[:, None]
