"""The method Neural: the paper's networks decode the frame from the points' features (section 3.5).

This side only collects what the camera sees; the networks run in the worker, which is kept from one
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
from ..geometry.core.feature_files import FOLDER, find_features
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
from ..ml.client.tasks import NeuralFrameTask
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
NO_FEATURES = (
    "None of these points has features. Choose the paper's checkpoint in the Models panel and make "
    "the scene again, or set Method to Automatic."
)
FEATURES_MISSING = (
    "The features of '{name}' are missing in {folder}. Copy them from the computer that made the "
    "scene, or make the scene again."
)
SEVERAL_CHECKPOINTS = (
    "The visible scenes were made with different checkpoints. Hide all scenes but one."
)
CANCELED = "The worker was canceled."


class NeuralUnavailableError(UserError):
    """The networks can't generate this frame; its message says why and what to do."""


def generate_combined(
    clouds: Sequence[Cloud], request: FrameRequest, check: Callable[[], None]
) -> FloatArray:
    """The pass Combined (h, w, 4), bottom row first, decoded from the points' features.

    Args:
        clouds: all clouds to draw; some of them have features.
        request: the frame.
        check: called while the worker runs; may raise to stop.

    Raises:
        NeuralUnavailableError: no features or networks, or the worker failed.
    """
    frame = neural_frame(clouds, request)
    with tempfile.TemporaryDirectory(prefix="make-4d-frame-") as folder:
        save_frame(frame, Path(folder))
        try:
            worker = kept_workers().take(models=True)
            task = NeuralFrameTask(Path(folder), _resources(), worker)
        except (MissingPackageError, OSError) as error:
            raise NeuralUnavailableError(message_of(error)) from error
        try:
            return _combined(_result(task, check), request)
        finally:
            _put_back(task)


def release() -> None:
    """End the worker that generated frames, unless the artist keeps models in memory."""
    if not preference("keep_models", False):
        kept_workers().close()


def neural_frame(clouds: Sequence[Cloud], request: FrameRequest) -> NeuralFrame:
    """What the worker needs of a frame; raises NeuralUnavailableError without features."""
    names = sorted({(c.features, c.networks) for c in clouds if c.features})
    if not names:
        raise NeuralUnavailableError(NO_FEATURES)
    if len({networks for _, networks in names}) > 1:
        raise NeuralUnavailableError(SEVERAL_CHECKPOINTS)
    files = {name: _features_file(name, clouds) for name, _ in names}
    parts = [_part(cloud, request.view, list(files)) for cloud in clouds]
    arrays = {name: joined([part[name] for part in parts]) for name in parts[0]}
    arrays["disparity"] = normalized(np.float32(1.0) / arrays["z"])
    return NeuralFrame(
        **arrays,
        size=request.size,
        phase=loop_phase(clouds),
        nearest=request.nearest,
        features=tuple(str(path) for path in files.values()),
        networks=names[0][1],
    )


def _features_file(name: str, clouds: Sequence[Cloud]) -> Path:
    """The file of feature maps with an id; raises NeuralUnavailableError if it is missing."""
    folders = cache_folders()
    path = find_features(folders, name)
    if path is None:
        owner = next(str(c.key[0]) if c.key else "a cloud" for c in clouds if c.features == name)
        raise NeuralUnavailableError(FEATURES_MISSING, name=owner, folder=folders[0] / FOLDER)
    return path


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
    """Values (P,) scaled to the range 0 to 1, as the decoder was trained."""
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 0.0)
    return ((values - low) / max(high - low, 1e-6)).astype(np.float32)


def _put_back(task: NeuralFrameTask) -> None:
    """Keep the task's worker for the next frame."""
    worker = task.close(keep_worker=True)
    if worker is not None:
        kept_workers().put_back(worker)


def _resources() -> Resources:
    return Resources(device=preference("device", "auto"), keep_models=True)


def _result(task: NeuralFrameTask, check: Callable[[], None]) -> tuple[FloatArray, FloatArray]:
    """Image (h, w, 3), sRGB, and alpha (h, w) from the worker, once it is done."""
    while not task.finished:
        check()
        task.poll()
        time.sleep(POLL_SECONDS)
    if isinstance(task.finished, Failed):
        raise NeuralUnavailableError(task.finished.message)
    if not isinstance(task.finished, Done):
        raise NeuralUnavailableError(CANCELED)
    folder = Path(task.finished.folder)
    return np.load(folder / "image.npy"), np.load(folder / "alpha.npy")


def _combined(generated: tuple[FloatArray, FloatArray], request: FrameRequest) -> FloatArray:
    """The pass Combined (h, w, 4), bottom row first, of an image and its alpha."""
    image, alpha = generated
    buffers = SplatBuffers(srgb_to_linear(image) * alpha[..., None], alpha, {})
    return combined(buffers, request.background)[::-1]
