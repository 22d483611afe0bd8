"""Real photographs from several viewpoints: a walk down a street, and a stereo pair.

They are in the folder `views` of the trial photographs (`MAKE_4D_SHARED`, or `shared` beside the
repository); its INDEX.md lists their sources. The first view is the photo; the scene made from it
is compared with the later ones. The unit of length is the reconstruction's (street) or the baseline
(stereo).
"""

from __future__ import annotations

import glob
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
"""A sparse point is visible in the first view if one of that view's own points is within this
distance of its projection and their depths differ by less than this factor."""
HIDING, HIDING_PIXELS, HIDING_DEPTH = 3, 15.0, 1.0 / 0.85
"""It is hidden if that view's nearest points, this many, are within this distance of its projection
and all of them are closer to the camera by at least this factor."""
POINT_RADIUS = 6.0
"""Radius in pixels around a sparse point that is compared."""
STEREO_STEP = 0.25
"""Disparity in pixels of one gray level of the disparity maps."""
STEREO_FOCAL = 2.0
"""Focal length in image widths. It isn't published, and any value will do: a step to the side
shifts a point by focal x baseline / depth, which is its disparity."""
FIT_LEAST, FIT_POINTS = 0.01, 10
"""The scale of an estimated depth is fitted at sparse points whose disparity is at least this
fraction of the largest; at least this many are necessary."""


CAMERAS, STEREO_TRUTH = "cameras.npz", "disp2.pgm"
"""Files by which a folder of views, and one with a stereo pair, is recognized."""
TOO_FEW_POINTS = "There are too few points to scale the estimated depth."


class ViewsError(Exception):
    """The real views can't be read. The text is one sentence."""


@dataclass(frozen=True, eq=False)
class RealView:
    """A photograph with its pose and depth.

    Attributes:
        image: (H, W, 3) float32 0..1, without lens distortion.
        world_to_camera: (4, 4), the identity for the first view.
        points: (n, 3), x and y in pixels and z of triangulated points, without duplicates.
        depth: (H, W), or None.
        observed: (H, W), where depth was measured and not filled in, or None.
    """

    image: FloatArray
    world_to_camera: Matrix
    points: NDArray[np.float64]
    depth: FloatArray | None = None
    observed: Mask | None = None

    def frame(self, depth: FloatArray | None = None) -> TruthFrame:
        """Return the view as a frame of a scene; depth: (H, W), replaces its own, if any."""
        z = self.depth if depth is None else depth
        if z is None:
            z = np.full(self.image.shape[:2], np.nan, np.float32)
        return TruthFrame(self.image, z, self.world_to_camera, np.zeros(z.shape, bool))


@dataclass(frozen=True, eq=False)
class RealScene:
    """Views of one place through one camera; the first one is the photo."""

    name: str
    camera: Intrinsics
    views: tuple[RealView, ...]


def views_folder() -> Path | None:
    """Return the folder of the real views, or None if they are not on this machine."""
    folder = Path(os.environ.get("MAKE_4D_SHARED", ROOT.parent / "shared")) / "views"
    return folder if folder.is_dir() else None


def load_views(folder: Path) -> RealScene:
    """Load the views of one place from a folder with CAMERAS, as INDEX.md says; raises ViewsError.

    Among those of `views_folder()`, `street` is a walk down a street with twelve views.
    """
    cameras = _arrays(folder / CAMERAS)
    lens, distortion = cameras["K"], np.array([cameras["radial_k1"], 0, 0, 0], np.float64)
    width, height = (int(side) for side in cameras["size"])
    camera = Intrinsics(float(lens[0, 0]), float(lens[0, 2]), float(lens[1, 2]), width, height)
    poses = np.tile(np.eye(4), (len(cameras["names"]), 1, 1))
    poses[:, :3] = cameras["cam_from_world"]
    views = []
    for number, name in enumerate(cameras["names"]):
        image = undistort(_read_image(_image_path(folder, str(name))), lens, distortion)
        rows = cameras["sparse_obs"][cameras["sparse_obs"][:, 0] == number]
        rows = np.unique(rows.astype(np.float64), axis=0)
        pixels = cv2.undistortPoints(rows[:, None, 1:3], lens, distortion, P=lens)[:, 0]
        pose = poses[number] @ np.linalg.inv(poses[0]) if number else np.eye(4)
        views.append(RealView(image, pose, np.column_stack([pixels, rows[:, 3]])))
    return RealScene(folder.name, camera, tuple(views))


