"""From pictures to the rows of the quality table, and the table as text."""

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
    """What is measured of a way, over all frames after the first.

    psnr, and that of the areas `seen` in the first frame, `revealed` from behind something, and
    `outside` of its picture, in dB; ssim; lpips, NaN where its weights aren't there; consistency
    (the paper's) and flicker in percent, lower is better; uncovered: percent of the pixels.
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
    """The true pictures (H, W, 3) with moving things held still."""
    return list(scene.still) or [frame.image for frame in scene.frames]


def measured(scene: TruthScene, shots: Sequence[FloatArray], alphas: Sequence[FloatArray]) -> Row:
    """Measure a way's pictures of a scene's frames, the first one included.

    shots (H, W, 3) and alphas (H, W), one a frame.
    """
    truth, frames, camera = truth_of(scene), scene.frames, scene.camera
    shown, wanted = np.stack(shots[1:]), np.stack(truth[1:])
    parts = [masks.areas(frames[0], frame, camera) for frame in frames[1:]]
    areas = {n: np.stack([getattr(p, n) for p in parts]) for n in ("seen", "revealed", "outside")}
    learned = [measures.lpips(a, b)[0] for a, b in zip(shots[1:], truth[1:], strict=True)]
    similar = [measures.ssim(a, b) for a, b in zip(shots[1:], truth[1:], strict=True)]
    return Row(
        psnr=measures.psnr(shown, wanted),
        **{name: measures.psnr(shown, wanted, area) for name, area in areas.items()},
        ssim=float(np.mean(similar)),
        lpips=math.nan if None in learned else float(np.mean(np.array(learned, float))),
        consistency=measures.consistency(shots, masks.warps_to_first(frames, camera)),
        flicker=measures.flicker(shots, masks.warps_in_time(frames, camera)),
        uncovered=100.0 * float(np.mean([measures.uncovered(a) for a in alphas[1:]])),
    )


def mean_row(rows: Sequence[Row]) -> Row:
    """The mean over scenes, of each measure over those scenes that have it."""
    values = np.array([[getattr(row, name) for name in NAMES] for row in rows], float)
    found = np.isfinite(values)
    total = np.where(found, values, 0.0).sum(0)
    means = np.where(found.any(0), total / np.maximum(found.sum(0), 1), math.nan)
    return Row(*(float(value) for value in means))


def table(
    title: str, rows: Mapping[str, Any], formats: Mapping[str, str] = FORMAT, marked: bool = True
) -> str:
    """The rows as lines of text, the best of each measure marked with a star.

    rows: one or more of a dataclass of numbers; formats: of measures that don't have two decimals;
    marked: False for rows of which none is better, as different scenes are.
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
    """A dataclass of numbers for JSON: what isn't a number is null."""
    return {name: value if math.isfinite(value) else None for name, value in asdict(row).items()}


def sampled_scene(scene: TruthScene, count: int) -> TruthScene:
    """The scene with its first frame and `count` later ones, evenly spaced up to the last."""
    last = len(scene.frames) - 1
    chosen = sorted({0, *(round(last * k / count) for k in range(1, count + 1))})
    frames: tuple[TruthFrame, ...] = tuple(scene.frames[k] for k in chosen)
    still = tuple(scene.still[k] for k in chosen) if scene.still else ()
    return TruthScene(scene.name, scene.camera, frames, still, tuple(scene.poses()))
