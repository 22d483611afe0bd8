"""The pipeline: which stage needs what, and running them in order over the cache.

Stages are data here: a name, the function, the settings and stages that it depends on. A stage's
result is looked up under a hash of exactly these, so a changed setting recomputes only what
follows from it, and a killed run resumes.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..geometry.core.cloud import save_flight
from ..geometry.core.memory import peak_mb, reset_peak
from .cache import Arrays, StageCache, code_key, file_key, stage_key
from .context import Context
from .protocol import Progress, StageDone
from .settings import JobSettings
from .stages import cluster, cruise, depth, flight, inpaint, layer_depth, motion, outpaint, photo

Run = Callable[[Arrays, JobSettings, Context], Arrays]


@dataclass(frozen=True)
class Stage:
    """One stage; `weight` is its share of a job's time, for the progress bar."""

    name: str
    run: Run
    settings: tuple[str, ...]
    needs: tuple[str, ...]
    weight: float


STAGES = (
    Stage("photo", photo.run, ("size",), (), 1),
    Stage("outpaint", outpaint.run, ("margin", "seed"), ("photo",), 30),
    Stage("depth", depth.run, ("size",), ("outpaint",), 10),
    Stage("cluster", cluster.run, ("layers",), ("depth",), 1),
    Stage("inpaint", inpaint.run, ("seed", "size"), ("outpaint", "depth", "cluster"), 40),
    Stage(
        "layer_depth",
        layer_depth.run,
        ("layer_depth",),
        ("depth", "cluster", "inpaint"),
        15,
    ),
    Stage(
        "motion",
        motion.run,
        ("motion", "loop_frames"),
        ("outpaint", "depth", "inpaint", "layer_depth"),
        10,
    ),
    Stage(
        "cruise",
        cruise.run,
        ("fly", "field_of_view"),
        ("photo", "outpaint", "depth", "layer_depth"),
        1,
    ),
)
FLIGHT_WEIGHT = 5.0


class PipelineRun:
    """One run of all stages for one job."""

    def __init__(
        self,
        job: str,
        settings: JobSettings,
        cache: StageCache,
        send: Callable[[Progress | StageDone], None],
        is_cancelled: Callable[[], bool],
    ) -> None:
        self._job, self._settings, self._cache = job, settings, cache
        self._send, self._is_cancelled = send, is_cancelled
        self._total = sum(stage.weight for stage in STAGES) + FLIGHT_WEIGHT
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
        for stage in STAGES:
            results |= self._run_stage(stage, keys, results)
        self.stage = "flight"
        context = self._context(FLIGHT_WEIGHT)
        started = self._start()
        save_flight(flight.build_flight(results, self._settings, context), output)
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
            arrays = stage.run(results, self._settings, context)
            self._cache.store(stage.name, key, arrays)
        self._finish(started, stage.weight, cached)
        return arrays

    def _key(self, stage: Stage, keys: dict[str, str]) -> str:
        inputs = [keys[name] for name in stage.needs]
        if not stage.needs:
            inputs = [file_key(Path(self._settings.photo))]
        return stage_key(stage.name, self._code, self._settings.subset(stage.settings), inputs)

    def _context(self, weight: float) -> Context:
        def on_progress(fraction: float, detail: str) -> None:
            share = (self._done + weight * fraction) / self._total
            self._send(Progress(self._job, self.stage, fraction, share, detail))

        return Context(on_progress, self._is_cancelled)

    def _start(self) -> float:
        reset_peak()
        return time.perf_counter()

    def _finish(self, started: float, weight: float, cached: bool) -> None:
        self._done += weight
        seconds = time.perf_counter() - started
        self._send(StageDone(self._job, self.stage, round(seconds, 3), peak_mb(), cached))
