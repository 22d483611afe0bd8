"""Another path for the camera of a 4D scene: chosen, made for its clouds, laid over its rig."""

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
        "Fly far: step by step, each on what the camera would see next",
        options=("length", "steps", "turning", "horizon", "sky", "near"),
    ),
    KEEP: CameraMove(
        "Keep", "Keep the curve and the target; only Ease and Loop are applied", options=()
    ),
}
"""Every move by key, in the order of the menu: those of CAMERA_MOVES, the path as it was first
made, the long cruise, and the path as it is."""
INSIDE = 0.98
"""Of the share of the curve that is safe, how much stays when it is made to fit."""
TRIES, SHORTEST = 6, 0.02


@dataclass(frozen=True)
class PathRequest:
    """What the artist asks for: a key of PRESETS or one of MADE, KEEP, LONG, its amount, side and
    seed, the settings of the long cruise, and how it is flown."""

    move: str
    amount: float = 1.0
    mirrored: bool = False
    seed: int = 0
    cruise: LongCruise = field(default_factory=LongCruise)
    ease: Ease = "EASE"
    back: bool = False


def remake_path(scene: bpy.types.Scene, parts: SceneParts, request: PathRequest) -> Rig:
    """Lay the wished path over the scene's rig, flown over its frames; returns the rig.

    What the artist deleted of the rig is made anew. Raises SceneError, PathError or ValueError with
    a sentence for the artist.
    """
    bpy.context.view_layer.update()  # for the places of things that were just moved
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
    """The path of a wish other than KEEP; raises SceneError or ValueError."""
    if request.move == MADE:
        return _first_path(parts)
    clouds, facts = facts_of(parts)
    if request.move == LONG:
        return long_cruise(
            clouds.position, clouds.radius, facts.camera, request.cruise, facts.border
        )
    return plan_move(request.move, facts, request.amount, request.mirrored, request.seed)


def facts_of(parts: SceneParts) -> tuple[CloudPoints, SceneFacts]:
    """The clouds of a scene, and what moves need to know of them; raises SceneError, ValueError."""
    clouds, lens = read_clouds(parts), photo_lens(parts.still)
    top, right, bottom, left = (round(value) for value in parts.still[LENS][5:9])
    return clouds, scene_facts(clouds.position, clouds.radius, lens, (top, right, bottom, left))


def fit_path(
    scene: bpy.types.Scene, parts: SceneParts, limits: Limits
) -> tuple[PathMeasurement, float]:
    """Cut the path where it leaves the limits; returns the new measurement, and the share kept.

    A closed path is opened there and flown there and back. Nothing changes where it is safe. Raises
    SceneError or PathError, also where not even its start is safe.
    """
    rig = existing_rig(parts)
    kept = 1.0
    for _ in range(TRIES):
        measured = measure_path(scene, parts, rig)
        if measured.excess(limits).max() <= 0:
            return measured, kept
        end = INSIDE * measured.safe_until(limits)[1]
        if end * kept < SHORTEST:
            break
        timing = rig.timing(scene.frame_start, scene.frame_end)
        if timing.round:
            timing = Timing(timing.first, timing.last, timing.ease, back=True)
        change_timing(rig, timing, end)
        kept *= end
    raise SceneError(
        "The path is beyond the limits from its start: raise them, or re-make the path."
    )


def _first_path(parts: SceneParts) -> CameraPath:
    if parts.path is None or POSITIONS not in parts.path:
        raise SceneError("The first flight isn't known any more: choose another move.")
    places, looks = (np.reshape(np.array(parts.path[n]), (-1, 3)) for n in (POSITIONS, LOOK))
    return CameraPath.through(places, looks)
