"""Camera moves that artists know, as far as the picture can show them; each is a path to edit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .camera import FloatArray, Intrinsics
from .camera_path import CameraPath


@dataclass(frozen=True, eq=False)
class SceneFacts:
    """What a move needs to know of a scene, all in scene units and the camera frame.

    camera: of the rendered picture; border (n, 3): points of the outpainted picture's border;
    obstacles (m, 3): points, thinned, that the camera keeps clear of; disparity (h, w): what the
    photo's camera sees, 1 / depth; subject: median depth of the picture's centre.
    """

    camera: Intrinsics
    border: FloatArray
    obstacles: FloatArray
    disparity: FloatArray
    subject: float


@dataclass(frozen=True)
class Preset:
    """A move: key, label and one sentence for the artist, and the function that makes it."""

    key: str
    label: str
    description: str
    make: Callable[[SceneFacts, np.random.Generator], CameraPath]


def scene_facts(
    points: FloatArray,
    radius: FloatArray,
    camera: Intrinsics,
    margins: tuple[int, int, int, int],
) -> SceneFacts:
    """The facts of a cloud of points (P, 3) with radius (P,); camera: the photo's, margins: pixels
    that the wide photo has more at its top, right, bottom, left.

    Raises ValueError where the photo's camera sees nothing.
    """
    raise NotImplementedError


PRESETS: dict[str, Preset] = {}
"""By key: CRUISE, IN, OUT, ORBIT, DOLLY_ZOOM, CRANE, SIDE, HANDHELD, CIRCLE."""


def preset(
    key: str, scene: SceneFacts, amount: float = 1.0, mirrored: bool = False, seed: int = 0
) -> CameraPath:
    """The path of a move that starts at the photo's pose.

    amount: 1 goes as far as the whole path stays inside the outpainted picture and clear of what
    stands in its way, more goes further; mirrored: left for right; seed: of HANDHELD.
    Raises KeyError for an unknown key and ValueError where amount is negative.
    """
    raise NotImplementedError
