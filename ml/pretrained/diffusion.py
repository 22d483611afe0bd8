"""Diffusion inpainting: Stable Diffusion's inpainting models behind one call."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ...geometry.core.messages import Message
from ..common.context import Context
from ..common.errors import ModelError
from ..common.registry import ModelSpec
from ..models import device as devices
from ..models.device import Device
from .diffusion_fill import Painter, fill_picture, plan_fill
from .diffusion_load import load_pipeline
from .diffusion_pass import DiffusionOptions, NotFiniteError, Pass, run_pass
from .memory_plan import bring_home, lowest_plan, next_plan, place, plan_for

__all__ = ["DiffusionInpainter", "DiffusionOptions"]

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]


class DiffusionInpainter:
    """A loaded inpainting model. Use it from one thread, and `close` it in the end."""

    def __init__(
        self,
        folder: Path,
        spec: ModelSpec,
        device: Device,
        options: DiffusionOptions,
        context: Context,
    ) -> None:
        """Load the model of `folder`, in the hub's layout, for the device.

        Raises ModelError where it can't be loaded, and JobCancelled.
        """
        loading = Message("Loading {label}", label=spec.label)
        context.report(0.0, loading)
        self._folder, self._spec, self._device, self._options = folder, spec, device, options
        self._pipeline: Any = None
        self._single = device.dtype == torch.float32
        self._plan = plan_for(spec, device, spec.native_size**2)
        self._placed: int | None = None  # the plan that the pipeline lies by
        self._retries = 1
        try:
            self._within_memory(self._load)
        except BaseException:
            self.close()
            raise
        context.report(1.0, loading)

    def fill(self, image: Floats, hole: Bools, seed: int, context: Context) -> Floats:
        """`image` (H, W, 3), sRGB 0..1, with its `hole` (H, W) invented; the rest is unchanged.

        From 8 x 8 to 4096 x 4096 pixels. The same seed gives the same picture on the same device.
        Raises ModelError where the model can't be run, and JobCancelled within one step.
        """
        context.report(0.0)
        if not hole.any():
            return image.copy()
        self._retries = 1
        factor = self._pipeline.vae_scale_factor
        plan = plan_fill(hole, self._spec.native_size, factor)
        self._plan = max(self._plan, self._plan_for(plan.pixels))
        options = self._options
        painter = Painter(
            self._paint, self._spec.native_size, factor, options.steps, options.strength
        )
        filled = fill_picture(painter, image, hole, plan, seed, context)
        context.report(1.0)
        return filled

    def close(self) -> None:
        """Forget the model and give its memory back."""
        self._pipeline = None
        devices.give_back()

    def _load(self) -> None:
        if self._pipeline is None:
            pipeline = load_pipeline(self._folder, self._spec, self._device.dtype)
            if pipeline.vae.config.force_upcast:  # SDXL's, which overflows in half precision
                pipeline.vae.to(torch.float32)
            self._pipeline = pipeline
        self._place()

    def _place(self) -> None:
        if self._placed != self._plan:
            place(self._pipeline, self._plan, self._device)
            self._placed = self._plan

    def _plan_for(self, pixels: int) -> int:
        return plan_for(self._spec, self._device, pixels, self._single)

    def _paint(self, job: Pass) -> Floats:
        """Run one pass, again in higher precision where half precision overflows."""
        while True:
            try:
                return self._within_memory(lambda: self._run(job))
            except NotFiniteError as error:
                overflowed = error.part
            self._raise_precision(overflowed)

    def _run(self, job: Pass) -> Floats:
        try:
            self._place()
            return run_pass(self._pipeline, self._device.kind, self._options, job)
        except (ValueError, TypeError, LookupError) as error:
            raise self._misfit() from error
        except RuntimeError as error:
            if devices.is_out_of_memory(error):
                raise
            raise self._misfit() from error

    def _misfit(self) -> ModelError:
        return ModelError(
            "{label} can't be run because its files don't fit together; press Download again or "
            "choose another model.",
            label=self._spec.label,
        )

    def _within_memory[T](self, action: Callable[[], T]) -> T:
        """Do something, once more a step lower where memory runs out; raises ModelError then."""
        while True:
            try:
                return action()
            except (RuntimeError, MemoryError) as error:
                if not devices.is_out_of_memory(error):
                    raise
            # Only now the error, and with it all that it holds in memory, is gone.
            devices.give_back()
            if self._retries == 0 or self._plan >= lowest_plan(self._device):
                raise self._no_memory()
            self._retries -= 1
            self._plan = next_plan(self._plan, self._device, self._placed is None)

    def _no_memory(self) -> ModelError:
        names = {"device": self._device.name, "label": self._spec.label}
        if self._device.kind == "cpu":
            return ModelError(
                "There is not enough memory on {device} for {label}; choose a smaller Size, or a "
                "smaller model in the Models panel.",
                **names,
            )
        return ModelError(
            "There is not enough memory on {device} for {label}; choose a smaller Size, a smaller "
            "model, or Device: CPU in the Models panel.",
            **names,
        )

    def _raise_precision(self, part: str) -> None:
        """Single precision for the autoencoder, or where that isn't enough for everything."""
        pipeline = self._pipeline
        if self._single:
            raise ModelError(
                "{label} gives no usable picture; press Download again, choose another model, or "
                "other values of steps and guidance.",
                label=self._spec.label,
            )
        bring_home(pipeline)
        self._placed = None
        if part == "vae" and pipeline.vae.dtype != torch.float32:
            pipeline.vae.to(torch.float32)
        else:
            pipeline.to(torch.float32)
            self._single = True
            self._plan = max(self._plan, self._plan_for(self._spec.native_size**2))
