"""The model cache: networks in memory, loaded when a stage first uses them.

The small scene network stays as long as the worker. Pretrained models are freed at the end of each
stage, unless the artist keeps models in memory, and at once if there isn't enough memory for the
next one. PyTorch isn't imported before one is used.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar, cast

from ..common import model_store
from ..common.errors import ModelError
from ..common.job_settings import JobSettings, Resources
from ..common.registry import BUILTIN, ModelSpec, model

if TYPE_CHECKING:
    from ..common.context import Context
    from ..networks.checkpoint import PaperNetworks
    from ..pretrained.depth import DepthModel
    from ..pretrained.diffusion import DiffusionInpainter
    from ..pretrained.segmentation import SegmentationModel
    from ..scene.network import SceneNetwork
    from .device import Device


class Closable(Protocol):
    """A model in memory."""

    def close(self) -> None:
        """Free its memory."""


SPARE = 2.0
"""Free memory to load a model beside others, as a multiple of its own: single precision needs
twice as much, and images larger than its native size need more."""
NETWORKS_MB = 1500
"""Memory of the paper's networks."""

Loaded = TypeVar("Loaded", bound=Closable)


class ModelCache:
    """Loads and keeps the scene network and the models that the artist chose; not thread-safe."""

    def __init__(self, resources: Resources | None = None) -> None:
        self.resources = resources or Resources()
        self._kept: dict[tuple[object, ...], Closable] = {}
        self._scene_network: SceneNetwork | None = None

    def device(self) -> Device:
        """Return the device that networks run on, with its current memory."""
        from . import device

        return device.choose(self.resources.device)

    def folder(self, spec: ModelSpec) -> Path:
        """Return a model's folder; raises ModelError if it is missing or incomplete."""
        models = Path(self.resources.models_folder)
        folder = model_store.find(spec, models, self.resources.use_hub_cache)
        if folder is None:
            raise ModelError(model_store.problem_with(spec, models, self.resources.use_hub_cache))
        return folder

    def weights_key(self, key: str) -> str:
        """Return what identifies a model's weight files, empty for the built-in backend.

        Raises ModelError if the model is missing.
        """
        if key == BUILTIN:
            return ""
        folder = self.folder(model(key))
        files = sorted(folder.rglob("*.safetensors"))
        stats = ((f.relative_to(folder).as_posix(), f.stat()) for f in files)
        return f"{key} " + " ".join(f"{name} {s.st_size} {s.st_mtime_ns}" for name, s in stats)

    def scene_network(self) -> SceneNetwork:
        """Return the scene network; raises ModelError if it can't be loaded."""
        if self._scene_network is None:
            from ..scene.network import SceneNetwork

            self._scene_network = SceneNetwork()
        return self._scene_network

    def inpainter(self, settings: JobSettings, prompt: str, context: Context) -> DiffusionInpainter:
        """Return the diffusion model that the settings name, for a prompt."""
        from ..pretrained.diffusion import DiffusionInpainter, DiffusionOptions

        spec = model(settings.inpaint_model)
        options = DiffusionOptions(
            prompt,
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
        """Return the depth model that the settings name."""
        from ..pretrained.depth import DepthModel

        spec = model(settings.depth_model)
        loading = context.within(0.0, 0.0)
        return self._take(
            spec,
            (spec.key,),
            lambda: DepthModel(self.folder(spec), spec, self.device(), loading),
        )

    def segmentation(self, settings: JobSettings, context: Context) -> SegmentationModel:
        """Return the model for motion regions that the settings name."""
        from ..pretrained.segmentation import SegmentationModel

        spec = model(settings.motion_model)
        loading = context.within(0.0, 0.0)
        return self._take(
            spec,
            (spec.key,),
            lambda: SegmentationModel(self.folder(spec), spec, self.device(), loading),
        )

    def networks(self, path: Path) -> PaperNetworks:
        """Return the paper's feature and decoder networks of a checkpoint, kept until `close`."""
        from ..networks.checkpoint import load_networks

        changed = path.stat().st_mtime_ns if path.is_file() else 0
        kept = self._take(
            None,
            ("networks", str(path), changed),
            lambda: _Networks(load_networks(path, self.device().kind)),
        )
        return kept.networks

    def close(self) -> None:
        """Free every pretrained model."""
        while self._kept:
            self._kept.popitem()[1].close()

    def release(self) -> None:
        """Free the models at the end of a stage or a task, unless the artist keeps them."""
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
        """Whether a model fits into memory beside the loaded ones."""
        needed = SPARE * (spec.memory_mb if spec else NETWORKS_MB) * 2**20
        return self.device().free_bytes > needed


class _Networks:
    """The paper's networks, closable."""

    def __init__(self, networks: PaperNetworks) -> None:
        self.networks = networks

    def close(self) -> None:
        """Free their memory."""
        from . import device

        del self.networks
        device.free_memory()
