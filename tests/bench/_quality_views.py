"""Real pictures with a second view: a walk down a street, and a stereo pair.

They lie in the folder of trial pictures (`MAKE_4D_SHARED`, or `shared` beside the repository),
under `views`; its INDEX.md says where they are from. The first view is the photo; a flight made
from it is compared with the later ones. Units are the reconstruction's (street) and the baseline
(stereo).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from _quality_masks import Areas, areas, projected
from golden import ROOT
from make_4d.geometry.core.camera import FloatArray, Intrinsics
from make_4d.geometry.landscapes.truth import Mask, Matrix, TruthFrame
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.spatial import cKDTree

MATCH_PIXELS, MATCH_DEPTH = 2.0, 1.1
"""A sparse point was seen in the first view if one of that view's own points lies so near its
projection there, and their depths differ by a smaller factor."""
HIDING, HIDING_PIXELS, HIDING_DEPTH = 3, 15.0, 1.0 / 0.85
"""It was hidden if so many of that view's points, the nearest ones, lie so near its projection, and
all are closer to the camera by this factor at least."""
POINT_RADIUS = 6.0
"""Pixels round a sparse point that are compared."""
STEREO_STEP = 0.25
"""Pixels a gray level of the disparity maps."""
STEREO_FOCAL = 2.0
"""Focal length in picture widths. It isn't published; a step to the side shifts a point by focal x
baseline / depth, its disparity, whatever it is."""
FIT_LEAST, FIT_POINTS = 0.01, 10
"""Sparse points count for the scale of an estimated depth where its disparity is at least this
share of the largest; it takes so many of them."""


class ViewsError(Exception):
    """The real views can't be read; the text is one sentence."""


@dataclass(frozen=True, eq=False)
class RealView:
    """A photograph and what is known of it.

    image: (H, W, 3) float32 0..1, without lens distortion; world_to_camera: (4, 4), the identity
    for the first view; points: (n, 3) x, y in pixels and z of triangulated points, without
    duplicates; depth: (H, W), and known: (H, W) where it was measured, not filled in; or None.
    """

    image: FloatArray
    world_to_camera: Matrix
    points: NDArray[np.float64]
    depth: FloatArray | None = None
    observed: Mask | None = None

    def frame(self, depth: FloatArray | None = None) -> TruthFrame:
        """The view as a frame of a scene; depth: (H, W) in place of its own, if it has any."""
        z = self.depth if depth is None else depth
        if z is None:
            z = np.full(self.image.shape[:2], np.nan, np.float32)
        return TruthFrame(self.image, z, self.world_to_camera, np.zeros(z.shape, bool))


@dataclass(frozen=True, eq=False)
class RealScene:
    """Views of one place by one camera, the first of which is the photo."""

    name: str
    camera: Intrinsics
    views: tuple[RealView, ...]


def views_folder() -> Path | None:
    """Where the real views lie, None where they are not on this machine."""
    folder = Path(os.environ.get("MAKE_4D_SHARED", ROOT.parent / "shared")) / "views"
    return folder if folder.is_dir() else None


def load_street(folder: Path) -> RealScene:
    """The walk down a street of `views_folder()`, twelve views; raises ViewsError."""
    facts = _arrays(folder / "street" / "cameras.npz")
    lens, bend = facts["K"], np.array([facts["radial_k1"], 0, 0, 0], np.float64)
    width, height = (int(side) for side in facts["size"])
    camera = Intrinsics(float(lens[0, 0]), float(lens[0, 2]), float(lens[1, 2]), width, height)
    poses = np.tile(np.eye(4), (len(facts["names"]), 1, 1))
    poses[:, :3] = facts["cam_from_world"]
    views = []
    for number, name in enumerate(facts["names"]):
        image = straightened(_picture(folder / "street" / str(name)), lens, bend)
        rows = facts["sparse_obs"][facts["sparse_obs"][:, 0] == number]
        rows = np.unique(rows.astype(np.float64), axis=0)
        places = cv2.undistortPoints(rows[:, None, 1:3], lens, bend, P=lens)[:, 0]
        pose = poses[number] @ np.linalg.inv(poses[0]) if number else np.eye(4)
        views.append(RealView(image, pose, np.column_stack([places, rows[:, 3]])))
    return RealScene("street", camera, tuple(views))