def load_stereo(folder: Path) -> RealScene:
    """Load a stereo pair from its folder, left then right, with depth; raises ViewsError.

    Unmeasured depth is filled with that of the farther neighbor in the row.
    """
    left = _read_image(folder / "im2.png")
    height, width = left.shape[:2]
    camera = Intrinsics(STEREO_FOCAL * width, 0.5 * width, 0.5 * height, width, height)
    views = []
    for step, number in enumerate((2, 6)):
        image = _read_image(folder / f"im{number}.png")
        levels = cv2.imread(str(folder / f"disp{number}.pgm"), cv2.IMREAD_UNCHANGED)
        if levels is None or levels.shape != image.shape[:2]:
            raise ViewsError(f"There is no disparity map of {image.shape[:2]} for im{number}.png.")
        depth = camera.focal / (filled(levels) * STEREO_STEP)
        pose = np.eye(4)
        pose[0, 3] = -step
        no_points = np.empty((0, 3))
        views.append(RealView(image, pose, no_points, depth.astype(np.float32), levels > 0))
    return RealScene("stereo pair", camera, tuple(views))


def view_areas(scene: RealScene, number: int) -> Areas:
    """Return which pixels of view `number` (1 is the second) are seen, revealed and outside.

    Pixels in none of the three are unknown. With dense depth, a pixel is known if its depth was
    measured, and that of the first view at its projection. Otherwise, pixels around sparse points
    are known: each belongs to the area of its nearest point; see `point_areas`.
    """
    first, view = scene.views[0], scene.views[number]
    if view.depth is None:
        return _around_points(view, point_areas(scene, number))
    assert first.observed is not None and view.observed is not None
    dense = areas(first.frame(), view.frame(), scene.camera)
    position, _, inside = projected(view.frame(), first.frame(), scene.camera)
    column, row = (
        np.floor(np.where(inside[..., None], position, 0.0)).astype(int).transpose(2, 0, 1)
    )
    observed = view.observed & first.observed[row, column]
    return Areas(dense.seen & observed, dense.revealed & observed, dense.outside & view.observed)


def point_areas(scene: RealScene, number: int) -> Areas:
    """Return whether the sparse points of a view are visible in the first one, areas (n,) bool.

    A point is seen if one of the first view's points has its position and depth. It is revealed if
    the first view's points around its position are all much nearer. Otherwise it is in no area,
    since sparse points don't tell. The images confirm this: patches of seen points correlate with
    the first view's (median 0.67 to 0.88 by view), those of revealed points don't (0.01 to 0.31).
    """
    points, own = scene.views[number].points, scene.views[0].points
    pixel, z = project_to_first(points, scene.views[number].world_to_camera, scene.camera)
    inside = (z > 0) & ((pixel >= 0) & (pixel < (scene.camera.width, scene.camera.height))).all(1)
    distance, index = cKDTree(own[:, :2]).query(pixel, k=HIDING)
    farther = z[:, None] / own[index, 2]
    same = np.maximum(farther[:, 0], 1 / farther[:, 0]) < MATCH_DEPTH
    seen = inside & (distance[:, 0] < MATCH_PIXELS) & same
    behind = ((distance < HIDING_PIXELS) & (farther > HIDING_DEPTH)).all(axis=1)
    return Areas(seen, inside & behind & ~seen, ~inside)


