"""Scenes with truth: what they hold, and how they lie in a folder.

A folder has `scene.json` (name, camera, poses), `frame_NN.png` (8-bit pictures), `still_NN.png`
(the picture with moving things held still minus the frame's, modulo 256: mostly zeros), and
`depth.xz` and `moving.xz` for all frames. Depth is kept as its logarithm in 16 bits.
"""

from __future__ import annotations

import json
import lzma
import math
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parent))

import golden

golden.load_package()

from make_4d.geometry.core.camera import FloatArray, Intrinsics  # noqa: E402

NEAREST_DEPTH = 0.1
"""Meters; what is nearer is stored as if it were there."""
LOG_STEP = 2e-4
"""One step of a stored depth: it is off by at most a ten-thousandth. 65,534 steps reach 49 km."""
FARTHEST_STEP = 65534
Mask = NDArray[np.bool_]
Matrix = NDArray[np.float64]


class SceneError(ValueError):
    """A scene can't be stored or read; the text is one sentence."""


@dataclass(frozen=True, eq=False)
class TruthFrame:
    """One frame of a scene with truth.

    image: (H, W, 3) float32, sRGB-encoded 0..1; depth: (H, W) float32, z along the view in meters,
    +inf in the sky; world_to_camera: (4, 4) float64 in meters, the identity for a scene's first
    frame; moving: (H, W) bool, where clouds or water move.
    """

    image: FloatArray
    depth: FloatArray
    world_to_camera: Matrix
    moving: Mask


@dataclass(frozen=True, eq=False)
class TruthScene:
    """A flight through a scene whose truth is known; the world is the first frame's camera frame.

    still: pictures (H, W, 3) of the same frames with moving things as they are at the first frame,
    or empty where there are none; path: where the frames are chosen from a longer flight, the poses
    of all its frames, else empty.
    """

    name: str
    camera: Intrinsics
    frames: tuple[TruthFrame, ...]
    still: tuple[FloatArray, ...] = ()
    path: tuple[Matrix, ...] = ()

    def poses(self) -> list[Matrix]:
        """World to camera (4, 4) of every frame of the whole flight."""
        return list(self.path) or [frame.world_to_camera for frame in self.frames]


@dataclass(frozen=True, eq=False)
class Shot:
    """A way's picture of a frame (H, W, 3), sRGB 0..1, and its accumulated alpha (H, W)."""

    image: FloatArray
    alpha: FloatArray


def save_scene(scene: TruthScene, folder: Path) -> None:
    """Write a scene into a folder, which is made where it is missing; raises SceneError.

    Pictures come back rounded to 8 bits, depths within 0.01 % (0.1 m to 49 km), all else exactly.
    """
    _check(scene)
    folder.mkdir(parents=True, exist_ok=True)
    pictures = [to_bytes(frame.image) for frame in scene.frames]
    for number, picture in enumerate(pictures, 1):
        _write_png(folder / f"frame_{number:02d}.png", picture)
    for number, (still, picture) in enumerate(zip(scene.still, pictures, strict=False), 1):
        _write_png(folder / f"still_{number:02d}.png", to_bytes(still) - picture)
    steps = np.stack([_depth_steps(frame.depth) for frame in scene.frames])
    (folder / "depth.xz").write_bytes(_packed_depth(steps))
    moving = np.packbits(np.stack([frame.moving for frame in scene.frames]))
    (folder / "moving.xz").write_bytes(lzma.compress(moving.tobytes()))
    poses = [frame.world_to_camera.tolist() for frame in scene.frames]
    facts = {"name": scene.name, "camera": asdict(scene.camera), "still": bool(scene.still)}
    text = json.dumps(facts | {"world_to_camera": poses})
    (folder / "scene.json").write_text(text + "\n", encoding="utf-8")


def load_scene(folder: Path) -> TruthScene:
    """Read what `save_scene` wrote; raises SceneError where a file is missing or damaged."""
    try:
        return _loaded(folder)
    except (OSError, KeyError, ValueError, TypeError, lzma.LZMAError) as error:
        raise SceneError(f"There is no readable scene in {folder}: {error}.") from error


def to_bytes(picture: FloatArray) -> NDArray[np.uint8]:
    """A picture of values 0..1 in 8 bits, rounded to nearest; what lies outside is clipped."""
    return np.rint(np.clip(picture, 0.0, 1.0) * 255.0).astype(np.uint8)