def load_stereo(folder: Path) -> RealScene:
    """The stereo pair of `views_folder()`, left then right, with dense depth; raises ViewsError.

    Depth is filled in where it was not measured: with the farther neighbor of the row.
    """
    left = _picture(folder / "teddy" / "im2.png")
    height, width = left.shape[:2]
    camera = Intrinsics(STEREO_FOCAL * width, 0.5 * width, 0.5 * height, width, height)
    views = []
    for step, number in enumerate((2, 6)):
        image = _picture(folder / "teddy" / f"im{number}.png")
        levels = cv2.imread(str(folder / "teddy" / f"disp{number}.pgm"), cv2.IMREAD_UNCHANGED)
        if levels is None or levels.shape != image.shape[:2]:
            raise ViewsError(f"There is no disparity map of {image.shape[:2]} for im{number}.png.")
        depth = camera.focal / (filled(levels) * STEREO_STEP)
        pose = np.eye(4)
        pose[0, 3] = -step
        nothing = np.empty((0, 3))
        views.append(RealView(image, pose, nothing, depth.astype(np.float32), levels > 0))
    return RealScene("stereo pair", camera, tuple(views))


def compared(scene: RealScene, number: int) -> Areas:
    """Which pixels of view `number` (from 1 for the second) count as seen, revealed and outside.

    What is in none of them is not known. With dense depth all pixels count whose depth was
    measured, and that of the first view where they lie there. Else the pixels round sparse points
    count: as the points do by `point_areas`, each pixel as its nearest point.
    """
    first, view = scene.views[0], scene.views[number]
    if view.depth is None:
        return _round_points(view, point_areas(scene, number))
    assert first.observed is not None and view.observed is not None
    found = areas(first.frame(), view.frame(), scene.camera)
    position, _, inside = projected(view.frame(), first.frame(), scene.camera)
    column, row = (
        np.floor(np.where(inside[..., None], position, 0.0)).astype(int).transpose(2, 0, 1)
    )
    observed = view.observed & first.observed[row, column]
    return Areas(found.seen & observed, found.revealed & observed, found.outside & view.observed)


def point_areas(scene: RealScene, number: int) -> Areas:
    """Whether the sparse points of a view were seen in the first one, each area (n,) bool.

    Seen: one of the first view's points is the same one, by place and depth. Revealed: the first
    view's points round its place are all much nearer. What is neither is in no area: sparse points
    don't tell. Judged by the pictures, the first kind's patches correlate with the first view's
    (median 0.67 to 0.88 by view), the second's don't (0.01 to 0.31).
    """
    points, mine = scene.views[number].points, scene.views[0].points
    place, z = moved(points, scene.views[number].world_to_camera, scene.camera)
    inside = (z > 0) & ((place >= 0) & (place < (scene.camera.width, scene.camera.height))).all(1)
    away, index = cKDTree(mine[:, :2]).query(place, k=HIDING)
    farther = z[:, None] / mine[index, 2]
    same = np.maximum(farther[:, 0], 1 / farther[:, 0]) < MATCH_DEPTH
    seen = inside & (away[:, 0] < MATCH_PIXELS) & same
    behind = ((away < HIDING_PIXELS) & (farther > HIDING_DEPTH)).all(axis=1)
    return Areas(seen, inside & behind & ~seen, ~inside)


