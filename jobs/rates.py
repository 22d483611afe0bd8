"""How long stages took on this computer, from which a job's remaining time is estimated."""

from __future__ import annotations

import json
from pathlib import Path

from ..geometry.folders import log_folder
from ..ml.common.job_settings import JobSettings
from ..ml.common.protocol import Progress, StageDone
from ..ml.stages.table import stages_for

NAME = "rates.json"
NEWEST_FRACTION = 0.5
"""Weight of the newest measurement in the stored mean."""
DEFAULT_RATE = 1.0
"""Seconds per megapixel and unit of a stage's weight, where nothing was measured yet."""
SHORTEST_ESTIMATE = 3.0
"""Seconds below which no estimate is given."""


class Rates:
    """Measured seconds per megapixel, by stage and models; stored in the extension's folder."""

    def __init__(self) -> None:
        self._measured: dict[str, float] | None = None

    @property
    def measured(self) -> dict[str, float]:
        """The measurements, read from disk at first use; empty where the file is damaged."""
        if self._measured is None:
            self._measured = _read()
        return self._measured

    def add(self, settings: JobSettings, done: StageDone) -> None:
        """Add the time that a stage took, unless its result came from the cache."""
        if done.cached:
            return
        key, rate = _key(settings, done.stage), done.seconds / megapixels(settings)
        mean = self.measured.get(key, rate)
        self.measured[key] = NEWEST_FRACTION * rate + (1 - NEWEST_FRACTION) * mean

    def store(self) -> None:
        """Write the measurements; called once per job because a busy disk may be slow."""
        try:
            _path().write_text(json.dumps(self.measured, indent=1), encoding="utf-8")
        except OSError:
            return  # an estimate is not worth an error

    def seconds_left(self, settings: JobSettings, progress: Progress | None) -> float | None:
        """Return a job's remaining seconds, None before its first message and close to its end."""
        if progress is None:
            return None
        weights = {stage.name: float(stage.weight) for stage in stages_for(settings)}
        if progress.stage not in weights:
            return None
        names = list(weights)
        later = names[names.index(progress.stage) + 1 :]
        left = sum(self.expected(settings, name, weights[name]) for name in later)
        here = self.expected(settings, progress.stage, weights[progress.stage])
        left += (1 - progress.stage_fraction) * here
        return left if left > SHORTEST_ESTIMATE else None

    def expected(self, settings: JobSettings, stage: str, weight: float) -> float:
        """Return the seconds that a stage takes, from its measured rate or from its weight."""
        rate = self.measured.get(_key(settings, stage), self._rate_of_weight(settings) * weight)
        return rate * megapixels(settings)

    def _rate_of_weight(self, settings: JobSettings) -> float:
        """Seconds per megapixel and unit of weight, from the stages that were measured."""
        pairs = [
            (self.measured.get(_key(settings, s.name)), s.weight) for s in stages_for(settings)
        ]
        measured = [(rate, weight) for rate, weight in pairs if rate is not None]
        if not measured:
            return DEFAULT_RATE
        return sum(rate for rate, _ in measured) / sum(weight for _, weight in measured)


def megapixels(settings: JobSettings) -> float:
    """Return the longer side squared, in megapixels, which stages' times are proportional to."""
    return settings.size**2 / 1e6


def _key(settings: JobSettings, stage: str) -> str:
    """A stage with what decides its speed: its models, and the steps of a diffusion model."""
    table = {s.name: s.models for s in stages_for(settings)}
    chosen = [settings.model_key(name) for name in table.get(stage, ())]
    steps = [str(settings.steps)] if "inpaint" in table.get(stage, ()) and settings.models() else []
    return "/".join([stage, *chosen, *steps])


def _read() -> dict[str, float]:
    try:
        stored = json.loads(_path().read_text(encoding="utf-8"))
        return {str(key): float(rate) for key, rate in stored.items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}


def _path() -> Path:
    return log_folder() / NAME
