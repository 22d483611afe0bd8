"""The command `make_4d`: makes a film and a .blend of a photo without a window.

Both `blender --command make_4d PHOTO ...` and the script `make4d` run it.
"""

from __future__ import annotations

import argparse
import importlib.util
import math
import time
import traceback
from pathlib import Path

import bpy

from ..geometry.core.memory import peak_mb, reset_peak
from ..geometry.core.messages import UserError
from ..geometry.film import FilmError, render_film
from ..geometry.folders import models_folder, own_cache_folder, results_in, user_cache_folder
from ..geometry.scene_setup import set_film_output
from ..ml.client.tasks import Download, Job, Task
from ..ml.common.job_settings import (
    DEFAULTS,
    DEVICES,
    JobSettings,
    Resources,
)
from ..ml.common.model_store import format_size, state_of
from ..ml.common.protocol import Cancelled, DeviceFound, Done, Failed, Progress, StageDone
from ..ml.common.registry import BUILTIN, MODEL_STAGES, MODELS, model, models_for
from ..ml.stages.table import STAGE_LABELS
from .checks import check_job
from .console import DEBUG, Console
from .job import JobResult
from .manager import manager
from .outputs import Outputs
from .results import MAKE, build_result

POLL_SECONDS = 0.05
EXIT_FAILED, EXIT_CANCELLED = 1, 130
NO_SAMPLE = "The sample photo is missing: give the path of a photo."
OFFLINE = "Downloads use the network: allow it with --online-mode."
NO_WORKER = "The worker can't be started: {error}."


class CommandError(UserError):
    """The command can't go on; the text is one sentence for the user."""


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command's arguments."""
    p = argparse.ArgumentParser(
        prog="make4d", description="Turn a photo into a film that flies through it."
    )
    p.add_argument("photo", nargs="?", metavar="PHOTO", help="the photo (default: a sample photo)")
    p.add_argument("-o", "--output", default="flight.mp4", help="the film (default: flight.mp4)")
    p.add_argument("--blend", help="the scene (default: beside the film, same name)")
    p.add_argument(
        "--frames", type=int, default=DEFAULTS.frames, help="length of the film (%(default)s)"
    )
    p.add_argument(
        "--size", type=int, default=DEFAULTS.size, help="longer side in pixels (%(default)s)"
    )
    p.add_argument(
        "--layers",
        type=int,
        default=DEFAULTS.layers,
        help="depth layers, 0 for automatic (%(default)s)",
    )
    p.add_argument(
        "--fly",
        choices=("in", "out"),
        default=DEFAULTS.fly,
        help="direction of the flight (%(default)s)",
    )
    p.add_argument("--no-motion", action="store_true", help="clouds and water don't move")
    p.add_argument(
        "--seed",
        type=int,
        default=DEFAULTS.seed,
        help="seed of everything random (%(default)s)",
    )
    p.add_argument(
        "--fov",
        type=float,
        default=math.degrees(DEFAULTS.field_of_view),
        metavar="DEGREES",
        help="field of view if EXIF names no focal length, 0 to estimate it (%(default)g)",
    )
    p.add_argument(
        "--timings", metavar="FILE.json", help="write the time and memory of every stage"
    )
    p.add_argument("--keep-frames", metavar="DIR", help="keep the film's frames as PNG files")
    p.add_argument("--cache", metavar="DIR", help="the folder of the stage cache")
    add_model_arguments(p)
    return p


