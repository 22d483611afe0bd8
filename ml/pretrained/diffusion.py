"""Diffusion inpainting with the Stable Diffusion family of models."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from ...geometry.core.camera import FloatArray
from ...geometry.core.ldi import Mask
from ...geometry.core.messages import Message
from ..common.context import Context
from ..common.errors import ModelError
from ..common.registry import ModelSpec
from ..models import device as devices
from ..models.device import Device
from .diffusion_fill import PassRunner, fill_image, plan_fill
from .diffusion_load import load_pipeline
from .diffusion_pass import DiffusionOptions, InpaintPass, NotFiniteError, run_pass
from .loading import LOADING
from .memory_plan import apply_plan, lowest_plan, next_plan, plan_for, undo_offloading

__all__ = ["DiffusionInpainter", "DiffusionOptions"]

INCOMPATIBLE_FILES = (
    "{label} can't be run because its files don't fit together; press Download again or choose "
    "another model."
)
OUT_OF_MEMORY_CPU = (
    "Not enough memory on {device} for {label}; choose a smaller Size, or a smaller model in the "
    "Models panel."
)
OUT_OF_MEMORY_GPU = (
    "Not enough memory on {device} for {label}; choose a smaller Size, a smaller model, or Device: "
    "CPU in the Models panel."
)
UNUSABLE_RESULT = (
    "{label} generates no usable image; press Download again, choose another model, or change "
    "Steps and Guidance."
)


class DiffusionInpainter:
    """A loaded inpainting model, to be used from one thread and closed at the end."""

    def __init__(
        self,
        folder: Path,
        spec: ModelSpec,
        device: Device,
        options: DiffusionOptions,
        context: Context,
    ) -> None:
        """Load the model in `folder`, in the hub's layout, onto the device.

        Raises ModelError if it can't be loaded, and JobCancelled.
        """
        loading = Message(LOADING, label=spec.label)
        context.report(0.0, loading)
        self._folder, self._spec, self._device, self._options = folder, spec, device, options
        self._pipeline: Any = None
        self._is_single_precision = device.dtype == torch.float32
        self._plan = plan_for(spec, device, spec.native_size**2)
        self._applied_plan: int | None = None
        self._retries = 1
        try:
            self._retry_with_less_memory(self._load)
        except BaseException:
            self.close()
            raise
        context.report(1.0, loading)

    def fill(self, image: FloatArray, hole: Mask, seed: int, context: Context) -> FloatArray:
        """Return the image with its hole inpainted; the rest is unchanged.

        The same seed gives the same result on the same device.

        Args:
            image: (H, W, 3) sRGB, 0..1, from 8 x 8 to 4096 x 4096 pixels.
            hole: (H, W) mask of the pixels to inpaint.
            seed: Seed of the noise.
            context: Progress and previews are reported to it.

        Raises ModelError if the model can't be run, and JobCancelled within one denoising step.
        """
        context.report(0.0)
        if not hole.any():
            return image.copy()
        self._retries = 1
        factor = self._pipeline.vae_scale_factor
        plan = plan_fill(hole, self._spec.native_size, factor)
        self._plan = max(self._plan, self._plan_for(plan.pixels))
        options = self._options
        runner = PassRunner(
            self._run_pass, self._spec.native_size, factor, options.steps, options.strength
        )
        filled = fill_image(runner, image, hole, plan, seed, context)
        context.report(1.0)
        return filled

    def close(self) -> None:
        """Release the model and its memory."""
        self._pipeline = None
        devices.free_memory()

    def _load(self) -> None:
        if self._pipeline is None:
            pipeline = load_pipeline(self._folder, self._spec, self._device.dtype)
            if pipeline.vae.config.force_upcast:  # SDXL's overflows in half precision
                pipeline.vae.to(torch.float32)
            self._pipeline = pipeline
        self._apply_plan()

    def _apply_plan(self) -> None:
        if self._applied_plan != self._plan:
            apply_plan(self._pipeline, self._plan, self._device)
            self._applied_plan = self._plan

    def _plan_for(self, pixels: int) -> int:
        return plan_for(self._spec, self._device, pixels, self._is_single_precision)

    def _run_pass(self, inpaint_pass: InpaintPass) -> FloatArray:
        """Run one pass, again in higher precision if half precision overflows."""
        while True:
            try:
                return self._retry_with_less_memory(lambda: self._run(inpaint_pass))
            except NotFiniteError as error:
                network_name = error.network
            self._raise_precision(network_name)

    def _run(self, inpaint_pass: InpaintPass) -> FloatArray:
        try:
            self._apply_plan()
            return run_pass(self._pipeline, self._device.kind, self._options, inpaint_pass)
        except (ValueError, TypeError, LookupError) as error:
            raise self._incompatible_files() from error
        except RuntimeError as error:
            if devices.is_out_of_memory(error):
                raise
            raise self._incompatible_files() from error

    def _incompatible_files(self) -> ModelError:
        return ModelError(INCOMPATIBLE_FILES, label=self._spec.label)

    def _retry_with_less_memory[T](self, function: Callable[[], T]) -> T:
        """Call a function, once more with the next memory plan if memory runs out.

        Raises ModelError if there is no further plan.
        """
        while True:
            try:
                return function()
            except (RuntimeError, MemoryError) as error:
                if not devices.is_out_of_memory(error):
                    raise
            # Here the error is gone, and with it all that its frames held in memory.
            devices.free_memory()
            if self._retries == 0 or self._plan >= lowest_plan(self._device):
                raise self._out_of_memory()
            self._retries -= 1
            self._plan = next_plan(self._plan, self._device, self._applied_plan is None)

    def _out_of_memory(self) -> ModelError:
        values = {"device": self._device.name, "label": self._spec.label}
        if self._device.kind == "cpu":
            return ModelError(OUT_OF_MEMORY_CPU, **values)
        return ModelError(OUT_OF_MEMORY_GPU, **values)

    def _raise_precision(self, network_name: str) -> None:
        """Switch the autoencoder, or if that is not enough the pipeline, to single precision."""
        pipeline = self._pipeline
        if self._is_single_precision:
            raise ModelError(UNUSABLE_RESULT, label=self._spec.label)
        undo_offloading(pipeline)
        self._applied_plan = None
        if network_name == "vae" and pipeline.vae.dtype != torch.float32:
            pipeline.vae.to(torch.float32)
        else:
            pipeline.to(torch.float32)
            self._is_single_precision = True
            self._plan = max(self._plan, self._plan_for(self._spec.native_size**2))
