"""Disparity of superpixels: ground follows the plane, upright superpixels stand on their lower
end."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import spsolve
from scipy.spatial import cKDTree

from ...geometry.core.camera import FloatArray
from ...geometry.core.ldi import Mask
from .layout import Layout
from .superpixels import Borders, Labels, borders, mean_over, superpixels

COLOR_SIGMA = 10.0
"""Color difference (CIELAB) at which a link between two superpixels has weakened to exp(-1/2)."""
CONTACT_WEIGHT, LOOSE_WEIGHT = 0.6, 0.005
"""Weight of the link from an upright superpixel to the ground below it, and to ground that turned
out to lie behind it."""
ITERATIONS = 8
"""Number of times the system is solved with updated weights."""
STACKED_WEIGHT = 1.0
"""Weight of the link between upright superpixels that are stacked."""
BESIDE_WEIGHT = 0.05
"""Weight of the link between upright superpixels that stand side by side."""
SUPPORT_STEP = 0.1
"""Disparity step across which these links weaken."""
GROUND_CONFIDENCE, UPRIGHT_CONFIDENCE, BOTTOM_CONFIDENCE = 1.0, 0.001, 0.3
"""Weight of the template on flat and on upright superpixels, and on those at the bottom of the
image."""
TEXTURE_SCALE, COLUMN_SCALE = 2.0, 2.5
"""Texture (CIELAB), and 1 / column difference in image widths, that count as one unit of difference
in appearance."""
STACKED_AGREEMENT = 0.1
"""Weight with which stacked superpixels agree on uprightness, beside similar color."""
FILL_ITERATIONS = 3
"""Number of passes that make superpixels between upright ones upright."""
SMOOTH_CONFIDENCE, ROUGH_CONFIDENCE = 0.6, 0.25
"""Confidence in the uprightness of smooth and of rough superpixels below the horizon."""


@dataclass(frozen=True)
class SuperpixelGraph:
    """The superpixels of an image and their adjacency.

    Attributes:
        labels: (H, W) labels, -1 outside.
        color: (N, 3) mean CIELAB color.
        center: (N, 2) row and column of the center in pixels.
        links: Adjacent pairs.
    """

    labels: Labels
    color: FloatArray
    center: FloatArray
    links: Borders


def superpixel_graph(image: FloatArray, solid: Mask) -> SuperpixelGraph:
    """Segment an image (H, W, 3), sRGB 0..1, into superpixels where `solid` (H, W) is true."""
    labels = superpixels(image, solid)
    lab = cv2.cvtColor(image.astype(np.float32), cv2.COLOR_RGB2Lab)
    rows, columns = np.mgrid[: labels.shape[0], : labels.shape[1]].astype(np.float32) + 0.5
    center = mean_over(labels, np.stack([rows, columns], -1))
    return SuperpixelGraph(labels, mean_over(labels, lab), center, borders(labels))


def superpixel_disparity(graph: SuperpixelGraph, upright: FloatArray, layout: Layout) -> FloatArray:
    """Estimate the disparity (N,) of superpixels in a scene's layout.

    Solves a Poisson equation on the graph of superpixels. Neighbors on the ground differ as the
    template does, upright neighbors not at all; an upright superpixel is tied to the ground it
    stands on, and hardly to the ground it hides.

    Args:
        graph: The superpixels.
        upright: (N,) how upright each is, 0..1.
        layout: Horizon and template of the scene.
    """
    labels, links = graph.labels, graph.links
    above = graph.center[:, 0] < layout.horizon
    template = mean_over(labels, layout.template)
    likeness, support, contact = _link_weights(links, graph.color, upright)
    i, j = links.first, links.second
    slant = 1.0 - np.maximum(upright[i], upright[j])
    step = slant * (template[i] - template[j])
    confidence = _confidence(labels, upright, above)
    upright_side = np.where(upright[i] > upright[j], 1.0, -1.0)
    in_contact = supported = np.ones(len(i), np.float32)
    for _ in range(ITERATIONS):
        weight = likeness + support * supported + contact * in_contact
        disparity = _solve(i, j, weight, step, confidence, template)
        # An upright superpixel may also hide farther ground, so contact only pulls it nearer.
        # Stacked ones belong to one object, or one hides the other: a large step separates them.
        gap = disparity[i] - disparity[j]
        in_contact = np.where(upright_side * gap > 0.01, LOOSE_WEIGHT, 1.0).astype(np.float32)
        supported = (1.0 / (1.0 + (gap / SUPPORT_STEP) ** 2) ** 2).astype(np.float32)
    return disparity


def _confidence(labels: Labels, upright: FloatArray, above: Mask) -> FloatArray:
    """Return the weight (N,) of the template: high for ground and at the bottom of the image."""
    confidence = GROUND_CONFIDENCE * (1.0 - upright) ** 3 + UPRIGHT_CONFIDENCE
    at_bottom = np.unique(labels[-1][labels[-1] >= 0])
    confidence[at_bottom] = np.maximum(confidence[at_bottom], BOTTOM_CONFIDENCE)
    return np.where(above, 0.02 * confidence, confidence).astype(np.float32)


def uprightness(image: FloatArray, graph: SuperpixelGraph, layout: Layout) -> FloatArray:
    """Estimate how upright each superpixel (N,) is, 0..1; 1 above the horizon.

    Below the horizon a superpixel is upright as far as it is rough, resembles one above the
    horizon, and has upright neighbors.

    Args:
        image: (H, W, 3) sRGB, 0..1.
        graph: The superpixels of the image.
        layout: Horizon and reflections of the scene.
    """
    above = graph.center[:, 0] < layout.horizon
    if not above.any():
        return np.zeros(len(above), np.float32)
    lab = cv2.cvtColor(image.astype(np.float32), cv2.COLOR_RGB2Lab)
    texture = mean_over(graph.labels, _texture(lab))
    column = graph.center[:, 1:] / graph.labels.shape[1] * COLUMN_SCALE
    appearance = np.concatenate(
        [graph.color / COLOR_SIGMA, texture[:, None] / TEXTURE_SCALE, column], -1
    )
    distance, _ = cKDTree(appearance[above]).query(appearance)
    rough = np.clip(texture / TEXTURE_SCALE - 0.5, 0.0, 1.0)
    upright = np.exp(-0.5 * distance**2) * rough
    upright *= 1.0 - mean_over(graph.labels, layout.mirrored)
    upright = np.where(above, 1.0, upright).astype(np.float32)
    # Smooth means ground; rough but differently colored may still belong to an upright object.
    certainty = np.maximum(upright, 1.0 - rough)
    confidence = np.where(
        above, 1.0, ROUGH_CONFIDENCE + (SMOOTH_CONFIDENCE - ROUGH_CONFIDENCE) * certainty
    )
    upright = _filled_between(_propagated(upright, confidence, graph), graph.links)
    return np.where(above, 1.0, upright).astype(np.float32)


def flat_fraction(upright: FloatArray, graph: SuperpixelGraph, layout: Layout) -> float:
    """Return the flat fraction of the superpixels below the horizon; 1 if there are none.

    Args:
        upright: (N,) how upright each superpixel is, 0..1.
        graph: The superpixels.
        layout: Horizon of the scene.
    """
    below = graph.center[:, 0] >= layout.horizon
    return float(1.0 - upright[below].mean()) if below.any() else 1.0


def _propagated(upright: FloatArray, confidence: FloatArray, graph: SuperpixelGraph) -> FloatArray:
    """Let neighbors of similar color, and stacked ones, agree on being upright."""
    links = graph.links
    contrast = np.linalg.norm(graph.color[links.first] - graph.color[links.second], axis=-1)
    weight = np.exp(-0.5 * (contrast / COLOR_SIGMA) ** 2) + STACKED_AGREEMENT * np.abs(links.above)
    zero_step = np.zeros(len(weight), np.float32)
    propagated = _solve(links.first, links.second, weight, zero_step, confidence, upright)
    return np.clip(3.0 * propagated - 1.0, 0.0, 1.0).astype(np.float32)


def _filled_between(upright: FloatArray, links: Borders) -> FloatArray:
    """Make upright what lies between upright superpixels above and below, like a shaded floor."""
    down = np.maximum(links.above, 0.0) * links.length
    up = np.maximum(-links.above, 0.0) * links.length
    upper, lower = np.r_[links.first, links.second], np.r_[links.second, links.first]
    weight, node_count = np.r_[down, up], len(upright)
    for _ in range(FILL_ITERATIONS):
        above = np.bincount(lower, weight * upright[upper], node_count)
        below = np.bincount(upper, weight * upright[lower], node_count)
        above = above / np.maximum(np.bincount(lower, weight, node_count), 1e-6)
        below = below / np.maximum(np.bincount(upper, weight, node_count), 1e-6)
        upright = np.maximum(upright, np.minimum(above, below))
    return upright.astype(np.float32)


def _texture(lab: FloatArray) -> FloatArray:
    """Return the local standard deviation (H, W) of the lightness."""
    radius = max(1, max(lab.shape[:2]) // 100)
    size = (2 * radius + 1, 2 * radius + 1)
    lightness = lab[..., 0]
    return np.sqrt(np.maximum(cv2.blur(lightness**2, size) - cv2.blur(lightness, size) ** 2, 0.0))


def _link_weights(
    links: Borders, color: FloatArray, upright: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return weights (n,) for similarity, support of upright superpixels, and ground contact."""
    i, j = links.first, links.second
    contrast = np.linalg.norm(color[i] - color[j], axis=-1)
    similarity = np.exp(-0.5 * (contrast / COLOR_SIGMA) ** 2)
    same_uprightness = (1.0 - np.abs(upright[i] - upright[j])) ** 2
    both_upright = np.minimum(upright[i], upright[j])
    support = (BESIDE_WEIGHT + STACKED_WEIGHT * np.abs(links.above)) * both_upright
    # Upright above ground is where it stands; ground above upright is the ground that it hides.
    contact = CONTACT_WEIGHT * np.clip(links.above * (upright[i] - upright[j]), 0.0, 1.0)
    typical_length = float(np.median(links.length)) if len(i) else 1.0
    weights = np.stack(
        [similarity * same_uprightness + 0.1 * LOOSE_WEIGHT, support, contact]
    ) * np.sqrt(links.length / typical_length)
    likeness, support, contact = weights.astype(np.float32)
    return likeness, support, contact


def _solve(
    i: NDArray[np.int64],
    j: NDArray[np.int64],
    weight: NDArray[np.floating],
    step: NDArray[np.floating],
    confidence: FloatArray,
    target: FloatArray,
) -> FloatArray:
    """Solve a weighted least-squares system for x (N,).

    It consists of x_i - x_j = step with `weight` (n,), and x = target with `confidence` (N,).
    """
    node_count = len(target)
    laplacian = sparse.coo_matrix(
        (np.r_[weight, weight, -weight, -weight], (np.r_[i, j, i, j], np.r_[i, j, j, i])),
        shape=(node_count, node_count),
    )
    confidence = np.maximum(confidence, 1e-5)
    rhs = confidence * target
    rhs += np.bincount(i, weight * step, node_count) - np.bincount(j, weight * step, node_count)
    matrix = (laplacian + sparse.diags(confidence)).tocsc()
    return np.atleast_1d(spsolve(matrix, rhs)).astype(np.float32)
