"""Approximate nearest-neighbor fields between the patches of a picture, in array operations.

PatchMatch (Barnes et al. 2009) on patch descriptors: a patch is described by its mean color and
its leading principal components, so that one comparison reads one or two cache lines instead of
a whole window. A field is a flat array that holds, for every pixel of the picture, the flat index
of the center of the patch it takes after.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Floats = NDArray[np.float32]
Indices = NDArray[np.intp]
Bools = NDArray[np.bool_]

_CHUNK = 1 << 15
# A new source has to be this much better than the present one: whole pieces stay together,
# which keeps texture; all-with-all comparison would break them up more, so it is held harder.
_BETTER = 0.7
_MUCH_BETTER = 0.3
_SAMPLES = 6000


@dataclass(frozen=True)
class PatchBasis:
    """How patches become descriptors.

    radius: of the square window in pixels; filters: (window * window * 3, K) projections.
    """

    radius: int
    filters: Floats


def windows(image: Floats, centers: Indices, radius: int) -> Floats:
    """Patches as rows: image (H, W, C), centers (n,) flat and `radius` inside -> (n, w*w*C)."""
    height, width = image.shape[:2]
    side = np.arange(-radius, radius + 1)
    around = (side[:, None] * width + side[None, :]).ravel()
    flat = image.reshape(height * width, -1)
    return flat[centers[:, None] + around[None, :]].reshape(len(centers), -1)


def fit_basis(
    image: Floats,
    centers: Indices,
    radius: int,
    components: int,
    rng: np.random.Generator,
) -> PatchBasis:
    """Principal components of the patches of `image` (H, W, 3) around `centers`.

    The mean color is kept apart; descriptors are scaled such that their squared distance is the
    mean squared color difference a pixel.
    """
    if len(centers) > _SAMPLES:
        centers = np.sort(rng.choice(centers, _SAMPLES, replace=False))
    side = 2 * radius + 1
    patches = windows(image, centers, radius).reshape(len(centers), side * side, 3)
    pattern = (patches - patches.mean(1, keepdims=True)).reshape(len(centers), -1)
    scatter = pattern.T.astype(np.float64) @ pattern
    vectors = np.linalg.eigh(scatter)[1][:, ::-1][:, :components] / side
    means = np.tile(np.eye(3), (side * side, 1)) / (side * side)
    # A component must not see the mean color: remove it from the filter itself.
    vectors -= np.tile(vectors.reshape(side * side, 3, -1).mean(0), (side * side, 1))
    return PatchBasis(radius, np.hstack([means, vectors]).astype(np.float32))


def describe(image: Floats, centers: Indices, basis: PatchBasis) -> Floats:
    """Descriptors (n, K) of the patches of `image` around `centers`; the first 3 are the mean."""
    out = np.empty((len(centers), basis.filters.shape[1]), np.float32)
    for start in range(0, len(centers), _CHUNK):
        part = slice(start, start + _CHUNK)
        out[part] = windows(image, centers[part], basis.radius) @ basis.filters
    return out


def interior(shape: tuple[int, int], radius: int) -> Bools:
    """Pixels whose window lies inside a picture of this shape."""
    inside = np.zeros(shape, bool)
    inside[radius : shape[0] - radius, radius : shape[1] - radius] = True
    return inside


def nearest_exact(wanted: Floats, offered: Floats, penalty: Floats) -> tuple[Indices, Floats]:
    """For each descriptor of `wanted` (n, K) the row of `offered` (m, K) at the least cost.

    The cost is the squared distance plus the offered row's `penalty` (m,). Exact, in O(n m).
    """
    best = np.empty(len(wanted), np.intp)
    cost = np.empty(len(wanted), np.float32)
    constant = np.einsum("ij,ij->i", offered, offered) + penalty
    step = max(1, (1 << 24) // max(1, len(offered)))
    for start in range(0, len(wanted), step):
        part = wanted[start : start + step]
        table = constant - 2.0 * (part @ offered.T)
        row = table.argmin(1)
        best[start : start + step] = row
        cost[start : start + step] = table[np.arange(len(part)), row]
    cost += np.einsum("ij,ij->i", wanted, wanted)
    return best, np.maximum(cost, 0.0)


class Search:
    """Nearest-neighbor search of target patches among source patches of the same picture.

    shape: of the picture; targets: (n,) flat indices of the patches to find; valid: (H*W,) which
    centers may be offered; offered: (H*W, K) their descriptors (rows of others are not read);
    penalty: (H*W,) cost of taking after each.
    """

    def __init__(
        self, shape: tuple[int, int], targets: Indices, valid: Bools, offered: Floats
    ) -> None:
        self.shape = shape
        self.targets = targets
        self.valid = valid
        self.offered = offered
        self.penalty = np.zeros(valid.size, np.float32)
        self.field = np.arange(valid.size)
        self.cost = np.full(len(targets), np.inf, np.float32)
        self.wanted = np.empty((0, offered.shape[1]), np.float32)

    def snap(self) -> None:
        """Move the targets' sources to the nearest ones that are valid."""
        nearest = ndimage.distance_transform_edt(
            ~self.valid.reshape(self.shape), return_distances=False, return_indices=True
        )
        flat = nearest[0] * self.shape[1] + nearest[1]
        self.field[self.targets] = flat.ravel()[self.field[self.targets]]

    def want(self, wanted: Floats) -> None:
        """Set the targets' descriptors (n, K), and price the present field anew."""
        self.wanted = wanted
        present = self.field[self.targets]
        for start in range(0, len(present), _CHUNK):
            part = slice(start, start + _CHUNK)
            self.cost[part] = self._price(present[part], wanted[part])

    def exact(self) -> None:
        """Find the nearest neighbors by comparing all with all."""
        rows = np.flatnonzero(self.valid)
        best, cost = nearest_exact(self.wanted, self.offered[rows], self.penalty[rows])
        won = cost < _MUCH_BETTER * self.cost
        self.cost[won] = cost[won]
        self.field[self.targets[won]] = rows[best[won]]

    def propagate(self, jumps: tuple[int, ...]) -> None:
        """Offer every target what its neighbors at these distances take after, moved along."""
        width = self.shape[1]
        for jump in jumps:
            for shift in (jump, -jump, jump * width, -jump * width):
                beside = np.clip(self.targets - shift, 0, self.valid.size - 1)
                self._offer(self.field[beside] + shift)

    def scatter(self, reach: int, rng: np.random.Generator) -> None:
        """Offer random patches around the present ones, at distances halved from `reach`."""
        height, width = self.shape
        while reach >= 1:
            present = self.field[self.targets]
            moves = rng.integers(-reach, reach + 1, (2, len(present)))
            rows = np.clip(present // width + moves[0], 0, height - 1)
            columns = np.clip(present % width + moves[1], 0, width - 1)
            self._offer(rows * width + columns)
            reach //= 2

    def _offer(self, candidates: Indices) -> None:
        candidates = np.clip(candidates, 0, self.valid.size - 1)
        use = self.valid[candidates] & (candidates != self.field[self.targets])
        rows = np.flatnonzero(use)
        for start in range(0, len(rows), _CHUNK):
            part = rows[start : start + _CHUNK]
            offer = candidates[part]
            price = self._price(offer, self.wanted[part])
            better = price < _BETTER * self.cost[part]
            won = part[better]
            self.cost[won] = price[better]
            self.field[self.targets[won]] = offer[better]

    def _price(self, offer: Indices, wanted: Floats) -> Floats:
        difference = self.offered[offer]
        difference -= wanted
        return np.einsum("ij,ij->i", difference, difference) + self.penalty[offer]


def usage(field: Indices, shape: tuple[int, int], radius: int) -> Floats:
    """How often each source pixel is used by the field's targets: (H*W,), window averages."""
    counts = np.bincount(field, minlength=shape[0] * shape[1]).astype(np.float32).reshape(shape)
    side = 2 * radius + 1
    return cv2.boxFilter(counts, -1, (side, side), borderType=cv2.BORDER_CONSTANT).ravel()


def enlarge(field: Indices, size: tuple[int, int], new: tuple[int, int], border: int) -> Indices:
    """A field of a picture of `size` (rows, columns) carried over to the size `new`.

    border: width in pixels of the frame in which `field` has no patches; it goes on from inside.
    """
    moved = []
    places = np.indices(new)
    parents = [
        np.clip((places[i] * (size[i] / new[i])).astype(np.intp), border, size[i] - 1 - border)
        for i in (0, 1)
    ]
    source = np.divmod(field[parents[0] * size[1] + parents[1]], size[1])
    for i in (0, 1):
        # Whole pieces move by the same offset, so that they stay in one piece.
        offset = np.rint((source[i] - parents[i]) * (new[i] / size[i])).astype(np.intp)
        moved.append(np.clip(places[i] + offset, 0, new[i] - 1))
    return (moved[0] * new[1] + moved[1]).ravel()
