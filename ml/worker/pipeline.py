"""The pipeline: running the stages in order over the cache.

A stage's result is looked up under a hash of exactly what it depends on (see `stage_table`), so a
changed setting recomputes only what follows from it, and a killed run resumes.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...geometry.core.camera import FloatArray
from ...geometry.core.editable_images import (
    MOTION_FILE,
    ImageEdit,
    image_edit_files,
    load_image_edit,
    stage_of,
)
from ...geometry.core.feature_files import save_features
from ...geometry.core.memory import peak_mb, reset_peak
from ...geometry.core.messages import from_json
from ...geometry.core.scene_data import ScenePlan, save_scene_data
from ..cache.stage_cache import Arrays, StageCache, arrays_key, code_key, file_key, stage_key
from ..common.job_settings import JobSettings, SettingsError
from ..common.protocol import Preview, Progress, StageDone
from ..models.model_cache import ModelCache
from ..stages import (
    cluster,
    cruise,
    depth,
    features,
    inpaint,
    layer_depth,
    matte,
    motion,
    outpaint,
    photo,
)
from ..stages import (
    lift as scene_data,
)
from ..stages.context import Recall, StageContext
from ..stages.table import LIFT_WEIGHT, Stage, stages_for
from .editable_image_files import write_editable_images
from .image_edits import with_image_edits
from .preview_files import PreviewFiles

Run = Callable[[Arrays, JobSettings, StageContext], Arrays]


RUNS: dict[str, Run] = {
    "photo": photo.run,
    "outpaint": outpaint.run,
    "depth": depth.run,
    "matte": matte.run,
    "cluster": cluster.run,
    "inpaint": inpaint.run,
    "layer_depth": layer_depth.run,
    "features": features.run,
    "motion": motion.run,
    "cruise": cruise.run,
}


class PipelineRun:
    """One run of all stages for one job."""

    def __init__(
        self,
        job: str,
        settings: JobSettings,
        cache: StageCache,
        send: Callable[[Progress | Preview | StageDone], None],
        is_cancelled: Callable[[], bool],
        models: ModelCache | None = None,
    ) -> None:
        self._job, self._settings, self._cache = job, settings.effective(), cache
        self._send, self._is_cancelled = send, is_cancelled
        self._models = models or ModelCache()
        self._stages = stages_for(self._settings)
        self._total = sum(stage.weight for stage in self._stages) + LIFT_WEIGHT
        self._done = 0.0
        package = Path(__file__).parents[1]
        self._code = code_key(package, package.parent / "geometry" / "core")
        self.stage = "photo"
        self._edits = _picture_edits(self._settings)
        self._keys: dict[str, str] = {}
        self._bases: dict[str, str] = {}

    def run(self, output: Path) -> tuple[str, ...]:
        """Run every stage and write the flight into the folder `output`.

        Returns sentences for the artist on how the photo was read.
        """
        results: Arrays = {}
        self._previews = PreviewFiles(output.parent)
        for stage in self._stages:
            results |= self._run_stage(stage, results)
        self.stage = "lift"
        context = self._context(LIFT_WEIGHT)
        started = self._start()
        made = scene_data.lift_layers(results, self._settings, context)
        made = replace(made, plan=self._with_files(made.plan, results))
        save_scene_data(made, output)
        self._finish(started, LIFT_WEIGHT, cached=False)
        self._cache.prune()
        return tuple(from_json(json.loads(str(note))) for note in results["notes"])

    def _run_stage(self, stage: Stage, results: Arrays) -> Arrays:
        self.stage = stage.name
        started = self._start()
        key = self._key(stage)
        context = replace(self._context(stage.weight), recall=self._recall(stage))
        context.report(0.0)
        arrays = self._cache.load(stage.name, key)
        cached = arrays is not None
        if arrays is None:
            arrays = RUNS[stage.name](results, self._settings, context)
            self._models.release()
            self._cache.store(stage.name, key, arrays)
        arrays = self._with_painted(stage, key, arrays)
        self._finish(started, stage.weight, cached)
        return arrays

    def _recall(self, stage: Stage) -> Recall:
        """Keeps parts of a stage's result by what they alone depend on, and finds them again."""
        inputs = self._inputs(stage)
        name = f"{stage.name}_part"

        def recall(choice: dict[str, Any], make: Callable[[], Arrays]) -> Arrays:
            key = stage_key(name, self._code, choice, inputs)
            arrays = self._cache.load(name, key)
            if arrays is None:
                arrays = make()
                self._cache.store(name, key, arrays)
            return arrays

        return recall

    def _with_painted(self, stage: Stage, key: str, arrays: Arrays) -> Arrays:
        """What was generated with what was painted over it, and the stage's keys."""
        edits = [edit for edit in self._edits if stage_of(edit.name) == stage.name]
        painted = with_image_edits(
            arrays,
            edits,
            lambda base: arrays if base == key else self._cache.load(stage.name, base),
        )
        self._bases[stage.name] = self._keys[stage.name] = key
        if other := {name: a for name, a in painted.items() if a is not arrays[name]}:
            self._keys[stage.name] = stage_key("painted", key, {}, [arrays_key(other)])
        return painted

    def _with_files(self, plan: ScenePlan, results: Arrays) -> ScenePlan:
        """Keep what belongs to the scene beside the cache, where it stays as long as the scene."""
        edited = {edit.name for edit in self._edits}
        folder = self._cache.folder
        images = write_editable_images(results, self._keys, self._bases, edited, folder)
        plan = replace(plan, editable_images=images)
        if "features" not in results:
            return plan
        key, size = self._keys["features"], results["depth"].shape[1:]
        save_features(folder, key, results["features"], size)
        return replace(plan, features=key, networks=self._settings.networks)

    def _key(self, stage: Stage) -> str:
        chosen: dict[str, Any] = {name: self._settings.model_key(name) for name in stage.models}
        chosen |= self._settings.subset(stage.settings)
        return stage_key(stage.name, self._code, chosen, self._inputs(stage))

    def _inputs(self, stage: Stage) -> list[str]:
        """Keys of all that a stage's result depends on beside the settings."""
        inputs = [self._keys[name] for name in stage.needs]
        if not stage.needs:
            inputs = [file_key(Path(self._settings.photo))]
        if stage.name == "features":
            inputs.append(self._models.networks_key(Path(self._settings.networks)))
        edits = Path(self._settings.edits) / MOTION_FILE
        if stage.name == "motion" and self._settings.edits and edits.exists():
            inputs.append(file_key(edits))
        keys = (self._settings.model_key(name) for name in stage.models)
        return inputs + [self._models.weights_key(key) for key in keys]

    def _context(self, weight: float) -> StageContext:
        def on_progress(fraction: float, detail: str) -> None:
            share = (self._done + weight * fraction) / self._total
            self._send(Progress(self._job, self.stage, fraction, share, detail))

        def on_preview(image: FloatArray) -> None:
            self._send(Preview(self._job, self.stage, self._previews.save(image)))

        return StageContext(on_progress, self._is_cancelled, on_preview, self._models)

    def _start(self) -> float:
        reset_peak()
        return time.perf_counter()

    def _finish(self, started: float, weight: float, cached: bool) -> None:
        self._done += weight
        seconds = time.perf_counter() - started
        self._send(StageDone(self._job, self.stage, round(seconds, 3), peak_mb(), cached))


def _picture_edits(settings: JobSettings) -> list[ImageEdit]:
    """What was painted in the pictures; raises SettingsError where it can't be read."""
    files = image_edit_files(Path(settings.edits)) if settings.edits else {}
    try:
        return [load_image_edit(file) for file in files.values()]
    except (OSError, ValueError) as error:
        raise SettingsError(
            "What was painted can't be read ({error}): rebuild again.", error=error
        ) from error
