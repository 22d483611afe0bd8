"""Disparity of superpixels: ground keeps the plane, upright pieces stand on their feet."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import spsolve
from scipy.spatial import cKDTree

from ...geometry.core.camera import FloatArray
from .layout import Layout
from .superpixels import Borders, Labels, borders, mean_over, superpixels

ALIKE = 10.0
"""Difference of color (CIELAB) at which a link between two pieces has weakened to exp(-1/2)."""
CONTACT, LOOSE = 0.6, 0.005
"""Ties of an upright piece to the ground under it, and to ground that turned out to lie behind."""
ROUNDS = 8
SUPPORT = 1.0
"""Ties between upright pieces one over the other (SUPPORT) and side by side (BESIDE)."""
BESIDE = 0.05
CUT = 0.1
"""Step of disparity at which support gives way."""
GROUND_TRUST, UPRIGHT_TRUST, BOTTOM_TRUST = 1.0, 0.001, 0.3
TEXTURE, PLACE = 2.0, 2.5
"""What counts as a difference of looks: this much roughness, and 1 / PLACE of the width."""
AGREEMENT = 0.1
FILLS = 3
SMOOTH_TRUST, ROUGH_TRUST = 0.6, 0.25


@dataclass(frozen=True)
class Pieces:
    """A picture's superpixels: `labels` (H, W), mean CIELAB `color` (N, 3), borders `links`,
    and `place` (N, 2), row and column of the centers in pixels."""

    labels: Labels
    color: FloatArray
    place: FloatArray
    links: Borders


def cut_pieces(image: FloatArray, solid: NDArray[np.bool_]) -> Pieces:
    """Cut an image (H, W, 3), sRGB 0..1, into superpixels where `solid` (H, W)."""
    labels = superpixels(image, solid)
    lab = cv2.cvtColor(image.astype(np.float32), cv2.COLOR_RGB2Lab)
    rows, columns = np.mgrid[: labels.shape[0], : labels.shape[1]].astype(np.float32) + 0.5
    place = mean_over(labels, np.stack([rows, columns], -1))
    return Pieces(labels, mean_over(labels, lab), place, borders(labels))


def superpixel_disparity(pieces: Pieces, upright: FloatArray, layout: Layout) -> FloatArray:
    """Disparity (N,) of superpixels with their uprightness (N,) 0..1, in a scene's layout.

    Solves a Poisson equation on the graph of superpixels: ground neighbors differ as the template
    does, upright neighbors not at all; a piece is tied to the ground it stands on, hardly to the
    ground that it hides.
    """
    labels, links = pieces.labels, pieces.links
    above = pieces.place[:, 0] < layout.horizon
    height = mean_over(labels, layout.template)
    like, support, contact = _link_weights(links, pieces.color, upright)
    i, j = links.first, links.second
    slant = 1.0 - np.maximum(upright[i], upright[j])
    step = slant * (height[i] - height[j])
    trust = _trust(labels, upright, above)
    stands = np.where(upright[i] > upright[j], 1.0, -1.0)
    touching = joined = np.ones(len(i), np.float32)
    for _ in range(ROUNDS):
        weight = like + support * joined + contact * touching
        level = _solved(i, j, weight, step, trust, height)
        # What stands on the ground may also hide farther ground: contact only pulls nearer. Upright
        # pieces one over the other are one thing, or one hides the other: a large step cuts them.
        gap = level[i] - level[j]
        touching = np.where(stands * gap > 0.01, LOOSE, 1.0).astype(np.float32)
        joined = (1.0 / (1.0 + (gap / CUT) ** 2) ** 2).astype(np.float32)
    return level


def _trust(labels: Labels, upright: FloatArray, above: NDArray[np.bool_]) -> FloatArray:
    """How much each piece (N,) keeps to the template: ground does, and what leaves the picture."""
    trust = GROUND_TRUST * (1.0 - upright) ** 3 + UPRIGHT_TRUST
    at_bottom = np.unique(labels[-1][labels[-1] >= 0])
    trust[at_bottom] = np.maximum(trust[at_bottom], BOTTOM_TRUST)
    return np.where(above, 0.02 * trust, trust).astype(np.float32)


def uprightness(image: FloatArray, pieces: Pieces, layout: Layout) -> FloatArray:
    """How upright, 0..1, each superpixel (N,) of an image (H, W, 3) is: 1 above the horizon.

    Below it as far as a piece is rough, looks like one above it, and has neighbors that are.
    """
    above = pieces.place[:, 0] < layout.horizon
    if not above.any():
        return np.zeros(len(above), np.float32)
    lab = cv2.cvtColor(image.astype(np.float32), cv2.COLOR_RGB2Lab)
    texture = mean_over(pieces.labels, _texture(lab))
    column = pieces.place[:, 1:] / pieces.labels.shape[1] * PLACE
    look = np.concatenate([pieces.color / ALIKE, texture[:, None] / TEXTURE, column], -1)
    distance, _ = cKDTree(look[above]).query(look)
    rough = np.clip(texture / TEXTURE - 0.5, 0.0, 1.0)
    upright = np.exp(-0.5 * distance**2) * rough
    upright *= 1.0 - mean_over(pieces.labels, layout.mirrored)
    upright = np.where(above, 1.0, upright).astype(np.float32)
    # Smooth is ground; rough but of another color may still be part of what stands.
    sure = np.maximum(upright, 1.0 - rough)
    trust = np.where(above, 1.0, ROUGH_TRUST + (SMOOTH_TRUST - ROUGH_TRUST) * sure)
    upright = _filled(_agreed(upright, trust, pieces), pieces.links)
    return np.where(above, 1.0, upright).astype(np.float32)


def ground_share(upright: FloatArray, pieces: Pieces, layout: Layout) -> float:
    """Share of the superpixels below the horizon that lie flat; 1 where there are none."""
    below = pieces.place[:, 0] >= layout.horizon
    return float(1.0 - upright[below].mean()) if below.any() else 1.0


def _agreed(upright: FloatArray, trust: FloatArray, pieces: Pieces) -> FloatArray:
    """Let neighbors of like color, and those above one another, agree on being upright."""
    links = pieces.links
    contrast = np.linalg.norm(pieces.color[links.first] - pieces.color[links.second], axis=-1)
    weight = np.exp(-0.5 * (contrast / ALIKE) ** 2) + AGREEMENT * np.abs(links.above)
    level = np.zeros(len(weight), np.float32)
    agreed = _solved(links.first, links.second, weight, level, trust, upright)
    return np.clip(3.0 * agreed - 1.0, 0.0, 1.0).astype(np.float32)


def _filled(upright: FloatArray, links: Borders) -> FloatArray:
    """Make upright what lies between upright pieces above and below it, such as a shaded floor."""
    down = np.maximum(links.above, 0.0) * links.length
    up = np.maximum(-links.above, 0.0) * links.length
    over, under = np.r_[links.first, links.second], np.r_[links.second, links.first]
    weight, count = np.r_[down, up], len(upright)
    for _ in range(FILLS):
        above = np.bincount(under, weight * upright[over], count)
        below = np.bincount(over, weight * upright[under], count)
        above = above / np.maximum(np.bincount(under, weight, count), 1e-6)
        below = below / np.maximum(np.bincount(over, weight, count), 1e-6)
        upright = np.maximum(upright, np.minimum(above, below))
    return upright.astype(np.float32)


def _texture(lab: FloatArray) -> FloatArray:
    radius = max(1, max(lab.shape[:2]) // 100)
    size = (2 * radius + 1, 2 * radius + 1)
    light = lab[..., 0]
    return np.sqrt(np.maximum(cv2.blur(light**2, size) - cv2.blur(light, size) ** 2, 0.0))


def _link_weights(
    links: Borders, color: FloatArray, upright: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Weights (n,) of likeness, of support among upright pieces, and of contact with ground."""
    i, j = links.first, links.second
    contrast = np.linalg.norm(color[i] - color[j], axis=-1)
    alike = np.exp(-0.5 * (contrast / ALIKE) ** 2)
    same = (1.0 - np.abs(upright[i] - upright[j])) ** 2
    both = np.minimum(upright[i], upright[j])
    support = (BESIDE + SUPPORT * np.abs(links.above)) * both
    # Upright over ground is where a piece stands; ground over upright is what the piece hides.
    contact = CONTACT * np.clip(links.above * (upright[i] - upright[j]), 0.0, 1.0)
    usual = float(np.median(links.length)) if len(i) else 1.0
    weights = np.stack([alike * same + 0.1 * LOOSE, support, contact]) * np.sqrt(
        links.length / usual
    )
    like, support, contact = weights.astype(np.float32)
    return like, support, contact


def _solved(
    i: NDArray[np.int64],
    j: NDArray[np.int64],
    weight: NDArray[np.floating],
    step: NDArray[np.floating],
    trust: FloatArray,
    target: FloatArray,
) -> FloatArray:
    """Least squares x (N,): x_i - x_j = step with `weight` (n,), x = target with `trust` (N,)."""
    count = len(target)
    laplacian = sparse.coo_matrix(
        (np.r_[weight, weight, -weight, -weight], (np.r_[i, j, i, j], np.r_[i, j, j, i])),
        shape=(count, count),
    )
    trust = np.maximum(trust, 1e-5)
    right = trust * target
    right += np.bincount(i, weight * step, count) - np.bincount(j, weight * step, count)
    matrix = (laplacian + sparse.diags(trust)).tocsc()
    return np.atleast_1d(spsolve(matrix, right)).astype(np.float32)
