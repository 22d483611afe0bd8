"""What the worker hands to Blender: point clouds, camera waypoints, motion regions.

Everything is in the camera frame of the photo (x right, y down, z forward) and in scene units. It
is converted once on Blender's side, by `camera.blender_from_camera`.
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
"""Number K of key times in a loop at which displacements are stored."""


@dataclass(frozen=True)
class PointArrays:
    """One point cloud of P points.

    Attributes:
        position: Positions (P, 3) float32 in scene units.
        color: Colors (P, 3) float32, sRGB-encoded, 0..1.
        opacity: Opacity (P,) float32, 0..1, below 1 at silhouettes.
        radius: Radii (P,) float32 in scene units: radius in source pixels * depth / focal.
        observed: 1 for observed points, 0 for inpainted points, (P,) float32.
        layer: Layer (P,) int32, 0 nearest.
        pixel: Pixel (P,) int32 from which the point was made, as a flat index into the layers
            (L, H, W), -1 for none.
        disparity: Disparity (P,) float32, 0..1, 1 nearest, normalized over both clouds.
        forward: Displacements (K, P, 3) float32 in scene units: forward[k - 1] is D_0->t at
            t = k N / K, k = 1..K. (0, P, 3) for a still cloud.
        backward: Displacements (K, P, 3) float32: backward[k] is D_0->-(N - t) at t = k N / K,
            k = 0..K-1. (0, P, 3) for a still cloud.
        lifetime: Phases (2, P) float32 between which the copies are inside the outpainted photo:
            the forward copy leaves it at lifetime[0], 2 if it stays; the backward copy enters it at
            lifetime[1], -1 if it is never outside. (0, P) for a still cloud.
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
    """What a scene needs beside its clouds.

    Attributes:
        camera: Intrinsics of the rendered image, those of the photo.
        positions: Waypoints (n, 3) of the camera in the camera frame, the first at the origin.
        look: Unit look directions (n, 3) at the waypoints, the first along +z.
        frames: Length of the film in frames.
        loop_frames: Length N of the motion loop in frames.
        meters_per_unit: Meters in a scene unit, 0 if unknown.
        features: Id of the points' feature maps, empty if there are none.
        networks: Path of the checkpoint to which the features belong, or empty.
        margins: Pixels that outpainting added at the top, right, bottom and left.
        tilt: Radians by which the photo's horizon is rotated clockwise, 0 if level or unknown.
        editable_images: The images of the run that the artist may paint in.
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
        """Intrinsics of the outpainted photo."""
        return self.camera.padded(*self.margins)


@dataclass(frozen=True)
class SceneData:
    """A finished result of the worker.

    Attributes:
        still: Points that stand still.
        moving: Points that move, possibly none.
        plan: What the scene needs beside its clouds.
        motion_regions: Image (H, W) float32, 0..1, over the outpainted photo; (0, 0) if motion is
            turned off.
    """

    still: PointArrays
    moving: PointArrays
    plan: ScenePlan
    motion_regions: FloatArray = field(default_factory=lambda: np.zeros((0, 0), np.float32))


def save_scene_data(scene_data: SceneData, folder: Path) -> None:
    """Write scene data into an existing folder: a .npy file per array, plan.json for the rest."""
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
    """Read what `save_scene_data` wrote; raises OSError, or ValueError if a file is damaged."""
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
