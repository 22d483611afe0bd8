"""Make landscapes with ground truth: `make_landscape` into a folder, `render_landscape` in memory.

The landscapes are made in the running process with the module `bpy`, on factory settings: what was
open in Blender is lost.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import zlib
from pathlib import Path

import numpy as np

from ..core.camera import Intrinsics
from . import render
from .scenery import FIELD_OF_VIEW, Setting
from .scenes import SCENES
from .truth import Matrix, TruthFrame, TruthScene, save_scene

NAMES = tuple(SCENES)
ASPECT = 5 / 8
"""Height of an image over its width."""
SIZE, FRAMES = 256, 21
SMALL_NAMES, SMALL_SIZE, SMALL_FRAMES = ("river", "village"), 128, 6
"""For a short run that only guards against regressions."""
_TO_CAMERA = np.diag([1.0, -1.0, -1.0, 1.0])
"""From Blender's camera frame (y up, looking along -z) to ours (y down, looking along z)."""


def _hash_code() -> str:
    """Return a hash of the generator's modules."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes().replace(b"\r\n", b"\n"))
    return digest.hexdigest()[:12]


CODE = _hash_code()
"""Hash of the modules when they were loaded; part of a stored landscape's name."""


def make_landscape(
    name: str, cache: Path, size: int = SIZE, frames: int = FRAMES, seed: int = 0
) -> Path:
    """Return the folder of a landscape, rendering and storing it unless it is there already.

    It is rendered again after the generator's code has changed. Read it with `truth.load_scene`.

    Args:
        name: One of NAMES; raises KeyError for any other.
        cache: The folder in which landscapes are stored, one folder each.
        size: Width of the images in pixels.
        frames: Number of frames on the camera path, including its first and last pose.
        seed: Any other number moves trees, stones, grass and houses.
    """
    folder = cache / "-".join([name, str(size), str(frames), *([str(seed)] if seed else []), CODE])
    if not (folder / "scene.json").is_file():
        cache.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=cache))
        save_scene(render_landscape(name, size, frames, seed), scratch)
        try:
            scratch.rename(folder)  # an interrupted run never leaves half a scene under this name
        except OSError:
            if not (folder / "scene.json").is_file():
                raise
            shutil.rmtree(scratch)  # another process was faster
    return folder


def render_landscape(
    name: str, size: int = SIZE, frames: int = FRAMES, seed: int = 0
) -> TruthScene:
    """Return a landscape that is rendered now, with the arguments of `make_landscape`.

    The same arguments give the same scene.
    """
    build = SCENES[name]
    width, height = size, 2 * round(size * ASPECT / 2)
    key = zlib.crc32(name.encode())
    scene = render.empty_scene()
    try:
        setting = build(np.random.default_rng([key, seed] if seed else key))
        render.set_up(scene, setting, (width, height))
        return _render_path(scene, name, setting, (width, height), frames)
    finally:
        render.empty_scene()


def _render_path(
    scene: object, name: str, setting: Setting, size: tuple[int, int], frames: int
) -> TruthScene:
    """Render the frames along the camera path of a scene that is set up."""
    fractions = np.linspace(0.0, 1.0, frames).tolist()
    images = render.render_images(scene, setting, fractions)
    truth = render.render_truth(scene, setting, fractions)
    still = images[:1]
    for fraction, image, (depth, moving) in list(zip(fractions, images, truth, strict=True))[1:]:
        where = moving | np.isinf(depth)
        still.append(render.render_still(scene, setting, fraction, image, where))
    camera = Intrinsics.from_field_of_view(*size, FIELD_OF_VIEW)
    poses = [relative_pose(setting, fraction) for fraction in fractions]
    truth_frames = (
        TruthFrame(image, depth, pose, moving)
        for image, (depth, moving), pose in zip(images, truth, poses, strict=True)
    )
    return TruthScene(name, camera, tuple(truth_frames), tuple(still))


def relative_pose(setting: Setting, fraction: float) -> Matrix:
    """Return world-to-camera (4, 4) in our axes at a fraction 0..1 of the path; identity at 0."""
    if fraction == 0:
        return np.eye(4)
    first, now = setting.camera_path.pose(0.0), setting.camera_path.pose(fraction)
    return _TO_CAMERA @ np.linalg.inv(now) @ first @ _TO_CAMERA