def add_model_arguments(p: argparse.ArgumentParser) -> None:
    """Add the arguments of pretrained models."""
    group = p.add_argument_group("pretrained models")
    for stage in MODEL_STAGES:
        keys = [BUILTIN, *(spec.key for spec in models_for(stage))]
        group.add_argument(f"--{stage}", choices=keys, default=BUILTIN, metavar="MODEL")
    group.add_argument(
        "--prompt", default="", help="what to generate where the photo shows nothing"
    )
    group.add_argument("--avoid", default="", metavar="PROMPT", help="what not to generate")
    group.add_argument(
        "--steps", type=int, default=DEFAULTS.steps, help="denoising steps (%(default)s)"
    )
    group.add_argument(
        "--guidance",
        type=float,
        default=DEFAULTS.guidance,
        help="how closely to follow the prompt (%(default)s)",
    )
    group.add_argument(
        "--strength",
        type=float,
        default=DEFAULTS.strength,
        help="0 to 1; lower values keep closer to the photo (%(default)s)",
    )
    group.add_argument(
        "--networks",
        metavar="FILE",
        help="the paper's checkpoint, for the render method Neural",
    )
    group.add_argument(
        "--device",
        choices=DEVICES,
        default="auto",
        help="what networks run on (auto)",
    )
    group.add_argument("--models", metavar="DIR", help="the models folder")
    group.add_argument("--list-models", action="store_true", help="list all models")
    group.add_argument(
        "--download", choices=[m.key for m in MODELS], metavar="MODEL", help="get a model"
    )
    group.add_argument("--online-mode", action="store_true", help="let --download use the network")


def main(argv: list[str]) -> int:
    """Run the command; returns the exit status (0 done, 1 failed, 130 canceled)."""
    arguments = parser().parse_args(argv)
    with Console() as console:
        try:
            others = (act for name, act in OTHER_ACTIONS.items() if getattr(arguments, name))
            next(others, run)(arguments, console)
        except (UserError, FilmError) as error:
            console.error(str(error))
            return EXIT_FAILED
        except KeyboardInterrupt:
            console.error("Cancelled: finished stages are kept for the next run.")
            return EXIT_CANCELLED
        except Exception as error:
            console.detail(traceback.format_exc())
            console.error(f"{type(error).__name__}: {error} (set {DEBUG}=1 for details).")
            return EXIT_FAILED
    return 0


def run(arguments: argparse.Namespace, console: Console) -> None:
    """Make the scene, the film and the .blend."""
    started = time.perf_counter()
    settings = settings_from(arguments)
    check_job(settings, resources_from(arguments))
    with Outputs.from_arguments(arguments) as outputs:
        stages: list[dict[str, object]] = []
        cache = Path(arguments.cache) if arguments.cache else user_cache_folder()
        scene = make_scene(settings, resources_from(arguments), cache, console, stages)
        reset_peak()
        with results_in(cache):  # for the features that the Neural render method needs
            seconds = render_film(scene.name, outputs.film, outputs.frames, console.progress)
        stages.append({"stage": "render", "seconds": round(seconds, 3), "peak_mb": peak_mb()})
        save_blend(scene, outputs)
        outputs.write_timings(
            {"stages": stages, "total_seconds": round(time.perf_counter() - started, 3)}
        )
        outputs.publish()
    console.done(f"Film: {outputs.final_film}   Scene: {outputs.final_blend}")


def settings_from(arguments: argparse.Namespace) -> JobSettings:
    """Return the job's settings; raises SettingsError where one is out of range."""
    settings = JobSettings(
        photo=str(Path(arguments.photo).absolute() if arguments.photo else sample_photo()),
        size=arguments.size,
        frames=arguments.frames,
        layers=arguments.layers,
        fly=arguments.fly,
        motion=not arguments.no_motion,
        seed=arguments.seed,
        field_of_view=math.radians(arguments.fov),
        inpaint_model=arguments.inpaint,
        depth_model=arguments.depth,
        motion_model=arguments.motion,
        prompt=arguments.prompt,
        negative_prompt=arguments.avoid,
        steps=arguments.steps,
        guidance=arguments.guidance,
        strength=arguments.strength,
        networks=str(Path(arguments.networks).absolute()) if arguments.networks else "",
    )
    settings.validate()
    return settings


def resources_from(arguments: argparse.Namespace) -> Resources:
    """Return what the job may use."""
    return Resources(str(models_folder_of(arguments)), device=arguments.device)


def models_folder_of(arguments: argparse.Namespace) -> Path:
    """Return the models folder."""
    return Path(arguments.models).absolute() if arguments.models else models_folder()


