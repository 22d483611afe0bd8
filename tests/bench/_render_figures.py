"""Figures of the benchmark `render`: medians, ratios and goals, fits, bytes."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any

import numpy as np
from _render_measure import PARTS, Frame

GOALS = {"eevee": 20.0, "cycles": 10.0, "numpy": 5.0}
"""How many times faster than each our engine should be, at GOAL_POINTS and GOAL_SIZE."""
GOAL_POINTS, GOAL_SIZE = 0.5, (512, 512)
LINEAR_WITHIN = 0.15
"""Time counts as linear in points if all medians are within this of the fitted line."""
READ_BYTES, READ_BYTES_MOVING = 44, 49
POINT_BYTES, ENTRY_BYTES, DISCS = 16, 32, 2
TARGET_BYTES, IMAGE_BYTES = 32, 16

Row = dict[str, Any]


def statistics_of(frames: Sequence[Frame]) -> dict[str, dict[str, float]]:
    """Median, minimum and maximum in seconds of each part over frames.

    "other" is the rest of a frame's total.
    """
    names = [name for name in PARTS if any(name in frame for frame in frames)]
    names += sorted({n for frame in frames for n in frame} - {"total", *names})
    values = {name: [frame.get(name, 0.0) for frame in frames] for name in ("total", *names)}
    if names:
        rest = [f["total"] - sum(s for n, s in f.items() if n != "total") for f in frames]
        values["other"] = rest
    return {n: {"median": median(v), "min": min(v), "max": max(v)} for n, v in values.items()}


def touched_bytes(still: int, copies: int, size: tuple[int, int]) -> dict[str, int]:
    """Bytes that a frame of the engine has to read or write, by kind.

    - points read: position 12, radius 4, color 16, observed, layer and disparity 4 each, and for
      moving ones weight 4 and backward 1, once.
    - uploaded: position and radius of the copies (16); the rest stays on the GPU.
    - splat entries: two discs per point (its own and its underpaint), 32 each, per image, written
      once and read once.
    - targets: two of 16 per pixel and image, written, and read by the last pass; then the finished
      image of 16 written, read back, and handed to Blender.

    Not counted: what caches serve, the tables of the sort, the evaluation, the file.

    Args:
        still: number of points at rest.
        copies: number of copies of moving points, two per point while the loop runs. Two images
            are drawn then, each with the points at rest and one of the copies.
        size: (w, h) of the image.
    """
    pixels, images = size[0] * size[1], 2 if copies else 1
    entries = still * images + copies
    return {
        "points read": READ_BYTES * still + READ_BYTES_MOVING * copies,
        "uploaded": POINT_BYTES * copies,
        "splat entries": 2 * DISCS * ENTRY_BYTES * entries,
        "targets": pixels * (2 * TARGET_BYTES * images + 3 * IMAGE_BYTES),
    }


def same_case(one: Row, other: Row) -> bool:
    """Whether two rows have the same points and size."""
    return all(one[key] == other[key] for key in ("millions", "size", "moving"))


def ratios_of(rows: Sequence[Row]) -> list[Row]:
    """For each row of another engine, how many times faster our engine is in the same case.

    goal and reached are None for points or sizes without a goal. numpy is compared with the row
    without motion.
    """
    ratios = []
    for ours in (row for row in rows if row["engine"] == "make4d"):
        for row in rows:
            if row["engine"] != "make4d" and same_case(row, ours):
                ratio = row["seconds"]["total"]["median"] / ours["seconds"]["total"]["median"]
                judged = (row["millions"], tuple(row["size"])) == (GOAL_POINTS, GOAL_SIZE)
                goal = GOALS[row["engine"]] if judged else None
                keys = ("engine", "millions", "size", "moving")
                reached = None if goal is None else ratio >= goal
                verdict = {"ratio": ratio, "goal": goal, "reached": reached}
                ratios.append({key: row[key] for key in keys} | verdict)
    return ratios


def fits_of(rows: Sequence[Row]) -> list[Row]:
    """For each size, the line through our engine's medians against points, without motion.

    Minimizes relative errors. slope: seconds per million points; constant: seconds; off: the
    largest relative distance of a median from the line; linear: whether that is small, None for
    fewer than three counts.
    """
    fits = []
    chosen = [row for row in rows if row["engine"] == "make4d" and not row["moving"]]
    for size in sorted({tuple(row["size"]) for row in chosen}):
        of_size = [row for row in chosen if tuple(row["size"]) == size]
        millions = np.array([row["points"] / 1e6 for row in of_size])
        seconds = np.array([row["seconds"]["total"]["median"] for row in of_size])
        if len(seconds) < 2:
            continue
        slope, constant = np.polyfit(millions, seconds, 1, w=1 / seconds)
        off = float(np.abs((slope * millions + constant) / seconds - 1).max())
        linear = off <= LINEAR_WITHIN if len(seconds) > 2 else None
        line = {"slope": float(slope), "constant": float(constant), "off": off, "linear": linear}
        fits.append({"size": size} | line)
    return fits
