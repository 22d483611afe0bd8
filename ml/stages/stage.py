"""What a stage declares about itself, and the part of the job settings that it can read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...geometry.core.messages import Message
from ..cache.stage_cache import Arrays
from ..common.job_settings import SETTING_NAMES, JobSettings
from .context import StageContext

Run = Callable[[Arrays, JobSettings, StageContext], Arrays]


class UndeclaredError(Exception):
    """A stage read a setting that it didn't declare: a mistake in the stage."""


@dataclass(frozen=True)
class FileInput:
    """A file that a stage reads; its content, not its path, is part of the cache key.

    Attributes:
        setting: Field of JobSettings with the path of the file, or of the folder it is in.
        name: Name of the file in that folder; empty if the setting is the file's own path.
        missing: Returns the message for the artist if the file is gone; None for a file that may
            be absent.
    """

    setting: str
    name: str = ""
    missing: Callable[[Path], Message] | None = None

    def path(self, settings: JobSettings) -> Path | None:
        """Return the file's path, None where the setting is empty."""
        setting = getattr(settings, self.setting)
        return Path(setting) / self.name if setting else None


def _always(settings: JobSettings) -> bool:
    return True


@dataclass(frozen=True)
class Stage:
    """A step of the pipeline: its function and everything its result depends on.

    The runner gives the function the arrays of the stages in `needs` and the declared settings,
    and nothing else; the key of its result in the stage cache is made of the same declarations.

    Raise `version` in the change that makes the stage return something else for the same inputs:
    by its own code, by code that it calls, by a constant or by a bundled network, and also where
    an array is added or renamed. Results of older versions are then made again, and so are those
    of the stages that need this one, whose versions stay. Leave the version alone for refactoring,
    speed, comments and messages: a cache that is still right stays in use across updates, and
    edited images stay comparable to the result they were painted over. Code that several stages
    call (`geometry.core.ldi`, for one) concerns the version of each of them. The test
    `test_stage_versions.py` compares results with a record of them, to remind of all this.

    Attributes:
        name: Name in messages, cache folders and `needs`.
        label: English label for the artist, shown while the stage runs.
        result_label: English label of its result in the list of stages; empty to leave it out.
        run: The function.
        needs: Names of the stages whose arrays it reads.
        settings: Fields of JobSettings that it reads.
        models: Choices of models that it uses, of `registry.MODEL_STAGES`.
        files: Files that it reads.
        weight: Estimate of its time relative to the other stages.
        version: Version of its result, see above.
        applies: Whether a job with these settings has the stage.
        is_cached: Whether its result is kept in the stage cache.
    """

    name: str
    label: str
    run: Run
    result_label: str = ""
    needs: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    files: tuple[FileInput, ...] = ()
    weight: float = 1.0
    version: int = 1
    applies: Callable[[JobSettings], bool] = _always
    is_cached: bool = True

    def readable(self) -> frozenset[str]:
        """Return the fields of JobSettings that the stage may read."""
        models = (f"{model}_model" for model in self.models)
        return frozenset((*self.settings, *models, *(file.setting for file in self.files)))


class DeclaredSettings(JobSettings):
    """Job settings of which only a stage's declared fields can be read.

    Any other field raises UndeclaredError, so that no result depends on what isn't in its key.
    """

    def __init__(self, settings: JobSettings, stage: Stage) -> None:
        object.__setattr__(self, "_stage", stage.name)
        object.__setattr__(self, "_readable", stage.readable())
        for name, value in settings.subset(tuple(stage.readable())).items():
            object.__setattr__(self, name, value)

    def __getattribute__(self, name: str) -> Any:
        if name in SETTING_NAMES and name not in object.__getattribute__(self, "_readable"):
            stage = object.__getattribute__(self, "_stage")
            raise UndeclaredError(f"the stage '{stage}' reads the setting '{name}' undeclared")
        return object.__getattribute__(self, name)
