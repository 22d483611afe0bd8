"""Scenes from real photographs, compared with later views: the rows of the `real views` tables.

A path uses the built-in depth, fitted to the photo's sparse points. A stereo pair uses the true
depth, and the built-in one fitted to it. The fit provides the unknown scale, so that the virtual
camera moves as far as the real one did.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import _quality_measures as measures
import _quality_runs as runs
import numpy as np
from _quality_masks import Areas
from _quality_shot import Shot
from _quality_views import RealScene, depth_by_points, load_stereo, load_views, view_areas
from make_4d.geometry.core.camera import FloatArray
from make_4d.geometry.landscapes.truth import Mask, TruthScene
from make_4d.ml.common.registry import BUILTIN

FLIGHTS = ("street", "valley", "park")
"""Folders of camera paths from photographs."""
LATER = 3
"""Number of a path's later views that are compared."""
METHODS = ("full", "without inpainting", "one-layer mesh", "full, paper's layer depth")
ON_SHEET = ("full", "one-layer mesh")


@dataclass(frozen=True)
class RealRow:
    """The measures of a method over all later views.

    Attributes:
        psnr: In dB, of all pixels whose area is known.
        seen: PSNR of the pixels that are visible in the photo.
        revealed: PSNR of the pixels that are hidden in the photo.
        outside: PSNR of the pixels outside the photo.
        ssim: Of whole images.
        uncovered: Percentage of the pixels.
    """

    psnr: float
    seen: float
    revealed: float
    outside: float
    ssim: float
    uncovered: float


@dataclass(frozen=True, eq=False)
class Case:
    """A photo and its later views, as a scene whose first frame has the depth to use.

    Attributes:
        name: Title of the table.
        sheet: Name of the contact sheet's file.
        scene: The views.
        areas: The areas of each later frame.
    """

    name: str
    sheet: str
    scene: TruthScene
    areas: tuple[Areas, ...]


def real_cases(folder: Path) -> list[Case]:
    """Return the cases of all tables from the views in a folder; raises ViewsError."""
    pair, cases = load_stereo(folder / "teddy"), []
    for name in FLIGHTS:
        if (folder / name).is_dir():
            place = load_views(folder / name)
            place = RealScene(name, place.camera, place.views[: LATER + 1])
            cases.append(case_of(name, place, depth_by_sparse_points(place)))
    return [
        *cases,
        case_of("stereo", pair, pair.views[0].frame().depth, "true depth"),
        case_of("stereo", pair, depth_by_dense_depth(pair), "built-in depth"),
    ]


def case_of(sheet: str, real: RealScene, depth: FloatArray, depth_name: str = "") -> Case:
    """Return a case of the views with a depth (H, W) for the photo."""
    name = f"{real.name}, {depth_name}" if depth_name else real.name
    areas = tuple(view_areas(real, number) for number in range(1, len(real.views)))
    return Case(name, sheet, as_scene(real, depth), areas)


def as_scene(real: RealScene, depth: FloatArray | None = None) -> TruthScene:
    """Return the views as a scene; depth: (H, W), replaces that of the first one, if any."""
    first, *later = real.views
    frames = (first.frame(depth), *(view.frame() for view in later))
    return TruthScene(real.name, real.camera, frames)


def depth_by_sparse_points(real: RealScene) -> FloatArray:
    """Return the photo's built-in depth (H, W), fitted to its sparse points; +inf in the sky."""
    disparity = runs.estimate_disparity(as_scene(real), BUILTIN)
    return bounded(depth_by_points(disparity, real.views[0].points), disparity == 0)


def depth_by_dense_depth(real: RealScene) -> FloatArray:
    """Return the photo's built-in depth (H, W), fitted to its measured depth; +inf in the sky.

    The fit is least squares of disparity where depth was measured and the estimate has no sky.
    """
    photo, disparity = real.views[0], runs.estimate_disparity(as_scene(real), BUILTIN)
    assert photo.depth is not None and photo.observed is not None
    solid = photo.observed & (disparity > 0)
    scale, shift = measures.fit_disparity(disparity[solid], 1.0 / photo.depth[solid])
    fitted = scale * disparity + shift
    with np.errstate(divide="ignore"):
        depth = np.where(fitted > 0, 1.0 / fitted, np.inf)
    return bounded(depth, disparity == 0)


def bounded(depth: FloatArray, sky: Mask) -> FloatArray:
    """Return the depth (H, W) limited to the range of a scene, with +inf in the sky only."""
    farthest = runs.FARTHEST * depth[~sky].min()
    return np.where(sky, np.inf, np.minimum(depth, farthest)).astype(np.float32)


def render_later_views(case: Case, method: runs.Method) -> list[Shot]:
    """Render the later views with a method."""
    render = runs.renderer(case.scene, method)
    return [render(frame, number) for number, frame in enumerate(case.scene.frames[1:], 1)]


def measure(case: Case, shots: Sequence[Shot]) -> RealRow:
    """Return the row of a method's images of the later views."""
    images = np.stack([shot.image for shot in shots])
    truth = np.stack([frame.image for frame in case.scene.frames[1:]])
    names = ("seen", "revealed", "outside")
    parts = {name: np.stack([getattr(areas, name) for areas in case.areas]) for name in names}
    similarity = [measures.ssim(a, b) for a, b in zip(images, truth, strict=True)]
    return RealRow(
        psnr=measures.psnr(images, truth, np.any(list(parts.values()), axis=0)),
        **{name: measures.psnr(images, truth, part) for name, part in parts.items()},
        ssim=float(np.mean(similarity)),
        uncovered=100.0 * float(np.mean([measures.uncovered(shot.alpha) for shot in shots])),
    )


def sheet_rows(case: Case, images: dict[str, list[FloatArray]]) -> list[list[FloatArray]]:
    """Return a row per later view: the photo, the view, and the images of the methods ON_SHEET."""
    first, *later = (frame.image for frame in case.scene.frames)
    columns = [images[name] for name in ON_SHEET if name in images]
    return [[first, true, *results] for true, *results in zip(later, *columns, strict=True)]
