"""The pipeline: runs a job's stages in order, over the stage cache.

A stage gets the arrays and settings that it declares (see `ml.stages.stage`), and its result is
found again under a hash of exactly these. So a changed setting recomputes only what follows from
it, and a killed run resumes.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ...geometry.core.camera import FloatArray
from ...geometry.core.editable_images import (
    ImageEdit,
    image_edit_files,
    load_image_edit,
    stage_of,
)
from ...geometry.core.memory import peak_mb, reset_peak
from ...geometry.core.messages import UserError, from_json
from ...geometry.core.scene_data import save_scene_data
from ..cache.stage_cache import Arrays, StageCache, arrays_key, file_key, stage_key
from ..common.job_settings import JobSettings, SettingsError
from ..common.protocol import Preview, Progress, StageDone
from ..models.model_cache import ModelCache
from ..stages.context import Recall, StageContext
from ..stages.stage import DeclaredSettings, FileInput, Stage
from ..stages.table import stages_for
from .editable_image_files import write_editable_images
from .image_edits import with_image_edits
from .preview_files import PreviewFiles
from .scene_result import scene_data_of, store_features

UNREADABLE_EDITS = "The edited images can't be read ({error}). Rebuild again."


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
        scene_folder: Path | None = None,
    ) -> None:
        """Prepare a run.

        Args:
            job: Id of the job, in all messages.
            settings: Its settings.
            cache: The stage cache.
            send: Sends a message to Blender.
            is_cancelled: Whether the artist canceled the job.
            models: The models in memory.
            scene_folder: Where editable images and features go, by default the cache's folder.

        Raises SettingsError for edits that can't be read.
        """
        self._job, self._settings, self._cache = job, settings.effective(), cache
        self._send, self._is_cancelled = send, is_cancelled
        self._models = models or ModelCache()
        self._scene_folder = scene_folder or cache.folder
        self._stages = stages_for(self._settings)
        self._total = sum(stage.weight for stage in self._stages)
        self._done = 0.0
        self.stage = self._stages[0].name
        self._edits = _image_edits(self._settings)
        self._results: dict[str, Arrays] = {}
        self._keys: dict[str, str] = {}
        """Of each stage's result with the edits."""
        self._bases: dict[str, str] = {}
        """Of each stage's result without the edits."""

    def run(self, output: Path) -> tuple[str, ...]:
        """Run every stage and write the scene data into the folder `output`.

        Returns messages for the artist about how the photo was read and how certain its depth is.
        """
        self._previews = PreviewFiles(output.parent)
        for stage in self._stages:
            self._results[stage.name] = self._run_stage(stage)
        self._write_scene(output)
        self._cache.prune()
        arrays = self._arrays_of(("photo", "depth"))
        notes = (*arrays["notes"], *arrays["depth_notes"])
        return tuple(from_json(json.loads(str(note))) for note in notes)

    def _run_stage(self, stage: Stage) -> Arrays:
        self.stage = stage.name
        reset_peak()
        started = time.perf_counter()
        key = self._key(stage)
        context = self._context(stage)
        context.report(0.0)
        arrays = self._cache.load(stage.name, key) if stage.is_cached else None
        cached = arrays is not None
        if arrays is None:
            inputs = self._arrays_of(stage.needs)
            arrays = stage.run(inputs, DeclaredSettings(self._settings, stage), context)
            self._models.release()
            if stage.is_cached:
                self._cache.store(stage.name, key, arrays)
        arrays = self._with_edits(stage, key, arrays)
        self._done += stage.weight
        seconds = round(time.perf_counter() - started, 3)
        self._send(StageDone(self._job, stage.name, seconds, peak_mb(), cached))
        return arrays

    def _arrays_of(self, stages: tuple[str, ...]) -> Arrays:
        """Return the arrays of some stages in one dictionary; no two stages share a name."""
        return {name: array for stage in stages for name, array in self._results[stage].items()}

    def _recall(self, stage: Stage) -> Recall:
        """Return a function that keeps parts of a stage's result under what they depend on."""
        inputs = self._inputs(stage)
        name = f"{stage.name}_part"

        def recall(choice: dict[str, Any], compute: Callable[[], Arrays]) -> Arrays:
            key = stage_key(name, stage.version, choice, inputs)
            arrays = self._cache.load(name, key)
            if arrays is None:
                arrays = compute()
                self._cache.store(name, key, arrays)
            return arrays

        return recall

    def _with_edits(self, stage: Stage, key: str, arrays: Arrays) -> Arrays:
        """Return a stage's result with the artist's edits, and note its keys.

        An edited result gets a key of its content, so that the stages after it follow the edit.
        """
        edits = [edit for edit in self._edits if stage_of(edit.name) == stage.name]
        edited = with_image_edits(
            arrays,
            edits,
            lambda base: arrays if base == key else self._cache.load(stage.name, base),
        )
        self._bases[stage.name] = self._keys[stage.name] = key
        if changed := {name: a for name, a in edited.items() if a is not arrays[name]}:
            self._keys[stage.name] = stage_key("edited", 1, {}, [key, arrays_key(changed)])
        return edited

    def _write_scene(self, output: Path) -> None:
        """Write the scene data, and keep the files that a scene refers to beside the cache."""
        arrays = self._arrays_of(tuple(self._results))
        images = write_editable_images(
            arrays,
            self._keys,
            self._bases,
            {edit.name for edit in self._edits},
            self._scene_folder,
        )
        features = ""
        if "features" in self._results:
            features = store_features(arrays, self._keys["features"], self._scene_folder)
        save_scene_data(scene_data_of(arrays, self._settings, images, features), output)

    def _key(self, stage: Stage) -> str:
        choices: dict[str, Any] = {name: self._settings.model_key(name) for name in stage.models}
        choices |= self._settings.subset(stage.settings)
        return stage_key(stage.name, stage.version, choices, self._inputs(stage))

    def _inputs(self, stage: Stage) -> list[str]:
        """Return the keys of everything a stage's result depends on beside settings."""
        stages = [self._keys[name] for name in stage.needs]
        files = [_key_of(file, self._settings) for file in stage.files]
        models = (self._settings.model_key(name) for name in stage.models)
        return stages + files + [self._models.weights_key(key) for key in models]

    def _context(self, stage: Stage) -> StageContext:
        def on_progress(fraction: float, detail: str) -> None:
            of_job = (self._done + stage.weight * fraction) / self._total
            self._send(Progress(self._job, stage.name, fraction, of_job, detail))

        def on_preview(image: FloatArray) -> None:
            self._send(Preview(self._job, stage.name, self._previews.save(image)))

        return StageContext(
            on_progress, self._is_cancelled, on_preview, self._models, self._recall(stage)
        )


def _key_of(file: FileInput, settings: JobSettings) -> str:
    """Return the key of a file's content, empty for an optional file that is absent.

    Raises UserError if a file that is needed is gone.
    """
    path = file.path(settings)
    if path is not None and path.is_file():
        return file_key(path)
    if file.missing is not None:
        raise UserError(file.missing(path or Path()))
    return ""


def _image_edits(settings: JobSettings) -> list[ImageEdit]:
    """Return the artist's edits of images; raises SettingsError if they can't be read."""
    files = image_edit_files(Path(settings.edits)) if settings.edits else {}
    try:
        return [load_image_edit(file) for file in files.values()]
    except (OSError, ValueError) as error:
        raise SettingsError(UNREADABLE_EDITS, error=error) from error
