"""The result of a run as scene data: both clouds, the scene plan and the motion regions."""

from __future__ import annotations

from pathlib import Path

from ...geometry.core.editable_images import EditableImage
from ...geometry.core.feature_files import save_features
from ...geometry.core.scene_data import SceneData, ScenePlan
from ..cache.stage_cache import Arrays
from ..common.job_settings import JobSettings
from ..stages.cameras import cameras
from ..stages.lift import clouds_in


def scene_data_of(
    arrays: Arrays, settings: JobSettings, images: tuple[EditableImage, ...], features: str
) -> SceneData:
    """Return the scene data of a finished run.

    Args:
        arrays: Results of all stages.
        settings: Of the job.
        images: The editable images of the run.
        features: Id of the feature maps, or empty.
    """
    still, moving = clouds_in(arrays)
    top, right, bottom, left = (int(m) for m in arrays["margins"])
    plan = ScenePlan(
        cameras(arrays, settings.field_of_view)[0],
        arrays["positions"],
        arrays["look"],
        settings.frames,
        settings.loop_frames,
        float(arrays["meters_per_unit"][0]),
        features=features,
        networks=settings.networks if features else "",
        margins=(top, right, bottom, left),
        tilt=float(arrays["tilt"][0]),
        editable_images=images,
    )
    return SceneData(still, moving, plan, arrays["regions"])


def store_features(arrays: Arrays, feature_id: str, folder: Path) -> str:
    """Write the feature maps of a run into a cache folder; returns their id."""
    height, width = arrays["depth"].shape[1:]
    save_features(folder, feature_id, arrays["features"], (height, width))
    return feature_id
