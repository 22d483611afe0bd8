"""Makes the landscapes with truth: `make_scene`, and `cached_scene`, which makes them once.

Everything is made in the running process with Blender's module `bpy`, on factory settings; what was
open there is lost. The folder `tests/bench` has to be on Python's path.
"""

from __future__ import annotations

import hashlib
import tempfile
import zlib
from importlib import import_module
from pathlib import Path

import numpy as np
from _quality_data import TruthFrame, TruthScene, load_scene, save_scene
from _render_measure import quiet

from . import render
from .scenes import SCENES
from .setting import FIELD_OF_VIEW, Setting

NAMES = tuple(SCENES)
ASPECT = 5 / 8
"""Height of a picture over its width."""
SIZE, FRAMES = 256, 21
SMALL_NAMES, SMALL_SIZE, SMALL_FRAMES = ("river", "village"), 128, 6
"""For a run that only guards against regressions."""
_TO_CAMERA = np.diag([1.0, -1.0, -1.0, 1.0])
"""Blender's camera looks along -z with y up; ours along z with y down."""


def _code_hash() -> str:
    """A hash of the generator's modules."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes().replace(b"\r\n", b"\n"))
    return digest.hexdigest()[:12]


CODE = _code_hash()
"""Of the modules as they were loaded."""


def make_scene(name: str, size: int = SIZE, frames: int = FRAMES) -> TruthScene:
    """Make and render a landscape of NAMES; the same arguments give the same scene.

    size: the picture's longer side in pixels; frames: how many of the same flight, its first and
    last among them. Raises KeyError for an unknown name.
    """
    build = SCENES[name]
    width, height = size, 2 * round(size * ASPECT / 2)
    with quiet([]):
        scene = render.empty_scene()
        try:
            setting = build(np.random.default_rng(zlib.crc32(name.encode())))
            render.set_up(scene, setting, (width, height))
            return _flown(scene, name, setting, (width, height), frames)
        finally:
            render.empty_scene()


def _flown(
    scene: object, name: str, setting: Setting, size: tuple[int, int], frames: int
) -> TruthScene:
    """The frames of the flight through a scene that is set up."""
    shares = np.linspace(0.0, 1.0, frames).tolist()
    pictures = render.render_pictures(scene, setting, shares)
    truth = render.render_truth(scene, setting, shares)
    still = pictures[:1]
    for share, picture, (depth, moving) in list(zip(shares, pictures, truth, strict=True))[1:]:
        still.append(render.render_still(scene, setting, share, picture, moving | np.isinf(depth)))
    intrinsics = import_module("make_4d.geometry.core.camera").Intrinsics
    camera = intrinsics.from_field_of_view(*size, FIELD_OF_VIEW)
    poses = [relative_pose(setting, share) for share in shares]
    made = (
        TruthFrame(picture, depth, pose, moving)
        for picture, (depth, moving), pose in zip(pictures, truth, poses, strict=True)
    )
    return TruthScene(name, camera, tuple(made), tuple(still))


def relative_pose(setting: Setting, share: float) -> np.ndarray:
    """World-to-camera (4, 4) in our axes after a share 0..1 of the flight; the identity at 0."""
    if share == 0:
        return np.eye(4)
    first, now = setting.flight.pose(0.0), setting.flight.pose(share)
    return _TO_CAMERA @ np.linalg.inv(now) @ first @ _TO_CAMERA


def cached_scene(name: str, folder: Path, size: int = SIZE, frames: int = FRAMES) -> TruthScene:
    """`make_scene` as it was stored in a folder; where it is not there, it is made and stored.

    It is made anew when the generator's code has changed.
    """
    stored = folder / f"{name}-{size}-{frames}-{CODE}"
    if not (stored / "scene.json").is_file():
        folder.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=folder))
        save_scene(make_scene(name, size, frames), scratch)
        scratch.rename(stored)  # so that what was cut short is never taken for a scene
    return load_scene(stored)
