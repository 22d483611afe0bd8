"""Flights from real photographs, compared with later views: the rows of the `real views` tables.

Of a street with the built-in depth, fitted to the photo's sparse points; of a stereo pair with the
true depth, and with the built-in one fitted to that. The fit gives the unknown scale, so that the
flight goes as far as the camera did.
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
from _quality_views import RealScene, compared, depth_by_points, load_stereo, load_street
from make_4d.geometry.core.camera import FloatArray
from make_4d.geometry.landscapes.truth import Mask, TruthScene
from make_4d.ml.common.registry import BUILTIN

LATER = 3
"""How many of the street's later views are compared."""
WAYS = ("full", "without inpainting", "one-layer mesh", "full, paper's layer depth")
ON_SHEET = ("full", "one-layer mesh")


@dataclass(frozen=True)
class RealRow:
    """What is measured of a way, over all later views.

    psnr in dB of all pixels of which the area is known, and of those `seen` in the photo,
    `revealed` from behind something, and `outside` of the photo; ssim of whole pictures; uncovered:
    percent of the pixels.
    """

    psnr: float
    seen: float
    revealed: float
    outside: float
    ssim: float
    uncovered: float


@dataclass(frozen=True, eq=False)
class Case:
    """A photo and its later views, as a scene whose first frame has the depth that is flown with.

    sheet: name of the file to which pictures go; areas: of each later frame.
    """

    name: str
    sheet: str
    scene: TruthScene
    areas: tuple[Areas, ...]


def real_cases(folder: Path) -> list[Case]:
    """All tables' cases, of the views in a folder; raises ViewsError."""
    street, pair = load_street(folder), load_stereo(folder)
    street = RealScene(street.name, street.camera, street.views[: LATER + 1])
    return [
        case_of("street", street, depth_by_sparse_points(street)),
        case_of("stereo", pair, pair.views[0].frame().depth, "true depth"),
        case_of("stereo", pair, depth_by_dense_depth(pair), "built-in depth"),
    ]


def case_of(sheet: str, real: RealScene, depth: FloatArray, depth_name: str = "") -> Case:
    """The views with a depth (H, W) for the photo."""
    name = f"{real.name}, {depth_name}" if depth_name else real.name
    areas = tuple(compared(real, number) for number in range(1, len(real.views)))
    return Case(name, sheet, as_scene(real, depth), areas)


def as_scene(real: RealScene, depth: FloatArray | None = None) -> TruthScene:
    """The views as frames; depth: (H, W) of the first one in place of its own, if it has any."""
    first, *later = real.views
    frames = (first.frame(depth), *(view.frame() for view in later))
    return TruthScene(real.name, real.camera, frames)


def depth_by_sparse_points(real: RealScene) -> FloatArray:
    """The built-in depth (H, W) of the photo, fitted to its sparse points; +inf in the sky."""
    disparity = runs.estimated(as_scene(real), BUILTIN)
    return bounded(depth_by_points(disparity, real.views[0].points), disparity == 0)


def depth_by_dense_depth(real: RealScene) -> FloatArray:
    """The built-in depth (H, W) of the photo, by least squares of disparity; +inf in the sky.

    Fitted where depth was measured and the estimate has no sky.
    """
    photo, disparity = real.views[0], runs.estimated(as_scene(real), BUILTIN)
    assert photo.depth is not None and photo.observed is not None
    solid = photo.observed & (disparity > 0)
    scale, shift = measures.fit_disparity(disparity[solid], 1.0 / photo.depth[solid])
    fitted = scale * disparity + shift
    with np.errstate(divide="ignore"):
        depth = np.where(fitted > 0, 1.0 / fitted, np.inf)
    return bounded(depth, disparity == 0)


def bounded(depth: FloatArray, sky: Mask) -> FloatArray:
    """The depth (H, W), +inf in the sky and nowhere else, as far as a scene reaches."""
    farthest = runs.FARTHEST * depth[~sky].min()
    return np.where(sky, np.inf, np.minimum(depth, farthest)).astype(np.float32)


def shots_by(case: Case, way: runs.Way) -> list[Shot]:
    """A way's pictures of the later views."""
    shoot = runs.shooter(case.scene, way)
    return [shoot(frame, number) for number, frame in enumerate(case.scene.frames[1:], 1)]


def measured(case: Case, shots: Sequence[Shot]) -> RealRow:
    """The row of a way's pictures of the later views."""
    shown = np.stack([shot.image for shot in shots])
    wanted = np.stack([frame.image for frame in case.scene.frames[1:]])
    names = ("seen", "revealed", "outside")
    parts = {name: np.stack([getattr(found, name) for found in case.areas]) for name in names}
    similar = [measures.ssim(a, b) for a, b in zip(shown, wanted, strict=True)]
    return RealRow(
        psnr=measures.psnr(shown, wanted, np.any(list(parts.values()), axis=0)),
        **{name: measures.psnr(shown, wanted, part) for name, part in parts.items()},
        ssim=float(np.mean(similar)),
        uncovered=100.0 * float(np.mean([measures.uncovered(shot.alpha) for shot in shots])),
    )


def sheet_lines(case: Case, pictures: dict[str, list[FloatArray]]) -> list[list[FloatArray]]:
    """For each later view a line: the photo, the view, and what the ways ON_SHEET made of it."""
    first, *later = (frame.image for frame in case.scene.frames)
    ways = [pictures[name] for name in ON_SHEET if name in pictures]
    return [[first, true, *made] for true, *made in zip(later, *ways, strict=True)]
