"""The Neural method: the worker paints the frame from the points' features (paper, section 3.5).

Blender's side only says what the camera sees; networks run in the worker, which is kept from one
frame to the next.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..geometry.core.camera import FloatArray
from ..geometry.core.color import linear_to_srgb, srgb_to_linear
from ..geometry.core.feature_files import features_path
from ..geometry.core.messages import UserError, message_of
from ..geometry.core.neural_frame import (
    BACKWARD,
    FORWARD,
    PAPER_RADIUS,
    STILL,
    NeuralFrame,
    save_frame,
)
from ..geometry.core.packages import MissingPackageError
from ..geometry.folders import cache_folders
from ..geometry.preferences import preference
from ..ml.client.tasks import NeuralPainter
from ..ml.common.job_settings import Resources
from ..ml.common.protocol import Done, Failed
from .compose import SplatBuffers, combined
from .extract import Cloud, joined
from .frame import loop_phase
from .frame_request import FrameRequest
from .kept_workers import kept_workers
from .scene_points import inside, projected
from .view import View

POLL_SECONDS = 0.01
NOT_MADE = (
    "none of these points has features: name the paper's checkpoint in the Models panel, make the "
    "scene again, or choose the Method Automatic."
)
GONE = (
    "the features of '{name}' are not in {folder}: copy them there from the machine that made the "
    "scene, or make the scene again."
)


class NeuralUnavailableError(UserError):
    """The networks can't paint this frame; its text says why and what to do."""


def paint(clouds: Sequence[Cloud], film: FrameRequest, check: Callable[[], None]) -> FloatArray:
    """The pass Combined (h, w, 4), rows from the bottom, as the networks paint it.

    check: called while the worker works, may raise to stop. Raises NeuralUnavailableError.
    """
    frame = neural_frame(clouds, film)
    with tempfile.TemporaryDirectory(prefix="make-4d-frame-") as folder:
        save_frame(frame, Path(folder))
        try:
            worker = kept_workers().take(models=True)
            task = NeuralPainter(Path(folder), _resources(), worker)
        except (MissingPackageError, OSError) as error:
            raise NeuralUnavailableError(message_of(error)) from error
        try:
            return _combined(_answer(task, check), film)
        finally:
            _keep(task)


def release() -> None:
    """End the worker that painted frames, unless the artist keeps models in memory."""
    if not preference("keep_models", False):
        kept_workers().close()


def neural_frame(clouds: Sequence[Cloud], film: FrameRequest) -> NeuralFrame:
    """What the worker needs of a frame; raises NeuralUnavailableError without features."""
    names = sorted({(c.features, c.networks) for c in clouds if c.features})
    if not names:
        raise NeuralUnavailableError(NOT_MADE)
    if len({networks for _, networks in names}) > 1:
        raise NeuralUnavailableError(
            "the scenes shown here were made with different checkpoints: hide all but one."
        )
    files = {name: _file(name, clouds) for name, _ in names}
    parts = [_part(cloud, film.view, list(files)) for cloud in clouds]
    arrays = {name: joined([part[name] for part in parts]) for name in parts[0]}
    arrays["disparity"] = normalized(np.float32(1.0) / arrays["z"])
    paths = tuple(str(path) for path in files.values())
    phase = loop_phase(clouds)
    return NeuralFrame(
        **arrays,
        size=film.size,
        phase=phase,
        nearest=film.nearest,
        features=paths,
        networks=names[0][1],
    )


def _file(name: str, clouds: Sequence[Cloud]) -> Path:
    places = cache_folders()
    found = next((p for p in (features_path(f, name) for f in places) if p.is_file()), None)
    if found is None:
        of = next(str(c.key[0]) if c.key else "a cloud" for c in clouds if c.features == name)
        folder = features_path(places[0], name).parent
        raise NeuralUnavailableError(GONE, name=of, folder=folder)
    return found


def _part(cloud: Cloud, view: View, files: list[str]) -> dict[str, NDArray]:
    """The arrays of a NeuralFrame for the points of one cloud that the view sees."""
    splats = projected(cloud, view.world_to_camera @ cloud.matrix, view, 0.0)
    splats.radius[:] *= PAPER_RADIUS
    keep = np.flatnonzero(inside(splats, view))
    group = np.where(cloud.backward, BACKWARD, FORWARD) if cloud.moving else np.array([STILL])
    pixel = np.full(len(splats.z), -1, np.int32) if cloud.pixel is None else cloud.pixel
    source = files.index(cloud.features) if cloud.features else -1
    count = len(splats.z)
    whole = {
        **{name: getattr(splats, name) for name in ("u", "v", "z", "radius")},
        "color": linear_to_srgb(np.clip(cloud.color[:, :3], 0.0, 1.0)),
        "opacity": cloud.color[:, 3],
        "pixel": pixel.astype(np.int32),
        "source": np.full(count, source, np.int32),
        "group": np.broadcast_to(group, count).astype(np.int8),
    }
    return {name: np.ascontiguousarray(values[keep]) for name, values in whole.items()}


def normalized(values: NDArray[np.floating]) -> FloatArray:
    """Values (P,) stretched to 0..1, as the decoder was trained with disparities of a view."""
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 0.0)
    return ((values - low) / max(high - low, 1e-6)).astype(np.float32)


def _keep(task: NeuralPainter) -> None:
    """Keep the task's worker for the next frame."""
    worker = task.close(keep_worker=True)
    if worker is not None:
        kept_workers().put_back(worker)


def _resources() -> Resources:
    return Resources(device=preference("device", "auto"), keep_models=True)


def _answer(task: NeuralPainter, check: Callable[[], None]) -> tuple[FloatArray, FloatArray]:
    """Picture (h, w, 3), sRGB, and alpha (h, w), once the worker has painted them."""
    while not task.finished:
        check()
        task.poll()
        time.sleep(POLL_SECONDS)
    if isinstance(task.finished, Failed):
        raise NeuralUnavailableError(task.finished.message)
    if not isinstance(task.finished, Done):
        raise NeuralUnavailableError("the painting was cancelled.")
    folder = Path(task.finished.folder)
    return np.load(folder / "image.npy"), np.load(folder / "alpha.npy")


def _combined(painted: tuple[FloatArray, FloatArray], film: FrameRequest) -> FloatArray:
    image, alpha = painted
    buffers = SplatBuffers(srgb_to_linear(image) * alpha[..., None], alpha, {})
    return combined(buffers, film.background)[::-1]
