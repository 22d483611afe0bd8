"""One run of an inpainting pipeline on one image: encode, denoise, decode.

Encoding and decoding are done here rather than by the pipeline, so that the autoencoder can run in
single precision next to half-precision networks, and its failures can be distinguished.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ...geometry.core.camera import FloatArray
from ...geometry.core.ldi import Mask
from .preview import LatentColors

PREVIEW_EVERY = 4
"""Denoising steps between previews."""
_MAX_BLACK = 1 / 255


@dataclass(frozen=True)
class DiffusionOptions:
    """The artist's settings of a diffusion model.

    Attributes:
        prompt: What to generate, of any length and in any script.
        negative_prompt: What not to generate.
        steps: Number of denoising steps.
        guidance: How closely the prompt is followed.
        strength: 0..1, how far the result may differ from a smooth continuation of the image.
    """

    prompt: str = ""
    negative_prompt: str = ""
    steps: int = 45
    guidance: float = 10.0
    strength: float = 1.0


@dataclass(frozen=True)
class InpaintPass:
    """One image to inpaint.

    Attributes:
        image: (h, w, 3) sRGB, 0..1; also inside the hole, where a strength below 1 starts from it.
        hole: (h, w) mask.
        strength: 0..1.
        seed: Seed of the noise.
        on_step: Called with the number of finished steps; may raise to cancel.
        on_preview: Called with a small image (h', w', 3).
    """

    image: FloatArray
    hole: Mask
    strength: float
    seed: int
    on_step: Callable[[int], None]
    on_preview: Callable[[FloatArray], None]


class NotFiniteError(Exception):
    """A network's result is not finite, or black; `network` is `vae` or `unet`."""

    def __init__(self, network: str) -> None:
        super().__init__(f"the {network} overflowed")
        self.network = network


def steps_run(steps: int, strength: float) -> int:
    """Return how many of the steps are run at a strength, at least one."""
    return max(1, min(int(steps * strength), steps))


@torch.no_grad()
def run_pass(
    pipeline: Any, device: str, options: DiffusionOptions, inpaint_pass: InpaintPass
) -> FloatArray:
    """Inpaint one image and return all of it (h, w, 3), sRGB, not clipped.

    The image is padded by mirroring to whole latents.

    Args:
        pipeline: A diffusers inpainting pipeline.
        device: PyTorch's name of the device it runs on.
        options: The artist's settings.
        inpaint_pass: The image and how to inpaint it.

    Raises NotFiniteError, and whatever the callbacks raise.
    """
    height, width = inpaint_pass.hole.shape
    image, hole = (
        _pad(array, pipeline.vae_scale_factor) for array in (inpaint_pass.image, inpaint_pass.hole)
    )
    try:
        initial_latents = _encode(pipeline, device, image)
        observed_latents = _encode(
            pipeline, device, np.where(hole[..., None], np.float32(0.5), image)
        )
        latents = _denoise(
            pipeline, options, inpaint_pass, (image, hole), initial_latents, observed_latents
        )
        generated = _decode(pipeline, device, latents)
    finally:
        pipeline.maybe_free_model_hooks()
    if not np.isfinite(generated).all() or (generated.max() < _MAX_BLACK < image.mean()):
        raise NotFiniteError("vae")
    return generated[:height, :width]


def _pad(values: Any, factor: int) -> Any:
    """Pad an array (H, W, ...) by mirroring so that its sides are multiples of `factor`."""
    padding = [(0, -side % factor) for side in values.shape[:2]]
    return np.pad(values, [*padding, *[(0, 0)] * (values.ndim - 2)], mode="symmetric")


def _encode(pipeline: Any, device: str, image: FloatArray) -> torch.Tensor:
    """Return the scaled latents (1, C, h, w) of an image: the mode of their distribution."""
    values = torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None] * 2.0 - 1.0
    latents = pipeline.vae.encode(values.to(device, pipeline.vae.dtype)).latent_dist.mode()
    latents = latents.float() * pipeline.vae.config.scaling_factor
    if not torch.isfinite(latents).all():
        raise NotFiniteError("vae")
    return latents


def _decode(pipeline: Any, device: str, latents: torch.Tensor) -> FloatArray:
    """Return the image (H, W, 3) of scaled latents."""
    if not torch.isfinite(latents).all():
        raise NotFiniteError("unet")
    values = (latents.float() / pipeline.vae.config.scaling_factor).to(device, pipeline.vae.dtype)
    image = pipeline.vae.decode(values).sample[0].float() / 2.0 + 0.5
    return image.permute(1, 2, 0).cpu().numpy()


def _denoise(
    pipeline: Any,
    options: DiffusionOptions,
    inpaint_pass: InpaintPass,
    padded: tuple[FloatArray, Mask],
    initial_latents: torch.Tensor,
    observed_latents: torch.Tensor,
) -> torch.Tensor:
    """Return the latents after all denoising steps."""
    image, hole = padded
    return pipeline(
        prompt=_valid_text(options.prompt),
        negative_prompt=_valid_text(options.negative_prompt) or None,
        image=initial_latents,
        mask_image=_mask(hole, pipeline.vae_scale_factor),
        masked_image_latents=observed_latents,
        height=hole.shape[0],
        width=hole.shape[1],
        strength=_accepted_strength(options.steps, inpaint_pass.strength),
        num_inference_steps=options.steps,
        guidance_scale=options.guidance,
        generator=torch.Generator("cpu").manual_seed(inpaint_pass.seed),
        output_type="latent",
        callback_on_step_end=_step_callback(
            inpaint_pass, LatentColors(initial_latents[0].cpu().numpy(), image)
        ),
    ).images


def _valid_text(prompt: str) -> str:
    """Return a prompt that every tokenizer accepts, without lone surrogates."""
    return prompt.encode("utf-8", "replace").decode("utf-8")


def _mask(hole: Mask, factor: int) -> torch.Tensor:
    """Return the hole (1, 1, H, W) enlarged to whole latents.

    The pipeline reads one pixel of each latent.
    """
    rows, columns = (side // factor for side in hole.shape)
    cells = hole.reshape(rows, factor, columns, factor).any(axis=(1, 3))
    whole = np.kron(cells, np.ones((factor, factor), np.float32))
    return torch.from_numpy(whole.astype(np.float32))[None, None]


def _accepted_strength(steps: int, strength: float) -> float:
    """Return a strength at which the pipeline runs `steps_run` steps; it refuses to run none."""
    return strength if int(steps * strength) >= 1 else min(1.0, 1.001 / steps)


def _step_callback(
    inpaint_pass: InpaintPass, colors: LatentColors
) -> Callable[..., dict[str, Any]]:
    """Return a callback for the end of a step: progress, and a preview every few steps."""

    def on_step_end(pipeline: Any, step: int, time: Any, values: dict[str, Any]) -> dict[str, Any]:
        inpaint_pass.on_step(step + 1)
        if step % PREVIEW_EVERY == 0:
            inpaint_pass.on_preview(
                colors.decode(pipeline.scheduler.predicted[0].float().cpu().numpy())
            )
        return {}

    return on_step_end