def moved(
    points: NDArray[np.float64], world_to_camera: Matrix, camera: Intrinsics
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A view's points (n, 3; x, y, z) in the first view: places (n, 2) in pixels, depths (n,).

    Places of points behind the first camera mean nothing: look at the depth's sign.
    """
    rays = (points[:, :2] - (camera.cx, camera.cy)) / camera.focal
    own = np.column_stack([rays, np.ones(len(points))]) * points[:, 2:]
    first = (own - world_to_camera[:3, 3]) @ world_to_camera[:3, :3]
    place = first[:, :2] / first[:, 2:] * camera.focal + (camera.cx, camera.cy)
    return place, first[:, 2]


def depth_by_points(disparity: FloatArray, points: NDArray[np.float64]) -> FloatArray:
    """Depth (H, W) of an estimated disparity (H, W), scaled and shifted to a view's sparse points.

    The fit has the least sum of absolute differences of the logarithm of disparity: some
    triangulated points are far off, and by squares the near ones would decide. Points that the
    estimate puts into the sky don't count. +inf where the fitted disparity isn't positive. Raises
    ViewsError where no points are left.
    """
    column, row = np.floor(points[:, :2]).astype(int).T
    own, target = disparity[row, column].astype(np.float64), 1.0 / points[:, 2]
    solid = own > FIT_LEAST * disparity.max()
    if np.count_nonzero(solid) < FIT_POINTS:
        raise ViewsError("There are too few points to scale the estimated depth.")
    own, target = own[solid], target[solid]

    def misfit(guess: NDArray[np.float64]) -> float:
        fitted = np.exp(guess[0]) * np.maximum(own + guess[1], 1e-6)
        return float(np.abs(np.log(fitted / target)).mean())

    start = [np.median(np.log(target / own)), 0.0]
    options = {"xatol": 1e-6, "fatol": 1e-9}
    found = minimize(misfit, start, method="Nelder-Mead", options=options).x
    fitted = np.exp(found[0]) * (disparity.astype(np.float64) + found[1])
    return np.where(fitted > 0, 1.0 / np.where(fitted > 0, fitted, 1.0), np.inf).astype(np.float32)


def straightened(
    image: FloatArray, lens: NDArray[np.float64], bend: NDArray[np.float64]
) -> FloatArray:
    """The picture (H, W, 3) without radial distortion, by the same lens matrix (3, 3)."""
    corner = lens.copy()
    corner[:2, 2] -= 0.5  # OpenCV has a pixel's center at whole numbers
    return cv2.undistort(image, corner, bend)


def filled(levels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """A disparity map (H, W) with its zeros filled by the lesser of the row's known neighbors."""
    values = levels.astype(np.float64)
    values[levels == 0] = np.nan
    both = []
    for way in (slice(None), slice(None, None, -1)):
        row = values[:, way]
        last = np.maximum.accumulate(np.where(np.isnan(row), 0, np.arange(row.shape[1])), axis=1)
        both.append(np.take_along_axis(row, last, axis=1)[:, way])
    return np.fmin(*both)


def _round_points(view: RealView, found: Areas) -> Areas:
    """Pixels (H, W) within POINT_RADIUS of a view's points, each as its nearest point."""
    height, width = view.image.shape[:2]
    centers = np.stack(np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5), axis=-1)
    away, index = cKDTree(view.points[:, :2]).query(centers)
    near = away < POINT_RADIUS
    return Areas(*(near & part[index] for part in (found.seen, found.revealed, found.outside)))


def _arrays(path: Path) -> dict[str, NDArray]:
    try:
        with np.load(path, allow_pickle=False) as file:
            return dict(file)
    except (OSError, ValueError) as error:
        raise ViewsError(f"{path.name} can't be read: {error}.") from error


def _picture(path: Path) -> FloatArray:
    picture = cv2.imread(str(path))
    if picture is None:
        raise ViewsError(f"{path.name} is not there or no picture.")
    return np.ascontiguousarray(picture[..., ::-1]).astype(np.float32) / np.float32(255.0)
