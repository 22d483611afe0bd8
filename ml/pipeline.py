"""The pipeline: running the stages in order over the cache.

A stage's result is looked up under a hash of exactly what it depends on (see `stage_table`), so a
changed setting recomputes only what follows from it, and a killed run resumes.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from ..geometry.core.camera import FloatArray
from ..geometry.core.cloud import Flight, save_flight
from ..geometry.core.features import save_features
from ..geometry.core.memory import peak_mb, reset_peak
from .cache import Arrays, StageCache, code_key, file_key, stage_key
from .model_shelf import ModelShelf
from .preview_files import PreviewFiles
from .protocol import Preview, Progress, StageDone
from .settings import JobSettings
from .stage_context import StageContext
from .stage_table import FLIGHT_WEIGHT, Stage, stages_for
from .stages import (
    cluster,
    cruise,
    depth,
    features,
    flight,
    inpaint,
    layer_depth,
    matte,
    motion,
    outpaint,
    photo,
)

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
        models: ModelShelf | None = None,
    ) -> None:
        self._job, self._settings, self._cache = job, settings.effective(), cache
        self._send, self._is_cancelled = send, is_cancelled
        self._models = models or ModelShelf()
        self._stages = stages_for(self._settings)
        self._total = sum(stage.weight for stage in self._stages) + FLIGHT_WEIGHT
        self._done = 0.0
        package = Path(__file__).parent
        self._code = code_key(package, package.parent / "geometry" / "core")
        self.stage = "photo"

    def run(self, output: Path) -> tuple[str, ...]:
        """Run every stage and write the flight into the folder `output`.

        Returns sentences for the artist on how the photo was read.
        """
        keys: dict[str, str] = {}
        results: Arrays = {}
        self._previews = PreviewFiles(output.parent)
        for stage in self._stages:
            results |= self._run_stage(stage, keys, results)
        self.stage = "flight"
        context = self._context(FLIGHT_WEIGHT)
        started = self._start()
        made = flight.build_flight(results, self._settings, context)
        if "features" in results:
            made = self._with_features(made, results, keys["features"])
        save_flight(made, output)
        self._finish(started, FLIGHT_WEIGHT, cached=False)
        self._cache.prune()
        return tuple(str(note) for note in results["notes"])

    def _run_stage(self, stage: Stage, keys: dict[str, str], results: Arrays) -> Arrays:
        self.stage = stage.name
        started = self._start()
        context = self._context(stage.weight)
        context.report(0.0)
        keys[stage.name] = key = self._key(stage, keys)
        arrays = self._cache.load(stage.name, key)
        cached = arrays is not None
        if arrays is None:
            arrays = RUNS[stage.name](results, self._settings, context)
            self._models.release()
            self._cache.store(stage.name, key, arrays)
        self._finish(started, stage.weight, cached)
        return arrays

    def _with_features(self, made: Flight, results: Arrays, key: str) -> Flight:
        """Keep the feature maps beside the cache, where they stay as long as the scene."""
        size = results["depth"].shape[1:]
        save_features(self._cache.folder, key, results["features"], size)
        plan = replace(made.plan, features=key, networks=self._settings.networks)
        return replace(made, plan=plan)

    def _key(self, stage: Stage, keys: dict[str, str]) -> str:
        inputs = [keys[name] for name in stage.needs]
        if not stage.needs:
            inputs = [file_key(Path(self._settings.photo))]
        if stage.name == "features":
            inputs.append(self._models.networks_key(Path(self._settings.networks)))
        if stage.name == "motion" and self._settings.edits:
            inputs.append(file_key(Path(self._settings.edits)))
        chosen = {name: self._settings.model_key(name) for name in stage.models}
        inputs += [self._models.weights_key(key) for key in chosen.values()]
        chosen |= self._settings.subset(stage.settings)
        return stage_key(stage.name, self._code, chosen, inputs)

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
