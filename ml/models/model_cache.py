"""The models that a job has in memory: loaded when first asked for, freed when no longer needed.

They go at the end of each stage, unless the artist wishes to keep them, and at once where memory
for the next one is short. Nothing of PyTorch is imported before a model is asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar, cast

from ..cache.stage_cache import file_key
from ..common import model_store
from ..common.errors import ModelError, no_checkpoint
from ..common.job_settings import JobSettings, Resources
from ..common.registry import BUILTIN, ModelSpec, model

if TYPE_CHECKING:
    from ..common.context import Context
    from ..networks.checkpoint import PaperNetworks
    from ..pretrained.depth import DepthModel
    from ..pretrained.diffusion import DiffusionInpainter
    from ..pretrained.segmentation import SegmentationModel
    from .device import Device


class Closable(Protocol):
    """A model in memory."""

    def close(self) -> None:
        """Give its memory back."""


SPARE = 2.0
"""Free memory that a model wants beside kept ones, in terms of its own: single precision takes
twice as much, and pictures larger than its native size take more."""
NETWORKS_MB = 1500
"""What the paper's networks take."""

Loaded = TypeVar("Loaded", bound=Closable)


class ModelCache:
    """Loads and keeps models by the artist's choices; not for several threads."""

    def __init__(self, resources: Resources | None = None) -> None:
        self.resources = resources or Resources()
        self._kept: dict[tuple[object, ...], Closable] = {}

    def device(self) -> Device:
        """The processor that networks run on, its memory as it is now."""
        from . import device

        return device.choose(self.resources.device)

    def folder(self, spec: ModelSpec) -> Path:
        """Where a model lies; raises ModelError where it isn't, or not whole."""
        place = Path(self.resources.models_folder) if self.resources.models_folder else Path()
        folder = model_store.find(spec, place, self.resources.use_hub_cache)
        if folder is None:
            raise ModelError(model_store.why_not(spec, place, self.resources.use_hub_cache))
        return folder

    def weights_key(self, key: str) -> str:
        """What tells whether a model's files are still the same; empty for the built-in way.

        Raises ModelError where the model is missing.
        """
        if key == BUILTIN:
            return ""
        folder = self.folder(model(key))
        files = sorted(folder.rglob("*.safetensors"))
        stats = ((f.relative_to(folder).as_posix(), f.stat()) for f in files)
        return f"{key} " + " ".join(f"{name} {s.st_size} {s.st_mtime_ns}" for name, s in stats)

    def networks_key(self, path: Path) -> str:
        """What tells whether a checkpoint is still the same; raises ModelError where it is gone."""
        if not path.is_file():
            raise ModelError(no_checkpoint(path))
        return file_key(path)

    def inpainter(self, settings: JobSettings, context: Context) -> DiffusionInpainter:
        """The diffusion model that the settings name."""
        from ..pretrained.diffusion import DiffusionInpainter, DiffusionOptions

        spec = model(settings.inpaint_model)
        options = DiffusionOptions(
            settings.prompt,
            settings.negative_prompt,
            settings.steps,
            settings.guidance,
            settings.strength,
        )
        loading = context.within(0.0, 0.0)
        return self._take(
            spec,
            (spec.key, options),
            lambda: DiffusionInpainter(self.folder(spec), spec, self.device(), options, loading),
        )

    def depth(self, settings: JobSettings, context: Context) -> DepthModel:
        """The depth model that the settings name."""
        from ..pretrained.depth import DepthModel

        spec = model(settings.depth_model)
        loading = context.within(0.0, 0.0)
        return self._take(
            spec,
            (spec.key,),
            lambda: DepthModel(self.folder(spec), spec, self.device(), loading),
        )

    def segmentation(self, settings: JobSettings, context: Context) -> SegmentationModel:
        """The model of moving regions that the settings name."""
        from ..pretrained.segmentation import SegmentationModel

        spec = model(settings.motion_model)
        loading = context.within(0.0, 0.0)
        return self._take(
            spec,
            (spec.key,),
            lambda: SegmentationModel(self.folder(spec), spec, self.device(), loading),
        )

    def networks(self, path: Path) -> PaperNetworks:
        """The paper's feature and decoder networks of a checkpoint; they stay until `close`."""
        from ..networks.checkpoint import load_networks

        changed = path.stat().st_mtime_ns if path.is_file() else 0
        kept = self._take(
            None,
            ("networks", str(path), changed),
            lambda: _Networks(load_networks(path, self.device().kind)),
        )
        return kept.networks

    def close(self) -> None:
        """Free every model."""
        while self._kept:
            self._kept.popitem()[1].close()

    def release(self) -> None:
        """A stage or a task ended: free its models unless they are to be kept."""
        if not self.resources.keep_models:
            self.close()

    def _take(
        self, spec: ModelSpec | None, key: tuple[object, ...], load: Callable[[], Loaded]
    ) -> Loaded:
        if key not in self._kept:
            if not self._has_room(spec):
                self.close()
            self._kept[key] = load()
        return cast(Loaded, self._kept[key])

    def _has_room(self, spec: ModelSpec | None) -> bool:
        """Whether a model fits into memory beside those that are kept."""
        needed = SPARE * (spec.memory_mb if spec else NETWORKS_MB) * 2**20
        return self.device().free_bytes > needed


class _Networks:
    """The paper's networks as something that can be closed."""

    def __init__(self, networks: PaperNetworks) -> None:
        self.networks = networks

    def close(self) -> None:
        """Give their memory back."""
        from . import device

        del self.networks
        device.give_back()