def _loaded(folder: Path) -> TruthScene:
    facts = json.loads((folder / "scene.json").read_text(encoding="utf-8"))
    camera = Intrinsics(**facts["camera"])
    poses = [np.array(pose, np.float64) for pose in facts["world_to_camera"]]
    shape = (len(poses), camera.height, camera.width)
    depths = _unpacked_depth((folder / "depth.xz").read_bytes(), shape)
    bits = np.frombuffer(lzma.decompress((folder / "moving.xz").read_bytes()), np.uint8)
    moving = np.unpackbits(bits, count=math.prod(shape)).reshape(shape).astype(bool)
    pictures = [_read_png(folder / f"frame_{n:02d}.png") for n in range(1, len(poses) + 1)]
    numbered = enumerate(pictures if facts["still"] else [], 1)
    stills = [picture + _read_png(folder / f"still_{n:02d}.png") for n, picture in numbered]
    frames = zip(map(_to_float, pictures), depths, poses, moving, strict=True)
    return TruthScene(
        facts["name"],
        camera,
        tuple(TruthFrame(*parts) for parts in frames),
        tuple(map(_to_float, stills)),
    )


def _check(scene: TruthScene) -> None:
    if not scene.frames or not np.array_equal(scene.frames[0].world_to_camera, np.eye(4)):
        raise SceneError("A scene's first frame has to be the world's origin.")
    if scene.still and len(scene.still) != len(scene.frames):
        raise SceneError("A scene has as many still pictures as frames, or none.")
    size = (scene.camera.height, scene.camera.width)
    pictures = [frame.image for frame in scene.frames] + list(scene.still)
    maps = [array for frame in scene.frames for array in (frame.depth, frame.moving)]
    if {p.shape for p in pictures} != {(*size, 3)} or {m.shape for m in maps} != {size}:
        raise SceneError("All pictures of a scene have to be of its camera's size.")
    if any(not (frame.depth > 0).all() for frame in scene.frames):
        raise SceneError("Depths have to be positive, and infinite in the sky.")


def _depth_steps(depth: FloatArray) -> NDArray[np.uint16]:
    """Steps of the logarithm of depth, from 1; 0 is the sky."""
    sky = np.isinf(depth)
    near = np.maximum(np.where(sky, NEAREST_DEPTH, depth), NEAREST_DEPTH).astype(np.float64)
    steps = 1 + np.rint(np.log(near / NEAREST_DEPTH) / LOG_STEP)
    return np.where(sky, 0, np.minimum(steps, FARTHEST_STEP + 1)).astype(np.uint16)


def _packed_depth(steps: NDArray[np.uint16]) -> bytes:
    """Steps (N, H, W) as second differences, which are near 0 on any plane, low bytes apart."""
    rows = np.diff(steps, axis=1, prepend=steps.dtype.type(0))
    residual = np.diff(rows, axis=2, prepend=steps.dtype.type(0)).astype("<u2")
    return lzma.compress(np.moveaxis(residual[..., None].view(np.uint8), -1, 0).tobytes(), preset=9)


def _unpacked_depth(packed: bytes, shape: tuple[int, ...]) -> FloatArray:
    """The depths (N, H, W) of `_packed_depth`'s bytes."""
    planes = np.frombuffer(lzma.decompress(packed), np.uint8).reshape(2, *shape)
    residual = planes[0] + (planes[1].astype(np.uint16) << 8)
    steps: NDArray[Any] = residual.cumsum(axis=2, dtype=np.uint16).cumsum(axis=1, dtype=np.uint16)
    depth = NEAREST_DEPTH * np.exp((steps.astype(np.float64) - 1) * LOG_STEP)
    return np.where(steps == 0, np.inf, depth).astype(np.float32)


def _write_png(path: Path, picture: NDArray[np.uint8]) -> None:
    options = [cv2.IMWRITE_PNG_COMPRESSION, 9]
    coded, data = cv2.imencode(".png", picture[..., ::-1], options)
    if not coded:
        raise SceneError(f"{path.name} can't be written as a PNG picture.")
    path.write_bytes(data.tobytes())


def _read_png(path: Path) -> NDArray[np.uint8]:
    data = np.frombuffer(path.read_bytes(), np.uint8)
    picture = cv2.imdecode(data, cv2.IMREAD_COLOR)
    if picture is None:
        raise ValueError(f"{path.name} is no picture")
    return np.ascontiguousarray(picture[..., ::-1])


def _to_float(picture: NDArray[np.uint8]) -> FloatArray:
    return picture.astype(np.float32) / np.float32(255.0)
