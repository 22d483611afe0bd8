"""Approximate nearest-neighbor fields between the patches of an image, in array operations.

PatchMatch (Barnes et al. 2009) on patch descriptors: a patch is described by its mean color and its
leading principal components, so that one comparison reads one or two cache lines instead of a whole
window. A field is a flat array that holds, for every pixel, the flat index of the center of its
source patch.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from threadpoolctl import threadpool_limits

from ...geometry.core.camera import FloatArray
from ...geometry.core.ldi import Mask
from .parallel import in_chunks

Indices = NDArray[np.intp]
"""Flat indices of pixels."""

_CHUNK_PATCHES = 1 << 13
_DESCRIBED_PATCHES = 1 << 11
# A new source replaces the current one only below this fraction of its cost, so that patches stay
# together and keep their texture. An exhaustive comparison would break them up even more.
_REPLACE_BELOW = 0.7
_REPLACE_EXACT_BELOW = 0.3
_MAX_SAMPLES = 6000


@dataclass(frozen=True)
class PatchBasis:
    """Projection of patches to descriptors.

    Attributes:
        radius: Radius of the square window in pixels.
        filters: (window * window * 3, K) projections.
    """

    radius: int
    filters: FloatArray


def windows(image: FloatArray, centers: Indices, radius: int) -> FloatArray:
    """Return patches as rows (n, w*w*C).

    Args:
        image: (H, W, C).
        centers: (n,) flat indices, at least `radius` inside the image.
        radius: Radius of the window in pixels.
    """
    height, width = image.shape[:2]
    offsets_1d = np.arange(-radius, radius + 1)
    window_offsets = (offsets_1d[:, None] * width + offsets_1d[None, :]).ravel()
    flat = image.reshape(height * width, -1)
    return flat[centers[:, None] + window_offsets[None, :]].reshape(len(centers), -1)


def fit_basis(
    image: FloatArray,
    centers: Indices,
    radius: int,
    components: int,
    rng: np.random.Generator,
) -> PatchBasis:
    """Fit the principal components of the patches of an image.

    The mean color is kept separately. Descriptors are scaled so that their squared distance is the
    mean squared color difference per pixel.

    Args:
        image: (H, W, 3).
        centers: (n,) flat indices of the patches.
        radius: Radius of the window in pixels.
        components: Number of principal components.
        rng: Picks a sample if there are many patches.
    """
    if len(centers) > _MAX_SAMPLES:
        centers = np.sort(rng.choice(centers, _MAX_SAMPLES, replace=False))
    window_side = 2 * radius + 1
    patches = windows(image, centers, radius).reshape(len(centers), window_side * window_side, 3)
    pattern = (patches - patches.mean(1, keepdims=True)).reshape(len(centers), -1)
    covariance = pattern.T.astype(np.float64) @ pattern
    vectors = np.linalg.eigh(covariance)[1][:, ::-1][:, :components] / window_side
    means = np.tile(np.eye(3), (window_side * window_side, 1)) / (window_side * window_side)
    # A component must not see the mean color: remove it from the filter itself.
    vectors -= np.tile(
        vectors.reshape(window_side * window_side, 3, -1).mean(0), (window_side * window_side, 1)
    )
    return PatchBasis(radius, np.hstack([means, vectors]).astype(np.float32))


def describe(image: FloatArray, centers: Indices, basis: PatchBasis) -> FloatArray:
    """Return descriptors of patches.

    Args:
        image: (H, W, 3).
        centers: (n,) flat indices of the patches.
        basis: The projection.

    Returns (n, K); the first 3 columns are the mean color.
    """
    line = np.arange(-basis.radius, basis.radius + 1)
    offsets = 3 * (line[:, None] * image.shape[1] + line)[..., None] + np.arange(3)
    flat, filters = image.reshape(-1), basis.filters.T.copy()
    descriptors = np.empty((len(centers), len(filters)), np.float32)

    def describe_rows(chunk: slice) -> None:
        # By offset first: single numbers are gathered faster than patches.
        patches = np.take(flat, 3 * centers[chunk] + offsets.reshape(-1, 1))
        descriptors[chunk] = (filters @ patches).T

    with threadpool_limits(1, user_api="blas"):  # its own threads would wait for ours
        in_chunks(len(centers), _DESCRIBED_PATCHES, describe_rows)
    return descriptors


def interior(shape: tuple[int, int], radius: int) -> Mask:
    """Return the mask of pixels whose window lies inside an image of this shape."""
    inside = np.zeros(shape, bool)
    inside[radius : shape[0] - radius, radius : shape[1] - radius] = True
    return inside


def nearest_exact(
    target_descriptors: FloatArray, source_descriptors: FloatArray, penalty: FloatArray
) -> tuple[Indices, FloatArray]:
    """Find the source descriptor of least cost for each target descriptor, in O(n m).

    The cost is the squared distance plus the source's penalty.

    Args:
        target_descriptors: (n, K).
        source_descriptors: (m, K).
        penalty: (m,) cost of using each source.

    Returns row of the source (n,) and cost (n,).
    """
    best = np.empty(len(target_descriptors), np.intp)
    cost = np.empty(len(target_descriptors), np.float32)
    constant = np.einsum("ij,ij->i", source_descriptors, source_descriptors) + penalty
    step = max(1, (1 << 24) // max(1, len(source_descriptors)))
    for start in range(0, len(target_descriptors), step):
        chunk = target_descriptors[start : start + step]
        costs = constant - 2.0 * (chunk @ source_descriptors.T)
        nearest_row = costs.argmin(1)
        best[start : start + step] = nearest_row
        cost[start : start + step] = costs[np.arange(len(chunk)), nearest_row]
    cost += np.einsum("ij,ij->i", target_descriptors, target_descriptors)
    return best, np.maximum(cost, 0.0)


class Search:
    """Nearest-neighbor search of target patches among source patches of the same image.

    Args:
        shape: (H, W) of the image.
        targets: (n,) flat indices of the patches to find a source for.
        valid: (H*W,) mask of the source centers.
        source_descriptors: (H*W, K); rows of invalid centers are not read.

    Attributes:
        field: (H*W,) flat index of the source of each center.
        cost: (n,) cost of each target's source.
        penalty: (H*W,) cost of using each source.
    """

    def __init__(
        self, shape: tuple[int, int], targets: Indices, valid: Mask, source_descriptors: FloatArray
    ) -> None:
        self.shape = shape
        self.targets = targets
        self.valid = valid
        self.source_descriptors = source_descriptors
        self.penalty = np.zeros(valid.size, np.float32)
        self.field = np.arange(valid.size)
        self.cost = np.full(len(targets), np.inf, np.float32)
        self.target_descriptors = np.empty((0, source_descriptors.shape[1]), np.float32)

    def snap_to_valid(self) -> None:
        """Move the targets' sources to the nearest valid ones."""
        nearest = ndimage.distance_transform_edt(
            ~self.valid.reshape(self.shape), return_distances=False, return_indices=True
        )
        flat = nearest[0] * self.shape[1] + nearest[1]
        self.field[self.targets] = flat.ravel()[self.field[self.targets]]

    def set_targets(self, target_descriptors: FloatArray) -> None:
        """Set the targets' descriptors (n, K) and update the costs of the current field."""
        self.target_descriptors = target_descriptors
        current = self.field[self.targets]

        def update(chunk: slice) -> None:
            self.cost[chunk] = self._cost_of(current[chunk], target_descriptors[chunk])

        in_chunks(len(current), _CHUNK_PATCHES, update)

    def search_exact(self) -> None:
        """Find the nearest neighbors by comparing all patches with all."""
        rows = np.flatnonzero(self.valid)
        best, cost = nearest_exact(
            self.target_descriptors, self.source_descriptors[rows], self.penalty[rows]
        )
        improved = cost < _REPLACE_EXACT_BELOW * self.cost
        self.cost[improved] = cost[improved]
        self.field[self.targets[improved]] = rows[best[improved]]

    def propagate(self, distances: tuple[int, ...]) -> None:
        """Try for every target the sources of its neighbors at these distances, shifted along."""
        width = self.shape[1]
        for distance in distances:
            for offset in (distance, -distance, distance * width, -distance * width):
                neighbors = np.clip(self.targets - offset, 0, self.valid.size - 1)
                self._try_candidates(self.field[neighbors] + offset)

    def random_search(self, max_distance: int, rng: np.random.Generator) -> None:
        """Try random sources around the current ones, at distances halved from `max_distance`."""
        height, width = self.shape
        while max_distance >= 1:
            current = self.field[self.targets]
            offsets = rng.integers(-max_distance, max_distance + 1, (2, len(current)))
            rows = np.clip(current // width + offsets[0], 0, height - 1)
            columns = np.clip(current % width + offsets[1], 0, width - 1)
            self._try_candidates(rows * width + columns)
            max_distance //= 2

    def _try_candidates(self, candidates: Indices) -> None:
        """Replace sources by candidates (n,) that are valid and clearly better."""
        candidates = np.clip(candidates, 0, self.valid.size - 1)
        is_candidate = self.valid[candidates] & (candidates != self.field[self.targets])
        rows = np.flatnonzero(is_candidate)

        def try_rows(chunk: slice) -> None:
            tried = rows[chunk]
            candidate = candidates[tried]
            cost = self._cost_of(candidate, self.target_descriptors[tried])
            accepted = cost < _REPLACE_BELOW * self.cost[tried]
            improved = tried[accepted]
            self.cost[improved] = cost[accepted]
            self.field[self.targets[improved]] = candidate[accepted]

        in_chunks(len(rows), _CHUNK_PATCHES, try_rows)

    def _cost_of(self, candidate: Indices, target_descriptors: FloatArray) -> FloatArray:
        difference = np.take(self.source_descriptors, candidate, axis=0)
        difference -= target_descriptors
        return np.einsum("ij,ij->i", difference, difference) + self.penalty[candidate]


def usage(field: Indices, shape: tuple[int, int], radius: int) -> FloatArray:
    """Return how often a field uses each source pixel.

    Args:
        field: (n,) flat indices of the targets' sources.
        shape: (H, W) of the image.
        radius: Radius of the patches in pixels.

    Returns (H*W,) averages over patches.
    """
    counts = np.bincount(field, minlength=shape[0] * shape[1]).astype(np.float32).reshape(shape)
    window_side = 2 * radius + 1
    return cv2.boxFilter(
        counts, -1, (window_side, window_side), borderType=cv2.BORDER_CONSTANT
    ).ravel()


def enlarge(
    field: Indices, size: tuple[int, int], new_size: tuple[int, int], border: int
) -> Indices:
    """Carry a field over to another size of the image.

    Args:
        field: (H*W,) at the old size.
        size: Old size (rows, columns).
        new_size: New size (rows, columns).
        border: Width in pixels of the frame without patches; it is continued from inside.
    """
    coordinates = []
    pixels = np.indices(new_size)
    parents = [
        np.clip((pixels[i] * (size[i] / new_size[i])).astype(np.intp), border, size[i] - 1 - border)
        for i in (0, 1)
    ]
    source = np.divmod(field[parents[0] * size[1] + parents[1]], size[1])
    for i in (0, 1):
        # Coherent patches move by the same offset, so that they stay together.
        offset = np.rint((source[i] - parents[i]) * (new_size[i] / size[i])).astype(np.intp)
        coordinates.append(np.clip(pixels[i] + offset, 0, new_size[i] - 1))
    return (coordinates[0] * new_size[1] + coordinates[1]).ravel()
