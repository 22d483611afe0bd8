"""Plan a new path for the camera of a 4D scene, and set the scene's rig to it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import bpy
import numpy as np

from .camera_rig import LOOK, POSITIONS, Rig, change_timing, set_path
from .core.camera_moves import CAMERA_MOVES, CameraMove, SceneFacts, plan_move, scene_facts
from .core.camera_path import CameraPath
from .core.long_cruise import LongCruise, long_cruise
from .core.travel import Ease
from .custom_properties import LENS
from .path_check import Limits, PathMeasurement, measure_path
from .read_clouds import CloudPoints, read_clouds
from .rig_keys import Timing
from .scene_parts import SceneError, SceneParts
from .scene_rig import ensure_rig, existing_rig, photo_lens, photo_matrix

MADE, KEEP, LONG = "MADE", "KEEP", "LONG"
MOVES = {
    MADE: CameraMove("As Made", "The path that the scene was made with", options=()),
    **CAMERA_MOVES,
    LONG: CameraMove(
        "Long Cruise",
        "Fly far in many steps, each planned on what the camera would see next",
        options=("length", "steps", "turning", "horizon", "sky", "near"),
    ),
    KEEP: CameraMove(
        "Keep", "Keep the curve and the target; only Ease and Loop are applied", options=()
    ),
}
"""All moves by key, in the order of the menu: the first path, CAMERA_MOVES, the long cruise, and
the present path."""
SAFETY_FACTOR = 0.98
"""When a path is shortened to be safe, this fraction of its safe part is kept."""
TRIES, SHORTEST = 6, 0.02
"""How often a path is shortened at most, and the smallest fraction that may be left."""
UNSAFE_START = (
    "The path exceeds the limits from its start: raise the limits, or choose another move and "
    "press Re-make Path."
)
NO_FIRST_PATH = "The scene doesn't store its first path anymore: choose another move."


@dataclass(frozen=True)
class PathRequest:
    """What the artist asks of a camera move.

    Attributes:
        move: Key of MOVES.
        amount: How far the move goes; 1 is as far as it is safe.
        mirrored: Whether left and right are exchanged.
        seed: Seed of random moves.
        cruise: Settings of the long cruise.
        ease: How the camera starts and stops.
        back: Whether the camera comes back.
    """

    move: str
    amount: float = 1.0
    mirrored: bool = False
    seed: int = 0
    cruise: LongCruise = field(default_factory=LongCruise)
    ease: Ease = "EASE"
    back: bool = False


def remake_path(scene: bpy.types.Scene, parts: SceneParts, request: PathRequest) -> Rig:
    """Plan the requested path, set the scene's rig to it over its frame range, and return the rig.

    Parts of the rig that the artist deleted are made again. Raises SceneError, PathError or
    MissingPackageError.
    """
    bpy.context.view_layer.update()  # for the matrices of objects that were just moved
    timing = Timing(scene.frame_start, scene.frame_end, request.ease, request.back)
    if request.move == KEEP:
        rig = existing_rig(parts)
        change_timing(rig, replace(timing, round=rig.closed and not request.back))
        return rig
    path = plan_path(parts, request)
    rig = ensure_rig(scene, parts)
    set_path(rig, path, timing, photo_matrix(parts.still))
    return rig


def plan_path(parts: SceneParts, request: PathRequest) -> CameraPath:
    """Return the requested path, for any move except KEEP; raises as `remake_path`."""
    if request.move == MADE:
        return _first_path(parts)
    clouds, facts = facts_of(parts)
    if request.move == LONG:
        return long_cruise(
            clouds.position, clouds.radius, facts.camera, request.cruise, facts.border
        )
    return plan_move(request.move, facts, request.amount, request.mirrored, request.seed)


def facts_of(parts: SceneParts) -> tuple[CloudPoints, SceneFacts]:
    """Return a scene's points, and what moves have to know of them; raises as `remake_path`."""
    clouds, lens = read_clouds(parts), photo_lens(parts.still)
    top, right, bottom, left = (round(value) for value in parts.still[LENS][5:9])
    return clouds, scene_facts(clouds.position, clouds.radius, lens, (top, right, bottom, left))


def fit_path(
    scene: bpy.types.Scene, parts: SceneParts, limits: Limits
) -> tuple[PathMeasurement, float]:
    """Cut the path off where it exceeds the limits; a safe path stays as it is.

    A closed path is opened there, and the camera comes back along it.

    Returns:
        The new measurement, and the fraction of the path's length that was kept.

    Raises SceneError or PathError, also if not even the start is safe.
    """
    rig = existing_rig(parts)
    kept = 1.0
    for _ in range(TRIES):
        measurement = measure_path(scene, parts, rig)
        if measurement.excess(limits).max() <= 0:
            return measurement, kept
        end = SAFETY_FACTOR * measurement.safe_until(limits)[1]
        if end * kept < SHORTEST:
            break
        timing = rig.timing(scene.frame_start, scene.frame_end)
        if timing.round:
            timing = Timing(timing.first, timing.last, timing.ease, back=True)
        change_timing(rig, timing, end)
        kept *= end
    raise SceneError(UNSAFE_START)


def _first_path(parts: SceneParts) -> CameraPath:
    """Return the path with which the scene was made."""
    if parts.path is None or POSITIONS not in parts.path:
        raise SceneError(NO_FIRST_PATH)
    positions, looks = (np.reshape(np.array(parts.path[n]), (-1, 3)) for n in (POSITIONS, LOOK))
    return CameraPath.through(positions, looks)