def project_to_first(
    points: NDArray[np.float64], world_to_camera: Matrix, camera: Intrinsics
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Project a view's points (n, 3; x, y, z) into the first view: pixels (n, 2) and depths (n,).

    The pixels of points with negative depth, which are behind the first camera, are meaningless.
    """
    rays = (points[:, :2] - (camera.cx, camera.cy)) / camera.focal
    own = np.column_stack([rays, np.ones(len(points))]) * points[:, 2:]
    first = (own - world_to_camera[:3, 3]) @ world_to_camera[:3, :3]
    pixel = first[:, :2] / first[:, 2:] * camera.focal + (camera.cx, camera.cy)
    return pixel, first[:, 2]


def depth_by_points(disparity: FloatArray, points: NDArray[np.float64]) -> FloatArray:
    """Return the depth (H, W) of an estimated disparity (H, W), fitted to a view's sparse points.

    Points where the estimate has sky are ignored. The result is +inf where the fitted disparity
    isn't positive. Raises ViewsError if too few points are left.
    """
    column, row = np.floor(points[:, :2]).astype(int).T
    own, target = disparity[row, column].astype(np.float64), 1.0 / points[:, 2]
    solid = own > FIT_LEAST * disparity.max()
    if np.count_nonzero(solid) < FIT_POINTS:
        raise ViewsError(TOO_FEW_POINTS)
    scale, offset = fit_robustly(own[solid], target[solid])
    fitted = scale * (disparity.astype(np.float64) + offset)
    return np.where(fitted > 0, 1.0 / np.where(fitted > 0, fitted, 1.0), np.inf).astype(np.float32)


def fit_robustly(own: NDArray[np.float64], target: NDArray[np.float64]) -> tuple[float, float]:
    """Return scale and offset of a positive disparity: scale x (own + offset) is near the target.

    They minimize the sum of absolute differences of log disparity: some triangulated points are far
    off, and with squares the near points would dominate.

    Args:
        own, target: (n,), positive.
    """

    def misfit(guess: NDArray[np.float64]) -> float:
        fitted = np.exp(guess[0]) * np.maximum(own + guess[1], 1e-6)
        return float(np.abs(np.log(fitted / target)).mean())

    start = [np.median(np.log(target / own)), 0.0]
    options = {"xatol": 1e-6, "fatol": 1e-9}
    solution = minimize(misfit, start, method="Nelder-Mead", options=options).x
    return float(np.exp(solution[0])), float(solution[1])


def undistort(
    image: FloatArray, lens: NDArray[np.float64], distortion: NDArray[np.float64]
) -> FloatArray:
    """Return the image (H, W, 3) without radial distortion, with the same lens matrix (3, 3)."""
    corner = lens.copy()
    corner[:2, 2] -= 0.5  # OpenCV has pixel centers at whole numbers
    return cv2.undistort(image, corner, distortion)


def filled(levels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return a disparity map (H, W) whose zeros take the smaller of the row's known neighbors."""
    values = levels.astype(np.float64)
    values[levels == 0] = np.nan
    both = []
    for direction in (slice(None), slice(None, None, -1)):
        row = values[:, direction]
        last = np.maximum.accumulate(np.where(np.isnan(row), 0, np.arange(row.shape[1])), axis=1)
        both.append(np.take_along_axis(row, last, axis=1)[:, direction])
    return np.fmin(*both)


def _around_points(view: RealView, points: Areas) -> Areas:
    """Return the pixels (H, W) within POINT_RADIUS of points, each in its nearest point's area."""
    height, width = view.image.shape[:2]
    centers = np.stack(np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5), axis=-1)
    distance, index = cKDTree(view.points[:, :2]).query(centers)
    near = distance < POINT_RADIUS
    return Areas(*(near & part[index] for part in (points.seen, points.revealed, points.outside)))


def _arrays(path: Path) -> dict[str, NDArray]:
    try:
        with np.load(path, allow_pickle=False) as file:
            return dict(file)
    except (OSError, ValueError) as error:
        raise ViewsError(f"{path.name} can't be read: {error}.") from error


def _image_path(folder: Path, name: str) -> Path:
    """Return the path of a view's image, whose name may lack its ending."""
    path = folder / name
    return path if path.exists() else next(folder.glob(f"{glob.escape(name)}.*"), path)


def _read_image(path: Path) -> FloatArray:
    image = cv2.imread(str(path))
    if image is None:
        raise ViewsError(f"{path.name} is missing or not an image.")
    return np.ascontiguousarray(image[..., ::-1]).astype(np.float32) / np.float32(255.0)
