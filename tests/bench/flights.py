"""What flights through photos show at their ends: `./make4d bench flights DIR...`.

Each picture becomes a scene with the default settings, without motion. At the end of several camera
moves, as far as they are safe, the still cloud is rendered by the numpy renderer. Measured are

- crumbs: small pieces that float before or behind everything around them, by the rendered depth, in
  each megapixel, beyond those at the photo's own view (leaves before the sky are some there too);
- holes: the share of pixels that nothing covers.

`--picture DIR` writes a sheet to look at for each picture: the photo and the ends of all moves.
Pictures are split into halves by name, as for the other benchmarks.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import numpy as np
from _quality_runs import cloud_of, draw, quiet_context
from _quality_sheet import write_sheet
from _scene_labels import chosen
from border import NO_PICTURES, add_picture_options, pictures_of
from make_4d.geometry.core.camera import FloatArray, look_rotation
from make_4d.geometry.core.camera_moves import SceneFacts, plan_move, scene_facts
from make_4d.geometry.core.camera_path import CameraPath
from make_4d.ml.common.job_settings import JobSettings
from make_4d.ml.stages import lift
from make_4d.ml.stages.cameras import cameras
from make_4d.ml.stages.stage import DeclaredSettings
from make_4d.ml.stages.table import stages_for
from make_4d.render.extract import Cloud
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import csgraph

MOVES = ("CRUISE", "OUT", "ORBIT")
"""Keys of the camera moves whose ends are looked at."""
CRUMB = 30 / 512**2
"""Largest crumb, as a share of a square of the image's longer side."""
APART = 1.15
"""Ratio of depths from which on neighbors belong to different pieces."""
COVERED = 0.5
"""Accumulated alpha from which on a pixel is covered."""

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class End:
    """What the end of a camera move shows.

    Attributes:
        crumbs: In each megapixel, beyond those at the photo's own view.
        holes: Share of the pixels.
    """

    crumbs: float
    holes: float


def parser() -> argparse.ArgumentParser:
    """Return the parser of the benchmark's arguments."""
    p = argparse.ArgumentParser(prog="make4d bench flights", description=__doc__)
    add_picture_options(p)
    p.add_argument("--size", type=int, default=512, metavar="N", help="longer side in pixels")
    return p


def main(argv: Sequence[str]) -> int:
    """Run the benchmark; returns the exit status."""
    arguments = parser().parse_args(argv)
    rows: dict[str, dict[str, End]] = {}
    seconds = []
    for folder in arguments.folders:
        for path in chosen(pictures_of(folder), arguments.half, arguments.limit):
            started = time.perf_counter()
            arrays, settings = arrays_of(path, arguments.size)
            seconds.append(time.perf_counter() - started)
            ends, images = flown(arrays, settings)
            rows[f"{folder.name}/{path.stem}"] = ends
            print(path.stem, *(f"{key} {end.crumbs:.0f}" for key, end in ends.items()), flush=True)
            if arguments.picture:
                lines = [[arrays["image"], images[0]], images[1:]]
                write_sheet(arguments.picture / f"{path.stem}.png", lines)
    if not rows:
        raise SystemExit(NO_PICTURES.format(folders=", ".join(map(str, arguments.folders))))
    found = figures(rows) | {"seconds": float(np.mean(seconds))}
    print("\n".join(f"{key:<28}{value:.3f}" for key, value in found.items()))
    if arguments.json:
        each = {name: {key: asdict(end) for key, end in row.items()} for name, row in rows.items()}
        arguments.json.write_text(json.dumps(found | {"rows": each}) + "\n", encoding="utf-8")
    return 0


def figures(rows: Mapping[str, Mapping[str, End]]) -> dict[str, float]:
    """Return the means over all pictures."""
    found = {"pictures": float(len(rows))}
    for key in MOVES:
        ends = [row[key] for row in rows.values()]
        found[f"crumbs_{key.lower()}"] = float(np.mean([end.crumbs for end in ends]))
        found[f"holes_{key.lower()}"] = float(np.mean([end.holes for end in ends]))
    return found


def arrays_of(photo: Path, size: int) -> tuple[Arrays, JobSettings]:
    """Return the arrays of all stages before the last for a photo, and the settings."""
    settings = JobSettings(str(photo), size=size, motion=False).effective()
    arrays: Arrays = {}
    for stage in stages_for(settings):
        if stage.name != lift.STAGE.name:
            arrays |= stage.run(arrays, DeclaredSettings(settings, stage), quiet_context())
    return arrays, settings


def flown(arrays: Arrays, settings: JobSettings) -> tuple[dict[str, End], list[FloatArray]]:
    """Return what the ends of all camera moves show, and their images (H, W, 3)."""
    camera, _ = cameras(arrays, settings.field_of_view)
    still, _ = lift.lift_layers(arrays, settings, quiet_context())
    margins = arrays["margins"]
    top, right, bottom, left = (int(margin) for margin in margins)
    facts = scene_facts(still.position, still.radius, camera, (top, right, bottom, left))
    cloud = cloud_of(still)
    usual = crumbs(draw([cloud], np.eye(4), camera)[1])
    ends, images = {}, []
    for key in MOVES:
        end, image = shown(cloud, facts, key, usual)
        ends[key] = end
        images.append(image)
    return ends, images


def shown(cloud: Cloud, facts: SceneFacts, key: str, usual: float) -> tuple[End, FloatArray]:
    """Return what the end of a camera move shows, and its image (H, W, 3).

    usual: Crumbs at the photo's own view.
    """
    path = plan_move(key, facts)
    camera = replace(facts.camera, focal=facts.camera.focal * float(path.focal[-1]))
    shot, depth = draw([cloud], last_pose(path), camera)
    holes = float((shot.alpha < COVERED).mean())
    return End(max(0.0, crumbs(depth) - usual), holes), shot.image


def last_pose(path: CameraPath) -> NDArray[np.float64]:
    """Return the world-to-camera matrix (4, 4) at the end of a path."""
    pose = np.eye(4)
    pose[:3, :3] = look_rotation(path.looks[-1].astype(float), np.array([0.0, 1.0, 0.0]))
    pose[:3, 3] = -pose[:3, :3] @ path.positions[-1]
    return pose


def crumbs(depth: FloatArray) -> float:
    """Return how many small pieces there are in each megapixel of a depth map (H, W)."""
    height, width = depth.shape
    logs = np.log(np.maximum(depth, 1e-6))
    number = np.arange(depth.size).reshape(height, width)
    first, second = [], []
    for axis in (0, 1):
        near = np.abs(np.diff(logs, axis=axis)) < np.log(APART)
        sides = (number[:-1], number[1:]) if axis == 0 else (number[:, :-1], number[:, 1:])
        first.append(sides[0][near])
        second.append(sides[1][near])
    pairs = np.concatenate(first), np.concatenate(second)
    graph = sparse.coo_array((np.ones(len(pairs[0]), bool), pairs), (depth.size, depth.size))
    pieces = csgraph.connected_components(graph, directed=False)[1]
    largest = CRUMB * max(height, width) ** 2
    return float((np.bincount(pieces) <= largest).sum() / depth.size * 1e6)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
