"""One run of an inpainting pipeline over one picture: encode, denoise, decode.

Encoding and decoding are done here rather than by the pipeline, so that the autoencoder can run in
single precision beside networks in half, and its failures are told from theirs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from .preview import LatentColors

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]

PREVIEW_EVERY = 4
"""Denoising steps from one preview to the next."""
_BLACK = 1 / 255


@dataclass(frozen=True)
class DiffusionOptions:
    """What the artist asks of a diffusion model.

    prompt, negative_prompt: words for what is wanted and what isn't, any length and script; steps:
    of denoising; guidance: how closely the prompt is followed; strength: 0..1, how far what is
    painted may go from a smooth continuation of what is known.
    """

    prompt: str = ""
    negative_prompt: str = ""
    steps: int = 45
    guidance: float = 10.0
    strength: float = 1.0


@dataclass(frozen=True)
class Pass:
    """One picture to paint.

    picture: (h, w, 3), sRGB 0..1, also inside the hole, where strength below 1 starts from it;
    hole: (h, w) bool; strength: 0..1; seed: of the noise; on_step: called with the number of steps
    done, may raise; on_preview: called with a small picture (h', w', 3).
    """

    picture: Floats
    hole: Bools
    strength: float
    seed: int
    on_step: Callable[[int], None]
    on_preview: Callable[[Floats], None]


class NotFiniteError(Exception):
    """A network's result is not finite, or black; `part` is `vae` or `unet`."""

    def __init__(self, part: str) -> None:
        super().__init__(f"the {part} overflowed")
        self.part = part


def steps_run(steps: int, strength: float) -> int:
    """How many of the steps are run at a strength: at least one."""
    return max(1, min(int(steps * strength), steps))


@torch.no_grad()
def run_pass(pipeline: Any, kind: str, options: DiffusionOptions, job: Pass) -> Floats:
    """Paint one picture on the device `kind`; returns it whole (h, w, 3), sRGB, not clipped.

    The sides are padded by mirroring to whole latents. Raises NotFiniteError, and whatever the
    job's functions raise.
    """
    height, width = job.hole.shape
    picture, hole = (_padded(part, pipeline.vae_scale_factor) for part in (job.picture, job.hole))
    try:
        start = _encoded(pipeline, kind, picture)
        observed = _encoded(pipeline, kind, np.where(hole[..., None], np.float32(0.5), picture))
        latents = _denoised(pipeline, options, job, (picture, hole), start, observed)
        painted = _decoded(pipeline, kind, latents)
    finally:
        pipeline.maybe_free_model_hooks()
    if not np.isfinite(painted).all() or (painted.max() < _BLACK < picture.mean()):
        raise NotFiniteError("vae")
    return painted[:height, :width]


def _padded(values: Any, factor: int) -> Any:
    """An array (H, W, ...) continued by its mirror image to sides that are multiples of factor."""
    missing = [(0, -side % factor) for side in values.shape[:2]]
    return np.pad(values, [*missing, *[(0, 0)] * (values.ndim - 2)], mode="symmetric")


def _encoded(pipeline: Any, kind: str, picture: Floats) -> torch.Tensor:
    """Scaled latents (1, C, h, w) of a picture: the mode of the encoder's distribution."""
    values = torch.from_numpy(np.ascontiguousarray(picture)).permute(2, 0, 1)[None] * 2.0 - 1.0
    latents = pipeline.vae.encode(values.to(kind, pipeline.vae.dtype)).latent_dist.mode()
    latents = latents.float() * pipeline.vae.config.scaling_factor
    if not torch.isfinite(latents).all():
        raise NotFiniteError("vae")
    return latents


def _decoded(pipeline: Any, kind: str, latents: torch.Tensor) -> Floats:
    """The picture (H, W, 3) of scaled latents."""
    if not torch.isfinite(latents).all():
        raise NotFiniteError("unet")
    values = (latents.float() / pipeline.vae.config.scaling_factor).to(kind, pipeline.vae.dtype)
    picture = pipeline.vae.decode(values).sample[0].float() / 2.0 + 0.5
    return picture.permute(1, 2, 0).cpu().numpy()


def _denoised(
    pipeline: Any,
    options: DiffusionOptions,
    job: Pass,
    padded: tuple[Floats, Bools],
    start: torch.Tensor,
    observed: torch.Tensor,
) -> torch.Tensor:
    """Latents after all denoising steps."""
    picture, hole = padded
    return pipeline(
        prompt=_text(options.prompt),
        negative_prompt=_text(options.negative_prompt) or None,
        image=start,
        mask_image=_mask(hole, pipeline.vae_scale_factor),
        masked_image_latents=observed,
        height=hole.shape[0],
        width=hole.shape[1],
        strength=_fitting_strength(options.steps, job.strength),
        num_inference_steps=options.steps,
        guidance_scale=options.guidance,
        generator=torch.Generator("cpu").manual_seed(job.seed),
        output_type="latent",
        callback_on_step_end=_watcher(job, LatentColors(start[0].cpu().numpy(), picture)),
    ).images


def _text(prompt: str) -> str:
    """A prompt that every tokenizer can read: no half characters."""
    return prompt.encode("utf-8", "replace").decode("utf-8")


def _mask(hole: Bools, factor: int) -> torch.Tensor:
    """The hole (1, 1, H, W) grown to whole latents, of which the pipeline sees one pixel each."""
    rows, columns = (side // factor for side in hole.shape)
    cells = hole.reshape(rows, factor, columns, factor).any(axis=(1, 3))
    whole = np.kron(cells, np.ones((factor, factor), np.float32))
    return torch.from_numpy(whole.astype(np.float32))[None, None]


def _fitting_strength(steps: int, strength: float) -> float:
    """A strength at which the pipeline runs `steps_run` steps; it refuses to run none."""
    return strength if int(steps * strength) >= 1 else min(1.0, 1.001 / steps)


def _watcher(job: Pass, colors: LatentColors) -> Callable[..., dict[str, Any]]:
    """A callback for the end of a step: progress, and a preview every few steps."""

    def on_step_end(pipeline: Any, step: int, time: Any, values: dict[str, Any]) -> dict[str, Any]:
        job.on_step(step + 1)
        if step % PREVIEW_EVERY == 0:
            job.on_preview(colors.picture(pipeline.scheduler.predicted[0].float().cpu().numpy()))
        return {}

    return on_step_end
