"""Scenes with ground truth: their arrays, and the folder that stores them.

A folder holds:

    scene.json     name, camera intrinsics, and a world-to-camera matrix per frame
    frame_NN.png   the image of frame NN, 8 bits
    still_NN.png   the image with clouds and water frozen, minus frame_NN.png modulo 256
                   (mostly zeros, which compress well); absent if the scene has no such images
    depth.xz       the depth of all frames, its logarithm in 16 bits
    moving.xz      the mask of moving pixels of all frames, one bit per pixel

Reading and writing needs numpy and OpenCV, not bpy.
"""

from __future__ import annotations

import json
import lzma
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..core.camera import FloatArray, Intrinsics

NEAREST_DEPTH = 0.1
"""Meters; anything nearer is stored at this depth."""
LOG_STEP = 2e-4
"""One step of a stored depth, so the relative error is at most 1e-4. 65,534 steps reach 49 km."""
FARTHEST_STEP = 65534
FIRST_POSE = "The first frame's pose must be the identity."
STILL_COUNT = "A scene needs one still image per frame, or none at all."
IMAGE_SIZE = "All images of a scene must have its camera's size."
DEPTH_RANGE = "Depths must be positive, and infinite in the sky."
UNREADABLE = "There is no readable scene in {folder}: {error}."
LAND, SKY, CLOUD, WATER = range(4)
"""Values of `TruthFrame.labels`."""
Mask = NDArray[np.bool_]
Matrix = NDArray[np.float64]


class TruthError(ValueError):
    """A scene can't be stored or read. The text is one sentence."""


@dataclass(frozen=True, eq=False)
class TruthFrame:
    """One frame of a scene with ground truth.

    Attributes:
        image: (H, W, 3) float32, sRGB-encoded, 0 to 1.
        depth: (H, W) float32, z along the view direction in meters, +inf in the sky.
        world_to_camera: (4, 4) float64, translation in meters; camera frame x right, y down,
            z forward. The identity for a scene's first frame.
        moving: (H, W) bool, True on clouds and water.
    """

    image: FloatArray
    depth: FloatArray
    world_to_camera: Matrix
    moving: Mask

    @property
    def disparity(self) -> FloatArray:
        """1 / depth (H, W) in 1/m, 0 in the sky."""
        return (1.0 / self.depth).astype(np.float32)

    @property
    def labels(self) -> NDArray[np.uint8]:
        """What each pixel (H, W) shows: LAND, SKY, CLOUD or WATER."""
        sky = np.isinf(self.depth)
        still, moving = np.where(sky, SKY, LAND), np.where(sky, CLOUD, WATER)
        return np.where(self.moving, moving, still).astype(np.uint8)


@dataclass(frozen=True, eq=False)
class TruthScene:
    """A camera path through a scene with ground truth; the world is the first frame's camera frame.

    Attributes:
        name: Name of the landscape, or of the photo.
        camera: Intrinsics of all frames.
        frames: The frames in order.
        still: Images (H, W, 3) of the same frames with clouds and water frozen as in the first
            frame; empty if there are none.
        path: If the frames are a selection from a longer path, the poses of all its frames; else
            empty.
    """

    name: str
    camera: Intrinsics
    frames: tuple[TruthFrame, ...]
    still: tuple[FloatArray, ...] = ()
    path: tuple[Matrix, ...] = ()

    def poses(self) -> list[Matrix]:
        """Return the world-to-camera matrix (4, 4) of every frame of the whole path."""
        return list(self.path) or [frame.world_to_camera for frame in self.frames]


def save_scene(scene: TruthScene, folder: Path) -> None:
    """Write a scene into a folder, creating the folder if necessary; raises TruthError.

    Images come back rounded to 8 bits, depths within 0.01 % (0.1 m to 49 km), the rest exactly.
    """
    _check(scene)
    folder.mkdir(parents=True, exist_ok=True)
    images = [to_bytes(frame.image) for frame in scene.frames]
    for number, image in enumerate(images, 1):
        _write_png(folder / f"frame_{number:02d}.png", image)
    for number, (still, image) in enumerate(zip(scene.still, images, strict=False), 1):
        _write_png(folder / f"still_{number:02d}.png", to_bytes(still) - image)
    steps = np.stack([_depth_steps(frame.depth) for frame in scene.frames])
    (folder / "depth.xz").write_bytes(_packed_depth(steps))
    moving = np.packbits(np.stack([frame.moving for frame in scene.frames]))
    (folder / "moving.xz").write_bytes(lzma.compress(moving.tobytes()))
    poses = [frame.world_to_camera.tolist() for frame in scene.frames]
    header = {"name": scene.name, "camera": asdict(scene.camera), "still": bool(scene.still)}
    text = json.dumps(header | {"world_to_camera": poses})
    (folder / "scene.json").write_text(text + "\n", encoding="utf-8")


