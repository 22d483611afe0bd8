"""What a job may use, and the one place where a request is checked before it starts."""

from __future__ import annotations

from pathlib import Path

from ..geometry.folders import models_folder
from ..geometry.preferences import preference
from ..ml.common.errors import no_checkpoint, no_photo
from ..ml.common.job_settings import JobSettings, Resources, SettingsError
from ..ml.common.model_store import problem_with

NO_PHOTO = "Choose a photo first."


def preferred_resources() -> Resources:
    """Return what jobs may use according to the add-on's preferences."""
    return Resources(
        str(models_folder()),
        preference("use_hub_cache", True),
        preference("device", "auto"),
        preference("keep_models", False),
    )


def check_job(settings: JobSettings, resources: Resources) -> None:
    """Raise SettingsError unless the job can start: settings, photo and models."""
    settings.validate()
    check_photo(settings)
    check_models(settings, resources)


def check_photo(settings: JobSettings) -> None:
    """Raise SettingsError unless the photo is a file."""
    if not settings.photo:
        raise SettingsError(NO_PHOTO)
    if not Path(settings.photo).is_file():
        raise SettingsError(no_photo(settings.photo))


def check_models(settings: JobSettings, resources: Resources) -> None:
    """Raise SettingsError unless every model that the settings name is installed."""
    folder = Path(resources.models_folder)
    for spec in settings.models():
        if problem := problem_with(spec, folder, resources.use_hub_cache):
            raise SettingsError(problem)
    if settings.networks and not Path(settings.networks).is_file():
        raise SettingsError(no_checkpoint(settings.networks))
