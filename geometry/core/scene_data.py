"""The arrays that the worker hands to Blender: point clouds, camera waypoints, one flight.

Everything is in the camera frame of the photo (x right, y down, z forward) and in scene units; the
bpy edge converts once, with `camera.blender_from_camera`.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .camera import FloatArray, Intrinsics
from .editable_images import EditableImage

KEY_TIMES = 8
"""Number K of key times in a loop for which displacements are stored."""


@dataclass(frozen=True)
class PointArrays:
    """One point cloud of P points.

    position (P, 3) float32; color (P, 3) float32, sRGB-encoded 0..1; opacity
    (P,) float32 0..1, less than 1 at silhouettes; radius (P,) float32, scene
    units (radius in source pixels * depth / focal); known (P,) float32, 1 seen and 0 invented;
    layer (P,) int32, 0 nearest; pixel (P,) int32, the pixel of the layers (L, H, W) that the point
    was made of, a flat index, -1 for none; disparity (P,) float32 0..1, 1 nearest, normalized over
    both clouds; forward, backward (K, P, 3) float32, displacements of moving points: forward[k - 1]
    is D_0->t at t = k/K of the loop (k = 1..K), backward[k] is D_0->-(N - t) at t = k/K (k =
    0..K-1); both have shape (0, P, 3) for a still cloud; life (2, P) float32: the share of the
    loop at which the forward copy leaves the wide photo, 2 where it stays, and the share before
    which the backward copy is outside, -1 where it never is; (0, P) for a still cloud.
    """

    position: FloatArray
    color: FloatArray
    opacity: FloatArray
    radius: FloatArray
    observed: FloatArray
    layer: NDArray[np.int32]
    pixel: NDArray[np.int32]
    disparity: FloatArray
    forward: FloatArray
    backward: FloatArray
    lifetime: FloatArray

    @property
    def count(self) -> int:
        """Number of points."""
        return len(self.position)


@dataclass(frozen=True)
class ScenePlan:
    """What the scene needs beside the clouds.

    camera: intrinsics of the rendered picture (the photo's); positions (n, 3) and look (n, 3):
    the camera's waypoints and unit look directions in the camera frame, the first at the origin
    looking along +z; frames: length of the film; loop_frames: length N of the motion loop;
    meters_per_unit: size of a scene unit, 0 where nobody knows; features: id of the points' feature
    maps, empty where there are none, and networks: path of the checkpoint that they belong to;
    margins: pixels that the wide photo has more at its top, right, bottom, left; tilt: radians by
    which the horizon is turned clockwise in the photo, 0 where it is level or nobody knows;
    pictures: those of the run that the artist may paint in.
    """

    camera: Intrinsics
    positions: FloatArray
    look: FloatArray
    frames: int
    loop_frames: int
    meters_per_unit: float = 0.0
    features: str = ""
    networks: str = ""
    margins: tuple[int, int, int, int] = (0, 0, 0, 0)
    tilt: float = 0.0
    editable_images: tuple[EditableImage, ...] = ()

    @property
    def outpainted_camera(self) -> Intrinsics:
        """Intrinsics of the wide photo."""
        return self.camera.padded(*self.margins)


@dataclass(frozen=True)
class SceneData:
    """A finished result of the worker: two clouds, the plan, and the regions that move.

    regions: (H, W) float32 0..1 over the wide photo; (0, 0) where nobody looked for motion.
    """

    still: PointArrays
    moving: PointArrays
    plan: ScenePlan
    motion_regions: FloatArray = field(default_factory=lambda: np.zeros((0, 0), np.float32))


def save_scene_data(scene_data: SceneData, folder: Path) -> None:
    """Write a flight into an existing folder: one .npy an array, plan.json for the rest."""
    for name in ("still", "moving"):
        points: PointArrays = getattr(scene_data, name)
        for part in fields(PointArrays):
            np.save(folder / f"{name}-{part.name}.npy", getattr(points, part.name))
    plan = scene_data.plan
    record = {
        "camera": asdict(plan.camera),
        "positions": np.asarray(plan.positions, float).tolist(),
        "look": np.asarray(plan.look, float).tolist(),
        "frames": plan.frames,
        "loop_frames": plan.loop_frames,
        "meters_per_unit": plan.meters_per_unit,
        "features": plan.features,
        "networks": plan.networks,
        "margins": plan.margins,
        "tilt": plan.tilt,
        "editable_images": [asdict(image) for image in plan.editable_images],
    }
    np.save(folder / "motion_regions.npy", scene_data.motion_regions)
    (folder / "plan.json").write_text(json.dumps(record), encoding="utf-8")


def load_scene_data(folder: Path) -> SceneData:
    """Read what `save_flight` wrote; raises OSError or ValueError where a file is torn."""
    record = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
    plan = ScenePlan(
        Intrinsics(**record["camera"]),
        np.asarray(record["positions"], np.float32),
        np.asarray(record["look"], np.float32),
        record["frames"],
        record["loop_frames"],
        record["meters_per_unit"],
        record["features"],
        record["networks"],
        tuple(record["margins"]),
        record["tilt"],
        tuple(EditableImage(**image) for image in record["editable_images"]),
    )
    motion_regions = np.load(folder / "motion_regions.npy", allow_pickle=False)
    return SceneData(
        _load_points(folder, "still"), _load_points(folder, "moving"), plan, motion_regions
    )


def _load_points(folder: Path, name: str) -> PointArrays:
    names = [part.name for part in fields(PointArrays)]
    arrays = {n: np.load(folder / f"{name}-{n}.npy", allow_pickle=False) for n in names}
    return PointArrays(**arrays)