def load_scene(folder: Path) -> TruthScene:
    """Read what `save_scene` wrote; raises TruthError if a file is missing or damaged."""
    try:
        return _loaded(folder)
    except (OSError, KeyError, ValueError, TypeError, lzma.LZMAError) as error:
        raise TruthError(UNREADABLE.format(folder=folder, error=error)) from error


def to_bytes(image: FloatArray) -> NDArray[np.uint8]:
    """Return an image of values 0 to 1 in 8 bits, clipped and rounded to nearest."""
    return np.rint(np.clip(image, 0.0, 1.0) * 255.0).astype(np.uint8)


def _loaded(folder: Path) -> TruthScene:
    header = json.loads((folder / "scene.json").read_text(encoding="utf-8"))
    camera = Intrinsics(**header["camera"])
    poses = [np.array(pose, np.float64) for pose in header["world_to_camera"]]
    shape = (len(poses), camera.height, camera.width)
    depths = _unpacked_depth((folder / "depth.xz").read_bytes(), shape)
    bits = np.frombuffer(lzma.decompress((folder / "moving.xz").read_bytes()), np.uint8)
    moving = np.unpackbits(bits, count=math.prod(shape)).reshape(shape).astype(bool)
    images = [_read_png(folder / f"frame_{n:02d}.png") for n in range(1, len(poses) + 1)]
    numbered = enumerate(images if header["still"] else [], 1)
    stills = [image + _read_png(folder / f"still_{n:02d}.png") for n, image in numbered]
    frames = zip(map(_to_float, images), depths, poses, moving, strict=True)
    return TruthScene(
        header["name"],
        camera,
        tuple(TruthFrame(*parts) for parts in frames),
        tuple(map(_to_float, stills)),
    )


def _check(scene: TruthScene) -> None:
    if not scene.frames or not np.array_equal(scene.frames[0].world_to_camera, np.eye(4)):
        raise TruthError(FIRST_POSE)
    if scene.still and len(scene.still) != len(scene.frames):
        raise TruthError(STILL_COUNT)
    size = (scene.camera.height, scene.camera.width)
    images = [frame.image for frame in scene.frames] + list(scene.still)
    maps = [array for frame in scene.frames for array in (frame.depth, frame.moving)]
    if {p.shape for p in images} != {(*size, 3)} or {m.shape for m in maps} != {size}:
        raise TruthError(IMAGE_SIZE)
    if any(not (frame.depth > 0).all() for frame in scene.frames):
        raise TruthError(DEPTH_RANGE)


def _depth_steps(depth: FloatArray) -> NDArray[np.uint16]:
    """Return the logarithm of depth in steps, starting at 1; 0 is the sky."""
    sky = np.isinf(depth)
    near = np.maximum(np.where(sky, NEAREST_DEPTH, depth), NEAREST_DEPTH).astype(np.float64)
    steps = 1 + np.rint(np.log(near / NEAREST_DEPTH) / LOG_STEP)
    return np.where(sky, 0, np.minimum(steps, FARTHEST_STEP + 1)).astype(np.uint16)


def _packed_depth(steps: NDArray[np.uint16]) -> bytes:
    """Compress steps (N, H, W) as second differences, low bytes first, then high bytes.

    On any plane the second differences are near 0.
    """
    rows = np.diff(steps, axis=1, prepend=steps.dtype.type(0))
    residual = np.diff(rows, axis=2, prepend=steps.dtype.type(0)).astype("<u2")
    return lzma.compress(np.moveaxis(residual[..., None].view(np.uint8), -1, 0).tobytes(), preset=9)


def _unpacked_depth(packed: bytes, shape: tuple[int, ...]) -> FloatArray:
    """Return the depths (N, H, W) that `_packed_depth` compressed."""
    planes = np.frombuffer(lzma.decompress(packed), np.uint8).reshape(2, *shape)
    residual = planes[0] + (planes[1].astype(np.uint16) << 8)
    steps: NDArray[Any] = residual.cumsum(axis=2, dtype=np.uint16).cumsum(axis=1, dtype=np.uint16)
    depth = NEAREST_DEPTH * np.exp((steps.astype(np.float64) - 1) * LOG_STEP)
    return np.where(steps == 0, np.inf, depth).astype(np.float32)


def _write_png(path: Path, image: NDArray[np.uint8]) -> None:
    options = [cv2.IMWRITE_PNG_COMPRESSION, 9]
    encoded, data = cv2.imencode(".png", image[..., ::-1], options)
    if not encoded:
        raise TruthError(f"{path.name} can't be written as a PNG image.")
    path.write_bytes(data.tobytes())


def _read_png(path: Path) -> NDArray[np.uint8]:
    data = np.frombuffer(path.read_bytes(), np.uint8)
    image = cv2.imdecode(data, cv2.IMREAD_COLOR)
    if image is None:
        raise ValueError(f"{path.name} is not an image")
    return np.ascontiguousarray(image[..., ::-1])


def _to_float(image: NDArray[np.uint8]) -> FloatArray:
    return image.astype(np.float32) / np.float32(255.0)
