"""Whole runs of the pipeline in this process, over a small photo."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from make_4d.geometry.core.editable_images import ImageEdit, save_image_edits
from make_4d.geometry.core.messages import Message
from make_4d.geometry.core.scene_data import SceneData, load_scene_data
from make_4d.ml.cache.stage_cache import StageCache
from make_4d.ml.common.job_settings import JobSettings
from make_4d.ml.common.protocol import StageDone
from make_4d.ml.worker.pipeline import PipelineRun

SIZE = 96


def write_photo(path: Path) -> None:
    """Write a small landscape: a sky, a textured meadow, a dark tower."""
    rng = np.random.default_rng(3)
    image = np.full((72, SIZE, 3), (230, 205, 170), np.float32)
    image[40:] = (40, 110, 60)
    image[40:] += rng.normal(0, 18, (32, SIZE, 1))
    image[15:52, 60:70] = (50, 50, 60)
    cv2.imwrite(str(path), image.clip(0, 255).astype(np.uint8))


class Runner:
    """Runs jobs over one stage cache.

    finished: The cache of a run before, which is copied.
    """

    def __init__(self, folder: Path, finished: Path | None = None) -> None:
        if finished is not None:
            shutil.copytree(finished, folder / "cache")
        photo = folder / "tower.png"
        write_photo(photo)
        self.settings = JobSettings(str(photo), size=SIZE, frames=4)
        self.cache, self.folder, self.count = StageCache(folder / "cache"), folder, 0
        self.notes: tuple[Message, ...] = ()

    def run(self, *edits: ImageEdit, **changes: Any) -> tuple[SceneData, list[str]]:
        """Run a job; returns its result and the stages that weren't cached."""
        self.count += 1
        output = self.folder / f"job {self.count}" / "output"
        output.mkdir(parents=True)
        messages: list[Any] = []
        if edits:
            save_image_edits(edits, output.parent)
            changes["edits"] = str(output.parent)
        settings = replace(self.settings, **changes)
        run = PipelineRun("job", settings, self.cache, messages.append, lambda: False)
        self.notes = run.run(output)
        done = [m for m in messages if isinstance(m, StageDone)]
        return load_scene_data(output), [m.stage for m in done if not m.cached]
