"""How long stages took on this computer, by which the time left of a job is told."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from ..geometry.folders import log_folder
from ..ml.common.job_settings import JobSettings
from ..ml.common.protocol import Progress, StageDone
from ..ml.stages.table import LIFT_WEIGHT, stages_for

NAME = "rates.json"
NEWEST = 0.5
"""Share of the newest measurement in what is remembered."""
GUESS_SECONDS = 1.0
"""Seconds a megapixel for one unit of a stage's weight, where nothing was ever measured."""
WORTH_TELLING = 3.0
"""Seconds below which nobody needs an estimate."""


def note(settings: JobSettings, done: StageDone) -> None:
    """Remember how long a stage took, unless it came from the cache."""
    if done.cached:
        return
    observed, key = rates(), _key(settings, done.stage)
    rate = done.seconds / megapixels(settings)
    observed[key] = NEWEST * rate + (1 - NEWEST) * observed.get(key, rate)


def seconds_left(settings: JobSettings, progress: Progress | None) -> float | None:
    """Seconds that a job still takes, None before it tells where it is or near its end."""
    if progress is None:
        return None
    weights = {stage.name: float(stage.weight) for stage in stages_for(settings)}
    weights["lift"] = LIFT_WEIGHT
    if progress.stage not in weights:
        return None
    names = list(weights)
    later = names[names.index(progress.stage) + 1 :]
    left = sum(expected(settings, name, weights[name]) for name in later)
    here = expected(settings, progress.stage, weights[progress.stage])
    left += (1 - progress.stage_fraction) * here
    return left if left > WORTH_TELLING else None


def expected(settings: JobSettings, stage: str, weight: float) -> float:
    """Seconds that a stage takes for a job, by what was measured or by its weight."""
    rate = rates().get(_key(settings, stage), _rate_of_weight(settings) * weight)
    return rate * megapixels(settings)


def megapixels(settings: JobSettings) -> float:
    """Pixels of the longer side squared: what stages' times grow with."""
    return settings.size**2 / 1e6


def _rate_of_weight(settings: JobSettings) -> float:
    """Seconds a megapixel for one unit of weight: from the stages that were measured."""
    pairs = [(rates().get(_key(settings, s.name)), s.weight) for s in stages_for(settings)]
    measured = [(rate, weight) for rate, weight in pairs if rate is not None]
    if not measured:
        return GUESS_SECONDS
    return sum(rate for rate, _ in measured) / sum(weight for _, weight in measured)


def _key(settings: JobSettings, stage: str) -> str:
    """A stage with what decides its speed: its model, and steps where one paints."""
    table = {s.name: s.models for s in stages_for(settings)}
    chosen = [settings.model_key(name) for name in table.get(stage, ())]
    steps = [str(settings.steps)] if "inpaint" in table.get(stage, ()) and settings.models() else []
    return "/".join([stage, *chosen, *steps])


@cache
def rates() -> dict[str, float]:
    """Seconds a megapixel by stage and models, as remembered."""
    try:
        stored = json.loads(_path().read_text(encoding="utf-8"))
        return {str(key): float(rate) for key, rate in stored.items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}


def store() -> None:
    """Write what is remembered; called once a job, since a busy disk may take its time."""
    try:
        _path().write_text(json.dumps(rates(), indent=1), encoding="utf-8")
    except OSError:
        return  # an estimate is not worth an error


def _path() -> Path:
    return log_folder() / NAME
