"""From a job's result to the scene: the result handlers, and `build_result`, which they share.

The Make 4D button, Rebuild, Update Motion, the command and the tests all build with `build_result`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace

import bpy
from bpy.app.translations import pgettext_rpt as rpt_

from ..geometry.build import build_scene
from ..geometry.core.messages import UserError
from ..geometry.core.scene_data import SceneData, load_scene_data
from ..geometry.custom_properties import MOTION_REGIONS
from ..geometry.folders import output_folder
from ..geometry.motion_regions import write_regions
from ..geometry.replace import replace_points
from ..geometry.scene_parts import SceneError, parts_of
from ..geometry.scene_setup import set_film_output
from .job import JobRequest, JobResult, RunningJob
from .layer_items import make_layer_items
from .scene_settings import remember_settings
from .windows import look_through_camera

MAKE, REBUILD, UPDATE_MOTION, FIND_MOTION = "make", "rebuild", "update_motion", "find_motion"
"""Kinds of jobs."""

NO_SCENE = "The scene was removed while the job ran: undo that, and run it again."
NO_STILL_CLOUD = (
    "The 4D scene's still cloud was deleted while the job ran: undo that and run the job again, or "
    "press Make 4D."
)


class ResultError(UserError):
    """A result can't be put into its scene; the text says what to do."""


@dataclass(frozen=True)
class BuiltResult:
    """What was built from a result.

    Attributes:
        scene: Name of the scene.
        layers: Number of layers that have settings of their own.
        points: Number of points in both clouds.
        moving_fraction: Fraction of the points that are in the moving cloud, 0 to 1.
    """

    scene: str
    layers: int
    points: int
    moving_fraction: float


type Built = tuple[bpy.types.Scene, bpy.types.Object]
type Build = Callable[[bpy.types.Scene | None, SceneData, JobRequest, str], Built]
type Present = Callable[[RunningJob, BuiltResult, bpy.types.Scene | None], str]


@dataclass(frozen=True)
class ResultHandler:
    """Puts the results of one kind of job into the file.

    Attributes:
        kind: The kind's name in job requests.
        label: The kind's name in the interface and in reports.
        build: Puts scene data into a scene, or into a new one; returns the scene and its still
            cloud. Takes the scene or None where it is gone, the data, the request, the job's id.
        present: Shows the artist what was built, and returns a sentence about it. Takes the job,
            what was built, and the scene that the window showed before.
    """

    kind: str
    label: str
    build: Build
    present: Present

    def take(self, job: RunningJob) -> str:
        """Build a job's result; returns a sentence for the artist, in the interface's language.

        Raises ResultError, or OSError, ValueError or MemoryError from reading and building.
        """
        window = bpy.context.window
        shown = window.scene if window is not None else None
        built = build_result(job.scene, job.result, job.request)
        job.built = built.scene
        return self.present(job, built, shown)


def build_result(
    scene: bpy.types.Scene | None, result: JobResult, request: JobRequest
) -> BuiltResult:
    """Put the result of a job into the file, in the way of its kind.

    Args:
        scene: The scene that the job was for, None where it is gone. A new 4D scene uses it only
            if it is empty.
        result: The finished job's result.
        request: What was asked for.

    Raises ResultError where the scene can't take the result, and OSError, ValueError or
    MemoryError from reading and building.
    """
    data = load_scene_data(result.folder)
    made, still = handler_for(request.kind).build(scene, data, request, result.job_id)
    make_layer_items(still)
    points = data.still.count + data.moving.count
    return BuiltResult(
        scene=made.name,
        layers=len(still.make_4d_layers),
        points=points,
        moving_fraction=data.moving.count / max(points, 1),
    )


def handler_for(kind: str) -> ResultHandler:
    """Return the handler for the results of a kind of job."""
    return next(handler for handler in HANDLERS if handler.kind == kind)


def _build_new(
    scene: bpy.types.Scene | None, data: SceneData, request: JobRequest, job_id: str
) -> Built:
    """Build a 4D scene of its own, with its film output and its settings."""
    built = build_scene(data, request.name, scene, job_id, _settings_json(request))
    made = bpy.data.scenes[built.scene]
    set_film_output(made, f"{output_folder()}{request.name}.mp4")
    remember_settings(made, request.settings)
    return made, bpy.data.objects[built.still]


def _replace(
    scene: bpy.types.Scene | None, data: SceneData, request: JobRequest, job_id: str
) -> Built:
    """Replace the points and images of the scene; everything else of it stays."""
    if scene is None:
        raise ResultError(NO_SCENE)
    try:
        parts = parts_of(scene)
    except SceneError as error:
        raise ResultError(NO_STILL_CLOUD) from error
    replace_points(parts.still, parts.moving, data, _settings_json(request))
    return scene, parts.still


def _replace_with_regions(
    scene: bpy.types.Scene | None, data: SceneData, request: JobRequest, job_id: str
) -> Built:
    """Replace the points, and the painted motion regions by those that were found."""
    replaced, still = _replace(scene, data, request, job_id)
    if MOTION_REGIONS in still:
        write_regions(still[MOTION_REGIONS], data.motion_regions)
    return replaced, still


def _settings_json(request: JobRequest) -> str:
    """The job's settings as JSON, without the folder of edits, which lasts as long as the job."""
    return json.dumps(replace(request.settings, edits="").to_json())


def _present_new(job: RunningJob, built: BuiltResult, shown: bpy.types.Scene | None) -> str:
    """Look through the new camera, unless the artist is working in another scene."""
    window, requester = bpy.context.window, job.scene
    if shown is not None and requester is not None and shown != requester:
        window.scene = shown
        return rpt_("Made '{scene}': choose it in the list of scenes").format(scene=built.scene)
    look_through_camera(window)
    return rpt_("Made '{scene}': press F12 for a still, Ctrl-F12 for the film").format(
        scene=built.scene
    )


def _present_rebuilt(job: RunningJob, built: BuiltResult, shown: bpy.types.Scene | None) -> str:
    text = rpt_("Rebuilt '{photo}': {layers} layers, {points} points")
    return text.format(photo=job.name, layers=built.layers, points=f"{built.points:,}")


def _present_motion(job: RunningJob, built: BuiltResult, shown: bpy.types.Scene | None) -> str:
    if not built.moving_fraction:
        return rpt_("Nothing moves now")
    return rpt_("{percent} of the points move now").format(percent=f"{built.moving_fraction:.0%}")


HANDLERS = (
    ResultHandler(MAKE, "Make 4D", _build_new, _present_new),
    ResultHandler(REBUILD, "Rebuild", _replace, _present_rebuilt),
    ResultHandler(UPDATE_MOTION, "Update Motion", _replace, _present_motion),
    ResultHandler(FIND_MOTION, "Find Motion", _replace_with_regions, _present_motion),
)
