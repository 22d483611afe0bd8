"""The rows of the quality table, from images, and the table as text."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import _quality_masks as masks
import _quality_measures as measures
import numpy as np
from make_4d.geometry.core.camera import FloatArray
from make_4d.geometry.landscapes.truth import TruthFrame, TruthScene


@dataclass(frozen=True)
class Row:
    """The measures of a method over all frames after the first.

    Attributes:
        psnr: In dB.
        seen: PSNR of the area that is visible in the first frame.
        revealed: PSNR of the area that is hidden in the first frame.
        outside: PSNR of the area outside the first frame's image.
        ssim: Structural similarity.
        lpips: Perceptual distance, NaN without its weights.
        consistency: The paper's consistency error in percent; lower is better.
        flicker: In percent; lower is better.
        uncovered: Percentage of the pixels.
    """

    psnr: float
    seen: float
    revealed: float
    outside: float
    ssim: float
    lpips: float
    consistency: float
    flicker: float
    uncovered: float


NAMES = tuple(field.name for field in fields(Row))
HIGHER_IS_BETTER = {"psnr", "seen", "revealed", "outside", "ssim"}
FORMAT = {"ssim": "{:.3f}", "lpips": "{:.3f}", "uncovered": "{:.2f}"}


def truth_of(scene: TruthScene) -> list[FloatArray]:
    """Return the true images (H, W, 3) with clouds and water frozen."""
    return list(scene.still) or [frame.image for frame in scene.frames]


def measure(scene: TruthScene, images: Sequence[FloatArray], alphas: Sequence[FloatArray]) -> Row:
    """Measure a method's images of a scene's frames, including the first one.

    Args:
        scene: The scene.
        images: (H, W, 3), one per frame.
        alphas: (H, W), one per frame.
    """
    truth, frames, camera = truth_of(scene), scene.frames, scene.camera
    later, true_later = np.stack(images[1:]), np.stack(truth[1:])
    parts = [masks.areas(frames[0], frame, camera) for frame in frames[1:]]
    areas = {n: np.stack([getattr(p, n) for p in parts]) for n in ("seen", "revealed", "outside")}
    distances = [measures.lpips(a, b)[0] for a, b in zip(images[1:], truth[1:], strict=True)]
    similarity = [measures.ssim(a, b) for a, b in zip(images[1:], truth[1:], strict=True)]
    return Row(
        psnr=measures.psnr(later, true_later),
        **{name: measures.psnr(later, true_later, area) for name, area in areas.items()},
        ssim=float(np.mean(similarity)),
        lpips=math.nan if None in distances else float(np.mean(np.array(distances, float))),
        consistency=measures.consistency(images, masks.warps_to_first(frames, camera)),
        flicker=measures.flicker(images, masks.warps_in_time(frames, camera)),
        uncovered=100.0 * float(np.mean([measures.uncovered(a) for a in alphas[1:]])),
    )


def mean_row(rows: Sequence[Row]) -> Row:
    """Return the mean over scenes; each measure's mean is over the scenes that have it."""
    values = np.array([[getattr(row, name) for name in NAMES] for row in rows], float)
    finite = np.isfinite(values)
    total = np.where(finite, values, 0.0).sum(0)
    means = np.where(finite.any(0), total / np.maximum(finite.sum(0), 1), math.nan)
    return Row(*(float(value) for value in means))


def table(
    title: str, rows: Mapping[str, Any], formats: Mapping[str, str] = FORMAT, marked: bool = True
) -> str:
    """Return the rows as lines of text, with a star at the best value of each measure.

    Args:
        title: The first line.
        rows: One or more rows, of one dataclass of numbers, by name.
        formats: Formats of measures that don't have two decimals.
        marked: False for rows that don't compete, such as different scenes.
    """
    width = max(len(name) for name in rows) + 2
    values = {name: asdict(row) for name, row in rows.items()}
    columns = next(iter(values.values())).keys()
    best = {m: _best(m, [row[m] for row in values.values()]) for m in columns if marked}
    lines = [title, " " * width + "".join(f"{measure:>13}" for measure in columns)]
    for name, row in values.items():
        cells = (_cell(value, formats.get(m, "{:.2f}"), best.get(m)) for m, value in row.items())
        lines.append(f"{name:<{width}}" + "".join(f"{cell:>13}" for cell in cells))
    return "\n".join(lines)


def _best(measure: str, values: Sequence[float]) -> float | None:
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return None
    return max(finite) if measure in HIGHER_IS_BETTER else min(finite)


def _cell(value: float, form: str, best: float | None) -> str:
    if not math.isfinite(value):
        return "-"
    return form.format(value) + ("*" if value == best else " ")


def record(row: Any) -> dict[str, float | None]:
    """Return a dataclass of numbers for JSON, with null for NaN and infinity."""
    return {name: value if math.isfinite(value) else None for name, value in asdict(row).items()}


def sampled_scene(scene: TruthScene, count: int) -> TruthScene:
    """Return the scene with its first frame and `count` later ones, evenly spaced to the last."""
    last = len(scene.frames) - 1
    chosen = sorted({0, *(round(last * k / count) for k in range(1, count + 1))})
    frames: tuple[TruthFrame, ...] = tuple(scene.frames[k] for k in chosen)
    still = tuple(scene.still[k] for k in chosen) if scene.still else ()
    return TruthScene(scene.name, scene.camera, frames, still, tuple(scene.poses()))