def list_models(arguments: argparse.Namespace, console: Console) -> None:
    """Print every model and whether it is installed."""
    for spec in MODELS:
        status = state_of(spec, models_folder_of(arguments)).status
        size = format_size(spec.download_mb * 1_000_000)
        console.done(f"--{spec.stage} {spec.key:<26} {size:>7}  {status:<8} {spec.license}")
        console.done(f"    {spec.note} ({spec.license_url})")


def download_model(arguments: argparse.Namespace, console: Console) -> None:
    """Download a model; naming it on the command line is the user's consent."""
    spec = model(arguments.download)
    if not (arguments.online_mode or bpy.app.online_access):
        raise CommandError(OFFLINE)
    console.done(f"{spec.label}, license {spec.license}: {spec.license_url}")
    task = Download(spec.key, models_folder_of(arguments))
    try:
        wait_for(task, console, [])
    finally:
        task.close()
    console.done(f"{spec.label} is ready.")


OTHER_ACTIONS = {"list_models": list_models, "download": download_model}
"""What the command does instead of making a film, by the name of the argument."""


def sample_photo() -> Path:
    """Return the path of the photo china.jpg, which comes with scikit-learn."""
    spec = importlib.util.find_spec("sklearn")
    if spec is None or spec.origin is None:
        raise CommandError(NO_SAMPLE)
    return Path(spec.origin).parent / "datasets" / "images" / "china.jpg"


def make_scene(
    settings: JobSettings,
    resources: Resources,
    cache: Path,
    console: Console,
    stages: list[dict[str, object]],
) -> bpy.types.Scene:
    """Run the job in the worker and build its scene in an empty file.

    Appends the time and memory of every stage to `stages`. Raises CommandError.
    """
    try:
        job = Job(settings, cache, resources, own_cache=own_cache_folder())
    except OSError as error:
        raise CommandError(NO_WORKER, error=error) from error
    try:
        folder = wait_for(job, console, stages)
        reset_peak()
        started = time.perf_counter()
        console.progress("Building the scene", 0.0)
        bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
        request = manager().request(settings, MAKE, bpy.context.scene)
        built = build_result(bpy.context.scene, JobResult(folder, job.id), request)
    finally:
        job.close()
    seconds = round(time.perf_counter() - started, 3)
    stages.append({"stage": "build", "seconds": seconds, "peak_mb": peak_mb()})
    return bpy.data.scenes[built.scene]


def wait_for(job: Task, console: Console, stages: list[dict[str, object]]) -> Path:
    """Poll a task to its end, and show its progress; returns its folder or raises CommandError."""
    while True:
        for message in job.poll():
            if isinstance(message, Progress):
                console.progress(STAGE_LABELS[message.stage], message.stage_fraction)
            elif isinstance(message, DeviceFound):
                free = format_size(message.free_bytes)
                console.done(f"Networks run on {message.name} ({free} free)")
            elif isinstance(message, StageDone):
                stages.append(
                    {
                        "stage": message.stage,
                        "seconds": message.seconds,
                        "peak_mb": message.peak_mb,
                        "cached": message.cached,
                    }
                )
            elif isinstance(message, Failed):
                console.detail(message.detail)
                raise CommandError(message.message)
            elif isinstance(message, Cancelled):
                raise KeyboardInterrupt
            elif isinstance(message, Done):
                for note in message.notes:
                    console.done(f"Note: {note}")
                return Path(message.folder)
        time.sleep(POLL_SECONDS)


def save_blend(scene: bpy.types.Scene, outputs: Outputs) -> None:
    """Save the scene. Rendering it again writes the film beside the .blend."""
    set_film_output(scene, outputs.film_beside_blend())
    bpy.ops.wm.save_as_mainfile(filepath=str(outputs.blend), compress=True, check_existing=False)


def register() -> None:
    """Register `blender --command make_4d`; Blender forgets it when its handle is lost."""
    bpy.types.WindowManager.make_4d_command = bpy.utils.register_cli_command("make_4d", main)


def unregister() -> None:
    """Remove the command."""
    bpy.utils.unregister_cli_command(bpy.types.WindowManager.make_4d_command)
    del bpy.types.WindowManager.make_4d_command
